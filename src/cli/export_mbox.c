/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mboxrd files, one a mailbox. Flags and keywords stand in the fields in which mail programs keep them, at the very top; the first of them is ours: by it
 * import knows that '>' before "From " was put there, and the exact date (formats/mbox.h).
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "cli/export.h"
#include "wire/flag.h"

bool
mboxrd_begin(struct export *ex)
{
	ex->out = export_create(ex->dir, ex->file.p);
	ex->quotes = (struct mboxrd){0};
	return ex->out != NULL || export_fail_file(ex);
}

bool
mboxrd_message(struct export *ex, const struct export_message *m)
{
	time_t date = (time_t)m->date;
	struct tm tm;
	char text[64];

	gmtime_r(&date, &tm);
	strftime(text, sizeof(text), "%a %b %e %H:%M:%S %Y", &tm);
	ex->begin = ftello(ex->out);
	fprintf(ex->out, "From MAILER-DAEMON %s\n", text);
	fprintf(ex->out, "X-Mansio-Export: mboxrd %" PRId64 " %d\n", m->date, m->zone);
	fprintf(ex->out, "Status: %sO\n", m->flags & FLAG_SEEN ? "R" : "");
	fprintf(ex->out, "X-Status: %s%s%s%s\n", m->flags & FLAG_ANSWERED ? "A" : "", m->flags & FLAG_FLAGGED ? "F" : "",
	    m->flags & FLAG_DELETED ? "D" : "", m->flags & FLAG_DRAFT ? "T" : "");
	fputs("X-Keywords:", ex->out);
	for (size_t i = 0; i < m->keywords_n; i++)
		fprintf(ex->out, " %.*s", STR_FMT(m->keywords[i]));
	return fputc('\n', ex->out) != EOF || export_fail_file(ex);
}

bool
mboxrd_end_message(struct export *ex, bool gone)
{
	if (gone) {
		if (fflush(ex->out) != 0 || ftruncate(fileno(ex->out), ex->begin) != 0 || fseeko(ex->out, ex->begin, SEEK_SET) != 0)
			return export_fail_file(ex);
		return true;
	}
	fputs(ex->last == '\n' ? "\n" : "\n\n", ex->out);
	return !ferror(ex->out) || export_fail_file(ex);
}

void
mboxrd_finish(struct export *ex)
{
	if (ex->out != NULL && fclose(ex->out) != 0)
		(void)export_fail_file(ex);
	ex->out = NULL;
}
