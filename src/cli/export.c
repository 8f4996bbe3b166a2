/* SPDX-License-Identifier: Apache-2.0 */
/* export: writes Maildir++ or mbox files from what the server sends (admin/verb_export.c). Nothing is overwritten. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "cli/cli.h"
#include "wire/flag.h"
#include "wire/mutf7.h"

#define MAILDIR_KEYWORDS 26

struct export {
	struct link link;
	struct progress progress;
	struct arena arena;
	const char *dir;
	bool mbox, verbatim;
	struct str folder_path;
	FILE *out;                /* the message's file, or the mbox */
	char *tmp, *final;        /* Maildir: names of the message */
	struct str keywords[MAILDIR_KEYWORDS]; /* of this folder's letters */
	size_t keywords_n;
	int64_t date;
	bool cr, line_start;      /* of the bytes written so far */
	struct str held;          /* mbox: a line's beginning that may turn out to be "From " */
	char hold[512];
	uint64_t written;
	bool failed;
};

static bool
make_dir(const char *path)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return true;
	(void)cli_fail("%s: %s", path, strerror(errno));
	return false;
}

/* A level of a Maildir++ or file name: modified UTF-7, and what the format or the system would trip over encoded likewise. */
static void
add_level(struct buf *out, struct str level)
{
	struct buf coded = {0};

	mutf7_encode(&coded, level);
	for (size_t i = 0; i < coded.n; i++) {
		if (coded.p[i] == '.')
			buf_adds(out, "&AC4-");
		else
			buf_addc(out, coded.p[i]);
	}
	buf_free(&coded);
}

static struct str
folder_path(struct export *ex, struct str name)
{
	struct buf b = {0};
	struct str rest = name, level, s;

	buf_addf(&b, "%s/", ex->dir);
	if (ex->mbox || !str_eq(name, STR("INBOX"))) {
		while (str_split(&rest, '/', &level)) {
			if (!ex->mbox)
				buf_addc(&b, '.');
			else if (level.p != name.p)
				buf_addc(&b, '.');
			add_level(&b, level);
		}
	}
	if (ex->mbox)
		buf_adds(&b, ".mbox");
	s = arena_str(&ex->arena, buf_str(&b));
	buf_free(&b);
	return s;
}

static bool
begin_folder(struct export *ex, struct str name)
{
	ex->folder_path = folder_path(ex, name);
	ex->keywords_n = 0;
	if (ex->mbox) {
		int fd;

		if (ex->out != NULL && fclose(ex->out) != 0)
			return false;
		fd = open(ex->folder_path.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		ex->out = fd >= 0 ? fdopen(fd, "w") : NULL;
		return ex->out != NULL || cli_fail("%s: %s", ex->folder_path.p, strerror(errno)) == 0;
	}
	if (!make_dir(ex->folder_path.p))
		return false;
	for (size_t i = 0; i < 3; i++) {
		static const char *const subs[] = {"cur", "new", "tmp"};

		if (!make_dir(arena_printf(&ex->arena, "%s/%s", ex->folder_path.p, subs[i]).p))
			return false;
	}
	return true;
}

/* The letter of a keyword; '\0' when the folder's letters are used up. */
static char
keyword_letter(struct export *ex, struct str keyword)
{
	size_t i;

	for (i = 0; i < ex->keywords_n; i++)
		if (str_caseeq(ex->keywords[i], keyword))
			return (char)('a' + i);
	if (i == MAILDIR_KEYWORDS)
		return '\0';
	ex->keywords[ex->keywords_n++] = arena_str(&ex->arena, keyword);
	return (char)('a' + i);
}

static bool
write_letters(struct export *ex)
{
	FILE *f;

	if (ex->mbox || ex->keywords_n == 0)
		return true;
	if ((f = fopen(arena_printf(&ex->arena, "%s/dovecot-keywords", ex->folder_path.p).p, "w")) == NULL)
		return false;
	for (size_t i = 0; i < ex->keywords_n; i++)
		fprintf(f, "%zu %.*s\n", i, STR_FMT(ex->keywords[i]));
	return fclose(f) == 0;
}

static void
maildir_info(struct export *ex, uint64_t flags, const struct str *keywords, size_t n, char out[64])
{
	size_t at = 0;

	/* In ASCII order, as the format wants it. */
	if (flags & FLAG_DRAFT)
		out[at++] = 'D';
	if (flags & FLAG_FLAGGED)
		out[at++] = 'F';
	if (flags & FLAG_ANSWERED)
		out[at++] = 'R';
	if (flags & FLAG_SEEN)
		out[at++] = 'S';
	if (flags & FLAG_DELETED)
		out[at++] = 'T';
	for (char letter = 'a'; letter <= 'z'; letter++)
		for (size_t i = 0; i < n && at < 60; i++)
			if (keyword_letter(ex, keywords[i]) == letter) {
				out[at++] = letter;
				break;
			}
	out[at] = '\0';
}

static bool
begin_file(struct export *ex, struct str uid, uint64_t flags, const struct str *keywords, size_t n)
{
	char info[64];
	int fd;

	maildir_info(ex, flags, keywords, n, info);
	free(ex->tmp);
	free(ex->final);
	if (asprintf(&ex->tmp, "%s/tmp/%" PRId64 ".U%.*s.mansio", ex->folder_path.p, ex->date, STR_FMT(uid)) < 0 ||
	    asprintf(&ex->final, "%s/cur/%" PRId64 ".U%.*s.mansio:2,%s", ex->folder_path.p, ex->date, STR_FMT(uid), info) < 0)
		abort();
	fd = open(ex->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ex->out = fd >= 0 ? fdopen(fd, "w") : NULL;
	return ex->out != NULL || cli_fail("%s: %s", ex->tmp, strerror(errno)) == 0;
}

/* The From line, and the flags as the fields that mail programs keep them in. */
static void
begin_mbox_message(struct export *ex, uint64_t flags, const struct str *keywords, size_t n)
{
	time_t date = (time_t)ex->date;
	struct tm tm;
	char text[64];

	gmtime_r(&date, &tm);
	strftime(text, sizeof(text), "%a %b %e %H:%M:%S %Y", &tm);
	fprintf(ex->out, "From MAILER-DAEMON %s\n", text);
	fprintf(ex->out, "Status: %sO\n", flags & FLAG_SEEN ? "R" : "");
	fprintf(ex->out, "X-Status: %s%s%s%s\n", flags & FLAG_ANSWERED ? "A" : "", flags & FLAG_FLAGGED ? "F" : "",
	    flags & FLAG_DELETED ? "D" : "", flags & FLAG_DRAFT ? "T" : "");
	fputs("X-Keywords:", ex->out);
	for (size_t i = 0; i < n; i++)
		fprintf(ex->out, " %.*s", STR_FMT(keywords[i]));
	fputc('\n', ex->out);
}

static bool
begin_message(struct export *ex, const struct str *f, size_t n)
{
	uint64_t flags, date;

	if (n < 6 || !str_u64(f[4], FLAG_ALL, &flags))
		return cli_fail("the server sent nonsense") == 0;
	ex->date = str_u64(f[2], INT64_MAX, &date) ? (int64_t)date : 0;
	ex->cr = false;
	ex->line_start = true;
	ex->held.n = 0;
	if (ex->mbox) {
		begin_mbox_message(ex, flags, f + 6, n - 6);
		return true;
	}
	return begin_file(ex, f[1], flags, f + 6, n - 6);
}

/* mboxrd: every line that is any number of '>' and then "From " gets one '>' more. */
static bool
needs_quote(struct str line, bool *sure)
{
	size_t i = 0;
	struct str rest;

	while (i < line.n && line.p[i] == '>')
		i++;
	rest = str_from(line, i);
	*sure = rest.n >= 5 || !str_starts(STR("From "), rest) || line.n >= sizeof(((struct export *)0)->hold) - 1;
	return str_starts(rest, STR("From "));
}

static void
write_byte(struct export *ex, char c)
{
	bool sure;

	if (!ex->mbox || (ex->held.n == 0 && !ex->line_start)) {
		putc(c, ex->out);
		ex->line_start = c == '\n';
		return;
	}
	/* At the start of a line of an mbox: hold it until it is clear. */
	ex->hold[ex->held.n++] = c;
	ex->held.p = ex->hold;
	if (needs_quote(ex->held, &sure))
		putc('>', ex->out);
	else if (!sure && c != '\n')
		return;
	fwrite(ex->hold, 1, ex->held.n, ex->out);
	ex->line_start = c == '\n';
	ex->held.n = 0;
}

static void
write_bytes(struct export *ex, struct str s)
{
	ex->written += s.n;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!ex->verbatim) {
			if (ex->cr && c != '\n')
				write_byte(ex, '\r');
			ex->cr = c == '\r';
			if (ex->cr)
				continue;
		}
		write_byte(ex, c);
	}
}

static bool
end_message(struct export *ex)
{
	struct timespec times[2] = {{.tv_sec = (time_t)ex->date}, {.tv_sec = (time_t)ex->date}};

	if (ex->cr)
		write_byte(ex, '\r');
	ex->cr = false;
	if (ex->mbox) {
		fwrite(ex->hold, 1, ex->held.n, ex->out);
		ex->held.n = 0;
		fputs(ex->line_start ? "\n" : "\n\n", ex->out);
		return !ferror(ex->out) || cli_fail("%s: %s", ex->folder_path.p, strerror(errno)) == 0;
	}
	/* What fclose() still has to write would change the time again. */
	if (fflush(ex->out) != 0 || futimens(fileno(ex->out), times) != 0 || fclose(ex->out) != 0 || rename(ex->tmp, ex->final) != 0) {
		ex->out = NULL;
		return cli_fail("%s: %s", ex->final, strerror(errno)) == 0;
	}
	ex->out = NULL;
	return true;
}

static bool
take_record(struct export *ex, const struct str *f, size_t n)
{
	uint64_t messages;

	if (n == 3 && str_eq(f[0], STR("folder"))) {
		if (str_u64(f[2], UINT64_MAX, &messages))
			ex->progress.total += messages;
		return write_letters(ex) && begin_folder(ex, f[1]);
	}
	if (n > 0 && str_eq(f[0], STR("message")))
		return begin_message(ex, f, n);
	if (n == 1 && str_eq(f[0], STR("end"))) {
		progress_add(&ex->progress, 1, ex->written);
		ex->written = 0;
		return end_message(ex);
	}
	return true;
}

static int
receive(struct export *ex)
{
	struct frame f;

	while (link_next(&ex->link, &f) == OK) {
		struct arena arena = {0};
		struct str *fields;
		size_t n;
		bool ok = true;

		if (f.type == FRAME_EXIT)
			return cli_exit_code(f.payload, true);
		if (f.type == FRAME_TEXT)
			cli_print(stderr, "%.*s\n", STR_FMT(f.payload));
		else if (f.type == FRAME_DATA && ex->out != NULL)
			write_bytes(ex, f.payload);
		else if (f.type == FRAME_RECORD)
			ok = frame_fields(&arena, f.payload, &fields, &n) == OK && take_record(ex, fields, n);
		arena_free(&arena);
		if (!ok)
			return 1;
	}
	return cli_fail("the server went away before it had answered: its log says why");
}

int
cli_export(struct cli *cli)
{
	struct export ex = {0};
	const char *user = NULL, *mailbox = "", *format = "maildir";
	int code;

	if (!cli_options(cli, (struct cli_option[]){{"user", &user, NULL}, {"mailbox", &mailbox, NULL},
				  {"format", &format, NULL}, {"verbatim", NULL, &ex.verbatim}, {0}}) ||
	    user == NULL || cli->argc != 1 || (strcmp(format, "maildir") != 0 && strcmp(format, "mbox") != 0))
		return cli_usage("export");
	ex.mbox = strcmp(format, "mbox") == 0;
	ex.dir = cli->argv[0];
	if (mkdir(ex.dir, 0700) != 0)
		return cli_fail("%s: %s", ex.dir, errno == EEXIST ? "is there already, name a new folder" : strerror(errno));
	if (cli_connect_read(&ex.link) != OK) {
		(void)rmdir(ex.dir);
		return 1;
	}
	cli_request(&ex.link, 3, (struct str[]){STR("export"), str_c(user), str_c(mailbox)});
	progress_begin(&ex.progress, "messages", 0, false);
	code = receive(&ex);
	progress_end(&ex.progress);
	if (!write_letters(&ex) || (ex.out != NULL && fclose(ex.out) != 0))
		code = cli_fail("%s: %s", ex.folder_path.p ? ex.folder_path.p : ex.dir, strerror(errno));
	cli_disconnect(&ex.link);
	if (code != 0)
		(void)rmdir(ex.dir);    /* goes when nothing came */
	free(ex.tmp);
	free(ex.final);
	arena_free(&ex.arena);
	return code;
}
