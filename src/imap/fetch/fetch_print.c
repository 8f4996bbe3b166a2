/* SPDX-License-Identifier: Apache-2.0 */
/* Items of FETCH as they are written: from the entry, the email's rows, the body. */
#include "base/digits.h"
#include "imap/core/objectid.h"
#include "imap/core/selected.h"
#include "imap/fetch/fetch.h"
#include "mime/bodystructure.h"

/* What of a header is looked through at most when the summary does not tell. */
#define HEADER_MAX (8u << 20)
#define READ_STEP 65536

static enum mime_text
mode(struct fetch *f)
{
	return session_utf8(f->cmd->session) ? MIME_UTF8 : MIME_ASCII;
}

/* ---- rows ---- */

enum status
fetch_email(struct fetch *f, int64_t email)
{
	enum status st;

	if (f->rows >= FETCH_ROWS_EMAIL)
		return OK;
	st = email_cursor_get(f->cursor, email, &f->email);
	if (st == OK)
		f->rows = FETCH_ROWS_EMAIL;
	return st;
}

enum status
fetch_structure(struct fetch *f)
{
	struct str packed;
	enum status st;

	if (f->rows == FETCH_ROWS_STRUCTURE)
		return OK;
	if ((st = email_cursor_structure(f->cursor, f->email.id, &packed)) != OK)
		return st;
	/* The cursor's bytes stay until its next message only. */
	st = mime_structure_unpack(&f->arena, arena_str(&f->arena, packed), &f->structure);
	if (st == OK)
		f->rows = FETCH_ROWS_STRUCTURE;
	return st;
}

/* ---- items from the entry ---- */

/* "FLAGS ", with a space before it where one is due: what every item begins with. */
static inline struct buf *
open_item(struct fetch *f, struct str label)
{
	struct buf *out = cmd_out(f->cmd);

	out_sep(out, &f->first);
	buf_add(out, label);
	return out;
}

enum status
fetch_uid(struct fetch *f, const struct fetch_item *item, const struct entry *e)
{
	return OK; /* begin_message() has sent it: T50 */
}

enum status
fetch_modseq(struct fetch *f, const struct fetch_item *item, const struct entry *e)
{
	out_sep(cmd_out(f->cmd), &f->first);
	selected_modseq(f->cmd->session, cmd_out(f->cmd), e);
	return OK;
}

enum status
fetch_flags(struct fetch *f, const struct fetch_item *item, const struct entry *e)
{
	selected_entry_flags(f->cmd->session, open_item(f, STR("FLAGS ")), e);
	return OK;
}

enum status
fetch_internaldate(struct fetch *f, const struct fetch_item *item, const struct entry *e)
{
	date_time_print(open_item(f, STR("INTERNALDATE ")), (struct date_time){.seconds = e->internal_date, .zone = e->zone});
	return OK;
}

enum status
fetch_size(struct fetch *f, const struct fetch_item *item, const struct entry *e)
{
	struct buf *out = cmd_out(f->cmd);
	char *p, *start;

	out_sep(out, &f->first);
	if ((start = p = buf_room(out, 40)) == NULL)
		return OK;
	p = put_lit(p, "RFC822.SIZE ");
	p = put_u64(p, e->size);
	buf_wrote(out, (size_t)(p - start));
	return OK;
}

/* RFC 8514 4.2; kept in UTC. */
enum status
fetch_savedate(struct fetch *f, const struct fetch_item *item, const struct entry *e)
{
	date_time_print(open_item(f, STR("SAVEDATE ")), (struct date_time){.seconds = e->save_date});
	return OK;
}

/* RFC 8474 5.3 */
enum status
fetch_emailid(struct fetch *f, const struct fetch_item *item, const struct entry *e)
{
	int64_t object;
	enum status st = email_cursor_object(f->cursor, e->email, &object);

	if (st != OK)
		return st;
	out_sep(cmd_out(f->cmd), &f->first);
	objectid_add(cmd_out(f->cmd), "EMAILID", OBJECTID_EMAIL, object);
	return OK;
}

/* ---- items from the rows of list views ---- */

enum status
fetch_threadid(struct fetch *f, const struct fetch_item *item, const struct entry *e)
{
	out_sep(cmd_out(f->cmd), &f->first);
	objectid_add(cmd_out(f->cmd), "THREADID", OBJECTID_THREAD, f->email.thread);
	return OK;
}

/* From the row, where another item needed that. */
static enum status
summary(struct fetch *f, int64_t email, enum mime_slice slice, struct mime_summary *sum_r)
{
	return f->rows >= FETCH_ROWS_EMAIL ? mime_summary_open(f->email.summary, sum_r) : email_cursor_slice(f->cursor, email, slice, sum_r);
}

enum status
fetch_envelope(struct fetch *f, const struct fetch_item *item, const struct entry *e)
{
	struct mime_summary sum;
	enum status st;

	if ((st = summary(f, e->email, MIME_SLICE_ENVELOPE, &sum)) != OK)
		return st;
	buf_add(open_item(f, STR("ENVELOPE ")), mime_summary_envelope(&sum, mode(f)));
	return OK;
}

/* RFC 8970 3.2; empty where there is no text. Never NIL: it was made at delivery. */
enum status
fetch_preview(struct fetch *f, const struct fetch_item *item, const struct entry *e)
{
	struct mime_summary sum;
	enum status st;

	if ((st = mime_summary_open(f->email.summary, &sum)) != OK)
		return st;
	mime_string_add(open_item(f, STR("PREVIEW ")), mime_summary_preview(&sum), mode(f));
	return OK;
}

static enum status
bodystructure(struct fetch *f, const struct entry *e, struct str *bs_r)
{
	struct str packed;
	enum status st;

	if ((st = email_cursor_structure(f->cursor, e->email, &packed)) != OK)
		return st;
	*bs_r = mime_structure_bodystructure(packed, mode(f));
	return bs_r->p ? OK : ERR_CORRUPT;
}

enum status
fetch_bodystructure(struct fetch *f, const struct fetch_item *item, const struct entry *e)
{
	struct str bs;
	enum status st;

	if ((st = bodystructure(f, e, &bs)) != OK)
		return st;
	buf_add(open_item(f, STR("BODYSTRUCTURE ")), bs);
	return OK;
}

enum status
fetch_body(struct fetch *f, const struct fetch_item *item, const struct entry *e)
{
	struct str bs;
	enum status st;

	if ((st = bodystructure(f, e, &bs)) != OK)
		return st;
	return mime_body_of_bodystructure(open_item(f, STR("BODY ")), bs);
}

/* ---- bodies ---- */

void
fetch_hide_nul(char *p, size_t n)
{
	char *end = p + n;

	while (p < end && (p = memchr(p, 0, (size_t)(end - p))) != NULL)
		*p++ = (char)0x80;
}

/* T54 */
void
fetch_cut(const struct section *sec, uint64_t *at, uint64_t *n)
{
	if (!sec->partial)
		return;
	if (sec->first >= *n) {
		*n = 0;
		return;
	}
	*at += sec->first;
	*n -= sec->first;
	if (*n > sec->count)
		*n = sec->count;
}

void
fetch_header_rest(struct fetch *f, bool waits)
{
	size_t n = f->header.cap + f->fields.n * sizeof(*f->fields.start);

	if (f->header_email == 0)
		return;
	/* For the other items of a message that is half sent. Where the client is waited for, or there is no room, it is read anew. */
	if (waits || !f->open || cmd_hold(f->cmd, f->cmd->holding - f->header_held + n) != OK)
		fetch_header_forget(f);
	else
		f->header_held = n;
}

void
fetch_header_forget(struct fetch *f)
{
	if (f->header_held > 0) {
		f->cmd->holding -= f->header_held;
		cmd_count(f->cmd);
	}
	f->header_held = 0;
	mime_fields_free(&f->fields);
	buf_free(&f->header);
	f->header_email = 0;
}

/* The fields of a header that lies there. It is read for the first who asks, and looked through for an index when the second comes: then hundreds of
 * items cost what two do. */
static enum status
select_fields(struct fetch *f, const struct mime_range *range, const struct mime_names *names, bool not)
{
	size_t n = range->size < HEADER_MAX ? (size_t)range->size : HEADER_MAX;
	enum status st;

	if (f->header_email != f->email.id || f->header_at != range->offset) {
		fetch_header_forget(f);
		if ((st = email_cursor_read(f->cursor, &f->email, range->offset, n, &f->header)) != OK)
			return st;
		f->header_email = f->email.id;
		f->header_at = range->offset;
	} else if (f->fields.start == NULL) {
		mime_fields_make(&f->fields, buf_str(&f->header));
	}
	if (f->fields.start != NULL)
		mime_fields_select(&f->fields, &f->tmp, names, not);
	else
		mime_header_select(&f->tmp, buf_str(&f->header), names, not);
	return OK;
}

/* From the summary where it can tell, else from the message. */
enum status
fetch_header_fields(struct fetch *f, const struct section *sec, const struct mime_names *names)
{
	bool not = sec->kind == SECTION_FIELDS_NOT;
	struct mime_range range;
	struct mime_summary sum;
	enum status st = ERR_NOT_FOUND;

	buf_clear(&f->tmp);
	if (sec->parts == 0 && (st = mime_summary_open(f->email.summary, &sum)) == OK)
		st = mime_summary_select(&sum, &f->tmp, names, not);
	if (st != ERR_NOT_FOUND)
		return st;
	buf_clear(&f->tmp);
	if ((st = fetch_structure(f)) != OK ||
	    (st = mime_find_section(&f->structure, sec->part, sec->parts, MIME_SECTION_HEADER, &range, NULL)) != OK)
		return st;
	return select_fields(f, &range, names, not);
}

enum status
fetch_locate(struct fetch *f, const struct section *sec, struct mime_range *range_r)
{
	static const enum mime_section sections[] = {
		[SECTION_ALL] = MIME_SECTION_ALL,
		[SECTION_HEADER] = MIME_SECTION_HEADER,
		[SECTION_TEXT] = MIME_SECTION_TEXT,
		[SECTION_MIME] = MIME_SECTION_MIME,
	};
	enum status st;

	if (sec->kind == SECTION_ALL && sec->parts == 0) {
		*range_r = (struct mime_range){0, f->email.size};
		return OK;
	}
	if ((st = fetch_structure(f)) != OK)
		return st == ERR_NOT_FOUND ? ERR_CORRUPT : st;
	return mime_find_section(&f->structure, sec->part, sec->parts, sections[sec->kind], range_r, NULL);
}

/* Fields that summaries hold. *told_r false: this message's are too long for that, and its row is there now. */
static enum status
listed_fields(struct fetch *f, const struct fetch_item *item, bool *told_r)
{
	struct mime_summary sum;
	enum status st = summary(f, f->open_email, MIME_SLICE_HEADER, &sum);

	if (st != OK)
		return st;
	buf_clear(&f->tmp);
	*told_r = (st = mime_summary_select(&sum, &f->tmp, item->names, false)) == OK;
	return st == ERR_NOT_FOUND ? fetch_email(f, f->open_email) : st;
}

/* The small ones, which are made in memory. */
static enum status
print_fields(struct fetch *f, const struct fetch_item *item)
{
	uint64_t at = 0, n;
	struct buf *out;
	bool told = false;
	enum status st = OK;

	if (!(item->needs & FETCH_EMAIL) && (st = listed_fields(f, item, &told)) != OK)
		return st;
	if (!told)
		st = fetch_header_fields(f, &item->section, item->names);
	n = f->tmp.n;
	if (st != OK && st != ERR_NOT_FOUND)
		return st;
	out = open_item(f, item->label);
	if (st == ERR_NOT_FOUND) {
		buf_add(out, STR("NIL"));
		return OK;
	}
	fetch_cut(&item->section, &at, &n);
	out_literal_header(out, n);
	if (n) {
		fetch_hide_nul(f->tmp.p + at, (size_t)n);
		buf_add(out, str_of(f->tmp.p + at, (size_t)n));
	}
	return OK;
}

/* Label and announcer of a literal; f->at and f->left then tell its bytes. */
static enum status
open_literal(struct fetch *f, const struct fetch_item *item)
{
	struct mime_range range;
	struct buf *out;
	enum status st = fetch_locate(f, &item->section, &range);

	f->left = 0;
	if (st != OK && st != ERR_NOT_FOUND)
		return st;
	out = open_item(f, item->label);
	if (st == ERR_NOT_FOUND) {
		buf_add(out, STR("NIL"));
		return OK;
	}
	f->at = range.offset;
	f->left = range.size;
	fetch_cut(&item->section, &f->at, &f->left);
	if (f->left == 0)
		buf_add(out, STR("\"\""));
	else
		out_literal_header(out, f->left);
	return OK;
}

/* Bytes of the literal until it is over or the mark is reached. */
static enum cmd_next
stream(struct fetch *f, enum status *st_r)
{
	struct buf *out = cmd_out(f->cmd);
	enum cmd_next next;

	while (f->left > 0) {
		size_t n = f->left < READ_STEP ? (size_t)f->left : READ_STEP, had = out->n;

		*st_r = email_cursor_read(f->cursor, &f->email, f->at, n, out);
		if (*st_r == OK && out->n - had != n)
			*st_r = ERR_CORRUPT;
		if (*st_r != OK)
			return CMD_DONE;
		fetch_hide_nul(out->p + had, n);
		f->at += n;
		f->left -= n;
		if (f->left > 0 && (next = cmd_pause(f->cmd)) != CMD_DONE)
			return next;
	}
	return CMD_DONE;
}

enum cmd_next
fetch_bodies(struct fetch *f, enum status *st_r)
{
	enum cmd_next next;

	*st_r = OK;
	if (f->left > 0) {
		if ((next = stream(f, st_r)) != CMD_DONE || *st_r != OK)
			return next;
		f->item++;
	}
	for (; f->item < f->n_items; f->item++) {
		const struct fetch_item *item = &f->items[f->item];

		if (!(item->needs & FETCH_BODY))
			continue;
		if (item->needs & FETCH_BINARY) {
			if ((next = fetch_binary(f, item, st_r)) != CMD_DONE)
				return next;
		} else if (item->section.kind == SECTION_FIELDS || item->section.kind == SECTION_FIELDS_NOT) {
			*st_r = print_fields(f, item);
		} else if ((*st_r = open_literal(f, item)) == OK) {
			if ((next = stream(f, st_r)) != CMD_DONE)
				return next;
		}
		if (*st_r != OK)
			return CMD_DONE;
		/* Between items the bytes of a literal are all there: it goes on with the next. */
		if (f->item + 1 < f->n_items && (next = cmd_pause(f->cmd)) != CMD_DONE) {
			f->item++;
			return next;
		}
	}
	return CMD_DONE;
}
