/* SPDX-License-Identifier: Apache-2.0 */
#include "imap/objectid.h"
#include "imap/search.h"
#include "imap/search_filter.h"

#include <stdint.h>

/*
 * What the parser is inside of: an AND (of parentheses, or the whole command), an OR that still wants keys. NOT and FUZZY are not kept but
 * turned into marks of the next key.
 */
struct level {
	uint32_t node;
	unsigned wants; /* keys that an OR still takes; 0: an AND, which takes any number */
	bool paren;     /* ends with ")" */
	bool fuzzy;     /* all inside is */
};

/* A filter whose text is being read in the place of its name. */
struct frame {
	struct args args;
	struct args *outer;
	struct str name;
	size_t low;   /* how deep the parser was at least: what is deeper was opened inside */
	size_t floor; /* the last parenthesis that was opened outside */
};

struct parser {
	struct search *s;
	struct args *a;
	struct arena *arena; /* the command's */
	struct frame *frames;
	size_t frames_n, filters;
	struct level *levels;
	size_t depth;
	bool not, fuzzy; /* of the next key */
};

static struct search_node *
node_add(struct parser *p, enum search_op op, bool negated)
{
	struct search *s = p->s;
	struct search_node *n;

	if (s->n == s->cap) {
		uint32_t cap = s->cap ? s->cap * 2 : 16;
		struct search_node *grown = arena_array(s->arena, cap, sizeof(*grown));

		if (s->n)
			memcpy(grown, s->nodes, s->n * sizeof(*grown));
		s->nodes = grown;
		s->cap = cap;
	}
	n = &s->nodes[s->n++];
	*n = (struct search_node){.op = op, .not = p->not != negated, .keyword = -1};
	n->fuzzy = p->fuzzy;
	if (p->depth > 0) {
		n->parent = p->levels[p->depth - 1].node;
		n->fuzzy |= p->levels[p->depth - 1].fuzzy;
		s->nodes[n->parent].children++;
	}
	p->not = p->fuzzy = false;
	return n;
}

/* Opens an AND or OR; what comes next is inside it. */
static enum status
level_open(struct parser *p, enum search_op op, unsigned wants, bool paren)
{
	struct search_node *n;

	if (p->depth >= SEARCH_DEPTH_MAX)
		return ERR_LIMIT;
	n = node_add(p, op, false);
	p->levels[p->depth++] = (struct level){.node = p->s->n - 1, .wants = wants, .paren = paren, .fuzzy = n->fuzzy};
	return OK;
}

/* ---- keys ---- */

typedef enum status key_fn(struct parser *p, int arg, bool negated);

static enum status
key_all(struct parser *p, int arg, bool negated)
{
	(void)node_add(p, SEARCH_ALL, negated);
	return OK;
}

static enum status
key_flag(struct parser *p, int arg, bool negated)
{
	node_add(p, SEARCH_FLAG, negated)->flags = (uint8_t)arg;
	return OK;
}

static enum status
key_recent(struct parser *p, int arg, bool negated)
{
	(void)node_add(p, SEARCH_RECENT, negated);
	return OK;
}

/* NEW is (RECENT UNSEEN). */
static enum status
key_new(struct parser *p, int arg, bool negated)
{
	enum status st = level_open(p, SEARCH_AND, 0, false);

	if (st != OK)
		return st;
	(void)node_add(p, SEARCH_RECENT, false);
	node_add(p, SEARCH_FLAG, true)->flags = FLAG_SEEN;
	p->depth--;
	return OK;
}

static enum status
key_keyword(struct parser *p, int arg, bool negated)
{
	struct str name;
	enum status st;

	if ((st = arg_space(p->a)) != OK || (st = arg_flag_keyword(p->a, &name)) != OK)
		return st;
	node_add(p, SEARCH_KEYWORD, negated)->name = arena_str(p->s->arena, name);
	return OK;
}

static enum status
key_size(struct parser *p, int arg, bool negated)
{
	uint64_t size;
	enum status st;

	if ((st = arg_space(p->a)) != OK || (st = arg_number64(p->a, &size)) != OK)
		return st;
	node_add(p, (enum search_op)arg, negated)->size = size;
	return OK;
}

/* OLDER, YOUNGER (RFC 5032 3). */
static enum status
key_within(struct parser *p, int arg, bool negated)
{
	uint32_t seconds;
	enum status st;

	if ((st = arg_space(p->a)) != OK || (st = arg_nz_number(p->a, &seconds)) != OK)
		return st;
	node_add(p, (enum search_op)arg, negated)->size = seconds;
	return OK;
}

/* MODSEQ ["/flags/\\seen" all] n, RFC 7162 3.1.5: there is one mod-sequence for all of a message, so which flag is meant is passed over. */
static enum status
key_modseq(struct parser *p, int arg, bool negated)
{
	uint64_t modseq;
	struct str entry;
	enum status st;

	if ((st = arg_space(p->a)) != OK)
		return st;
	if (arg_peek(p->a) == '"') {
		if ((st = arg_string(p->a, &entry)) != OK || (st = arg_space(p->a)) != OK)
			return st;
		if (!str_case_starts(entry, STR("/flags/")) ||
		    !(arg_keyword(p->a, "all") || arg_keyword(p->a, "priv") || arg_keyword(p->a, "shared")))
			return ERR_BAD_INPUT;
		if ((st = arg_space(p->a)) != OK)
			return st;
	}
	if ((st = arg_number64(p->a, &modseq)) != OK)
		return st;
	node_add(p, SEARCH_MODSEQ, negated)->size = modseq;
	p->s->modseq = true;
	return OK;
}

static enum status
add_days(struct parser *p, int op, bool before, bool since, bool negated)
{
	struct search_node *n;
	int32_t day;
	enum status st;

	if ((st = arg_space(p->a)) != OK || (st = arg_date(p->a, &day)) != OK)
		return st;
	n = node_add(p, (enum search_op)op, negated);
	n->from = before ? INT32_MIN : day;
	n->to = since ? INT32_MAX : before ? day - 1 : day;
	n->first = before ? INT64_MIN : (int64_t)day * 86400;
	n->last = since ? INT64_MAX : ((int64_t)n->to + 1) * 86400 - 1;
	return OK;
}

static enum status
key_before(struct parser *p, int arg, bool negated)
{
	return add_days(p, arg, true, false, negated);
}

static enum status
key_on(struct parser *p, int arg, bool negated)
{
	return add_days(p, arg, false, false, negated);
}

static enum status
key_since(struct parser *p, int arg, bool negated)
{
	return add_days(p, arg, false, true, negated);
}

static enum status
add_text(struct parser *p, int key, struct str name, bool negated)
{
	struct search_needle *needle;
	struct search_node *n;
	struct str text;
	enum status st;

	if ((st = arg_space(p->a)) != OK || (st = arg_astring(p->a, &text)) != OK ||
	    (st = search_needle_new(p->s->charset, text, p->s->collation, &needle)) != OK)
		return st;
	n = node_add(p, SEARCH_TEXTUAL, negated);
	n->text_key = (enum search_key)key;
	n->name = name;
	n->needle = needle;
	if (n->fuzzy)
		search_needle_fuzzy(needle, p->s->charset);
	p->s->heavy = p->s->heavy || n->fuzzy || key == SEARCH_BODY || key == SEARCH_TEXT;
	return OK;
}

static enum status
key_text(struct parser *p, int arg, bool negated)
{
	return add_text(p, arg, STR_NONE, negated);
}

static enum status
key_header(struct parser *p, int arg, bool negated)
{
	struct str name;
	enum status st;

	if ((st = arg_space(p->a)) != OK || (st = arg_astring(p->a, &name)) != OK)
		return st;
	return add_text(p, arg, arena_str(p->s->arena, name), negated);
}

/* EMAILID and THREADID, RFC 8474 6. */
static enum status
key_objectid(struct parser *p, int arg, bool negated)
{
	struct str text;
	enum status st;

	if ((st = arg_space(p->a)) != OK || (st = arg_astring(p->a, &text)) != OK)
		return st;
	if (!objectid_valid(text))
		return ERR_BAD_INPUT;
	node_add(p, (enum search_op)arg, negated)->id =
	    objectid_parse(text, arg == SEARCH_EMAILID ? OBJECTID_EMAIL : OBJECTID_THREAD);
	return OK;
}

static enum status
add_set(struct parser *p, bool uid, bool negated)
{
	struct arg_set set;
	struct search_node *n;
	enum status st;

	if ((st = arg_set(p->a, &set)) != OK)
		return st;
	n = node_add(p, SEARCH_UIDS, negated);
	n->set = set;
	n->uid_set = uid;
	p->s->numbers |= !uid && !set.saved;
	p->s->star |= uid && set.star;
	return OK;
}

static enum status
key_uid(struct parser *p, int arg, bool negated)
{
	enum status st = arg_space(p->a);

	return st == OK ? add_set(p, true, negated) : st;
}

/* UIDAFTER (arg) and UIDBEFORE (RFC 9738 3.2): all UIDs on one side of a UID. */
static enum status
key_uid_side(struct parser *p, int arg, bool negated)
{
	struct search_node *n;
	uint32_t uid;
	enum status st;

	if ((st = arg_space(p->a)) != OK || (st = arg_nz_number(p->a, &uid)) != OK)
		return st;
	n = node_add(p, SEARCH_UIDS, negated);
	n->uid_set = true;
	if (arg && uid < UINT32_MAX)
		runs_add(&n->set.runs, uid + 1, UINT32_MAX);
	if (!arg && uid > 1)
		runs_add(&n->set.runs, 1, uid - 1);
	return OK;
}

static const struct {
	const char *name;
	key_fn *read;
	int arg;
	bool negated;
} keys[] = {
#define S(name, how, arg, negated) {name, how, arg, negated},
#include "imap/search_keys.tbl"
#undef S
};

/* ---- the program ---- */

static enum status
word_key(struct parser *p)
{
	struct str word;
	enum status st;

	if ((st = arg_atom_upper(p->a, &word)) != OK)
		return st;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (str_eq(word, str_c(keys[i].name)))
			return keys[i].read(p, keys[i].arg, keys[i].negated);
	return ERR_BAD_INPUT;
}

/* A key has been read: the ORs that have all their keys are over, and they are keys themselves. */
static void
key_done(struct parser *p)
{
	while (p->depth > 1 && p->levels[p->depth - 1].wants > 0 && --p->levels[p->depth - 1].wants == 0)
		p->depth--;
}

/* ---- filters ---- */

static enum status
filter_fault(struct parser *p, int fault, struct str name)
{
	p->s->filter_fault = fault;
	p->s->filter = arena_str(p->arena, name);
	return ERR_NOT_FOUND;
}

/* Nested too deeply is as good as not there, and so is what stands in itself (RFC 5466 3.1). */
static bool
too_deep(const struct parser *p, struct str name)
{
	for (size_t i = 0; i < p->frames_n; i++)
		if (str_caseeq(p->frames[i].name, name))
			return true;
	return p->frames_n == FILTER_NEST_MAX;
}

static void
open_frame(struct parser *p, struct str name, struct str text)
{
	struct frame *f = &p->frames[p->frames_n++];

	*f = (struct frame){.outer = p->a, .name = name, .low = p->depth};
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
read_filter(struct parser *p, bool *key_r)
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
		(void)node_add(p, SEARCH_ALL, false);
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
	s->filter_bytes += text.n;
	open_frame(p, name, text);
	return OK;
}

/* The text is over: it must have been whole keys. */
static enum status
close_filter(struct parser *p)
{
	struct frame *f = &p->frames[--p->frames_n];

	p->a = f->outer;
	return p->depth == f->low && !p->not && !p->fuzzy ? OK : filter_fault(p, FILTER_BROKEN, f->name);
}

/* ---- words ---- */

/* Reads one word of the program: NOT, FUZZY, OR, FILTER, "(" or a whole key. *key_r: it was a key. */
static enum status
read_word(struct parser *p, bool *key_r)
{
	char c = arg_peek(p->a);
	enum status st;

	*key_r = false;
	if (c == '(')
		return (st = arg_open(p->a)) != OK ? st : level_open(p, SEARCH_AND, 0, true);
	if (arg_keyword(p->a, "NOT")) {
		p->not = !p->not;
		return arg_space(p->a);
	}
	if (arg_keyword(p->a, "FUZZY")) {
		p->fuzzy = p->s->fuzzy = true;
		return arg_space(p->a);
	}
	if (arg_keyword(p->a, "OR"))
		return (st = level_open(p, SEARCH_OR, 2, false)) != OK ? st : arg_space(p->a);
	if (p->s->n >= SEARCH_KEYS_MAX)
		return ERR_LIMIT;
	if (arg_keyword(p->a, "FILTER"))
		return read_filter(p, key_r);
	*key_r = true;
	return ascii_digit(c) || c == '*' || c == '$' ? add_set(p, false, false) : word_key(p);
}

/* Closes the parentheses that end here; a filter's text closes none but its own. */
static enum status
close_levels(struct parser *p)
{
	size_t floor = p->frames_n ? p->frames[p->frames_n - 1].floor : 0;
	enum status st;

	while (p->depth - 1 > floor && p->levels[p->depth - 1].paren && arg_peek(p->a) == ')') {
		if ((st = arg_close(p->a)) != OK)
			return st;
		p->depth--;
		key_done(p);
	}
	return OK;
}

/* After a key: what ends with it. */
static enum status
after_key(struct parser *p)
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
read_program(struct parser *p)
{
	enum status st = level_open(p, SEARCH_AND, 0, false);
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

/* What a key costs: nothing but the entry, the summary, some header, the body. */
static unsigned
cost(const struct search_node *n)
{
	switch (n->op) {
	case SEARCH_SENT:
	case SEARCH_THREADID:
		return 1;
	case SEARCH_TEXTUAL:
		return n->text_key == SEARCH_BODY ? 3 : n->text_key == SEARCH_TEXT ? 4 : 2;
	default:
		return 0;
	}
}

static bool
is_leaf(const struct search_node *n)
{
	return n->op != SEARCH_AND && n->op != SEARCH_OR;
}

/* Leaves in the order they are asked: cheap ones that must hold first. */
static void
make_order(struct search *s)
{
	s->order = arena_array(s->arena, s->n, sizeof(*s->order));
	for (unsigned class = 0; class < 10; class++)
		for (uint32_t i = 1; i < s->n; i++) {
			const struct search_node *n = &s->nodes[i];

			if (is_leaf(n) && cost(n) * 2 + (n->parent != 0) == class)
				s->order[s->n_leaves++] = i;
			if (is_leaf(n) && class == 1 && n->parent == 0 && cost(n) == 0)
				s->n_quick++;
		}
	s->value = arena_array(s->arena, s->n, sizeof(*s->value));
	s->open = arena_array(s->arena, s->n, sizeof(*s->open));
	if (s->fuzzy) {
		s->sum = arena_array(s->arena, s->n, sizeof(*s->sum));
		s->score = arena_array(s->arena, s->n, sizeof(*s->score));
	}
}

enum status
search_parse(struct search *s, struct args *a, bool charset_due)
{
	struct parser p = {.s = s, .a = a, .arena = a->arena};
	enum status st;

	if (!s->of_filter && (st = read_charset(s, a, charset_due)) != OK)
		return st;
	p.levels = arena_array(a->arena, SEARCH_DEPTH_MAX, sizeof(*p.levels));
	if ((st = read_program(&p)) != OK && st != ERR_LIMIT && p.frames_n > 0 && s->filter_fault == FILTER_FINE)
		return filter_fault(&p, FILTER_BROKEN, p.frames[p.frames_n - 1].name);
	if (st != OK)
		return st == ERR_NOT_FOUND ? ERR_BAD_INPUT : st;
	for (uint32_t i = 0; i < s->n; i++) {
		s->textual = s->textual || s->nodes[i].op == SEARCH_TEXTUAL;
		s->sent = s->sent || s->nodes[i].op == SEARCH_SENT || s->nodes[i].op == SEARCH_THREADID;
		s->keywords = s->keywords || s->nodes[i].op == SEARCH_KEYWORD;
	}
	make_order(s);
	return OK;
}

void
search_free(struct search *s)
{
	for (uint32_t i = 0; i < s->n; i++) {
		search_needle_free(s->nodes[i].needle);
		arg_set_free(&s->nodes[i].set);
		runs_free(&s->nodes[i].uids);
	}
	search_rest(s);
	s->n = 0;
}

void
search_rest(struct search *s)
{
	search_matcher_free(s->matcher);
	s->matcher = NULL;
}

size_t
search_size(const struct search *s)
{
	size_t n = 3 * s->filter_bytes;

	for (uint32_t i = 0; i < s->n; i++)
		n += (s->nodes[i].set.runs.cap + s->nodes[i].uids.cap) * sizeof(struct run);
	return n;
}
