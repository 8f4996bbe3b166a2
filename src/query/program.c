/* SPDX-License-Identifier: Apache-2.0 */
/* A program is made, and put in the order in which it will be asked. */
#include "query/query.h"

#include "base/assert.h"

struct query_node *
query_add(struct query *q, uint32_t parent, enum query_op op)
{
	struct query_node *n;

	/* Parents first: a walk from the end meets all children before what they stand in. */
	ensure(q->n == 0 || (parent < q->n && !query_is_leaf(&q->nodes[parent])));
	if (q->n == q->cap) {
		q->cap = q->cap ? q->cap * 2 : 16;
		q->nodes = arena_copy(q->arena, q->nodes, q->n, q->cap, sizeof(*q->nodes));
	}
	n = &q->nodes[q->n++];
	*n = (struct query_node){.op = op, .keyword = -1, .parent = parent};
	if (q->n > 1)
		q->nodes[parent].children++;
	return n;
}

/* What a key costs: nothing but the entry, the summary, some header, the body. */
static unsigned
cost(const struct query_node *n)
{
	switch (n->op) {
	case QUERY_SENT:
	case QUERY_THREADID:
	case QUERY_EMAILID:
		return 1;
	case QUERY_TEXTUAL:
		return n->text_key == SEARCH_BODY ? 3 : n->text_key == SEARCH_TEXT ? 4 : 2;
	default:
		return 0;
	}
}

/* Leaves in the order they are asked: cheap ones that must hold first. */
static void
make_order(struct query *q)
{
	q->order = arena_array(q->arena, q->n, sizeof(*q->order));
	for (unsigned class = 0; class < 10; class++)
		for (uint32_t i = 1; i < q->n; i++) {
			const struct query_node *n = &q->nodes[i];

			if (query_is_leaf(n) && cost(n) * 2 + (n->parent != 0) == class)
				q->order[q->n_leaves++] = i;
			if (query_is_leaf(n) && class == 1 && n->parent == 0 && cost(n) == 0)
				q->n_quick++;
		}
	/* The root is no leaf, and is never a quick one. */
	ensure(q->n_quick <= q->n_leaves && q->n_leaves < q->n);
	q->value = arena_array(q->arena, q->n, sizeof(*q->value));
	q->moot = arena_array(q->arena, q->n, sizeof(*q->moot));
	for (uint32_t i = 0; i < q->n; i++)
		q->nodes[i].end = i + 1;
	for (uint32_t i = q->n; i-- > 1;)
		if (q->nodes[q->nodes[i].parent].end < q->nodes[i].end)
			q->nodes[q->nodes[i].parent].end = q->nodes[i].end;
	q->open = arena_array(q->arena, q->n, sizeof(*q->open));
	if (q->fuzzy) {
		q->sum = arena_array(q->arena, q->n, sizeof(*q->sum));
		q->score = arena_array(q->arena, q->n, sizeof(*q->score));
	}
}

/* What occurs in it. */
static void
look(struct query *q, const struct query_node *n)
{
	q->textual |= n->op == QUERY_TEXTUAL;
	q->heavy |= n->op == QUERY_TEXTUAL && (n->fuzzy || n->text_key == SEARCH_BODY || n->text_key == SEARCH_TEXT);
	q->sent |= n->op == QUERY_SENT || n->op == QUERY_THREADID || n->op == QUERY_EMAILID;
	q->keywords |= n->op == QUERY_KEYWORD;
	q->modseq |= n->op == QUERY_MODSEQ;
	q->numbers |= n->op == QUERY_UIDS && !n->uid_set && !n->set.saved;
	q->star |= n->op == QUERY_UIDS && n->uid_set && n->set.star;
	q->fuzzy |= n->fuzzy;
}

void
query_whole(struct query *q)
{
	ensure(q->n > 0 && q->nodes[0].op == QUERY_AND && q->order == NULL);
	for (uint32_t i = 0; i < q->n; i++)
		look(q, &q->nodes[i]);
	make_order(q);
}

void
query_free(struct query *q)
{
	for (uint32_t i = 0; i < q->n; i++) {
		search_needle_free(q->nodes[i].needle);
		arg_set_free(&q->nodes[i].set);
		runs_free(&q->nodes[i].uids);
	}
	runs_free(&q->saved);
	query_rest(q);
	q->n = 0;
}

void
query_rest(struct query *q)
{
	search_matcher_free(q->matcher);
	q->matcher = NULL;
}

size_t
query_size(const struct query *q)
{
	size_t n = 3 * q->texts + q->saved.cap * sizeof(struct run);

	for (uint32_t i = 0; i < q->n; i++)
		n += (q->nodes[i].set.runs.cap + q->nodes[i].uids.cap) * sizeof(struct run);
	return n;
}
