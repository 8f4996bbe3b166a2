/* SPDX-License-Identifier: Apache-2.0 */
/* Texts in other languages: the catalogue, language tags and ranges. */
#include "session/language.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST LANGUAGE_DE /* the first that is not the language of the sources */

static const char *const tags[LANGUAGES] = {
#define L(name, tag, doc) tag,
#include "session/languages.tbl"
#undef L
};

/* Sorted by the English text. */
static const struct text {
	const char *english, *in[LANGUAGES - FIRST];
} texts[] = {
#define T(english, ...) {english, {__VA_ARGS__}},
#include "session/language.tbl"
#undef T
};

static const char *const names[LANGUAGES] = {
#define L(name, tag, doc) doc,
#include "session/languages.tbl"
#undef L
};

const char *
language_name(enum language l)
{
	return names[l];
}

const char *
language_tag(enum language l)
{
	return tags[l];
}

/* LANGUAGES: none of ours. */
static enum language
find_tag(struct str tag)
{
	unsigned i = 0;

	while (i < LANGUAGES && !str_caseeq(tag, str_c(tags[i])))
		i++;
	return (enum language)i;
}

bool
language_find(const char *tag, uint8_t *language_r)
{
	enum language l = find_tag(str_c(tag));

	if (l == LANGUAGES)
		return false;
	*language_r = (uint8_t)l;
	return true;
}

/* ---- texts ---- */

static int
compare(const void *key, const void *row)
{
	return strcmp(key, ((const struct text *)row)->english);
}

static const char *
find(enum language l, const char *english)
{
	const struct text *t =
	    bsearch(english, texts, sizeof(texts) / sizeof(texts[0]), sizeof(texts[0]), compare);

	return t ? t->in[l - FIRST] : NULL;
}

/* The name of a command at the text's front: "FETCH", "UID EXPUNGE"; 0: there is none. */
static size_t
command_name(const char *s)
{
	size_t n = strncmp(s, "UID ", 4) == 0 ? 4 : 0, from = n;

	while ((s[n] >= 'A' && s[n] <= 'Z') || (s[n] >= '0' && s[n] <= '9'))
		n++;
	return n >= from + 2 && s[n] == ' ' ? n : 0;
}

/* "FETCH completed" by the row of "%s completed". */
static const char *
find_general(enum language l, const char *english)
{
	static _Thread_local char made[400];
	size_t n = command_name(english);
	const char *pattern, *at;
	int len;

	if (n == 0)
		return NULL;
	len = snprintf(made, sizeof(made), "%%s%s", english + n);
	if (len < 0 || (size_t)len >= sizeof(made) || (pattern = find(l, made)) == NULL || (at = strstr(pattern, "%s")) == NULL)
		return NULL;
	snprintf(made, sizeof(made), "%.*s%.*s%s", (int)(at - pattern), pattern, (int)n, english, at + 2);
	return made;
}

const char *
language_translate(enum language l, const char *english)
{
	const char *s;

	if (l < FIRST)
		return english;
	if ((s = find(l, english)) == NULL && (s = find_general(l, english)) == NULL)
		return english;
	return s;
}

/* ---- tags ---- */

/* language-range = (1*8ALPHA *("-" 1*8alphanum)) / "*", RFC 4647 2.1 */
static bool
range_ok(struct str range)
{
	struct str rest = range, subtag;
	bool first = true;

	if (range.n == 0 || range.p[range.n - 1] == '-')
		return false;
	while (str_split(&rest, '-', &subtag)) {
		if (subtag.n == 0 || subtag.n > 8)
			return false;
		for (size_t i = 0; i < subtag.n; i++)
			if (!ascii_alpha(subtag.p[i]) && (first || !ascii_digit(subtag.p[i])))
				return false;
		first = false;
	}
	return true;
}

/* Without the last subtag, and without one of a single letter before it (RFC 4647 3.4). */
static struct str
shorter(struct str range)
{
	do {
		while (range.n > 0 && range.p[range.n - 1] != '-')
			range.n--;
		if (range.n > 0)
			range.n--;
	} while (range.n >= 2 && range.p[range.n - 2] == '-');
	return range;
}

enum status
language_lookup(struct str range, enum language *l_r)
{
	enum language l;

	if (str_eq(range, STR("*")))
		return ERR_AGAIN;
	if (!range_ok(range))
		return ERR_BAD_INPUT;
	for (; range.n > 0; range = shorter(range))
		if ((l = find_tag(range)) < LANGUAGES) {
			*l_r = l;
			return OK;
		}
	return ERR_NOT_FOUND;
}
