/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mbox (RFC 4155 and what is older): a message begins with a line "From sender date" at the start of the file or behind
 * an empty line. Quoting (">From ") is left as it is: which lines were quoted cannot be known. Flags and keywords come from Status, X-Status
 * and X-Keywords.
 */
#include <string.h>
#include <sys/stat.h>
#include "cli/import.h"
#include "mime/date.h"
#include "mime/header.h"
#include "wire/flag.h"

/* A line "From x ... hh:mm ...": the words of a sentence seldom look like that. */
static bool
from_line(struct str line)
{
	if (!str_starts(line, STR("From ")))
		return false;
	for (size_t i = 7; i + 2 < line.n; i++)
		if (line.p[i] == ':' && ascii_digit(line.p[i - 1]) && ascii_digit(line.p[i - 2]) && ascii_digit(line.p[i + 1]))
			return true;
	return false;
}

static struct str
first_line(struct str s)
{
	return str_head(s, str_chr(s, '\n'));
}

bool
mbox_is(const char *path)
{
	struct str bytes;
	bool yes;

	if (file_map(path, &bytes) != OK)
		return false;
	yes = from_line(first_line(bytes));
	file_unmap(bytes);
	return yes;
}

/* "From sender date": the date, in whatever zone it was written: mostly local time, taken as UTC. */
static int64_t
from_date(struct str line)
{
	struct str rest = str_trim(str_from(line, 5));
	int64_t utc;
	int zone;

	rest = str_trim(str_from(rest, str_chr(rest, ' ')));
	return mime_date_parse(rest, &utc, &zone) ? utc : 0;
}

/* Where the next message begins after at (which is behind a From line), and where this one ends. */
static size_t
message_end(struct str file, size_t at, size_t *next_r)
{
	size_t from = at > 0 ? at - 1 : 0;

	while ((from = str_find(file, STR("\nFrom "), from)) != SIZE_MAX) {
		size_t line = from + 1;
		bool empty_before = from == 0 || file.p[from - 1] == '\n' ||
		    (from >= 2 && file.p[from - 1] == '\r' && file.p[from - 2] == '\n') || line == at;

		if (empty_before && from_line(first_line(str_from(file, line)))) {
			*next_r = line;
			/* The empty line before it belongs to the format. */
			if (from > at && file.p[from - 1] == '\r')
				from--;
			return from > at ? from : at;
		}
		from = line;
	}
	*next_r = file.n;
	/* The empty line at the end, if there is one. */
	if (str_ends(str_from(file, at), STR("\r\n\r\n")))
		return file.n - 2;
	if (str_ends(str_from(file, at), STR("\n\n")))
		return file.n - 1;
	return file.n;
}

static void
status_letters(struct import_message *m, struct str value)
{
	static const char letters[] = "RAFDT";
	static const uint8_t flags[] = {FLAG_SEEN, FLAG_ANSWERED, FLAG_FLAGGED, FLAG_DELETED, FLAG_DRAFT};

	for (size_t i = 0; i < value.n; i++) {
		const char *at = value.p[i] ? strchr(letters, value.p[i]) : NULL;

		if (at != NULL)
			m->flags |= flags[at - letters];
	}
}

static void
keywords(struct import_message *m, struct str value)
{
	struct str word;

	value = str_trim(value);
	while (value.n > 0 && str_split(&value, ' ', &word))
		if (word.n > 0 && word.n < 255 && m->keywords_n < IMPORT_KEYWORDS_MAX)
			m->keywords[m->keywords_n++] = word;
}

/* The pseudo-message with which c-client begins a file. */
static bool
take_header(struct import_message *m)
{
	struct str rest = m->bytes, line;

	for (size_t n = 0; n < 1000 && rest.n > 0 && str_split(&rest, '\n', &line); n++) {
		line = str_trim_suffix(line, '\r');
		if (line.n == 0)
			break;
		if (str_case_starts(line, STR("Status:")))
			status_letters(m, str_from(line, 7));
		else if (str_case_starts(line, STR("X-Status:")))
			status_letters(m, str_from(line, 9));
		else if (str_case_starts(line, STR("X-Keywords:")))
			keywords(m, str_from(line, 11));
		else if (str_case_starts(line, STR("Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA")))
			return false;
	}
	return true;
}

void
import_mbox(struct import *im, const char *path, struct str name)
{
	struct str file;
	size_t at = 0;

	if (file_map(path, &file) != OK) {
		im->failed = cli_fail("%s cannot be read", path);
		return;
	}
	import_folder(im, name, import_special(name));
	while (at < file.n && im->status == OK) {
		struct import_message m = {0};
		struct str line = first_line(str_from(file, at));
		size_t start = at + line.n + 1 < file.n ? at + line.n + 1 : file.n, end;

		m.date = from_date(line);
		end = message_end(file, start, &at);
		m.bytes = str_of(file.p + start, end - start);
		if (take_header(&m))
			import_message(im, &m);
	}
	file_unmap(file);
}
