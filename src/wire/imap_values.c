/* SPDX-License-Identifier: Apache-2.0 */
/* Readers of composed values: flags, dates, sections. */
#include "wire/imap_args.h"
#include "base/assert.h"
#include "wire/imap_char.h"

/* ---- flags ---- */

static bool
known(const struct arg_flags *flags, struct str keyword)
{
	for (size_t i = 0; i < flags->n; i++)
		if (str_caseeq(flags->keywords[i], keyword))
			return true;
	return false;
}

static enum status
add_keyword(struct arena *arena, struct arg_flags *flags, struct str s)
{
	if (s.n > FLAG_KEYWORD_MAX)
		return ERR_LIMIT;
	if (known(flags, s))
		return OK;
	if (flags->n == ARGS_FLAGS_MAX)
		return ERR_LIMIT;
	/* Room doubles at 0, 4, 8, 16...: a power of two means full. */
	ensure(flags->n < ARGS_FLAGS_MAX && s.n > 0);
	if (flags->n == 0 || (flags->n >= 4 && (flags->n & (flags->n - 1)) == 0))
		flags->keywords = arena_copy(arena, flags->keywords, flags->n, flags->n ? flags->n * 2 : 4, sizeof(*flags->keywords));
	/* A copy: APPEND keeps its flags while its command grows and moves. */
	flags->keywords[flags->n++] = arena_str(arena, s);
	return OK;
}

static enum status
read_flag(struct args *a, struct arg_flags *flags)
{
	struct str s;
	size_t at = a->at;
	unsigned bit;

	if (!arg_char(a, '\\'))
		return arg_atom(a, &s) == OK ? add_keyword(a->arena, flags, s) : ERR_BAD_INPUT;
	if (arg_atom(a, &s) != OK)
		return ERR_BAD_INPUT;
	bit = flag_bit(str_of(a->all.p + at, s.n + 1));
	if ((bit & (FLAG_ALL | FLAG_RECENT)) == 0)
		return ERR_BAD_INPUT;
	flags->recent |= bit & FLAG_RECENT;
	flags->system |= bit & FLAG_ALL;
	return OK;
}

static enum status
read_flags(struct args *a, struct arg_flags *flags_r)
{
	struct args b = *a;
	struct arg_flags flags = {0};
	enum status st;

	if (arg_peek(a) == '(') {
		if ((st = arg_open(&b)) != OK)
			return st;
		while (arg_more(&b))
			if ((st = read_flag(&b, &flags)) != OK)
				return st;
		if ((st = arg_close(&b)) != OK)
			return st;
	} else {
		do
			if ((st = read_flag(&b, &flags)) != OK)
				return st;
		while (arg_more(&b));
	}
	*a = b;
	*flags_r = flags;
	return OK;
}

enum status
arg_flags(struct args *a, struct arg_flags *flags_r)
{
	enum status st = read_flags(a, flags_r);

	return st == ERR_BAD_INPUT ? arg_expect(a, EXPECT_FLAGS) : st;
}

/* The bytes between two quotes; no escapes. */
static enum status
read_plain_quoted(struct args *a, struct str *s_r)
{
	struct str s = str_from(a->all, a->at);
	size_t n;

	if (s.n == 0 || s.p[0] != '"')
		return ERR_BAD_INPUT;
	s = str_from(s, 1);
	n = str_chr(s, '"');
	if (n == s.n)
		return ERR_BAD_INPUT;
	a->at += n + 2;
	*s_r = str_head(s, n);
	return OK;
}

/* Are these the characters of an atom, as a keyword has them? */
static bool
atom_is(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!atom_char(s.p[i]))
			return false;
	return s.n > 0;
}

enum status
arg_flag_keyword(struct args *a, struct str *s_r)
{
	struct args b = *a;
	struct str s;

	/* In quotes from KMail's library and old imapfilter (T104). */
	if ((arg_peek(a) == '"' ? read_plain_quoted(&b, &s) : arg_atom(&b, &s)) != OK || !atom_is(s))
		return arg_expect(a, EXPECT_KEYWORD);
	if (s.n > FLAG_KEYWORD_MAX)
		return ERR_LIMIT;
	a->at = b.at;
	*s_r = s;
	return OK;
}

/* ---- dates ---- */

enum status
arg_date(struct args *a, int32_t *days_r)
{
	struct args b = *a;
	struct str s;

	if ((arg_peek(a) == '"' ? read_plain_quoted(&b, &s) : arg_atom(&b, &s)) != OK ||
	    date_parse(s, days_r) != OK)
		return arg_expect(a, EXPECT_DATE);
	a->at = b.at;
	return OK;
}

enum status
arg_date_time(struct args *a, struct date_time *d_r)
{
	struct args b = *a;
	struct str s;

	if (read_plain_quoted(&b, &s) != OK || date_time_parse(s, d_r) != OK)
		return arg_expect(a, EXPECT_DATE_TIME);
	a->at = b.at;
	return OK;
}

/* ---- sections ---- */

/* "1.2.3" or nothing. Leaves the cursor at "." where a word follows; *dot_r tells. */
static enum status
read_part(struct args *a, struct section *sec)
{
	uint32_t part[SECTION_PARTS_MAX];
	size_t n = 0;

	if (!ascii_digit(arg_peek(a)))
		return OK;
	do {
		if (n == SECTION_PARTS_MAX)
			return ERR_LIMIT;
		if (arg_nz_number(a, &part[n]) != OK)
			return ERR_BAD_INPUT;
		n++;
	} while (arg_peek(a) == '.' && a->at + 1 < a->all.n && ascii_digit(a->all.p[a->at + 1]) &&
		 arg_char(a, '.'));
	ensure(n > 0 && n <= SECTION_PARTS_MAX);
	sec->part = arena_copy(a->arena, part, n, n, sizeof(*part));
	sec->parts = n;
	return OK;
}

/* " (name name)", RFC 9051 header-list. */
static enum status
read_fields(struct args *a, struct section *sec)
{
	struct str *field = NULL;
	size_t cap = 0;
	enum status st;

	if ((st = arg_space(a)) != OK || (st = arg_open(a)) != OK)
		return st;
	while (arg_more(a)) {
		if (sec->fields == SECTION_FIELDS_MAX)
			return ERR_LIMIT;
		if (sec->fields == cap) {
			cap = cap ? cap * 2 : 16;
			field = arena_copy(a->arena, field, sec->fields, cap, sizeof(*field));
		}
		if ((st = arg_astring(a, &field[sec->fields])) != OK)
			return st;
		if (field[sec->fields].n == 0)
			return ERR_BAD_INPUT;
		sec->fields++;
	}
	sec->field = field;
	if (sec->fields == 0)
		return ERR_BAD_INPUT;
	return arg_close(a);
}

/* section-text or section-msgtext. MIME needs a part before it. */
static enum status
read_kind(struct args *a, struct section *sec)
{
	struct str word;

	if (arg_item(a, &word) != OK)
		return ERR_BAD_INPUT;
	if (str_eq(word, STR("HEADER")))
		sec->kind = SECTION_HEADER;
	else if (str_eq(word, STR("TEXT")))
		sec->kind = SECTION_TEXT;
	else if (str_eq(word, STR("MIME")) && sec->parts > 0)
		sec->kind = SECTION_MIME;
	else if (str_eq(word, STR("HEADER.FIELDS")))
		sec->kind = SECTION_FIELDS;
	else if (str_eq(word, STR("HEADER.FIELDS.NOT")))
		sec->kind = SECTION_FIELDS_NOT;
	else
		return ERR_BAD_INPUT;
	return sec->kind == SECTION_FIELDS || sec->kind == SECTION_FIELDS_NOT ? read_fields(a, sec)
									      : OK;
}

/* "<first.count>" */
static enum status
read_partial(struct args *a, struct section *sec)
{
	if (!arg_char(a, '<'))
		return OK;
	if (arg_number64(a, &sec->first) != OK || !arg_char(a, '.') ||
	    arg_number64(a, &sec->count) != OK || sec->count == 0 || !arg_char(a, '>'))
		return ERR_BAD_INPUT;
	sec->partial = true;
	return OK;
}

static enum status
read_section(struct args *a, bool binary, struct section *sec_r)
{
	struct args b = *a;
	struct section sec = {.kind = SECTION_ALL};
	enum status st;

	if (!arg_char(&b, '['))
		return ERR_BAD_INPUT;
	if ((st = read_part(&b, &sec)) != OK)
		return st;
	if (arg_peek(&b) != ']') {
		if (binary || (sec.parts > 0 && !arg_char(&b, '.')))
			return ERR_BAD_INPUT;
		if ((st = read_kind(&b, &sec)) != OK)
			return st;
	}
	if (!arg_char(&b, ']'))
		return ERR_BAD_INPUT;
	if ((st = read_partial(&b, &sec)) != OK)
		return st;
	a->at = b.at;
	*sec_r = sec;
	return OK;
}

enum status
arg_section(struct args *a, bool binary, struct section *sec_r)
{
	enum status st = read_section(a, binary, sec_r);

	return st == ERR_BAD_INPUT ? arg_expect(a, EXPECT_SECTION) : st;
}
