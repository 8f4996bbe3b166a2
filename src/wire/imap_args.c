/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens, strings, names, numbers, lists. Sets: imap_set.c. Flags, dates, sections:
 * imap_values.c. */
#include "wire/imap_args.h"

#include "base/assert.h"
#include "base/utf8.h"
#include "wire/imap_char.h"
#include "wire/mailbox_name.h"

void
args_init(struct args *a, struct str command, struct arena *arena, bool utf8)
{
	*a = (struct args){.all = command, .arena = arena, .utf8 = utf8, .depth_max = ARGS_DEPTH};
}

void
args_extend(struct args *a, struct str command)
{
	ensure(command.n >= a->at);
	a->all = command;
}

static struct str
rest(const struct args *a)
{
	ensure(a->at <= a->all.n);
	return str_from(a->all, a->at);
}

char
arg_peek(const struct args *a)
{
	return a->at < a->all.n ? a->all.p[a->at] : '\0';
}

bool
arg_char(struct args *a, char c)
{
	if (a->at >= a->all.n || a->all.p[a->at] != c)
		return false;
	a->at++;
	return true;
}

bool
arg_keyword(struct args *a, const char *word)
{
	struct str s = rest(a), w = str_c(word);

	if (!str_case_starts(s, w))
		return false;
	if (s.n > w.n && s.p[w.n] != '[' && astring_char(s.p[w.n]))
		return false;
	a->at += w.n;
	return true;
}

enum status
arg_space(struct args *a)
{
	/* What is missing is not the space: the next reader says what. */
	if (a->at == a->all.n || (a->depth > 0 && arg_peek(a) == ')'))
		return OK;
	if (!arg_char(a, ' '))
		return arg_expect(a, EXPECT_SPACE);
	while (arg_char(a, ' '))
		;
	return OK;
}

enum status
arg_end(struct args *a)
{
	size_t at = a->at;

	while (at < a->all.n && a->all.p[at] == ' ')
		at++;
	if (at < a->all.n)
		return arg_expect(a, EXPECT_END);
	a->at = at;
	return OK;
}

/* ---- atoms ---- */

static inline bool
item_char(char c)
{
	return ascii_alpha(c) || ascii_digit(c) || c == '.' || c == '-' || c == '_';
}

/* The longest non-empty run of bytes of a class. */
#define SPAN(name, class)                                        \
	static enum status name(struct args *a, struct str *s_r) \
	{                                                        \
		struct str s = rest(a);                          \
		size_t n = 0;                                    \
                                                                 \
		while (n < s.n && class(s.p[n]))                 \
			n++;                                     \
		if (n == 0)                                      \
			return ERR_BAD_INPUT;                    \
		a->at += n;                                      \
		*s_r = str_head(s, n);                           \
		return OK;                                       \
	}
SPAN(span_atom, atom_char)
SPAN(span_astring, astring_char)
SPAN(span_list, list_char)
SPAN(span_tag, tag_char)
SPAN(span_item, item_char)
#undef SPAN

static struct str
upper(struct arena *arena, struct str before, struct str s)
{
	char *p = arena_alloc(arena, before.n + s.n + 1);

	memcpy(p, before.p, before.n);
	for (size_t i = 0; i < s.n; i++)
		p[before.n + i] = ascii_upper(s.p[i]);
	return str_of(p, before.n + s.n);
}

enum status
arg_tag(struct args *a, struct str *tag_r)
{
	size_t at = a->at;
	struct str s;

	if (span_tag(a, &s) != OK)
		return ERR_BAD_INPUT;
	if (s.n > IMAP_TAG_MAX) {
		a->at = at;
		return ERR_LIMIT;
	}
	*tag_r = s;
	return OK;
}

enum status
arg_atom(struct args *a, struct str *s_r)
{
	return span_atom(a, s_r) == OK ? OK : arg_expect(a, EXPECT_ATOM);
}

enum status
arg_atom_upper(struct args *a, struct str *s_r)
{
	struct str s;

	if (span_atom(a, &s) != OK)
		return arg_expect(a, EXPECT_ATOM);
	*s_r = upper(a->arena, STR(""), s);
	return OK;
}

enum status
arg_item(struct args *a, struct str *s_r)
{
	struct str s;

	if (span_item(a, &s) != OK)
		return arg_expect(a, EXPECT_ATOM);
	*s_r = upper(a->arena, STR(""), s);
	return OK;
}

enum status
arg_command(struct args *a, struct str *name_r)
{
	struct str first, second;
	struct args b = *a;

	if (span_atom(&b, &first) != OK)
		return ERR_BAD_INPUT;
	if (str_caseeq(first, STR("UID"))) {
		if (arg_space(&b) != OK || span_atom(&b, &second) != OK)
			return ERR_BAD_INPUT;
		*name_r = upper(a->arena, STR("UID "), second);
	} else {
		*name_r = upper(a->arena, STR(""), first);
	}
	a->at = b.at;
	return OK;
}

/* ---- strings ---- */

/* The text of a quoted string from behind its opening quote to before its closing one; SIZE_MAX
 * if it does not end. */
static size_t
quoted_length(struct str s, bool *escaped_r)
{
	*escaped_r = false;
	for (size_t i = 0; i < s.n; i++) {
		switch (s.p[i]) {
		case '"': return i;
		case '\r':
		case '\n':
		case '\0': return SIZE_MAX;
		case '\\':
			if (++i == s.n || (s.p[i] != '"' && s.p[i] != '\\'))
				return SIZE_MAX;
			*escaped_r = true;
			break;
		default: break;
		}
	}
	return SIZE_MAX;
}

static struct str
unescape(struct arena *arena, struct str s)
{
	char *p = arena_alloc(arena, s.n);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		p[n++] = s.p[i];
	}
	ensure(n < s.n);
	return str_of(p, n);
}

static enum status
read_quoted(struct args *a, struct str *s_r)
{
	struct str s = str_from(rest(a), 1);
	bool escaped;
	size_t n = quoted_length(s, &escaped);

	ensure(arg_peek(a) == '"');
	if (n == SIZE_MAX)
		return ERR_BAD_INPUT;
	s = str_head(s, n);
	if (a->utf8 && !utf8_valid(s)) {
		a->not_utf8 = true;
		return ERR_BAD_INPUT;
	}
	a->at += n + 2;
	*s_r = escaped ? unescape(a->arena, s) : s;
	return OK;
}

/* [~]{n[+]} CRLF, without the bytes. */
static enum status
read_announcer(struct args *a, uint64_t *size_r, bool *binary_r)
{
	struct args b = *a;
	uint64_t size;
	bool binary = arg_char(&b, '~');

	if (!arg_char(&b, '{') || arg_number64(&b, &size) != OK)
		return ERR_BAD_INPUT;
	(void)arg_char(&b, '+');
	if (!arg_char(&b, '}') || !arg_char(&b, '\r') || !arg_char(&b, '\n'))
		return ERR_BAD_INPUT;
	a->at = b.at;
	*size_r = size;
	*binary_r = binary;
	return OK;
}

enum status
arg_literal_streamed(struct args *a, uint64_t *size_r, bool *binary_r)
{
	return read_announcer(a, size_r, binary_r) == OK ? OK : arg_expect(a, EXPECT_LITERAL);
}

static enum status
read_literal(struct args *a, struct str *s_r, bool *binary_r)
{
	struct args b = *a;
	uint64_t size;
	bool binary;

	if (read_announcer(&b, &size, &binary) != OK || (binary && binary_r == NULL))
		return ERR_BAD_INPUT;
	ensure(b.at <= b.all.n);
	if (size > b.all.n - b.at)
		return ERR_AGAIN;
	*s_r = str_head(rest(&b), (size_t)size);
	a->at = b.at + (size_t)size;
	if (binary_r != NULL)
		*binary_r = binary;
	return OK;
}

/* What a reader returned, with a note where nothing of the kind stands here. */
static enum status
expected(struct args *a, enum status st, enum arg_expected what)
{
	return st == ERR_BAD_INPUT ? arg_expect(a, what) : st;
}

static enum status
read_string(struct args *a, struct str *s_r)
{
	return arg_peek(a) == '"' ? read_quoted(a, s_r) : read_literal(a, s_r, NULL);
}

enum status
arg_string(struct args *a, struct str *s_r)
{
	return expected(a, read_string(a, s_r), EXPECT_STRING);
}

static enum status
read_astring(struct args *a, struct str *s_r)
{
	char c = arg_peek(a);

	return c == '"' || c == '{' ? read_string(a, s_r) : span_astring(a, s_r);
}

enum status
arg_astring(struct args *a, struct str *s_r)
{
	return expected(a, read_astring(a, s_r), EXPECT_ASTRING);
}

enum status
arg_nstring(struct args *a, struct str *s_r)
{
	if (!arg_keyword(a, "NIL"))
		return arg_string(a, s_r);
	*s_r = STR_NONE;
	return OK;
}

enum status
arg_nstring8(struct args *a, struct str *s_r, bool *binary_r)
{
	bool binary = false;
	enum status st = OK;

	if (arg_keyword(a, "NIL"))
		*s_r = STR_NONE;
	else if (arg_peek(a) == '"')
		st = read_quoted(a, s_r);
	else
		st = read_literal(a, s_r, &binary);
	if (st == OK && binary_r != NULL)
		*binary_r = binary;
	return expected(a, st, EXPECT_STRING);
}

/* ---- mailbox names ---- */

/* Reads by the given reader and makes the name canonical. ERR_CONFLICT: well formed, but no name. */
static enum status
read_name(struct args *a, enum status (*read)(struct args *, struct str *), bool strip,
    struct str *name_r)
{
	size_t at = a->at;
	struct str raw, name;
	enum status st = read(a, &raw);

	if (st == OK && (st = mailbox_name_canon(a->arena, raw, a->utf8, &name)) == ERR_BAD_INPUT && !a->utf8)
		st = ERR_CONFLICT;
	if (st != OK) {
		a->at = at;
		return st;
	}
	a->trailing_sep = name.n > 1 && name.p[name.n - 1] == '/';
	if (a->trailing_sep && strip)
		name.n--;
	*name_r = name;
	return OK;
}

static enum status
list_mailbox(struct args *a, struct str *s_r)
{
	char c = arg_peek(a);

	return c == '"' || c == '{' ? read_string(a, s_r) : span_list(a, s_r);
}

enum status
arg_mailbox(struct args *a, struct str *name_r)
{
	enum status st = read_name(a, read_astring, true, name_r);

	if (st != ERR_CONFLICT)
		return expected(a, st, EXPECT_MAILBOX);
	a->no_mailbox = true;
	return ERR_BAD_INPUT;
}

/* What can be no name is what nothing matches. */
static enum status
no_name(struct args *a, enum status (*read)(struct args *, struct str *), struct str *name_r)
{
	struct str raw;

	*name_r = STR_NONE;
	a->trailing_sep = false;
	return read(a, &raw);
}

enum status
arg_reference(struct args *a, struct str *name_r)
{
	enum status st = read_name(a, read_astring, false, name_r);

	return st == ERR_CONFLICT ? no_name(a, read_astring, name_r) : expected(a, st, EXPECT_MAILBOX);
}

enum status
arg_list_pattern(struct args *a, struct str *pattern_r)
{
	struct str pattern;
	enum status st = read_name(a, list_mailbox, false, &pattern);

	if (st != OK)
		return st == ERR_CONFLICT ? no_name(a, list_mailbox, pattern_r) : expected(a, st, EXPECT_PATTERN);
	/* After a name the '/' says no more than "children may be here"; behind a wildcard it is what no name ends in. */
	if (a->trailing_sep && str_chr(pattern, '%') == pattern.n && str_chr(pattern, '*') == pattern.n)
		pattern.n--;
	*pattern_r = pattern;
	return OK;
}

/* ---- numbers ---- */

static enum status
read_number(struct args *a, uint64_t min, uint64_t max, uint64_t *n_r)
{
	struct str s = rest(a);
	size_t n = 0;
	uint64_t v;

	while (n < s.n && ascii_digit(s.p[n]))
		n++;
	if (!str_u64(str_head(s, n), max, &v) || v < min)
		return ERR_BAD_INPUT;
	a->at += n;
	*n_r = v;
	return OK;
}

enum status
arg_number(struct args *a, uint32_t *n_r)
{
	uint64_t n;

	if (read_number(a, 0, UINT32_MAX, &n) != OK)
		return arg_expect(a, EXPECT_NUMBER);
	*n_r = (uint32_t)n;
	return OK;
}

enum status
arg_nz_number(struct args *a, uint32_t *n_r)
{
	uint64_t n;

	if (read_number(a, 1, UINT32_MAX, &n) != OK)
		return arg_expect(a, EXPECT_NZ_NUMBER);
	*n_r = (uint32_t)n;
	return OK;
}

enum status
arg_number64(struct args *a, uint64_t *n_r)
{
	return read_number(a, 0, INT64_MAX, n_r) == OK ? OK : arg_expect(a, EXPECT_NUMBER);
}

/* ---- lists ---- */

enum status
arg_open(struct args *a)
{
	if (arg_peek(a) != '(')
		return arg_expect(a, EXPECT_OPEN);
	if (a->depth >= a->depth_max)
		return ERR_LIMIT;
	a->at++;
	while (arg_char(a, ' '))
		;
	a->opened = a->at;
	a->depth++;
	ensure(a->depth <= a->depth_max);
	return OK;
}

enum status
arg_close(struct args *a)
{
	size_t at = a->at;

	while (at < a->all.n && a->all.p[at] == ' ')
		at++;
	if (at == a->all.n || a->all.p[at] != ')' || a->depth == 0)
		return arg_expect_at(a, at, EXPECT_CLOSE);
	a->at = at + 1;
	a->depth--;
	return OK;
}

bool
arg_more(struct args *a)
{
	size_t at = a->at;
	bool first = at > 0 && at == a->opened;

	while (at < a->all.n && a->all.p[at] == ' ')
		at++;
	if (at == a->all.n || a->all.p[at] == ')' || (at == a->at && !first))
		return false;
	a->at = at;
	return true;
}

/* One atom of any characters or one string, for values that nobody looks at. */
static enum status
skip_scalar(struct args *a)
{
	struct str s;
	bool binary;
	size_t at = a->at;

	if (arg_peek(a) == '"' || arg_peek(a) == '{')
		return arg_string(a, &s);
	if (arg_peek(a) == '~')
		return read_literal(a, &s, &binary);
	while (at < a->all.n && (list_char(a->all.p[at]) || a->all.p[at] == '\\'))
		at++;
	if (at == a->at)
		return ERR_BAD_INPUT;
	a->at = at;
	return OK;
}

enum status
arg_skip_value(struct args *a)
{
	struct args b = *a;
	enum status st;

	do {
		if (b.depth > a->depth && !arg_more(&b))
			st = arg_close(&b);
		else if (arg_peek(&b) == '(')
			st = arg_open(&b);
		else
			st = skip_scalar(&b);
		if (st != OK)
			return expected(a, st, EXPECT_VALUE);
	} while (b.depth > a->depth);
	ensure(b.depth == a->depth && b.at >= a->at);
	a->at = b.at;
	return OK;
}
