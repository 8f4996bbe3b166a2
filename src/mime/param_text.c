/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters as text: RFC 2231 continuations, charsets and percent signs. */
#include "base/utf8.h"
#include "mime/header.h"
#include "mime/params.h"

#define SECTIONS_MAX 100
#define CHARSETS_TRIED 3

/* The sections of one parameter, by number; those with a star are percent-encoded. */
struct sections {
	const struct mime_param *at[SECTIONS_MAX];
	bool encoded[SECTIONS_MAX];
	uint32_t n; /* one past the highest seen */
};

/* What follows the name in "filename*1*": its section and whether it is encoded. */
static bool
section_of(struct str suffix, uint32_t *section_r, bool *encoded_r)
{
	uint64_t n = 0;

	if (suffix.n == 0 || suffix.p[0] != '*')
		return false;
	suffix = str_from(suffix, 1);
	*encoded_r = suffix.n == 0 || suffix.p[suffix.n - 1] == '*';
	suffix = str_trim_suffix(suffix, '*');
	if (suffix.n > 0 && !str_u64(suffix, SECTIONS_MAX - 1, &n))
		return false;
	*section_r = (uint32_t)n;
	return true;
}

static void
sections_find(struct sections *s, const struct mime_param *params, uint32_t n, struct str name)
{
	*s = (struct sections){0};
	for (uint32_t i = 0; i < n; i++) {
		uint32_t k;
		bool encoded;

		if (params[i].name.n <= name.n || !str_case_starts(params[i].name, name) ||
		    !section_of(str_from(params[i].name, name.n), &k, &encoded) || s->at[k] != NULL)
			continue;
		s->at[k] = &params[i];
		s->encoded[k] = encoded;
		if (k >= s->n)
			s->n = k + 1;
	}
}

static void
percent_decode(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		int hi, lo;

		if (s.p[i] == '%' && i + 2 < s.n && (hi = ascii_hex(s.p[i + 1])) >= 0 &&
		    (lo = ascii_hex(s.p[i + 2])) >= 0) {
			buf_addc(out, (char)(hi << 4 | lo));
			i += 2;
		} else {
			buf_addc(out, s.p[i]);
		}
	}
}

/* Splits charset'language' off the first section. */
static struct str
take_charset(struct str *value)
{
	size_t a = str_chr(*value, '\''), b = a + 1 + str_chr(str_from(*value, a + 1), '\'');
	struct str charset = str_head(*value, a);

	if (a >= value->n || b >= value->n)
		return STR_NONE;
	*value = str_from(*value, b + 1);
	return charset;
}

/* The sections' bytes, not converted; a gap ends it (RFC 2231 3). *charset_r: as the first tells. */
static void
sections_octets(struct buf *bytes, const struct sections *s, struct str *charset_r)
{
	*charset_r = STR_NONE;
	for (uint32_t k = 0; k < s->n && s->at[k] != NULL; k++) {
		struct str value = s->at[k]->value;

		if (k == 0 && s->encoded[0])
			*charset_r = take_charset(&value);
		if (s->encoded[k])
			percent_decode(bytes, value);
		else
			buf_add(bytes, value);
	}
}

static void
sections_text(struct buf *out, const struct sections *s)
{
	struct buf bytes = {0};
	struct str charset;

	sections_octets(&bytes, s, &charset);
	if (bytes.n > 0 && !mime_charset_convert(out, charset, buf_str(&bytes), false))
		(void)mime_charset_convert(out, STR_NONE, buf_str(&bytes), false);
	buf_free(&bytes);
}

struct str
mime_param_octets(struct arena *a, const struct mime_param *params, uint32_t n, struct str name)
{
	struct buf bytes = {0};
	struct sections s;
	struct str charset, value;

	sections_find(&s, params, n, name);
	if (s.n == 0 || s.at[0] == NULL)
		return mime_param_get(params, n, name);
	sections_octets(&bytes, &s, &charset);
	value = arena_str(a, buf_str(&bytes));
	buf_free(&bytes);
	return value;
}

/* A name has no parentheses: "us-ascii(Plain text)" has a comment stuck to it. */
static struct str
charset_name(struct str value)
{
	return str_trim(str_head(value, str_chr(value, '(')));
}

struct str
mime_charset_param(struct arena *a, const struct mime_param *params, uint32_t n)
{
	struct str name = STR("charset"), first = charset_name(mime_param_octets(a, params, n, name)), value;
	int others = 0;

	/* Looking for a name that nobody knows costs: few are tried. */
	for (uint32_t i = 0; i < n && others < CHARSETS_TRIED; i++) {
		value = charset_name(params[i].value);
		if (!str_caseeq(params[i].name, name) || value.n == 0 || str_caseeq(value, first))
			continue;
		if (others++ == 0 && mime_charset_known(first))
			return first;
		if (mime_charset_known(value))
			return value;
	}
	return first;
}

/* ---- joined, for BODYSTRUCTURE ---- */

/* Bytes that stand for themselves in an extended value (RFC 2231 7, attribute-char). */
static bool
is_attribute_char(char c)
{
	return c > ' ' && c < 0x7f && strchr("*'%()<>@,;:\\\"/[]?=", c) == NULL;
}

void
mime_percent_encode(struct buf *out, struct str s)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (is_attribute_char(s.p[i])) {
			buf_addc(out, s.p[i]);
		} else {
			buf_addc(out, '%');
			buf_addc(out, hex[c >> 4]);
			buf_addc(out, hex[c & 15]);
		}
	}
}

/* The sections as one parameter: an extended one if any of them is. */
static struct mime_param
sections_join(struct arena *a, const struct sections *s, struct str name)
{
	struct buf value = {0}, joined = {0};
	struct mime_param param;
	bool extended = false;

	for (uint32_t k = 0; k < s->n && s->at[k] != NULL; k++)
		extended |= s->encoded[k];
	if (extended && !s->encoded[0])
		buf_add(&value, STR("''"));
	for (uint32_t k = 0; k < s->n && s->at[k] != NULL; k++) {
		if (extended && !s->encoded[k])
			mime_percent_encode(&value, s->at[k]->value);
		else
			buf_add(&value, s->at[k]->value);
	}
	buf_add(&joined, name);
	if (extended)
		buf_addc(&joined, '*');
	param = (struct mime_param){arena_str(a, buf_str(&joined)), arena_str(a, buf_str(&value))};
	buf_free(&value);
	buf_free(&joined);
	return param;
}

/* Whether a parameter is one of the sections that are joined. */
static bool
is_joined(const struct sections *s, const struct mime_param *param)
{
	for (uint32_t k = 0; k < s->n && s->at[k] != NULL; k++)
		if (s->at[k] == param)
			return true;
	return false;
}

/* The name of which the parameter may be the numbered piece; empty: it is none. */
static struct str
piece_of(struct str name)
{
	size_t star = str_chr(name, '*');
	bool encoded;
	uint32_t k;

	if (star + 1 >= name.n || !ascii_digit(name.p[star + 1]) || !section_of(str_from(name, star), &k, &encoded))
		return STR("");
	return str_head(name, star);
}

struct mime_param *
mime_params_join(struct arena *a, const struct mime_param *params, uint32_t n, uint32_t *n_r)
{
	struct mime_param *out = arena_array(a, n ? n : 1, sizeof(*out));
	bool *done = arena_array(a, n ? n : 1, sizeof(*done));
	struct sections s;
	uint32_t m = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct str name = piece_of(params[i].name);

		if (done[i])
			continue;
		if (name.n > 0)
			sections_find(&s, params, n, name);
		/* "name*" is a whole value of its own, it may stand beside pieces. */
		if (name.n == 0 || s.at[0] == NULL || piece_of(s.at[0]->name).n == 0 || !is_joined(&s, &params[i])) {
			out[m++] = params[i];
			continue;
		}
		for (uint32_t k = i; k < n; k++)
			done[k] |= is_joined(&s, &params[k]);
		out[m++] = sections_join(a, &s, name);
	}
	*n_r = m;
	return out;
}

bool
mime_param_text(struct buf *out, const struct mime_param *params, uint32_t n, struct str name)
{
	struct sections s;
	struct str plain;

	sections_find(&s, params, n, name);
	if (s.n > 0 && s.at[0] != NULL) {
		sections_text(out, &s);
		return true;
	}
	plain = mime_param_get(params, n, name);
	if (plain.p == NULL)
		return false;
	mime_header_text(out, plain, STR_NONE);
	return true;
}

bool
mime_part_filename(struct buf *out, const struct mime_part *part)
{
	return mime_param_text(out, part->disposition_params, part->n_disposition_params, STR("filename")) ||
	    mime_param_text(out, part->params, part->n_params, STR("name"));
}
