/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import: what its parts share.
 *
 *	import.c         the verb, and what goes to the store: which mailbox, which message, what is there already
 *	import_walk.c    what a path is: Maildir, mbox, .eml, a tree of them, or nothing that is understood, which is named
 *	import_apart.c   the process that does all of this, without rights, and its parent, who opens files for it
 *	import_file.c    listing and reading files that others may change meanwhile
 *	maildir.c mbox.c the readers
 *
 * A reader walks its files twice: first counting (import->counting), then sending. Files are read and never mapped: one that is cut short meanwhile
 * gives no signal; the message is not brought, and it is said.
 */
#ifndef CLI_IMPORT_H
#define CLI_IMPORT_H

#include "base/map.h"
#include "cli/cli.h"
#include "formats/content.h"
#include "formats/listing.h"

#define IMPORT_DEPTH_MAX 32

struct import {
	struct link link;
	struct progress progress;
	bool counting;
	bool only_new;           /* leave out what an earlier import brought, also where it is gone from its mailbox */
	uint64_t total;          /* messages counted */
	uint64_t present;        /* messages that are in their mailbox already */
	uint64_t deleted;        /* marked as deleted by Thunderbird: not brought */
	uint64_t found;          /* messages and mailboxes that the present path had */
	struct map have;         /* mailbox and content to how many are there; see struct count in import.c */
	struct map earlier;      /* keys of what earlier imports brought, with only_new */
	struct map folders;      /* names whose contents the store has told */
	struct str folder;       /* the current one */
	struct content *content;
	struct arena arena;
	const struct import_root *roots; /* what is brought in */
	size_t roots_n;
	const char *user, *into;
	bool quiet, tty;
	bool failed;             /* something was not brought whole; it was said */
	enum status status;      /* of the link */
};

/* Gives all bytes of a message to fn. False: they could not be read. */
typedef bool (*import_bytes_fn)(void *ctx, void (*fn)(void *arg, struct str bytes), void *arg);

struct import_message {
	struct str label;        /* names it in messages: the file, and the number in it */
	import_bytes_fn bytes;   /* may be called twice */
	void *ctx;
	bool dated;
	int64_t date;            /* seconds */
	int16_t zone;
	uint8_t flags;
	const struct str *keywords; /* any bytes: those that are no keywords are left out, and it is said */
	size_t keywords_n;
	size_t keywords_more;    /* that the reader had no room for */
	struct str uidl;         /* what it was called over POP3, n 0: nobody knows; kept where it comes into INBOX */
};

/* The mailbox of what follows: any name, and the word of a special use or "". */
void import_folder(struct import *im, struct str name, const char *special);
void import_message(struct import *im, const struct import_message *m);
/* Says that something is not brought, once, and that the exit status has to tell. */
void import_fail(struct import *im, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- import_walk.c ---- */

/* What a path named on the command line holds. */
void import_path(struct import *im, const char *path, struct str into);
/* parent/child in the arena; INBOX as parent of nothing: children of the top are top-level names. */
struct str import_join(struct import *im, struct str parent, struct str child);
/* The special use that a well-known folder name means, or "". */
const char *import_special(struct str name);

/* ---- import_apart.c ---- */

/* A path of the command line, before anything is given up. */
struct import_root {
	const char *given;
	char *path;              /* without links; NULL: error says why */
	int error;
};
/* Runs fn in a process apart, for which this one opens what lies below the roots; before there are threads. fn's status, or EXIT_NOT_DONE, which is said. */
int import_apart(struct import *im, const struct import_root *roots, size_t n, int (*fn)(struct import *im));
enum import_type { ENTRY_FILE, ENTRY_DIR, ENTRY_LINK, ENTRY_OTHER };
/* In that process: a file for reading. No part of the path may be a symbolic link; no pipe is waited for. -1 with errno. */
int import_open(const char *path);
/* What it is, and its size in bytes; a link is one. ERR_NOT_FOUND, ERR_IO, with errno. */
must_check enum status import_look(const char *path, enum import_type *type_r, uint64_t *size_r);
/* Builds for tests: asks for what it may not have, and says in the log what came of it. */
void import_probe(const struct import_root *root);

/* ---- import_file.c ---- */

struct import_file {
	int fd;
	uint64_t size;
	int64_t mtime;
};
must_check enum status import_file_open(const char *path, struct import_file *f_r);
void import_file_close(struct import_file *f);
/* As mbox_source.read; arg: a struct import_file. */
int64_t import_file_read(void *arg, uint64_t at, char *p, size_t n);
/* Gives all bytes from offset from on to fn. False: they cannot be read, or the file has become shorter since it was opened. */
bool import_file_bytes(struct import_file *f, uint64_t from, void (*fn)(void *arg, struct str bytes), void *arg);
/* Has it become shorter since it was opened? */
bool import_file_shrank(const struct import_file *f);
/* A small file as a whole, at most max bytes of it. ERR_NOT_FOUND, ERR_IO, ERR_LIMIT. */
must_check enum status import_file_whole(const char *path, size_t max, struct buf *out);

struct import_entry {
	struct str name;         /* NUL-terminated */
	enum import_type type;
};
/* What a folder holds but "." and "..", sorted by name, in the arena. ERR_IO with errno. */
must_check enum status import_list(struct arena *arena, const char *path, struct import_entry **list_r, size_t *n_r);
/* The entry of that name; NULL: none. */
const struct import_entry *import_find(const struct import_entry *list, size_t n, const char *name);

/* ---- the readers ---- */

/* The messages of one Maildir (its cur and new); folders in it are the walk's matter. */
void import_maildir(struct import *im, const char *path);
void import_mbox(struct import *im, const char *path, struct str name, const char *special);
bool mbox_is(const char *path);
/* One message a file; a From line before it goes. */
void import_eml(struct import *im, const char *path);

#endif
