/* SPDX-License-Identifier: Apache-2.0 */
/* A header without 8-bit bytes, field by field. */
#include "mime/downgrade.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/utf8.h"
#include "mime/address.h"
#include "mime/header.h"
#include "mime/params.h"

#define PARAMS_MAX 100
#define NOBODY "invalid@internationalized-address.invalid" /* RFC 6858 2.1, RFC 2606 */

enum kind { TEXT, ADDRESSES, PATH, PARAMS, GOES };

/* What is none of these is text. */
static const struct {
	const char *name;
	enum kind kind;
} fields[] = {
    {"bcc", ADDRESSES}, {"cc", ADDRESSES}, {"from", ADDRESSES}, {"reply-to", ADDRESSES}, {"resent-bcc", ADDRESSES}, {"resent-cc", ADDRESSES},
    {"resent-from", ADDRESSES}, {"resent-reply-to", ADDRESSES}, {"resent-sender", ADDRESSES}, {"resent-to", ADDRESSES}, {"sender", ADDRESSES},
    {"to", ADDRESSES}, {"mail-followup-to", ADDRESSES}, {"disposition-notification-to", ADDRESSES}, {"return-path", PATH},
    {"content-type", PARAMS}, {"content-disposition", PARAMS},
    {"message-id", GOES}, {"in-reply-to", GOES}, {"references", GOES}, {"resent-message-id", GOES}, {"received", GOES}, {"date", GOES},
    {"resent-date", GOES}, {"mime-version", GOES}, {"content-transfer-encoding", GOES}, {"content-id", GOES}, {"content-location", GOES},
    {"content-language", GOES}, {"delivered-to", GOES}, {"original-recipient", GOES}, {"final-recipient", GOES}, {"dkim-signature", GOES},
    {"arc-seal", GOES}, {"arc-message-signature", GOES}, {"arc-authentication-results", GOES}, {"authentication-results", GOES},
    {"received-spf", GOES},
};

static enum kind
kind_of(struct str name)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (str_caseeq(name, str_c(fields[i].name)))
			return fields[i].kind;
	return TEXT;
}

static void
mask(struct buf *out, struct str s)
{
	size_t at = out->n;

	buf_add(out, s);
	for (; at < out->n; at++)
		if ((unsigned char)out->p[at] >= 0x80)
			out->p[at] = '?';
}

/* ---- values ---- */

/* UTF-8 as encoded words, one a line (RFC 2047 2): what follows begins behind the last. */
static void
add_words(struct buf *out, struct str utf8)
{
	struct buf words = {0};

	mime_encode_words(&words, utf8);
	for (size_t i = 0; i < words.n; i++) {
		if (words.p[i] == ' ')
			buf_adds(out, "\r\n");
		buf_addc(out, words.p[i]);
	}
	buf_free(&words);
}

static void
add_quoted(struct buf *out, struct str s)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_addc(out, '\\');
		if (s.p[i] != '\r' && s.p[i] != '\n')
			buf_addc(out, s.p[i]);
	}
	buf_addc(out, '"');
}

static bool
text_value(struct buf *out, struct str raw)
{
	struct buf text = {0};

	mime_header_text(&text, str_trim(raw), STR_NONE);
	add_words(out, buf_str(&text));
	buf_free(&text);
	return true;
}

/* A phrase (RFC 5322 3.2.5). */
static void
add_phrase(struct buf *out, struct str name)
{
	if (str_is_ascii(name) && str_find(name, STR("=?"), 0) == SIZE_MAX)
		add_quoted(out, name);
	else
		(void)text_value(out, name);
}

static bool
is_dot_atom(struct str s)
{
	bool dot = true;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' && dot)
			return false;
		dot = s.p[i] == '.';
		if (!dot && !ascii_alpha(s.p[i]) && !ascii_digit(s.p[i]) && (s.p[i] == '\0' || strchr("!#$%&'*+-/=?^_`{|}~", s.p[i]) == NULL))
			return false;
	}
	return !dot;
}

/* Of ASCII addresses the local part needs no more than quotes; a domain's comments are gone already. */
static void
add_mailbox(struct buf *out, const struct mime_address *a)
{
	struct buf shown = {0};

	if (str_is_ascii(a->local) && str_is_ascii(a->domain)) {
		if (a->name.n > 0) {
			add_phrase(out, a->name);
			buf_addc(out, ' ');
		}
		buf_addc(out, '<');
		if (is_dot_atom(a->local))
			buf_add(out, a->local);
		else
			add_quoted(out, a->local);
		if (a->domain.n > 0)
			buf_addc(out, '@');
		mask(out, a->domain);
		buf_addc(out, '>');
		return;
	}
	buf_add(&shown, a->name);
	buf_adds(&shown, a->name.n > 0 ? " " : "");
	buf_add(&shown, a->local);
	buf_adds(&shown, a->domain.n > 0 ? "@" : "");
	buf_add(&shown, a->domain);
	(void)text_value(out, buf_str(&shown));
	buf_adds(out, " <" NOBODY ">");
	buf_free(&shown);
}

static bool
addresses_value(struct buf *out, struct str raw)
{
	struct arena arena = {0};
	struct mime_addresses list;
	struct mime_address a;
	bool any = false, comma = false;

	mime_addresses_init(&list, &arena, raw);
	for (; mime_address_next(&list, &a); any = true) {
		if (a.kind != MIME_GROUP_END && comma)
			buf_adds(out, ",\r\n ");
		comma = a.kind != MIME_GROUP_START;
		switch (a.kind) {
		case MIME_ADDRESS: add_mailbox(out, &a); break;
		case MIME_GROUP_START:
			add_phrase(out, a.name);
			buf_adds(out, ": ");
			break;
		case MIME_GROUP_END: buf_addc(out, ';'); break;
		}
	}
	arena_free(&arena);
	return any;
}

static void
add_param(struct buf *out, const struct mime_param *p)
{
	struct buf text = {0};

	if (!str_is_ascii(p->name) || (!str_is_ascii(p->value) && str_chr(p->name, '*') < p->name.n))
		return;
	buf_adds(out, ";\r\n ");
	buf_add(out, p->name);
	if (str_is_ascii(p->value)) {
		buf_addc(out, '=');
		add_quoted(out, p->value);
		return;
	}
	buf_adds(out, "*=UTF-8''");
	mime_header_text(&text, p->value, STR_NONE);
	mime_percent_encode(out, buf_str(&text));
	buf_free(&text);
}

static bool
params_value(struct buf *out, struct str raw)
{
	struct arena arena = {0};
	struct mime_param *params;
	uint32_t n;
	struct str word = mime_params_parse(&arena, raw, PARAMS_MAX, &params, &n);

	mask(out, word);
	for (uint32_t i = 0; i < n; i++)
		add_param(out, &params[i]);
	arena_free(&arena);
	return word.n > 0;
}

/* ---- fields ---- */

/* False: the field goes. */
static bool
value_of(struct buf *out, const struct mime_field *f)
{
	switch (kind_of(f->name)) {
	case TEXT: return text_value(out, f->value);
	case ADDRESSES: return addresses_value(out, f->value);
	case PATH: buf_adds(out, "<" NOBODY ">"); return true;
	case PARAMS: return params_value(out, f->value);
	case GOES: break;
	}
	return false;
}

static void
add_field(const struct mime_downgrade *d, const struct mime_field *f, struct buf *out)
{
	struct buf value = {0};

	if (str_is_ascii(f->full) || (d->utf8 && utf8_valid(f->full))) {
		buf_add(out, f->full);
		return;
	}
	if (f->name.n > 0 && str_is_ascii(f->name) && value_of(&value, f)) {
		buf_add(out, f->name);
		buf_adds(out, ": ");
		buf_add(out, buf_str(&value));
		buf_adds(out, "\r\n");
	}
	buf_free(&value);
}

static size_t
line_size(struct str s)
{
	size_t n = str_chr(s, '\n');

	return n < s.n ? n + 1 : n;
}

/* What of a long field is there. */
static size_t
go_on(struct mime_downgrade *d, struct str in, bool last, struct buf *out)
{
	size_t n = d->middle ? line_size(in) : 0;

	while (n < in.n && (in.p[n] == ' ' || in.p[n] == '\t'))
		n += line_size(str_from(in, n));
	mask(out, str_head(in, n));
	d->inside = n == in.n && !last;
	d->middle = n > 0 && in.p[n - 1] != '\n';
	return n;
}

size_t
mime_downgrade(struct mime_downgrade *d, struct str in, bool last, struct buf *out)
{
	size_t at = d->inside ? go_on(d, in, last, out) : 0;
	struct str rest = str_from(in, at);
	struct mime_field f;

	while (!d->inside && mime_field_next(&rest, &f)) {
		if (rest.n == 0 && !last) {
			if (at > 0)
				return at;
			mask(out, f.full);
			d->inside = true;
			d->middle = f.full.p[f.full.n - 1] != '\n';
		} else {
			add_field(d, &f, out);
		}
		at += f.full.n;
	}
	/* The empty line, and what a header that was cut by a delimiter has none of. */
	if (rest.n > 0 && !d->inside) {
		mask(out, rest);
		at = in.n;
	}
	ensure(at > 0 || in.n == 0);
	return at;
}
