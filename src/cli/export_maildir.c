/* SPDX-License-Identifier: Apache-2.0 */
/* A Maildir++: a folder a mailbox, a file a message, whose name holds its flags and whose time is its date. */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli/export.h"
#include "formats/maildir.h"
#include "wire/flag.h"

bool
maildir_begin(struct export *ex)
{
	static const char *const subs[] = {"cur", "new", "tmp"};

	ex->letters = arena_array(&ex->box, MAILDIR_LETTERS, sizeof(*ex->letters));
	ex->letters_n = 0;
	if (!str_eq(ex->file, STR(".")) && mkdirat(ex->dir, ex->file.p, 0700) != 0)
		return export_fail_file(ex);
	if ((ex->folder = openat(ex->dir, ex->file.p, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
		return export_fail_file(ex);
	for (size_t i = 0; i < sizeof(subs) / sizeof(*subs); i++)
		if (mkdirat(ex->folder, subs[i], 0700) != 0)
			return export_fail_file(ex);
	return true;
}

/* The letter of a keyword; '\0' when the folder's letters are used up. */
static char
keyword_letter(struct export *ex, struct str keyword)
{
	size_t i;

	for (i = 0; i < ex->letters_n; i++)
		if (str_caseeq(ex->letters[i], keyword))
			return (char)('a' + i);
	if (i == MAILDIR_LETTERS)
		return '\0';
	ex->letters[ex->letters_n++] = arena_str(&ex->box, keyword);
	return (char)('a' + i);
}

/* The flags in ASCII order, as the format wants it. */
static void
add_info(struct export *ex, const struct export_message *m, struct buf *out)
{
	bool letter[MAILDIR_LETTERS] = {0}, forwarded = false, lost = false;

	for (size_t i = 0; i < m->keywords_n; i++) {
		char c = '\0';

		if (str_caseeq(m->keywords[i], STR("$Forwarded")))
			forwarded = true;
		else if ((c = keyword_letter(ex, m->keywords[i])) == '\0')
			lost = true;
		else
			letter[c - 'a'] = true;
	}
	ex->without += lost;
	buf_adds(out, m->flags & FLAG_DRAFT ? "D" : "");
	buf_adds(out, m->flags & FLAG_FLAGGED ? "F" : "");
	buf_adds(out, forwarded ? "P" : "");
	buf_adds(out, m->flags & FLAG_ANSWERED ? "R" : "");
	buf_adds(out, m->flags & FLAG_SEEN ? "S" : "");
	buf_adds(out, m->flags & FLAG_DELETED ? "T" : "");
	for (int i = 0; i < MAILDIR_LETTERS; i++)
		if (letter[i])
			buf_addc(out, (char)('a' + i));
}

bool
maildir_message(struct export *ex, const struct export_message *m)
{
	struct arena *a = &ex->box;
	struct buf info = {0};

	add_info(ex, m, &info);
	ex->tmp = arena_printf(a, "tmp/%" PRId64 ".U%.*s.mansio", m->date, STR_FMT(m->uid));
	ex->final = arena_printf(a, "cur/%" PRId64 ".U%.*s.mansio:2,%.*s", m->date, STR_FMT(m->uid), STR_FMT(buf_str(&info)));
	buf_free(&info);
	ex->out = export_create(ex->folder, ex->tmp.p);
	return ex->out != NULL || export_fail_file(ex);
}

bool
maildir_end_message(struct export *ex, bool gone)
{
	struct timespec times[2] = {{.tv_sec = (time_t)ex->date}, {.tv_sec = (time_t)ex->date}};
	FILE *out = ex->out;
	/* What fclose() still has to write would change the time again. */
	bool good = fflush(out) == 0 && !ferror(out) && futimens(fileno(out), times) == 0;

	ex->out = NULL;
	if (fclose(out) != 0 || !good)
		return export_fail_file(ex);
	if (gone)
		return unlinkat(ex->folder, ex->tmp.p, 0) == 0 || export_fail_file(ex);
	return renameat(ex->folder, ex->tmp.p, ex->folder, ex->final.p) == 0 || export_fail_file(ex);
}

static void
write_letters(struct export *ex)
{
	FILE *f;

	if (ex->letters_n == 0)
		return;
	if ((f = export_create(ex->folder, "dovecot-keywords")) == NULL) {
		(void)export_fail_file(ex);
		return;
	}
	for (size_t i = 0; i < ex->letters_n; i++)
		fprintf(f, "%zu %.*s\n", i, STR_FMT(ex->letters[i]));
	if (fclose(f) != 0)
		(void)export_fail_file(ex);
}

void
maildir_end(struct export *ex)
{
	/* The link went away within a message. */
	if (ex->out != NULL) {
		(void)fclose(ex->out);
		ex->out = NULL;
		(void)unlinkat(ex->folder, ex->tmp.p, 0);
	}
	if (ex->folder < 0)
		return;
	write_letters(ex);
	close(ex->folder);
	ex->folder = -1;
}
