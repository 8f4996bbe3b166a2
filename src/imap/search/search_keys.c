/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a search program, one function a kind (RFC 3501 6.4.4 and its extensions: search_keys.tbl). */
#include "imap/search/search_parse_priv.h"

#include <stdint.h>
#include "imap/core/objectid.h"

struct query_node *
search_node_add(struct search_parser *p, enum query_op op, bool negated)
{
	const struct search_level *in = p->depth > 0 ? &p->levels[p->depth - 1] : NULL;
	struct query_node *n = query_add(&p->s->query, in ? in->node : 0, op);

	n->not = p->not != negated;
	n->fuzzy = p->fuzzy || (in && in->fuzzy);
	p->not = p->fuzzy = false;
	return n;
}

enum status
search_level_open(struct search_parser *p, enum query_op op, unsigned wants, bool paren)
{
	struct query_node *n;

	if (p->depth >= QUERY_DEPTH_MAX)
		return ERR_LIMIT;
	n = search_node_add(p, op, false);
	p->levels[p->depth++] = (struct search_level){.node = p->s->query.n - 1, .wants = wants, .paren = paren, .fuzzy = n->fuzzy};
	return OK;
}

typedef enum status key_fn(struct search_parser *p, int arg, bool negated);

static enum status
key_all(struct search_parser *p, int arg, bool negated)
{
	(void)search_node_add(p, QUERY_ALL, negated);
	return OK;
}

static enum status
key_flag(struct search_parser *p, int arg, bool negated)
{
	search_node_add(p, QUERY_FLAG, negated)->flags = (uint8_t)arg;
	return OK;
}

static enum status
key_recent(struct search_parser *p, int arg, bool negated)
{
	(void)search_node_add(p, QUERY_RECENT, negated);
	return OK;
}

/* NEW is (RECENT UNSEEN). */
static enum status
key_new(struct search_parser *p, int arg, bool negated)
{
	enum status st = search_level_open(p, QUERY_AND, 0, false);

	if (st != OK)
		return st;
	(void)search_node_add(p, QUERY_RECENT, false);
	search_node_add(p, QUERY_FLAG, true)->flags = FLAG_SEEN;
	p->depth--;
	return OK;
}

static enum status
key_keyword(struct search_parser *p, int arg, bool negated)
{
	struct str name;
	enum status st;

	if ((st = arg_space(p->a)) != OK || (st = arg_flag_keyword(p->a, &name)) != OK)
		return st;
	search_node_add(p, QUERY_KEYWORD, negated)->name = arena_str(p->s->query.arena, name);
	return OK;
}

static enum status
key_size(struct search_parser *p, int arg, bool negated)
{
	uint64_t size;
	enum status st;

	if ((st = arg_space(p->a)) != OK || (st = arg_number64(p->a, &size)) != OK)
		return st;
	search_node_add(p, (enum query_op)arg, negated)->size = size;
	return OK;
}

/* OLDER, YOUNGER (RFC 5032 3). */
static enum status
key_within(struct search_parser *p, int arg, bool negated)
{
	uint32_t seconds;
	enum status st;

	if ((st = arg_space(p->a)) != OK || (st = arg_nz_number(p->a, &seconds)) != OK)
		return st;
	search_node_add(p, (enum query_op)arg, negated)->size = seconds;
	return OK;
}

/* MODSEQ ["/flags/\\seen" all] n, RFC 7162 3.1.5: there is one mod-sequence for all of a message, so which flag is meant is passed over. */
static enum status
key_modseq(struct search_parser *p, int arg, bool negated)
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
	search_node_add(p, QUERY_MODSEQ, negated)->size = modseq;
	return OK;
}

static enum status
add_days(struct search_parser *p, int op, bool before, bool since, bool negated)
{
	struct query_node *n;
	int32_t day;
	enum status st;

	if ((st = arg_space(p->a)) != OK || (st = arg_date(p->a, &day)) != OK)
		return st;
	n = search_node_add(p, (enum query_op)op, negated);
	n->from = before ? INT32_MIN : day;
	n->to = since ? INT32_MAX : before ? day - 1 : day;
	n->first = before ? INT64_MIN : (int64_t)day * 86400;
	n->last = since ? INT64_MAX : ((int64_t)n->to + 1) * 86400 - 1;
	return OK;
}

static enum status
key_before(struct search_parser *p, int arg, bool negated)
{
	return add_days(p, arg, true, false, negated);
}

static enum status
key_on(struct search_parser *p, int arg, bool negated)
{
	return add_days(p, arg, false, false, negated);
}

static enum status
key_since(struct search_parser *p, int arg, bool negated)
{
	return add_days(p, arg, false, true, negated);
}

static enum status
add_text(struct search_parser *p, int key, struct str name, bool negated)
{
	struct search_needle *needle;
	struct query_node *n;
	struct str text;
	enum status st;

	if ((st = arg_space(p->a)) != OK || (st = arg_astring(p->a, &text)) != OK ||
	    (st = search_needle_new(p->s->charset, text, p->s->collation, &needle)) != OK)
		return st;
	n = search_node_add(p, QUERY_TEXTUAL, negated);
	n->text_key = (enum search_key)key;
	n->name = name;
	n->needle = needle;
	if (n->fuzzy)
		search_needle_fuzzy(needle, p->s->charset);
	return OK;
}

static enum status
key_text(struct search_parser *p, int arg, bool negated)
{
	return add_text(p, arg, STR_NONE, negated);
}

static enum status
key_header(struct search_parser *p, int arg, bool negated)
{
	struct str name;
	enum status st;

	if ((st = arg_space(p->a)) != OK || (st = arg_astring(p->a, &name)) != OK)
		return st;
	return add_text(p, arg, arena_str(p->s->query.arena, name), negated);
}

/* EMAILID and THREADID, RFC 8474 6. */
static enum status
key_objectid(struct search_parser *p, int arg, bool negated)
{
	struct str text;
	size_t at;
	enum status st;

	if ((st = arg_space(p->a)) != OK)
		return st;
	at = p->a->at;
	if ((st = arg_astring(p->a, &text)) != OK)
		return st;
	if (!objectid_valid(text))
		return arg_expect_at(p->a, at, EXPECT_VALUE);
	search_node_add(p, (enum query_op)arg, negated)->id =
	    objectid_parse(text, arg == QUERY_EMAILID ? OBJECTID_EMAIL : OBJECTID_THREAD);
	return OK;
}

enum status
search_set_key(struct search_parser *p, bool uid, bool negated)
{
	struct arg_set set;
	struct query_node *n;
	enum status st;

	if ((st = arg_set(p->a, &set)) != OK)
		return st;
	n = search_node_add(p, QUERY_UIDS, negated);
	n->set = set;
	n->uid_set = uid;
	return OK;
}

static enum status
key_uid(struct search_parser *p, int arg, bool negated)
{
	enum status st = arg_space(p->a);

	return st == OK ? search_set_key(p, true, negated) : st;
}

/* UIDAFTER (arg) and UIDBEFORE (RFC 9738 3.2): all UIDs on one side of a UID. */
static enum status
key_uid_side(struct search_parser *p, int arg, bool negated)
{
	struct query_node *n;
	uint32_t uid;
	enum status st;

	if ((st = arg_space(p->a)) != OK || (st = arg_nz_number(p->a, &uid)) != OK)
		return st;
	n = search_node_add(p, QUERY_UIDS, negated);
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
#include "imap/search/search_keys.tbl"
#undef S
};

enum status
search_word_key(struct search_parser *p)
{
	size_t at = p->a->at;
	struct str word;

	if (arg_atom_upper(p->a, &word) != OK)
		return arg_expect(p->a, EXPECT_SEARCH_KEY);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (str_eq(word, str_c(keys[i].name)))
			return keys[i].read(p, keys[i].arg, keys[i].negated);
	return arg_expect_at(p->a, at, EXPECT_SEARCH_KEY);
}
