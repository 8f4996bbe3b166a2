/* SPDX-License-Identifier: Apache-2.0 */
/* The base subject of RFC 5256 2.1: what is left without Re:, Fwd: and their like. */
#include "mime/subject.h"

#include <utf8proc.h>

#include "base/utf8.h"
#include "mime/address.h"
#include "mime/header.h"

/* Keys of this length are enough to sort by, and bound the work below. */
#define KEY_BYTES 1024

/* The first bytes of s, not ending inside a character. */
static struct str
cut(struct str s)
{
	size_t n = s.n;

	if (n > KEY_BYTES) {
		n = KEY_BYTES;
		while (n > 0 && (s.p[n] & 0xc0) == 0x80)
			n--;
	}
	return str_head(s, n);
}

static struct str
skip_blanks(struct str s)
{
	while (s.n > 0 && s.p[0] == ' ')
		s = str_from(s, 1);
	return s;
}

/* subj-blob: "[" no brackets "]" *WSP. False: there is none. */
static bool
take_blob(struct str *s)
{
	size_t i = 1;

	if (s->n == 0 || s->p[0] != '[')
		return false;
	while (i < s->n && s->p[i] != '[' && s->p[i] != ']')
		i++;
	if (i == s->n || s->p[i] != ']')
		return false;
	*s = skip_blanks(str_from(*s, i + 1));
	return true;
}

/* subj-refwd: ("re" / ("fw" ["d"])) *WSP [subj-blob] ":" */
static bool
take_refwd(struct str *s)
{
	struct str t = *s;

	if (str_case_starts(t, STR("fwd")))
		t = str_from(t, 3);
	else if (str_case_starts(t, STR("re")) || str_case_starts(t, STR("fw")))
		t = str_from(t, 2);
	else
		return false;
	t = skip_blanks(t);
	take_blob(&t);
	if (t.n == 0 || t.p[0] != ':')
		return false;
	*s = str_from(t, 1);
	return true;
}

/* Step 2: blanks and "(fwd)" at the end. */
static struct str
without_trailers(struct str s, bool *reply)
{
	for (;;) {
		if (s.n > 0 && s.p[s.n - 1] == ' ') {
			s.n--;
		} else if (s.n >= 5 && str_caseeq(str_from(s, s.n - 5), STR("(fwd)"))) {
			s.n -= 5;
			*reply = true;
		} else {
			return s;
		}
	}
}

/* Steps 3 to 5: leaders, and blobs that leave something behind them. */
static struct str
without_leaders(struct str s, bool *reply)
{
	for (;;) {
		struct str t = s = skip_blanks(s);

		while (take_blob(&t))
			;
		if (take_refwd(&t)) {
			s = t;
			*reply = true;
			continue;
		}
		t = s;
		if (!take_blob(&t) || t.n == 0)
			return s;
		s = t;
	}
}

void
mime_base_subject(struct buf *out, struct str decoded, bool *reply_r)
{
	struct buf flat = {0};
	struct str s;
	bool reply = false, wrapped;

	/* Step 1: runs of white space become one space. */
	decoded = cut(decoded);
	for (size_t i = 0; i < decoded.n; i++) {
		bool blank = decoded.p[i] == ' ' || decoded.p[i] == '\t';

		if (!blank || (flat.n > 0 && flat.p[flat.n - 1] != ' '))
			buf_addc(&flat, blank ? ' ' : decoded.p[i]);
	}
	s = buf_str(&flat);
	do {
		s = without_trailers(s, &reply);
		s = without_leaders(s, &reply);
		/* Step 6: "[fwd: ... ]" */
		wrapped = str_case_starts(s, STR("[fwd:")) && s.p[s.n - 1] == ']';
		if (wrapped) {
			s = str_of(s.p + 5, s.n - 6);
			reply = true;
		}
	} while (wrapped);
	buf_add(out, s);
	buf_free(&flat);
	*reply_r = reply;
}

static void
casemap_ascii(struct buf *out, struct str s)
{
	char *p = buf_room(out, s.n);

	if (p == NULL)
		return;
	for (size_t i = 0; i < s.n; i++)
		p[i] = ascii_upper(s.p[i]);
	buf_wrote(out, s.n);
}

void
mime_casemap(struct buf *out, struct str s)
{
	size_t len;

	if (str_is_ascii(s)) {
		casemap_ascii(out, s);
		return;
	}
	if (!utf8_valid(s)) {
		buf_add(out, s);
		return;
	}
	for (; s.n > 0; s = str_from(s, len)) {
		utf8proc_int32_t to[32];
		int boundary = 0;
		int32_t c = utf8_next(s, &len);
		utf8proc_ssize_t n;

		n = utf8proc_decompose_char(utf8proc_totitle(c), to, 32,
		    UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT, &boundary);
		if (n < 0 || n > 32) {
			to[0] = c;
			n = 1;
		}
		for (utf8proc_ssize_t i = 0; i < n; i++)
			utf8_add(out, (uint32_t)to[i]);
	}
}

void
mime_collate(struct buf *out, enum mime_collation c, struct str utf8)
{
	switch (c) {
	case MIME_UNICODE_CASEMAP:
		mime_casemap(out, utf8);
		break;
	case MIME_ASCII_CASEMAP:
		casemap_ascii(out, utf8);
		break;
	case MIME_OCTET:
		buf_add(out, utf8);
		break;
	}
}

/* The key of text that could be decoded, or of the octets of what could not. */
static void
key_add(struct buf *out, enum mime_collation c, struct str text, bool decoded)
{
	text = cut(text);
	if (decoded) {
		mime_collate(out, c, text);
	} else if (text.n > 0) {
		buf_addc(out, MIME_KEY_OCTETS);
		buf_add(out, text);
	}
}

void
mime_subject_key(struct buf *out, enum mime_collation c, struct str raw, struct str charset, bool *reply_r)
{
	struct buf text = {0}, octets = {0}, base = {0};
	bool decoded = mime_header_strict(&text, &octets, str_head(raw, 16384), charset);

	mime_base_subject(&base, buf_str(decoded ? &text : &octets), reply_r);
	key_add(out, c, buf_str(&base), decoded);
	buf_free(&text);
	buf_free(&octets);
	buf_free(&base);
}

static bool
first_address(struct arena *a, struct str raw, struct mime_address *address_r)
{
	struct mime_addresses list;

	mime_addresses_init(&list, a, raw);
	list.left = 1;
	return mime_address_next(&list, address_r);
}

void
mime_address_key(struct buf *out, enum mime_collation c, struct str raw)
{
	struct arena arena = {0};
	struct mime_address a;

	/* RFC 5256 2.2 sorts by addr-mailbox of the envelope, which of a group is its name. */
	if (first_address(&arena, raw, &a)) {
		struct str s = a.kind == MIME_GROUP_START ? a.name : a.local;

		key_add(out, c, s, utf8_valid(s));
	}
	arena_free(&arena);
}

static void
add_mailbox(struct buf *out, const struct mime_address *a)
{
	buf_add(out, a->local);
	if (a->domain.n > 0) {
		buf_addc(out, '@');
		buf_add(out, a->domain);
	}
}

void
mime_display_key(struct buf *out, enum mime_collation c, struct str raw, struct str charset)
{
	struct arena arena = {0};
	struct mime_address a;
	struct buf text = {0}, octets = {0};
	bool decoded;

	if (first_address(&arena, raw, &a)) {
		decoded = mime_header_strict(&text, &octets, a.name, charset);
		/* A name that says nothing is none. */
		if (text.n == 0) {
			add_mailbox(&text, &a);
			add_mailbox(&octets, &a);
			decoded = utf8_valid(buf_str(&text));
		}
		key_add(out, c, buf_str(decoded ? &text : &octets), decoded);
	}
	buf_free(&text);
	buf_free(&octets);
	arena_free(&arena);
}
