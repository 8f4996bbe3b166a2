/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps 2 to 6 of THREAD=REFERENCES, and ORDEREDSUBJECT, which is gathering by subject alone. All messages are put in the order of
 * their sent dates once; whoever walks them in that order and hangs each under its parent gets sorted siblings for nothing.
 */
#include "query/thread.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/map.h"

bool
thread_init(struct threading *t, struct str name)
{
	if (str_eq(name, STR("ORDEREDSUBJECT")))
		t->algorithm = THREAD_ORDEREDSUBJECT;
	else if (str_eq(name, STR("REFERENCES")))
		t->algorithm = THREAD_REFERENCES;
	else if (str_eq(name, STR("REFS")))
		t->algorithm = THREAD_REFS;
	else
		return false;
	sort_by(&t->order, SORT_DATE, false);
	if (t->algorithm != THREAD_REFS)
		sort_by(&t->order, SORT_SUBJECT, false);
	t->order.n_order = 1;
	t->first = t->last_root = THREAD_NONE;
	return true;
}

/* Bytes of a row, with what is made of it at the end (vertices, hashes), and of a node with its slots. */
#define ROW_BYTES (1 + 4 + 8 + 2 * sizeof(struct thread_vertex) + 4 * sizeof(uint32_t))
#define NODE_BYTES (sizeof(struct thread_node) + sizeof(struct link_cut) + 8 + 6 * sizeof(uint32_t))

/* Is there memory for one more row whose message names so many others? */
static enum status
afford(struct threading *t, size_t refs)
{
	size_t nodes = t->links.n + refs + 2 > t->links.cap ? 2 * t->links.cap + 256 : t->links.cap;
	size_t rows = t->order.n < t->cap ? t->cap : 2 * t->cap + 256;

	return charge_part(t->order.charge, &t->charged, nodes * NODE_BYTES + rows * ROW_BYTES);
}

static void
grow(struct threading *t)
{
	if (t->order.n < t->cap)
		return;
	t->cap = t->cap ? t->cap * 2 : 256;
	t->reply = x_realloc(t->reply, t->cap);
	t->node_of = x_realloc(t->node_of, t->cap * sizeof(*t->node_of));
	t->arrival = x_realloc(t->arrival, t->cap * sizeof(*t->arrival));
}

enum status
thread_add(struct threading *t, const struct sort_row *row)
{
	size_t i = t->order.n;
	enum status st = afford(t, row->summary != NULL ? mime_summary_n_refs(row->summary) : 0);

	if (st != OK)
		return st;
	grow(t);
	t->reply[i] = row->summary && mime_summary_is_reply(row->summary);
	t->arrival[i] = row->entry->internal_date;
	if (t->algorithm != THREAD_ORDEREDSUBJECT)
		t->node_of[i] = thread_link(&t->links, (uint32_t)i, row->summary);
	return sort_add(&t->order, row);
}

/* ---- the forest ---- */

static uint32_t
new_dummy(struct threading *t)
{
	ensure(t->n_vertices < 2 * t->order.n + 2); /* make_forest() */
	t->vertex[t->n_vertices] = (struct thread_vertex){THREAD_NONE, THREAD_NONE, THREAD_NONE, THREAD_NONE};
	return (uint32_t)t->n_vertices++;
}

static bool
is_dummy(const struct threading *t, uint32_t v)
{
	return v >= t->order.n;
}

/* Hangs v at the end of its parent's children, or of the threads. */
static void
hang(struct threading *t, uint32_t v)
{
	uint32_t p = t->vertex[v].parent;
	uint32_t *first = p == THREAD_NONE ? &t->first : &t->vertex[p].child;
	uint32_t *last = p == THREAD_NONE ? &t->last_root : &t->vertex[p].last;

	t->vertex[v].next = THREAD_NONE;
	if (*first == THREAD_NONE)
		*first = v;
	else
		t->vertex[*last].next = v;
	*last = v;
}

/* Step 6: all siblings by sent date, a dummy where its first child is. */
static void
hang_all(struct threading *t)
{
	t->first = t->last_root = THREAD_NONE;
	for (size_t v = 0; v < t->n_vertices; v++)
		t->vertex[v].child = t->vertex[v].last = THREAD_NONE;
	for (size_t i = 0; i < t->order.n; i++) {
		uint32_t v = sort_at(&t->order, i), p = t->vertex[v].parent;

		if (p != THREAD_NONE && is_dummy(t, p) && t->vertex[p].child == THREAD_NONE)
			hang(t, p);
		hang(t, v);
	}
}

/* ---- steps 2 and 3 ---- */

/*
 * What remains of a message's ancestors when dummies are pruned: its nearest real one, or else the dummy at the top of its tree.
 * links.node[].parent of dummies is shortened on the way, so that all together are linear.
 */
static uint32_t
pruned_parent(struct thread_links *l, uint32_t x)
{
	uint32_t top = l->node[x].parent, next;

	if (top == 0)
		return 0;
	while (l->node[top].row == UINT32_MAX && l->node[top].parent != 0)
		top = l->node[top].parent;
	for (x = l->node[x].parent; x != top; x = next) {
		next = l->node[x].parent;
		l->node[x].parent = top;
	}
	return top;
}

static void
prune(struct threading *t)
{
	struct thread_links *l = &t->links;
	uint32_t *heads = x_calloc(l->n ? l->n : 1, sizeof(*heads)); /* of a dummy at the top: its children, later its vertex */
	uint32_t *above = x_malloc((t->order.n ? t->order.n : 1) * sizeof(*above));

	for (uint32_t r = 0; r < t->order.n; r++) {
		above[r] = pruned_parent(l, t->node_of[r]);
		if (above[r] && l->node[above[r]].row == UINT32_MAX)
			heads[above[r]]++;
	}
	for (uint32_t x = 1; x < l->n; x++)
		if (l->node[x].row == UINT32_MAX)
			heads[x] = heads[x] > 1 ? new_dummy(t) : THREAD_NONE;
	for (uint32_t r = 0; r < t->order.n; r++)
		if (above[r])
			t->vertex[r].parent = l->node[above[r]].row == UINT32_MAX ? heads[above[r]] : l->node[above[r]].row;
	free(heads);
	free(above);
	thread_links_free(l);
}

/* ---- step 5 ---- */

/* The message whose subject counts: its own, or a dummy's first child's. */
static uint32_t
subject_row(const struct threading *t, uint32_t v)
{
	uint32_t row = is_dummy(t, v) ? t->vertex[v].child : v;

	/* A dummy stands for two messages at least: there is none without. */
	ensure(row != THREAD_NONE);
	return row;
}

/* Where the table has, or would have, the subject of row, whose hash is known. */
static uint32_t *
subject_slot(struct threading *t, uint32_t row)
{
	size_t at = t->hash[row] & (t->subjects - 1);

	while (t->subject[at] != THREAD_NONE &&
	    !sort_same(&t->order, row, subject_row(t, t->subject[at]), 1))
		at = (at + 1) & (t->subjects - 1);
	return &t->subject[at];
}

static void
make_table(struct threading *t)
{
	for (t->subjects = 64; t->subjects < 2 * t->order.n; t->subjects *= 2)
		;
	t->subject = x_malloc(t->subjects * sizeof(*t->subject));
	t->hash = x_malloc((t->order.n ? t->order.n : 1) * sizeof(*t->hash));
	for (size_t i = 0; i < t->subjects; i++)
		t->subject[i] = THREAD_NONE;
}

/* Step 5 B. */
static void
fill_table(struct threading *t)
{
	for (uint32_t v = t->first; v != THREAD_NONE; v = t->vertex[v].next) {
		uint32_t row = subject_row(t, v), *slot, s;

		if (sort_empty(&t->order, row, 1))
			continue;
		t->hash[row] = (uint32_t)sort_hash(&t->order, row, 1);
		slot = subject_slot(t, row);
		s = *slot;
		if (s == THREAD_NONE ||
		    (!is_dummy(t, s) && (is_dummy(t, v) || (t->reply[s] && !t->reply[v]))))
			*slot = v;
	}
}

static void
adopt_children(struct threading *t, uint32_t from, uint32_t to)
{
	for (uint32_t c = t->vertex[from].child; c != THREAD_NONE; c = t->vertex[c].next)
		t->vertex[c].parent = to;
}

/* v and the message in the table have the same subject: step 5 C. */
static void
merge(struct threading *t, uint32_t v, uint32_t *slot)
{
	uint32_t s = *slot, d;

	if (is_dummy(t, s) && is_dummy(t, v)) {
		adopt_children(t, v, s);
	} else if (is_dummy(t, s) || (t->reply[v] && !t->reply[s])) {
		t->vertex[v].parent = s;
	} else {
		d = new_dummy(t);
		t->vertex[d].child = s; /* for subject_row() */
		t->vertex[v].parent = t->vertex[s].parent = d;
		*slot = d;
	}
}

static void
gather_subjects(struct threading *t)
{
	uint32_t next;

	for (uint32_t v = t->first; v != THREAD_NONE; v = next) {
		uint32_t row = subject_row(t, v), *slot;

		next = t->vertex[v].next;
		if (t->vertex[v].parent != THREAD_NONE || sort_empty(&t->order, row, 1))
			continue;
		slot = subject_slot(t, row);
		if (*slot != v)
			merge(t, v, slot);
	}
}

/* ORDEREDSUBJECT: the first message of a subject by date is the parent of the others. */
static void
gather_ordered(struct threading *t)
{
	for (size_t i = 0; i < t->order.n; i++) {
		uint32_t v = sort_at(&t->order, i), *slot;

		t->hash[v] = (uint32_t)sort_hash(&t->order, v, 1);
		slot = subject_slot(t, v);
		if (*slot == THREAD_NONE)
			*slot = v;
		else
			t->vertex[v].parent = *slot;
	}
}

/* ---- REFS: threads by their newest arrival ---- */

/* The next vertex of a thread, parents first; THREAD_NONE after its last. */
static uint32_t
walk(const struct threading *t, uint32_t root, uint32_t v)
{
	if (t->vertex[v].child != THREAD_NONE)
		return t->vertex[v].child;
	while (v != root && t->vertex[v].next == THREAD_NONE)
		v = t->vertex[v].parent;
	return v == root ? THREAD_NONE : t->vertex[v].next;
}

static bool
add_roots(struct threading *t)
{
	sort_by(&t->roots, SORT_ARRIVAL, false);
	for (uint32_t r = t->first; r != THREAD_NONE; r = t->vertex[r].next) {
		struct entry e = {.uid = r, .internal_date = INT64_MIN};

		for (uint32_t v = r; v != THREAD_NONE; v = walk(t, r, v))
			if (!is_dummy(t, v) && t->arrival[v] > e.internal_date)
				e.internal_date = t->arrival[v];
		if (sort_add(&t->roots, &(struct sort_row){.entry = &e}) != OK)
			return false;
	}
	return true;
}

static void
reorder_roots(struct threading *t)
{
	t->first = t->last_root = THREAD_NONE;
	for (size_t i = 0; i < t->roots.n; i++)
		hang(t, t->roots.uid[sort_at(&t->roots, i)]);
}

/* ---- steps ---- */

enum phase { ORDER, FOREST, PRUNE, SUBJECTS, ROOTS, ROOTS_ORDER, OVER };

static void
make_forest(struct threading *t)
{
	/* At most one dummy for two messages comes from step 3, and one for two from step 5. */
	t->vertex = x_malloc((2 * t->order.n + 2) * sizeof(*t->vertex));
	t->n_vertices = t->order.n;
	for (size_t v = 0; v < t->order.n; v++)
		t->vertex[v] = (struct thread_vertex){THREAD_NONE, THREAD_NONE, THREAD_NONE, THREAD_NONE};
}

static void
by_subject(struct threading *t)
{
	make_table(t);
	if (t->algorithm == THREAD_ORDEREDSUBJECT) {
		gather_ordered(t);
	} else {
		fill_table(t);
		gather_subjects(t);
	}
	hang_all(t);
}

bool
thread_some(struct threading *t)
{
	switch ((enum phase)t->phase) {
	case ORDER:
		if (sort_some(&t->order))
			t->phase = FOREST;
		return false;
	case FOREST:
		make_forest(t);
		t->phase = t->algorithm == THREAD_ORDEREDSUBJECT ? SUBJECTS : PRUNE;
		return false;
	case PRUNE:
		prune(t);
		hang_all(t);
		t->phase = t->algorithm == THREAD_REFS ? ROOTS : SUBJECTS;
		return false;
	case SUBJECTS:
		by_subject(t);
		t->phase = OVER;
		return true;
	case ROOTS:
		t->phase = add_roots(t) ? ROOTS_ORDER : OVER;
		return false;
	case ROOTS_ORDER:
		if (!sort_some(&t->roots))
			return false;
		reorder_roots(t);
		t->phase = OVER;
		return true;
	case OVER:
		break;
	}
	return true;
}

void
thread_free(struct threading *t)
{
	ensure(charge_part(t->order.charge, &t->charged, 0) == OK);
	sort_free(&t->order);
	sort_free(&t->roots);
	thread_links_free(&t->links);
	free(t->reply);
	free(t->node_of);
	free(t->arrival);
	free(t->vertex);
	free(t->subject);
	free(t->hash);
}
