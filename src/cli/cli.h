/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli: the command line. main() takes the options that every verb has (--data, --config, --set), finds the verb and runs it with the
 * rest. A verb returns its exit status (base/exit.h).
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdio.h>
#include "admin/link.h"
#include "base/exit.h"

/* A verb's options, taken off its arguments wherever they stand. */
struct cli_option {
	const char *name;   /* without the dashes */
	const char **value; /* set to the argument */
	bool *flag;         /* or, without argument, set to true */
	char letter;        /* -h for --help; '\0': none */
};

/* What the verbs share. */
struct cli {
	int argc;           /* arguments left after options, without the verb */
	char **argv;
	char **words;       /* the command line as it was, with the program's name; ends with NULL */
	const char *config; /* --config, or NULL */
	const char *data;   /* --data, or NULL */
};

#define V(words, function, usage, text, example) int function(struct cli *cli);
#include "cli/verbs.tbl"
#undef V

/* Takes the options out of cli->argv. False: an unknown one, and it was said. options ends with an empty name. */
bool cli_options(struct cli *cli, const struct cli_option *options);
/* Limits of accounts as account set and domain set take them; NULL: not given. */
struct cli_quota {
	const char *bytes, *messages, *mailboxes;
};
#define CLI_QUOTA_OPTIONS(q) {"quota", &(q).bytes, NULL}, {"quota-messages", &(q).messages, NULL}, {"quota-mailboxes", &(q).mailboxes, NULL}
#define CLI_QUOTA_FIELDS 6
/* Adds what was given to the fields of a request; text: room for the bytes, that lives as long as the fields. False: they are no size. */
bool cli_quota(const struct cli_quota *q, struct str *fields, size_t *n, char text[24]);
/* As fprintf(), but nothing in it can act on a terminal: what is not visible is written \xNN, but for the format's newline at the end. */
void cli_print(FILE *to, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Says "mansio: ..." on standard error, likewise; returns 1. */
int cli_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int cli_vfail(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));
/* The account, which is the first argument and is taken off; given: what stood behind --user, its former place. NULL: there is none. */
const char *cli_account(struct cli *cli, const char *given);
/* The last thing of a process: what was written to standard output is there, or else that was said, and the status is another. */
int cli_written(int code);
/* Says how the verb is used; returns EXIT_USAGE. */
int cli_usage(const char *verb);

/*
 * A link to the store: to the running server, or, where there is none, to the store itself, opened here and served by a
 * thread. One a process.
 */
must_check enum status cli_connect(struct link *link_r);
/* The same for a verb that only reads: without a server also of a folder that cannot be written, of a snapshot, or of the database file alone. */
must_check enum status cli_connect_read(struct link *link_r);
/* As cli_connect(), and where there is no store yet, it is made. */
must_check enum status cli_connect_new(struct link *link_r);
/* Ends it: waits for the thread, closes the store. */
void cli_disconnect(struct link *link);
/* After cli_connect(): a server that runs answers, and not this process. */
bool cli_server_has_it(void);
/* Sends a request. */
void cli_request(struct link *link, size_t n, const struct str *fields);
/* Waits for EXIT: prints TEXT on standard error, hands RECORDs to fn (may be NULL), prints EXIT's text when say is set. The exit code. */
int cli_finish(struct link *link, void (*fn)(void *arg, const struct str *fields, size_t n), void *arg, bool say);
/* Connects, asks with a request of n fields that is answered by EXIT alone, and ends. The exit code. */
int cli_ask(size_t n, const struct str *fields);
/* The same for a verb that takes long: a bar shows how far it is; what: of which things. TEXTs go to texts, EXIT's text is printed when say is set. */
int cli_wait(struct link *link, const char *what, FILE *texts, bool say);
/* Reads the result of EXIT: its exit code; prints. */
int cli_exit_code(struct str payload, bool say);
/* The data folder in force. */
must_check enum status cli_data_dir(char *out, size_t n);
/* Root leaves no files of its own in a data folder that is another user's. Call it when the store is closed. */
void cli_keep_owner(const char *dir);

/* Asks for a list and prints it by rows: for people, or as JSON. */
int cli_list(size_t n, const struct str *request, bool as_json, void (*row)(void *, const struct str *, size_t));
/* Each line of a file ("-": standard input) as it stands, its end included, and "FILE:LINE"; wiped afterwards, as it may be a secret. take: false, it said
 * what is wrong, and the next comes all the same. The exit code. */
int cli_file_lines(const char *path, bool (*take)(void *arg, const char *where, struct str line), void *arg);
/*
 * A request that is done to many: what the arguments say (each of them, or all as one), and the lines of a file ("-": standard input), words between
 * blanks or commas; '#' begins a comment. What cannot be done is told by its line; the exit status says whether all was.
 */
int cli_lines(struct cli *cli, const char *what, bool each, const char *file, size_t n, const struct str *request);

/* A password from standard input (one line) or asked for on the terminal, twice where it is new. False: none, and it was said. */
bool cli_password(bool from_stdin, const char *name, struct buf *out);

/* Prints a text in lines of so many columns, each behind the prefix. */
void cli_wrap(const char *text, const char *prefix, size_t columns);
/* A type of settings in words: "a time" for SECONDS. */
const char *cli_kind(const char *type);

/* ---- reference.c: the pages of docs/reference ---- */
void cli_reference_settings(void);
void cli_reference_verbs(void);
void cli_reference_statuses(void);
void cli_reference_events(void);

/* Prints the rules by which bash completes command lines. */
void cli_completion(void);

/* ---- list.c ---- */
struct json;
/* Asks with a request of n fields, and prints what comes: row, with a struct json as arg, a record each. The exit code. */
int cli_list(size_t n, const struct str *request, bool as_json, void (*row)(void *, const struct str *, size_t));

/* ---- print.c: JSON on standard output: an array of flat objects, each of which says JSON_VERSION; fields may be added to a version ---- */
#define JSON_VERSION 1
struct json {
	bool on;              /* false: json_begin() and json_end() do nothing, no other function is to be called */
	unsigned rows, fields;
};
void json_begin(struct json *j, bool on);
void json_row(struct json *j);
void json_str(struct json *j, const char *name, struct str value);
void json_number(struct json *j, const char *name, struct str digits);
void json_bool(struct json *j, const char *name, bool value);
void json_words(struct json *j, const char *name, const struct str *words, size_t n);
void json_row_end(struct json *j);
void json_end(struct json *j);

/* ---- progress.c: a bar on a terminal, with rate and time left ---- */
struct progress {
	const char *what;
	uint64_t total, done, bytes;
	int64_t started, shown; /* clock_mono */
	bool tty;
};
void progress_begin(struct progress *p, const char *what, uint64_t total, bool quiet);
void progress_add(struct progress *p, uint64_t n, uint64_t bytes);
void progress_end(struct progress *p);

#endif
