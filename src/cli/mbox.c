/* SPDX-License-Identifier: Apache-2.0 */
/* mbox files (formats/mbox.h), and files that are one message. */
#include "formats/mbox.h"

#include <inttypes.h>
#include "cli/import.h"
#include "mime/date.h"
#include "mime/header.h"

#define CHUNK 65536

struct source {
	struct mbox *mbox;
	struct mbox_message *message;
};

static bool
mbox_message_bytes(void *ctx, void (*fn)(void *arg, struct str bytes), void *arg)
{
	struct source *s = ctx;

	return mbox_bytes(s->mbox, s->message, fn, arg) == OK;
}

static struct mbox *
reader(struct import_file *f)
{
	return mbox_new(&(struct mbox_source){.read = import_file_read, .arg = f, .size = f->size});
}

bool
mbox_is(const char *path)
{
	struct import_file f;
	struct mbox_message msg;
	struct mbox *m;
	bool yes;

	if (import_file_open(path, &f) != OK)
		return false;
	/* Its beginning tells. */
	f.size = f.size < 8 * CHUNK ? f.size : 8 * CHUNK;
	m = reader(&f);
	yes = mbox_next(m, &msg) == OK;
	mbox_free(m);
	import_file_close(&f);
	return yes;
}

/* What the header says, where the From line tells no date. */
static bool
header_date(struct str header, int64_t *date_r, int16_t *zone_r)
{
	struct str line;
	int zone;

	while (header.n > 0 && str_split(&header, '\n', &line)) {
		if (!str_case_starts(line, STR("Date:")))
			continue;
		if (!mime_date_parse(str_trim(str_from(line, 5)), date_r, &zone))
			return false;
		*zone_r = zone > -1440 && zone < 1440 ? (int16_t)zone : 0;
		return true;
	}
	return false;
}

/* What a POP3 server that kept its mail in an mbox noted in it, behind what the sender wrote. */
static struct str
last_uidl(struct str header)
{
	struct mime_field f;
	struct str uidl = STR("");

	while (mime_field_next(&header, &f))
		if (str_caseeq(f.name, STR("X-UIDL")))
			uidl = str_trim(f.value);
	return uidl;
}

static void
take(struct import *im, struct mbox *m, const char *path, struct mbox_message *msg)
{
	struct source s = {.mbox = m, .message = msg};
	struct import_message out = {.bytes = mbox_message_bytes, .ctx = &s, .dated = msg->dated, .date = msg->date, .zone = msg->zone,
	    .flags = msg->flags, .keywords = msg->keywords, .keywords_n = msg->keywords_n,
	    .keywords_more = msg->keywords_more};
	struct arena arena = {0};

	if (msg->internal)
		return;
	if (msg->deleted) {
		im->deleted += !im->counting;
		return;
	}
	out.uidl = last_uidl(msg->header);
	if (!out.dated)
		out.dated = header_date(msg->header, &out.date, &out.zone);
	out.label = arena_printf(&arena, "%s, message %" PRIu64, path, msg->number);
	import_message(im, &out);
	arena_free(&arena);
}

void
import_mbox(struct import *im, const char *path, struct str name, const char *special)
{
	struct import_file f;
	struct mbox_message msg;
	struct mbox *m;
	enum status st = import_file_open(path, &f);

	if (st != OK) {
		import_fail(im, "%s cannot be read", path);
		return;
	}
	import_folder(im, name, special);
	m = reader(&f);
	while (f.size > 0 && im->status == OK && (st = mbox_next(m, &msg)) == OK)
		take(im, m, path, &msg);
	if (f.size > 0 && st != OK && st != ERR_NOT_FOUND)
		import_fail(im, "%s cannot be read to its end", path);
	if (im->status == OK && import_file_shrank(&f))
		import_fail(im, "%s became shorter while it was read: the rest is missing", path);
	mbox_free(m);
	import_file_close(&f);
}

/* ---- one message ---- */

struct single {
	struct import_file file;
	uint64_t from; /* where it begins: behind a From line */
};

static bool
single_bytes(void *ctx, void (*fn)(void *arg, struct str bytes), void *arg)
{
	struct single *s = ctx;

	return import_file_bytes(&s->file, s->from, fn, arg);
}

/* Where the message begins: some programs save a From line before it, or a byte order mark. */
static uint64_t
begin_of(struct import_file *f)
{
	char bytes[1100];
	int64_t n = import_file_read(f, 0, bytes, sizeof(bytes));
	struct str s = str_of(bytes, n > 0 ? (size_t)n : 0);
	size_t at = str_starts(s, STR("\xef\xbb\xbf")) ? 3 : 0;

	if (str_starts(str_from(s, at), STR("From ")) && str_chr(str_from(s, at), '\n') < s.n - at)
		at += str_chr(str_from(s, at), '\n') + 1;
	return at;
}

void
import_eml(struct import *im, const char *path)
{
	struct single s;

	if (import_file_open(path, &s.file) != OK) {
		import_fail(im, "%s cannot be read", path);
		return;
	}
	s.from = begin_of(&s.file);
	import_message(im, &(struct import_message){.label = str_c(path), .bytes = single_bytes, .ctx = &s, .dated = true, .date = s.file.mtime});
	import_file_close(&s.file);
}
