/* SPDX-License-Identifier: Apache-2.0 */
/* A search program: its words, the parentheses around them, the filters whose text stands for their names. */
#include "imap/search/search_parse_priv.h"

#include "imap/search/search_filter.h"

/* A key has been read: the ORs that have all their keys are over, and they are keys themselves. */
static void
key_done(struct search_parser *p)
{
	while (p->depth > 1 && p->levels[p->depth - 1].wants > 0 && --p->levels[p->depth - 1].wants == 0)
		p->depth--;
}

static enum status
filter_fault(struct search_parser *p, int fault, struct str name)
{
	p->s->filter_fault = fault;
	p->s->filter = arena_str(p->arena, name);
	return ERR_NOT_FOUND;
}

/* Nested too deeply is as good as not there, and so is what stands in itself (RFC 5466 3.1). */
static bool
too_deep(const struct search_parser *p, struct str name)
{
	for (size_t i = 0; i < p->frames_n; i++)
		if (str_caseeq(p->frames[i].name, name))
			return true;
	return p->frames_n == FILTER_NEST_MAX;
}

static void
open_frame(struct search_parser *p, struct str name, struct str text)
{
	struct search_frame *f = &p->frames[p->frames_n++];

	*f = (struct search_frame){.outer = p->a, .name = name, .low = p->depth};
	for (size_t i = 1; i < p->depth; i++)
		if (p->levels[i].paren)
			f->floor = i;
	args_init(&f->args, text, p->arena, true);
	while (arg_char(&f->args, ' '))
		;
	p->a = &f->args;
}

/* FILTER name: reading goes on in the filter's text (RFC 5466 3.1: it is "inserted verbatim"). */
static enum status
read_filter(struct search_parser *p, bool *key_r)
{
	struct search *s = p->s;
	struct str name, text;
	enum status st;

	if ((st = arg_space(p->a)) != OK || (st = arg_atom(p->a, &name)) != OK)
		return st;
	if (str_chr(name, '/') != name.n)
		return ERR_BAD_INPUT;
	if (s->of_filter) {
		*key_r = true;
		(void)search_node_add(p, QUERY_ALL, false);
		return OK;
	}
	if (s->charset.n > 0 && !str_caseeq(s->charset, STR("UTF-8")) && !str_caseeq(s->charset, STR("US-ASCII")))
		return filter_fault(p, FILTER_CHARSET, name);
	s->charset = STR("UTF-8");
	if (p->filters++ == FILTER_USES_MAX)
		return ERR_LIMIT;
	if (too_deep(p, name))
		return filter_fault(p, FILTER_UNDEFINED, name);
	if (p->frames == NULL)
		p->frames = arena_array(p->arena, FILTER_NEST_MAX, sizeof(*p->frames));
	if ((st = search_filter_text(s->session, p->arena, name, &text)) == ERR_NOT_FOUND)
		return filter_fault(p, FILTER_UNDEFINED, name);
	if (st != OK)
		return st;
	s->query.texts += text.n;
	open_frame(p, name, text);
	return OK;
}

/* The text is over: it must have been whole keys. */
static enum status
close_filter(struct search_parser *p)
{
	struct search_frame *f = &p->frames[--p->frames_n];

	p->a = f->outer;
	return p->depth == f->low && !p->not && !p->fuzzy ? OK : filter_fault(p, FILTER_BROKEN, f->name);
}

/* Reads one word of the program: NOT, FUZZY, OR, FILTER, "(" or a whole key. *key_r: it was a key. */
static enum status
read_word(struct search_parser *p, bool *key_r)
{
	char c = arg_peek(p->a);
	enum status st;

	*key_r = false;
	if (c == '(')
		return (st = arg_open(p->a)) != OK ? st : search_level_open(p, QUERY_AND, 0, true);
	if (arg_keyword(p->a, "NOT")) {
		p->not = !p->not;
		return arg_space(p->a);
	}
	if (arg_keyword(p->a, "FUZZY")) {
		p->fuzzy = true;
		return arg_space(p->a);
	}
	if (arg_keyword(p->a, "OR"))
		return (st = search_level_open(p, QUERY_OR, 2, false)) != OK ? st : arg_space(p->a);
	if (p->s->query.n >= QUERY_KEYS_MAX)
		return ERR_LIMIT;
	if (arg_keyword(p->a, "FILTER"))
		return read_filter(p, key_r);
	*key_r = true;
	return ascii_digit(c) || c == '*' || c == '$' ? search_set_key(p, false, false) : search_word_key(p);
}

/* Blanks before a parenthesis are passed over, as in FETCH (T10). */
static bool
closes_here(const struct args *a)
{
	size_t at = a->at;

	while (at < a->all.n && a->all.p[at] == ' ')
		at++;
	return at < a->all.n && a->all.p[at] == ')';
}

/* Closes the parentheses that end here; a filter's text closes none but its own. */
static enum status
close_levels(struct search_parser *p)
{
	size_t floor = p->frames_n ? p->frames[p->frames_n - 1].floor : 0;
	enum status st;

	while (p->depth - 1 > floor && p->levels[p->depth - 1].paren && closes_here(p->a)) {
		if ((st = arg_close(p->a)) != OK)
			return st;
		p->depth--;
		key_done(p);
	}
	return OK;
}

/* After a key: what ends with it. */
static enum status
after_key(struct search_parser *p)
{
	enum status st;

	key_done(p);
	for (;;) {
		if ((st = close_levels(p)) != OK)
			return st;
		for (size_t i = 0; i < p->frames_n; i++)
			if (p->depth < p->frames[i].low)
				p->frames[i].low = p->depth;
		if (p->frames_n == 0 || arg_end(p->a) != OK)
			return OK;
		if ((st = close_filter(p)) != OK)
			return st;
	}
}

static enum status
read_program(struct search_parser *p)
{
	enum status st = search_level_open(p, QUERY_AND, 0, false);
	bool key;

	while (st == OK) {
		if ((st = read_word(p, &key)) != OK || !key)
			continue;
		if ((st = after_key(p)) != OK)
			break;
		if (p->frames_n == 0 && p->depth == 1 && arg_end(p->a) == OK)
			return OK;
		st = arg_space(p->a);
	}
	return st;
}

static enum status
read_charset(struct search *s, struct args *a, bool due)
{
	enum status st;

	if (!due && !arg_keyword(a, "CHARSET"))
		return OK;
	if ((!due && (st = arg_space(a)) != OK) || (st = arg_astring(a, &s->charset)) != OK)
		return st;
	/* RFC 9755 3 */
	if (s->utf8_only && (!due || !str_caseeq(s->charset, STR("UTF-8"))))
		return ERR_CONFLICT;
	if (!mime_charset_known(s->charset))
		return ERR_NOT_FOUND;
	return arg_space(a);
}

enum status
search_parse(struct search *s, struct args *a, bool charset_due)
{
	struct search_parser p = {.s = s, .a = a, .arena = a->arena};
	enum status st;

	if (!s->of_filter && (st = read_charset(s, a, charset_due)) != OK)
		return st;
	p.levels = arena_array(a->arena, QUERY_DEPTH_MAX, sizeof(*p.levels));
	if ((st = read_program(&p)) != OK && st != ERR_LIMIT && p.frames_n > 0 && s->filter_fault == FILTER_FINE)
		return filter_fault(&p, FILTER_BROKEN, p.frames[p.frames_n - 1].name);
	if (st != OK)
		return st == ERR_NOT_FOUND ? ERR_BAD_INPUT : st;
	query_whole(&s->query);
	return OK;
}
