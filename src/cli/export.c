/* SPDX-License-Identifier: Apache-2.0 */
/* export: writes Maildir++ or mbox files from what the server sends (admin/verb_export.c). Nothing is overwritten. */
#include "cli/export.h"
#include "cli/import.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "wire/flag.h"

bool
export_fail(struct export *ex, const char *fmt, ...)
{
	va_list ap;

	ex->failed = true;
	va_start(ap, fmt);
	(void)cli_vfail(fmt, ap);
	va_end(ap);
	return false;
}

bool
export_fail_file(struct export *ex)
{
	return export_fail(ex, "%.*s: %s", STR_FMT(ex->file), strerror(errno));
}

FILE *
export_create(int folder, const char *name)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd >= 0 ? fdopen(fd, "w") : NULL;
}

/* Writes ex->piece; last: what the quoting holds back comes too. */
static void
write_piece(struct export *ex, bool last)
{
	struct str out = buf_str(&ex->piece);
	struct buf quoted = {0};

	if (ex->mbox) {
		mboxrd_add(&ex->quotes, out, &quoted);
		if (last)
			mboxrd_end(&ex->quotes, &quoted);
		out = buf_str(&quoted);
	}
	if (out.n > 0) {
		fwrite(out.p, 1, out.n, ex->out);
		ex->last = out.p[out.n - 1];
	}
	buf_clear(&ex->piece);
	buf_free(&quoted);
}

/* Bytes of the message. */
static void
write_bytes(struct export *ex, struct str s)
{
	ex->written += s.n;
	if (ex->verbatim)
		buf_add(&ex->piece, s);
	else
		lf_ends_add(&ex->ends, s, &ex->piece);
	write_piece(ex, false);
}

/* ---- what the store sends ---- */

static void
end_mailbox(struct export *ex)
{
	if (ex->mailbox.n == 0)
		return;
	if (ex->mbox)
		mboxrd_finish(ex);
	else
		maildir_end(ex);
	if (ex->without > 0)
		export_fail(ex, "%.*s: %" PRIu64 " messages went without some of their keywords: %s", STR_FMT(ex->mailbox), ex->without,
		    ex->mbox ? "they cannot stand in an mbox" : "a Maildir has letters for 26");
	ex->without = 0;
	ex->mailbox = STR_NONE;
	arena_free(&ex->box);
}

static bool
begin_mailbox(struct export *ex, struct str name, struct str special)
{
	struct buf file = {0};
	bool inbox = str_eq(name, STR("INBOX")), cut = false;

	end_mailbox(ex);
	ex->mailbox = arena_str(&ex->box, name);
	if (inbox && !ex->mbox)
		buf_adds(&file, ".");
	else
		cut = listing_file_name(&file, name, !ex->mbox);
	if (ex->mbox)
		buf_adds(&file, ".mbox");
	ex->file = arena_str(&ex->box, buf_str(&file));
	buf_free(&file);
	ex->skip = !(ex->mbox ? mboxrd_begin(ex) : maildir_begin(ex));
	if (ex->skip)
		return export_fail(ex, "the mailbox \"%.*s\" is left out", STR_FMT(name));
	/* Only what a reader of the format would take for another name. */
	if (cut || (ex->mbox && str_chr(name, '/') < name.n) || !str_eq(special, str_c(import_special(name))))
		listing_add(&ex->listing, &(struct listing_row){ex->file, ex->mailbox, special});
	if (cut)
		cli_print(stderr, "mansio: the name of \"%.*s\" is too long for a file: it is in %.*s\n", STR_FMT(name), STR_FMT(ex->file));
	return true;
}

/* False: what comes makes no sense. */
static bool
begin_message(struct export *ex, const struct str *f, size_t n)
{
	struct export_message m = {0};
	int64_t zone;

	if (n < 6 || ex->mailbox.n == 0 || !str_i64(f[2], INT64_MAX, &m.date) || !str_i64(f[3], INT16_MAX, &zone) || !str_u64(f[4], FLAG_ALL, &m.flags))
		return export_fail(ex, "the server sent nonsense");
	if (ex->skip)
		return true;
	m.uid = f[1];
	m.zone = (int)zone;
	m.keywords = f + 6;
	m.keywords_n = n - 6;
	ex->date = m.date;
	ex->last = '\n';
	if (!(ex->mbox ? mboxrd_message(ex, &m) : maildir_message(ex, &m)))
		ex->skip = true;
	return true;
}

static void
end_message(struct export *ex, bool gone)
{
	progress_add(&ex->progress, 1, ex->written);
	ex->written = 0;
	if (ex->skip || ex->out == NULL)
		return;
	lf_ends_end(&ex->ends, &ex->piece);
	write_piece(ex, true);
	if (!(ex->mbox ? mboxrd_end_message(ex, gone) : maildir_end_message(ex, gone)))
		ex->skip = true;
}

/* False: it makes no sense to go on. */
static bool
take_record(struct export *ex, const struct str *f, size_t n)
{
	uint64_t messages;

	if (n == 4 && str_eq(f[0], STR("folder"))) {
		if (str_u64(f[2], UINT64_MAX, &messages))
			ex->progress.total += messages;
		(void)begin_mailbox(ex, f[1], f[3]);
		return true;
	}
	if (n > 0 && str_eq(f[0], STR("message")))
		return begin_message(ex, f, n);
	if (n > 0 && (str_eq(f[0], STR("end")) || str_eq(f[0], STR("gone"))))
		end_message(ex, str_eq(f[0], STR("gone")));
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
			cli_print(stderr, "%.*s: %.*s\n", STR_FMT(ex->mailbox), STR_FMT(f.payload));
		else if (f.type == FRAME_DATA && ex->out != NULL && !ex->skip)
			write_bytes(ex, f.payload);
		else if (f.type == FRAME_RECORD)
			ok = frame_fields(&arena, f.payload, &fields, &n) == OK && take_record(ex, fields, n);
		arena_free(&arena);
		if (!ok)
			return 1;
	}
	return cli_fail("the server went away before it had answered: its log says why");
}

/* ---- the verb ---- */

/* Makes the folder and holds it: it is new, and nobody else's. */
static bool
make_dir(struct export *ex, const char *path)
{
	struct stat st;

	if (mkdir(path, 0700) != 0)
		return export_fail(ex, "%s: %s", path, errno == EEXIST ? "is there already, name a new folder" : strerror(errno));
	ex->dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (ex->dir < 0 || fstat(ex->dir, &st) != 0 || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		return export_fail(ex, "%s: somebody else is at this folder", path);
	return true;
}

static void
write_listing(struct export *ex)
{
	FILE *f;

	if (ex->listing.n == 0)
		return;
	if ((f = export_create(ex->dir, LISTING_FILE)) == NULL) {
		(void)export_fail(ex, LISTING_FILE ": %s", strerror(errno));
		return;
	}
	fwrite(ex->listing.p, 1, ex->listing.n, f);
	if (fclose(f) != 0)
		(void)export_fail(ex, LISTING_FILE ": %s", strerror(errno));
}

int
cli_account_export(struct cli *cli)
{
	struct export ex = {.dir = -1, .folder = -1};
	const char *user = NULL, *mailbox = "", *format = "maildir";
	int code = 1;

	if (!cli_options(cli, (struct cli_option[]){{"user", &user, NULL}, {"mailbox", &mailbox, NULL},
				  {"format", &format, NULL}, {"verbatim", NULL, &ex.verbatim}, {0}}) ||
	    (user = cli_account(cli, user)) == NULL || cli->argc != 1 || (strcmp(format, "maildir") != 0 && strcmp(format, "mbox") != 0))
		return cli_usage("account export");
	ex.mbox = strcmp(format, "mbox") == 0;
	if (!make_dir(&ex, cli->argv[0]))
		return 1;
	if (cli_connect_read(&ex.link) != OK) {
		(void)rmdir(cli->argv[0]);
		return 1;
	}
	cli_request(&ex.link, 3, (struct str[]){STR("export"), str_c(user), str_c(mailbox)});
	progress_begin(&ex.progress, "messages", 0, false);
	code = receive(&ex);
	progress_end(&ex.progress);
	end_mailbox(&ex);
	write_listing(&ex);
	cli_disconnect(&ex.link);
	close(ex.dir);
	if (code != 0)
		(void)rmdir(cli->argv[0]);    /* goes when nothing came */
	buf_free(&ex.listing);
	buf_free(&ex.piece);
	arena_free(&ex.arena);
	return code != 0 || ex.failed ? 1 : 0;
}
