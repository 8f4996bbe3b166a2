/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters as text: RFC 2231 continuations, charsets and percent signs. */
#include "base/utf8.h"
#include "mime/header.h"
#include "mime/parser.h"

#define SECTIONS_MAX 100

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

static void
sections_text(struct buf *out, const struct sections *s)
{
	struct buf bytes = {0};
	struct str charset = STR_NONE;

	/* A gap ends it (RFC 2231 3). */
	for (uint32_t k = 0; k < s->n && s->at[k] != NULL; k++) {
		struct str value = s->at[k]->value;

		if (k == 0 && s->encoded[0])
			charset = take_charset(&value);
		if (s->encoded[k])
			percent_decode(&bytes, value);
		else
			buf_add(&bytes, value);
	}
	if (bytes.n > 0 && !mime_charset_convert(out, charset, buf_str(&bytes), false))
		(void)mime_charset_convert(out, STR_NONE, buf_str(&bytes), false);
	buf_free(&bytes);
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
