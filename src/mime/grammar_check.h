/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grammar_check: reads ENVELOPE, BODY and BODYSTRUCTURE as RFC 3501 and 9051 9 write them, for the tests and
 * fuzz targets of this folder. Strict, and apart from the code that it checks.
 */
#ifndef MIME_GRAMMAR_CHECK_H
#define MIME_GRAMMAR_CHECK_H

#include <stdlib.h>
#include "base/utf8.h"

struct grammar {
	struct str s;
	bool utf8, bad;
};

static void
g_char(struct grammar *g, char c)
{
	if (g->s.n == 0 || g->s.p[0] != c)
		g->bad = true;
	else
		g->s = str_from(g->s, 1);
}

static bool
g_next_is(struct grammar *g, char c)
{
	return !g->bad && g->s.n > 0 && g->s.p[0] == c;
}

static bool
g_nil(struct grammar *g)
{
	if (!str_case_starts(g->s, STR("NIL")))
		return false;
	g->s = str_from(g->s, 3);
	return true;
}

static uint64_t
g_number(struct grammar *g)
{
	uint64_t n = 0;
	size_t i = 0;

	while (i < g->s.n && ascii_digit(g->s.p[i]))
		i++;
	if (!str_u64(str_head(g->s, i), INT64_MAX, &n) || (i > 1 && g->s.p[0] == '0'))
		g->bad = true;
	g->s = str_from(g->s, i);
	return n;
}

static struct str
g_quoted(struct grammar *g)
{
	size_t i = 1;

	for (; i < g->s.n && g->s.p[i] != '"'; i++) {
		unsigned char c = (unsigned char)g->s.p[i];

		if (c == '\\') {
			i++;
			if (i >= g->s.n || (g->s.p[i] != '"' && g->s.p[i] != '\\'))
				g->bad = true;
		} else if (c == 0 || c == '\r' || c == '\n' || (c >= 0x80 && !g->utf8)) {
			g->bad = true;
		}
	}
	if (i >= g->s.n || !utf8_valid(str_head(g->s, i))) {
		g->bad = true;
		return STR("");
	}
	struct str r = str_of(g->s.p + 1, i - 1);
	g->s = str_from(g->s, i + 1);
	return r;
}

static struct str
g_string(struct grammar *g)
{
	struct str r = STR("");
	size_t n;

	if (g_next_is(g, '"'))
		return g_quoted(g);
	g_char(g, '{');
	n = (size_t)g_number(g);
	g_char(g, '}');
	g_char(g, '\r');
	g_char(g, '\n');
	if (g->bad || n > g->s.n || (n > 0 && memchr(g->s.p, 0, n) != NULL)) {
		g->bad = true;
		return r;
	}
	r = str_head(g->s, n);
	g->s = str_from(g->s, n);
	return r;
}

static void
g_nstring(struct grammar *g)
{
	if (!g->bad && !g_nil(g))
		g_string(g);
}

static void
g_address(struct grammar *g)
{
	g_char(g, '(');
	for (int i = 0; i < 4; i++) {
		if (i > 0)
			g_char(g, ' ');
		g_nstring(g);
	}
	g_char(g, ')');
}

static void
g_envelope(struct grammar *g)
{
	g_char(g, '(');
	g_nstring(g);
	g_char(g, ' ');
	g_nstring(g);
	for (int i = 0; i < 6 && !g->bad; i++) {
		g_char(g, ' ');
		if (g_nil(g))
			continue;
		g_char(g, '(');
		do
			g_address(g);
		while (g_next_is(g, '('));
		g_char(g, ')');
	}
	g_char(g, ' ');
	g_nstring(g);
	g_char(g, ' ');
	g_nstring(g);
	g_char(g, ')');
}

static void
g_params(struct grammar *g)
{
	if (g->bad || g_nil(g))
		return;
	g_char(g, '(');
	do {
		if (g_next_is(g, ' '))
			g_char(g, ' ');
		g_string(g);
		g_char(g, ' ');
		g_string(g);
	} while (g_next_is(g, ' '));
	g_char(g, ')');
}

static void
g_extension(struct grammar *g)
{
	g_char(g, ' ');
	if (!g_nil(g)) {
		g_char(g, '(');
		g_string(g);
		g_char(g, ' ');
		g_params(g);
		g_char(g, ')');
	}
	g_char(g, ' ');
	if (g_next_is(g, '(')) {
		g_char(g, '(');
		g_string(g);
		while (g_next_is(g, ' ')) {
			g_char(g, ' ');
			g_string(g);
		}
		g_char(g, ')');
	} else {
		g_nstring(g);
	}
	g_char(g, ' ');
	g_nstring(g);
}

/* Recursive: what it reads is bounded by the parser's limits. */
static void
g_body(struct grammar *g, bool extended)
{
	struct str type, subtype;

	g_char(g, '(');
	if (g_next_is(g, '(')) {
		while (g_next_is(g, '('))
			g_body(g, extended);
		g_char(g, ' ');
		g_string(g);
		if (extended) {
			g_char(g, ' ');
			g_params(g);
			g_extension(g);
		}
		g_char(g, ')');
		return;
	}
	type = g_string(g);
	g_char(g, ' ');
	subtype = g_string(g);
	g_char(g, ' ');
	g_params(g);
	g_char(g, ' ');
	g_nstring(g);
	g_char(g, ' ');
	g_nstring(g);
	g_char(g, ' ');
	if (g_string(g).n == 0)
		g->bad = true;
	g_char(g, ' ');
	g_number(g);
	if (type.n == 0 || subtype.n == 0 || str_caseeq(type, STR("multipart")))
		g->bad = true;
	if (str_caseeq(type, STR("text"))) {
		g_char(g, ' ');
		g_number(g);
	} else if (str_caseeq(type, STR("message")) && (str_caseeq(subtype, STR("rfc822")) ||
	    (g->utf8 && str_caseeq(subtype, STR("global"))))) {
		g_char(g, ' ');
		g_envelope(g);
		g_char(g, ' ');
		if (!g->bad)
			g_body(g, extended);
		g_char(g, ' ');
		g_number(g);
	}
	if (extended) {
		g_char(g, ' ');
		g_nstring(g);
		g_extension(g);
	}
	g_char(g, ')');
}

static inline bool
grammar_envelope(struct str s, bool utf8)
{
	struct grammar g = {.s = s, .utf8 = utf8};

	g_envelope(&g);
	return !g.bad && g.s.n == 0;
}

static inline bool
grammar_body(struct str s, bool utf8, bool extended)
{
	struct grammar g = {.s = s, .utf8 = utf8};

	g_body(&g, extended);
	return !g.bad && g.s.n == 0;
}

#endif
