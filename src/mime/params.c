/* SPDX-License-Identifier: Apache-2.0 */
/* Content-Type, Content-Disposition and their relatives: RFC 2045 5, 2183, 3282, 2557, 1864. */
#include "mime/params.h"
#include "base/assert.h"
#include "mime/comment.h"

#include "mime/header.h"

/* Of one field; mime_limits may allow fewer. */
#define PARAMS_MAX 128

static struct str
skip_cfws(struct str s)
{
	while (s.n > 0) {
		if (is_space(s.p[0]))
			s = str_from(s, 1);
		else if (s.p[0] == '(')
			s = str_from(s, comment_end(s, 0));
		else
			break;
	}
	return s;
}

/* Whether the word at i, after a blank, begins the next parameter: somebody forgot the ';'. */
static bool
begins_param(struct str s, size_t i)
{
	size_t start = i;

	while (i < s.n && i - start < 32 && (ascii_alpha(s.p[i]) || s.p[i] == '-' || s.p[i] == '*'))
		i++;
	return i > start && i + 1 < s.n && s.p[i] == '=' && s.p[i + 1] != '=' && s.p[i + 1] != '?';
}

/* Up to a ';', without blanks at its end and without a comment there. Blanks inside stay: "name=my
 * file.txt" is common abuse. */
static struct str
bare_value(struct str *rest)
{
	struct str s = *rest;
	size_t i = 0, n = 0;

	while (i < s.n && s.p[i] != ';') {
		bool begins = i > 0 && is_space(s.p[i - 1]);

		if (s.p[i] == '(' && (i == 0 || begins)) {
			i = comment_end(s, i);
			continue;
		}
		if (begins && begins_param(s, i))
			break;
		if (!is_space(s.p[i]))
			n = i + 1;
		i++;
	}
	ensure(n <= i && i <= s.n);
	*rest = str_from(s, i);
	return str_head(s, n);
}

/* Without the line ends of folding and, where quoted, without backslashes before '"' and '\'. Other
 * backslashes stay: they are parts of DOS paths far more often than quoting. */
static struct str
plain_value(struct arena *a, struct str s, bool quoted)
{
	char *p;
	size_t n = 0;

	if (s.n == 0 || (memchr(s.p, '\n', s.n) == NULL && memchr(s.p, '\r', s.n) == NULL &&
	    (!quoted || memchr(s.p, '\\', s.n) == NULL)))
		return s;
	p = arena_alloc(a, s.n);
	for (size_t i = 0; i < s.n; i++) {
		char next = i + 1 < s.n ? s.p[i + 1] : '\0';

		if (s.p[i] == '\n' || s.p[i] == '\r')
			continue;
		if (quoted && s.p[i] == '\\' && (next == '"' || next == '\\'))
			i++;
		p[n++] = s.p[i];
	}
	ensure(n <= s.n);
	return str_of(p, n);
}

/* The value after '='. An unterminated quoted string takes the rest. */
static struct str
param_value(struct arena *a, struct str *rest)
{
	struct str s = skip_cfws(*rest);
	size_t i = 1;

	if (s.n == 0 || s.p[0] != '"') {
		*rest = s;
		return plain_value(a, bare_value(rest), false);
	}
	while (i < s.n && s.p[i] != '"')
		i += s.p[i] == '\\' ? 2 : 1;
	if (i > s.n)
		i = s.n;
	*rest = str_from(s, i + 1);
	return plain_value(a, str_of(s.p + 1, i - 1), true);
}

static bool
param_next(struct arena *a, struct str *rest, struct mime_param *param_r)
{
	while (rest->n > 0) {
		struct str s = skip_cfws(*rest);
		size_t i = 0, n;

		while (i < s.n && s.p[i] != '=' && s.p[i] != ';' && !is_space(s.p[i]) && s.p[i] != '(')
			i++;
		n = i;
		*rest = skip_cfws(str_from(s, i));
		if (n == 0 || rest->n == 0 || rest->p[0] != '=') {
			/* Not a parameter: on to the next ';'. */
			*rest = str_from(*rest, str_chr(*rest, ';') + 1);
			continue;
		}
		*rest = str_from(*rest, 1);
		param_r->name = str_head(s, n);
		param_r->value = param_value(a, rest);
		*rest = skip_cfws(*rest);
		if (rest->n > 0 && rest->p[0] == ';')
			*rest = str_from(*rest, 1);
		return true;
	}
	return false;
}

/* Whether a comment begins at i, and where it ends. One that does not end is no comment, nor is what stands behind it: it is looked for once. */
static bool
skip_comment(struct str s, size_t i, bool *open, size_t *end_r)
{
	if (*open || s.p[i] != '(')
		return false;
	*end_r = comment_end(s, i);
	*open = *end_r <= i + 1 || s.p[*end_r - 1] != ')';
	return !*open;
}

/* The word in front of the parameters, comments in it undone wherever they stand: "text (a;b) / html". A blank is left of each. */
static struct str
first_word(struct arena *a, struct str *rest)
{
	struct str s = *rest, word;
	size_t i = 0, n = 0, end;
	bool plain = true, open = false;
	char *p;

	while (i < s.n && s.p[i] != ';') {
		if (skip_comment(s, i, &open, &end)) {
			plain = false;
			i = end;
			continue;
		}
		if (i > 0 && is_space(s.p[i - 1]) && begins_param(s, i))
			break;
		i++;
	}
	*rest = str_from(s, i);
	word = str_trim(str_head(s, i));
	if (plain)
		return plain_value(a, word, false);
	p = arena_alloc(a, word.n);
	open = false;
	for (i = 0; i < word.n;) {
		if (skip_comment(word, i, &open, &end)) {
			p[n++] = ' ';
			i = end;
		} else {
			p[n++] = word.p[i++];
		}
	}
	ensure(n <= word.n);
	return plain_value(a, str_trim(str_of(p, n)), false);
}

struct str
mime_params_parse(struct arena *a, struct str raw, uint32_t max, struct mime_param **params_r, uint32_t *n_r)
{
	struct mime_param found[PARAMS_MAX];
	uint32_t n = 0;
	struct str rest = skip_cfws(raw), word = first_word(a, &rest);

	if (rest.n > 0 && rest.p[0] == ';')
		rest = str_from(rest, 1);
	if (max > PARAMS_MAX)
		max = PARAMS_MAX;
	while (n < max && param_next(a, &rest, &found[n]))
		n++;
	ensure(n <= max);
	*n_r = n;
	*params_r = arena_copy(a, found, n, n, sizeof(found[0]));
	return word;
}

struct str
mime_param_get(const struct mime_param *params, uint32_t n, struct str name)
{
	for (uint32_t i = 0; i < n; i++)
		if (str_caseeq(params[i].name, name))
			return params[i].value;
	return STR_NONE;
}

/* A token of RFC 2045 5.1, as far as a type needs: something visible without specials. */
static bool
is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] == 0x7f || strchr("()<>@,;:\\\"/[]?=", s.p[i]) != NULL)
			return false;
	return s.n > 0;
}

/* Without blanks and comments at its end. */
static struct str
trim_end(struct str s)
{
	size_t i = 0;

	while (i < s.n && !is_space(s.p[i]) && s.p[i] != '(')
		i++;
	return str_head(s, i);
}

static enum mime_kind
kind_of(struct str type, struct str subtype)
{
	if (str_caseeq(type, STR("text")))
		return MIME_LEAF_TEXT;
	if (str_caseeq(type, STR("multipart")))
		return MIME_MULTIPART;
	if (str_caseeq(type, STR("message")) &&
	    (str_caseeq(subtype, STR("rfc822")) || str_caseeq(subtype, STR("global"))))
		return MIME_MESSAGE;
	return MIME_LEAF;
}

static void
read_type(struct arena *a, struct mime_part *part, struct str raw, uint32_t max)
{
	struct str word = mime_params_parse(a, raw, max, &part->params, &part->n_params);
	size_t slash = str_chr(word, '/');
	struct str type = str_trim(str_head(word, slash)), subtype = trim_end(str_trim(str_from(word, slash + 1)));

	if (!is_token(type) || !is_token(subtype)) {
		part->flags |= MIME_TYPE_CHANGED;
		/* RFC 2045 5.2 says text/plain for what is not understood; that is right for "text" and an
		 * empty value, but would garble an archive that calls itself "x-zip" (T61). */
		if (word.n == 0 || str_caseeq(type, STR("text"))) {
			type = STR("text"), subtype = STR("plain");
		} else if (str_caseeq(type, STR("multipart"))) {
			type = STR("multipart"), subtype = STR("mixed");
		} else {
			type = STR("application"), subtype = STR("octet-stream");
		}
	}
	part->type = type;
	part->subtype = subtype;
}

static void
read_disposition(struct arena *a, struct mime_part *part, struct str raw, uint32_t max)
{
	struct str word = mime_params_parse(a, raw, max, &part->disposition_params, &part->n_disposition_params);

	word = trim_end(word);
	if (word.n == 0 && part->n_disposition_params > 0)
		word = STR("attachment");
	if (word.n > 0)
		part->disposition = word;
}

/* Content-Language: a list of tags (RFC 3282). */
static void
read_languages(struct arena *a, struct mime_part *part, struct str raw, uint32_t max)
{
	struct str rest = raw, piece;
	uint32_t n = 1;

	for (size_t i = 0; i < raw.n; i++)
		n += raw.p[i] == ',';
	if (n > max)
		n = max;
	part->languages = arena_array(a, n, sizeof(struct str));
	while (part->n_languages < n && str_split(&rest, ',', &piece)) {
		piece = trim_end(skip_cfws(piece));
		if (piece.n > 0)
			part->languages[part->n_languages++] = piece;
	}
}

static struct str
one_line(struct arena *a, struct str raw)
{
	return plain_value(a, str_trim(raw), false);
}

void
mime_part_read(struct arena *a, struct mime_part *part, const uint32_t *at, uint32_t n, uint32_t max, bool digest)
{
	part->type = digest ? STR("message") : STR("text");
	part->subtype = digest ? STR("rfc822") : STR("plain");
	for (uint32_t i = 0, seen = 0; i < n; i++) {
		struct str rest = str_from(part->header, at[i]);
		struct mime_field f;
		static const struct str names[] = {
			{"type", 4}, {"transfer-encoding", 17}, {"disposition", 11}, {"id", 2}, {"description", 11},
			{"language", 8}, {"location", 8}, {"md5", 3},
		};
		uint32_t k = 0;

		if (!mime_field_next(&rest, &f) || f.name.n < 8)
			continue;
		while (k < 8 && !str_caseeq(str_from(f.name, 8), names[k]))
			k++;
		if (k == 8 || seen & 1u << k)
			continue;
		seen |= 1u << k;
		switch (k) {
		case 0: read_type(a, part, f.value, max); break;
		case 1: part->encoding = one_line(a, f.value); break;
		case 2: read_disposition(a, part, f.value, max); break;
		case 3: part->id = one_line(a, f.value); break;
		case 4: part->description = one_line(a, f.value); break;
		case 5: read_languages(a, part, f.value, max); break;
		case 6: part->location = one_line(a, f.value); break;
		case 7: part->md5 = one_line(a, f.value); break;
		}
	}
	part->cte = mime_cte_of(part->encoding);
	part->kind = kind_of(part->type, part->subtype);
	if (part->kind == MIME_LEAF_TEXT)
		part->charset = mime_charset_param(a, part->params, part->n_params);
}
