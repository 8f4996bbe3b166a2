/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body: the text parts, decoded; the headers of parts; and messages inside. Other parts (pictures, archives) are not looked
 * into. Small messages are read at once, large ones piece by piece.
 */
#include "base/utf8.h"
#include "base/assert.h"
#include "search/match_priv.h"
#include "search/scan.h"

static bool
searchable(const struct mime_spart *p)
{
	if (p->kind == MIME_LEAF_TEXT)
		return true;
	/* message/delivery-status and the like are lines of text. */
	return p->kind == MIME_LEAF && str_eq(p->type, STR("message"));
}

/* Charsets in which ASCII bytes always stand for themselves. */
static bool
ascii_means_ascii(struct str charset)
{
	return charset.n == 0 || str_caseeq(charset, STR("utf-8")) || str_caseeq(charset, STR("us-ascii")) ||
	    str_case_starts(charset, STR("iso-8859-")) || str_case_starts(charset, STR("windows-125"));
}

static bool
is_html(const struct mime_spart *p)
{
	return str_caseeq(p->subtype, STR("html"));
}

/* True where the bytes of the part are the text: nothing encoded in them. */
static bool
plain(const struct mime_spart *p, struct str bytes)
{
	if (is_html(p) || !ascii_means_ascii(p->charset))
		return false;
	if (p->cte == MIME_CTE_BASE64)
		return false;
	if (p->cte == MIME_CTE_QP && memchr(bytes.p, '=', bytes.n) != NULL)
		return false;
	return scan_ascii_prefix(bytes) == bytes.n;
}

static void
decoding_begin(struct match_decoding *d, struct search_matcher *m, const struct mime_spart *p, bool octets)
{
	ensure(m->walk.scanning && !m->walk.begun);
	*d = (struct match_decoding){.source = is_html(p) && !m->fuzzy ? &m->source : NULL};
	if (octets)
		mime_decoder_init(&d->cte, p->cte);
	else
		d->text = mime_text_open(p->cte, p->charset, is_html(p) ? MIME_HTML_ALL : MIME_PLAIN);
	needle_scan_begin(&m->marked, m->scan.needle, false);
}

/* More bytes. A hit is one in what can be seen or in what stands in the source: a link's address. */
static void
decoding_add(struct match_decoding *d, struct search_matcher *m, struct str bytes, bool last)
{
	buf_clear(&m->text);
	buf_clear(&m->source);
	if (d->text != NULL) {
		mime_text_add(d->text, bytes, &m->text, d->source);
		if (last)
			mime_text_finish(d->text, &m->text, d->source);
	} else {
		(void)!mime_decoder_add(&d->cte, bytes, &m->text);
		if (last)
			(void)!mime_decoder_finish(&d->cte, &m->text);
	}
	match_text_add(m, buf_str(&m->text));
	if (m->scan.hit || d->source == NULL)
		return;
	needle_scan_add(&m->marked, buf_str(&m->source));
	m->scan.hit = m->marked.hit;
}

/* Whether the text was a guess. */
static bool
decoding_end(struct match_decoding *d)
{
	bool broken = d->text != NULL && mime_text_broken(d->text);

	mime_text_close(d->text);
	return broken;
}

void
match_walk_end(struct match_walk *w)
{
	if (w->begun)
		(void)decoding_end(&w->decoding);
	*w = (struct match_walk){0};
}

/* The next piece of the body. */
static enum status
scan_piece(struct search_matcher *m, const struct mime_spart *p, bool octets)
{
	struct match_walk *w = &m->walk;
	uint64_t n = p->body_end - w->at;
	struct str bytes;
	enum status st;

	ensure(w->scanning && w->at < p->body_end);
	if (m->email.size > MATCH_WHOLE && n > MATCH_STEP)
		n = MATCH_STEP;
	if ((st = match_bytes(m, w->at, n, &bytes)) != OK)
		return st;
	w->at += bytes.n;
	if (bytes.n == 0) {
		w->at = p->body_end;
		return OK;
	}
	if (!w->begun && !octets && w->at == p->body_end && plain(p, bytes)) {
		match_text_add(m, bytes);
		return OK;
	}
	if (!w->begun)
		decoding_begin(&w->decoding, m, p, octets);
	w->begun = true;
	decoding_add(&w->decoding, m, bytes, w->at == p->body_end);
	return OK;
}

/* Looks through a part. *broken_r: not all of it could be decoded; octets may be found that are not in the text. */
static enum status
scan_part(struct search_matcher *m, const struct mime_spart *p, bool octets, bool *broken_r)
{
	struct match_walk *w = &m->walk;
	enum status st = OK;

	*broken_r = false;
	if (!w->scanning) {
		match_text_begin(m, WEIGHT_BODY, octets);
		w->at = p->body_start;
		w->scanning = true;
	}
	while (st == OK && w->at < p->body_end && !m->scan.hit) {
		st = scan_piece(m, p, octets);
		if (st == OK && w->at < p->body_end && !m->scan.hit && match_spent(m))
			return ERR_AGAIN;
	}
	ensure(w->scanning);
	match_text_end(m);
	if (w->begun)
		*broken_r = decoding_end(&w->decoding) && !m->fuzzy;
	w->begun = w->scanning = false;
	return st;
}

/* ASCII that stands for itself was found as text, if at all. */
static bool
octets_tell_more(const struct search_needle *needle, const struct mime_spart *p)
{
	return !str_is_ascii(buf_str(&needle->octets)) || (!ascii_means_ascii(p->charset) && mime_charset_known(p->charset));
}

static enum status
match_part(struct search_matcher *m, const struct mime_spart *p)
{
	struct match_walk *w = &m->walk;
	const struct search_needle *needle = m->scan.needle;
	bool broken = false;
	enum status st = OK;

	if (w->stage == PART_TEXT && (st = scan_part(m, p, needle->octet && !m->fuzzy, &broken)) == OK && broken && !m->scan.hit &&
	    octets_tell_more(needle, p))
		w->stage = PART_OCTETS;
	return st == OK && w->stage == PART_OCTETS ? scan_part(m, p, true, &broken) : st;
}

/* The header of a part, or of a message inside. */
static enum status
match_part_header(struct search_matcher *m, const struct mime_spart *p)
{
	uint64_t n = p->body_start - p->header_start;
	struct str header;
	enum status st;

	if (n == 0)
		return OK;
	st = match_bytes(m, p->header_start, n < MATCH_HEADER_MAX ? n : MATCH_HEADER_MAX, &header);
	return st == OK ? match_header_text(m, header) : st;
}

/* What is left of the part at hand. */
static enum status
match_one(struct search_matcher *m, struct match_walk *w)
{
	const struct mime_spart *p = &m->structure.parts[w->part];
	enum status st = OK;

	ensure(m->have_structure && w->part < m->structure.n_parts);
	if (w->stage == PART_HEADER) {
		if (w->part > 0 && (st = match_part_header(m, p)) != OK)
			return st;
		w->stage = PART_TEXT;
	}
	return !w->scanning && (m->scan.hit || !searchable(p)) ? OK : match_part(m, p);
}

enum status
match_body(struct search_matcher *m)
{
	struct match_walk *w = &m->walk;
	enum status st;

	if ((st = match_load_structure(m)) != OK)
		return st;
	if (!w->parts_begun)
		m->scan.hit = false;
	w->parts_begun = true;
	while (w->part < m->structure.n_parts) {
		if ((st = match_one(m, w)) != OK || m->scan.hit)
			return st;
		w->part++;
		w->stage = PART_HEADER;
		if (w->part < m->structure.n_parts && match_spent(m))
			return ERR_AGAIN;
	}
	return OK;
}
