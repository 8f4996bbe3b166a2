/* SPDX-License-Identifier: Apache-2.0 */
/* Which part of a message a key asks for, fields and headers; a match that is interrupted and goes on. */
#include "search/match.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/utf8.h"
#include "mime/summary.h"
#include "search/field.h"
#include "search/match_priv.h"
#include "search/scan.h"

struct search_matcher *
search_matcher_new(struct search_cache *cache, bool (*spent)(void *arg), void *arg)
{
	struct search_matcher *m = x_new(struct search_matcher);

	m->cache = cache;
	m->spent = spent;
	m->arg = arg;
	return m;
}

void
search_matcher_free(struct search_matcher *m)
{
	if (m == NULL)
		return;
	search_matcher_end(m);
	match_walk_end(&m->walk);
	needle_scan_free(&m->scan);
	needle_scan_free(&m->marked);
	buf_free(&m->text);
	buf_free(&m->source);
	mime_find_free(&m->find);
	buf_free(&m->field);
	buf_free(&m->prefix);
	buf_free(&m->packed);
	buf_free(&m->whole);
	buf_free(&m->piece);
	arena_free(&m->arena);
	free(m);
}

enum status
search_matcher_begin(struct search_matcher *m, const struct grant *grant, struct db_txn *txn)
{
	enum status st;

	ensure(m->cursor == NULL && grant != NULL && txn != NULL);
	m->grant = grant;
	m->txn = txn;
	m->read = 0;
	m->have_email = false;
	m->stale = m->have_structure;
	if ((st = email_cursor_open(grant, txn, &m->cursor)) == OK && m->stepped)
		email_cursor_goes_on(m->cursor);
	m->stepped = true;
	return st;
}

void
search_matcher_end(struct search_matcher *m)
{
	match_briefs_end(m);
	if (m->cursor != NULL)
		email_cursor_close(m->cursor);
	m->cursor = NULL;
	m->txn = NULL;
}

void
search_matcher_message(struct search_matcher *m, int64_t email)
{
	if (m->id == email)
		return; /* what is known of it stays */
	m->id = email;
	m->have_email = m->have_structure = m->have_whole = m->stale = false;
}

uint64_t
search_matcher_read(const struct search_matcher *m)
{
	return m->read;
}

bool
match_spent(const struct search_matcher *m)
{
	return m->spent != NULL && m->spent(m->arg);
}

/* ---- the message's data ---- */

enum status
match_load(struct search_matcher *m)
{
	enum status st;

	if (m->have_email)
		return OK;
	ensure(m->cursor != NULL);
	if ((st = email_cursor_get(m->cursor, m->id, &m->email)) != OK)
		return st;
	m->have_email = true;
	return OK;
}

enum status
match_load_structure(struct search_matcher *m)
{
	struct str packed;
	enum status st;

	if (m->have_structure && !m->stale)
		return OK;
	if ((st = match_load(m)) != OK)
		return st;
	/* The cursor moves: what was borrowed from it ends here. */
	buf_clear(&m->prefix);
	buf_add(&m->prefix, m->email.prefix);
	m->email.prefix = buf_str(&m->prefix);
	m->have_email = false;
	if (m->stale) {
		m->stale = false;
		return OK;
	}
	if ((st = email_cursor_structure(m->cursor, m->id, &packed)) != OK)
		return st;
	buf_clear(&m->packed);
	buf_add(&m->packed, packed);
	arena_free(&m->arena);
	if ((st = mime_structure_unpack(&m->arena, buf_str(&m->packed), &m->structure)) != OK)
		return st;
	m->have_structure = true;
	return OK;
}

static enum status
read_more(struct search_matcher *m, uint64_t at, size_t n, struct buf *out)
{
	enum status st;

	buf_clear(out);
	st = email_cursor_read(m->cursor, &m->email, at, n, out);
	m->read += out->n;
	return st;
}

enum status
match_bytes(struct search_matcher *m, uint64_t at, uint64_t n, struct str *bytes_r)
{
	enum status st;

	ensure(m->cursor != NULL && (m->have_email || m->have_structure));
	if (m->email.size > MATCH_WHOLE) {
		if ((st = read_more(m, at, (size_t)n, &m->piece)) == OK)
			*bytes_r = buf_str(&m->piece);
		return st;
	}
	if (!m->have_whole) {
		if ((st = read_more(m, 0, MATCH_WHOLE, &m->whole)) != OK)
			return st;
		m->have_whole = true;
	}
	*bytes_r = str_head(str_from(buf_str(&m->whole), (size_t)(at < m->whole.n ? at : m->whole.n)), (size_t)n);
	return OK;
}

/* ---- headers ---- */

/* Bytes in which nothing can be hidden by encoded words or other charsets: the words of an ASCII key are in them as they are. */
static bool
plain_text(const struct search_needle *needle, struct str raw)
{
	return needle->ascii && scan_ascii_prefix(raw) == raw.n && !scan_ascii(raw, STR("=?"));
}

void
match_text_begin(struct search_matcher *m, unsigned weight, bool octets)
{
	if (m->fuzzy)
		fuzzy_begin(&m->fuzz, weight);
	else
		needle_scan_begin(&m->scan, m->scan.needle, octets);
}

void
match_text_add(struct search_matcher *m, struct str text)
{
	if (m->fuzzy)
		fuzzy_add(&m->fuzz, text);
	else
		needle_scan_add(&m->scan, text);
}

void
match_text_end(struct search_matcher *m)
{
	if (m->fuzzy)
		fuzzy_end(&m->fuzz);
}

static void
fuzzy_field(struct search_matcher *m, struct str raw, unsigned weight)
{
	buf_clear(&m->text);
	buf_clear(&m->source);
	(void)!mime_header_strict(&m->text, &m->source, str_head(raw, MATCH_FIELD_MAX), STR_NONE);
	match_text_begin(m, weight, false);
	match_text_add(m, buf_str(&m->text));
	match_text_end(m);
}

/* Looks through a field, all of it or its value. Values of fields are texts of their own: no match spans two. */
static void
scan_field(struct search_matcher *m, const struct mime_field *f, struct str raw, unsigned weight)
{
	const struct search_needle *needle = m->scan.needle;
	bool addresses = mime_find_is_address(f->name);

	ensure(needle != NULL && !m->scan.hit);
	if (m->fuzzy) {
		fuzzy_field(m, raw, weight);
		return;
	}
	if (needle->key.n == 0) {
		m->scan.hit = true;
		return;
	}
	if (plain_text(needle, raw)) {
		bool maybe = needle_word_in_plain(needle, raw);

		/* Only a key with blanks may lie across a fold. */
		m->scan.hit = maybe && !needle->blank && needle_in_plain(needle, raw);
		if (m->scan.hit || (!addresses && (!maybe || !needle->blank)))
			return;
	}
	mime_find(&m->find, needle->collation, str_head(raw, MATCH_FIELD_MAX), addresses ? str_head(f->value, MATCH_FIELD_MAX) : STR_NONE);
	m->scan.hit = needle_in_field(needle, &m->find);
}

/* The fields of that name, one after the other. */
static enum status
scan_named(struct search_matcher *m, struct str header, struct str name)
{
	struct match_walk *w = &m->walk;
	struct field_seek seek;
	struct mime_field f;

	buf_clear(&m->field);
	buf_addc(&m->field, '\n');
	for (size_t i = 0; i < name.n; i++)
		buf_addc(&m->field, ascii_upper(name.p[i]));
	seek = (struct field_seek){str_from(header, w->header_at), buf_str(&m->field), w->header_at > 0};
	while (!m->scan.hit && field_next(&seek, &f)) {
		w->found = true;
		scan_field(m, &f, f.value, WEIGHT_ASKED);
		if (!m->scan.hit && match_spent(m)) {
			w->header_at = header.n - seek.rest.n + 1; /* behind its first byte: not to find it again */
			return ERR_AGAIN;
		}
	}
	return OK;
}

/* If the key is nowhere in a plain header, no field has it. */
static bool
surely_not(const struct search_needle *needle, struct str header)
{
	return needle->key.n > 0 && plain_text(needle, header) && !needle_word_in_plain(needle, header);
}

static unsigned
weight_of(struct str name)
{
	if (str_caseeq(name, STR("subject")))
		return WEIGHT_ASKED;
	if (str_caseeq(name, STR("from")) || str_caseeq(name, STR("to")) || str_caseeq(name, STR("cc")) || str_caseeq(name, STR("bcc")))
		return WEIGHT_ADDRESS;
	return WEIGHT_FIELD;
}

/* Fields between two looks at the clock. */
#define FIELDS_LOOK 16

enum status
match_header_text(struct search_matcher *m, struct str header)
{
	struct match_walk *w = &m->walk;
	struct str rest = str_from(header, w->header_at < header.n ? w->header_at : header.n);
	struct mime_field f;

	/* What is not in a plain header may still be in an address without its comments. */
	bool only_addresses = !m->fuzzy && surely_not(m->scan.needle, header);

	m->scan.hit = false;
	for (unsigned n = 1; !m->scan.hit && mime_field_next(&rest, &f); n++) {
		if (!only_addresses || mime_find_is_address(f.name))
			scan_field(m, &f, f.full, weight_of(f.name));
		if (n % FIELDS_LOOK == 0 && !m->scan.hit && match_spent(m)) {
			w->header_at = header.n - rest.n;
			return ERR_AGAIN;
		}
	}
	w->header_at = 0;
	return OK;
}

/* The whole header of the message: from the summary where that holds it, otherwise from the message. */
static enum status
whole_header(struct search_matcher *m, struct str *header_r)
{
	struct mime_summary s;
	uint64_t n;
	enum status st;

	if ((st = match_load(m)) != OK)
		return st;
	if (mime_summary_open(m->email.summary, &s) == OK && mime_summary_header(&s, header_r))
		return OK;
	if ((st = match_load_structure(m)) != OK)
		return st;
	n = m->structure.parts[0].body_start;
	return match_bytes(m, 0, n < MATCH_HEADER_MAX ? n : MATCH_HEADER_MAX, header_r);
}

/* brief: BRIEF_FIELDS where there are none for the field. */
static enum status
match_field(struct search_matcher *m, struct str name, enum brief_field brief, bool *hit_r)
{
	const struct search_needle *needle = m->scan.needle;
	struct mime_summary s;
	struct str header;
	enum status st;

	if (brief < BRIEF_FIELDS && (st = match_by_brief(m, brief, hit_r)) != ERR_NOT_FOUND)
		return st;
	if ((st = match_load(m)) != OK || (st = mime_summary_open(m->email.summary, &s)) != OK)
		return st;
	/* Not even the listed fields are there where they were too long. */
	if (!mime_summary_header(&s, &header) && (header.p == NULL || !mime_summary_lists(name)) && (st = whole_header(m, &header)) != OK)
		return st;
	m->scan.hit = false;
	if ((st = scan_named(m, header, name)) != OK)
		return st;
	/* The empty string: every message that has the field (RFC 9051 6.4.4). */
	*hit_r = needle->key.n == 0 ? m->walk.found : m->scan.hit;
	return OK;
}

static enum status
match_text(struct search_matcher *m, bool *hit_r)
{
	struct str header;
	enum status st;

	if (m->walk.in_body)
		return OK;
	if ((st = whole_header(m, &header)) != OK || (st = match_header_text(m, header)) != OK)
		return st;
	*hit_r = m->scan.hit;
	m->walk.in_body = true;
	return OK;
}

static enum status
match(struct search_matcher *m, enum search_key key, struct str name, bool *hit_r)
{
	enum status st;

	switch (key) {
	case SEARCH_BCC:
		return match_field(m, STR("bcc"), BRIEF_BCC, hit_r);
	case SEARCH_CC:
		return match_field(m, STR("cc"), BRIEF_CC, hit_r);
	case SEARCH_FROM:
		return match_field(m, STR("from"), BRIEF_FROM, hit_r);
	case SEARCH_SUBJECT:
		return match_field(m, STR("subject"), BRIEF_SUBJECT, hit_r);
	case SEARCH_TO:
		return match_field(m, STR("to"), BRIEF_TO, hit_r);
	case SEARCH_HEADER:
		return match_field(m, name, brief_field_of(name), hit_r);
	case SEARCH_TEXT:
		if ((st = match_text(m, hit_r)) != OK || *hit_r)
			return st;
		break;
	case SEARCH_BODY:
		break;
	}
	if ((st = match_body(m)) == OK)
		*hit_r = m->scan.hit;
	return st;
}

/* Does this call go on with a match that was interrupted? If not, a new one begins. */
static bool
goes_on(struct search_matcher *m, enum search_key key, struct str name, const struct search_needle *needle)
{
	struct match_walk *w = &m->walk;

	if (w->active && w->id == m->id && w->key == key && w->needle == needle && w->name.p == name.p && w->name.n == name.n)
		return true;
	match_walk_end(w);
	w->active = true;
	w->id = m->id;
	w->key = key;
	w->name = name;
	w->needle = needle;
	return false;
}

/* A match came to an end, or was interrupted. */
static enum status
ended(struct search_matcher *m, enum status st)
{
	if (st != ERR_AGAIN)
		match_walk_end(&m->walk);
	return st;
}

/* A row that is gone or damaged matches nothing. */
static enum status
lost(enum status st)
{
	return st == ERR_NOT_FOUND || st == ERR_CORRUPT ? OK : st;
}

enum status
search_match_fuzzy(struct search_matcher *m, enum search_key key, struct str name, const struct search_needle *needle, unsigned *score_r)
{
	bool hit = false;
	enum status st;

	if (needle->fuzzy == NULL) {
		if ((st = search_match(m, key, name, needle, &hit)) == OK)
			*score_r = hit ? 100 : 0;
		return st;
	}
	ensure(!m->fuzzy && needle->fuzzy->n > 0);
	m->scan.needle = needle;
	m->fuzzy = true;
	if (!goes_on(m, key, name, needle))
		fuzzy_scan_init(&m->fuzz, needle->fuzzy);
	st = ended(m, lost(match(m, key, name, &hit)));
	m->fuzzy = false;
	if (st == OK)
		*score_r = fuzzy_score(&m->fuzz);
	return st;
}

enum status
search_match(struct search_matcher *m, enum search_key key, struct str name, const struct search_needle *needle, bool *hit_r)
{
	bool hit = false;
	enum status st;

	ensure(!m->fuzzy && m->cursor != NULL);
	m->scan.needle = needle;
	/* Every body and text contains the empty string; a field that is missing does not. */
	if (needle->key.n == 0 && (key == SEARCH_BODY || key == SEARCH_TEXT)) {
		*hit_r = true;
		return OK;
	}
	(void)goes_on(m, key, name, needle);
	st = ended(m, match(m, key, name, &hit));
	hit = hit && st == OK;
	if ((st = lost(st)) == OK)
		*hit_r = hit;
	return st;
}
