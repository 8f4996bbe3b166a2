/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Step 1 of THREAD=REFERENCES (RFC 5256): parents by References. Whether a link would close a circle is asked by walking up; when
 * that becomes long, a link-cut tree (Sleator and Tarjan 1983: splay trees of paths) answers in amortised log n instead.
 */
#include <stdlib.h>

#include "base/random.h"
#include "base/assert.h"
#include "query/thread.h"

/* Steps up before the link-cut tree is made. */
#define WALK 64

/* ---- link-cut ---- */

static bool
is_top(const struct link_cut *c, uint32_t x)
{
	uint32_t up = c[x].up;

	return up == 0 || (c[up].left != x && c[up].right != x);
}

static void
rotate(struct link_cut *c, uint32_t x)
{
	uint32_t p = c[x].up, g = c[p].up, middle;
	bool top = is_top(c, p);

	if (c[p].left == x) {
		middle = c[p].left = c[x].right;
		c[x].right = p;
	} else {
		middle = c[p].right = c[x].left;
		c[x].left = p;
	}
	if (middle)
		c[middle].up = p;
	c[p].up = x;
	c[x].up = g;
	if (!top && c[g].left == p)
		c[g].left = x;
	else if (!top)
		c[g].right = x;
}

static void
splay(struct link_cut *c, uint32_t x)
{
	while (!is_top(c, x)) {
		uint32_t p = c[x].up, g = c[p].up;

		if (!is_top(c, p))
			rotate(c, (c[g].left == p) == (c[p].left == x) ? p : x);
		rotate(c, x);
	}
}

/* Makes the path from the tree's root to x one splay tree with x on top. */
static void
expose(struct link_cut *c, uint32_t x)
{
	splay(c, x);
	c[x].right = 0;
	while (c[x].up) {
		uint32_t y = c[x].up;

		splay(c, y);
		c[y].right = x;
		splay(c, x);
	}
}

static uint32_t
cut_root(struct link_cut *c, uint32_t x)
{
	expose(c, x);
	while (c[x].left)
		x = c[x].left;
	splay(c, x);
	return x;
}

static void
make_cut(struct thread_links *l)
{
	l->cut = x_calloc(l->cap, sizeof(*l->cut));
	for (size_t i = 1; i < l->n; i++)
		l->cut[i].up = l->node[i].parent;
}

/* ---- links ---- */

static void
unlink_node(struct thread_links *l, uint32_t x)
{
	if (l->node[x].parent == 0)
		return;
	ensure(l->node[l->node[x].parent].kids > 0);
	l->node[l->node[x].parent].kids--;
	l->node[x].parent = 0;
	if (l->cut) {
		expose(l->cut, x);
		l->cut[l->cut[x].left].up = 0;
		l->cut[x].left = 0;
		l->cut[0].up = 0;
	}
}

/* Is child, which has no parent, above parent (or the same)? */
static bool
circle(struct thread_links *l, uint32_t parent, uint32_t child)
{
	uint32_t x = parent;

	if (parent == child || l->node[child].kids == 0)
		return parent == child;
	for (unsigned i = 0; i < WALK; i++) {
		if (l->node[x].parent == 0)
			return x == child;
		x = l->node[x].parent;
	}
	if (l->cut == NULL)
		make_cut(l);
	return cut_root(l->cut, parent) == child;
}

static void
link_nodes(struct thread_links *l, uint32_t parent, uint32_t child)
{
	/* A forest: a second parent would make circle() walk the wrong way up. */
	ensure(parent != 0 && child != 0 && l->node[child].parent == 0);
	if (circle(l, parent, child))
		return;
	l->node[child].parent = parent;
	l->node[parent].kids++;
	if (l->cut) {
		expose(l->cut, child);
		l->cut[child].up = parent;
	}
}

/* ---- nodes by id ---- */

static uint32_t
new_node(struct thread_links *l, uint64_t id)
{
	if (l->n == l->cap) {
		size_t old = l->cap;

		l->cap = old ? old * 2 : 256;
		l->node = x_realloc(l->node, l->cap * sizeof(*l->node));
		l->id = x_realloc(l->id, l->cap * sizeof(*l->id));
		if (l->cut) {
			l->cut = x_realloc(l->cut, l->cap * sizeof(*l->cut));
			memset(l->cut + old, 0, (l->cap - old) * sizeof(*l->cut));
		}
		if (l->n == 0)
			l->n = 1;
	}
	l->node[l->n] = (struct thread_node){.row = UINT32_MAX};
	l->id[l->n] = id;
	return (uint32_t)l->n++;
}

static size_t
place(const struct thread_links *l, uint64_t id)
{
	uint64_t h = (id ^ l->mix) * (l->mix | 1);

	return (size_t)((h ^ h >> 32) & (l->slots - 1));
}

static void
grow_slots(struct thread_links *l)
{
	uint32_t *old = l->slot;
	size_t n = l->slots;

	if (l->mix == 0)
		l->mix = random_u64();
	l->slots = n ? n * 2 : 1024;
	l->slot = x_calloc(l->slots, sizeof(*l->slot));
	for (size_t i = 0; i < n; i++) {
		if (old[i] == 0)
			continue;
		size_t at = place(l, l->id[old[i]]);

		while (l->slot[at])
			at = (at + 1) & (l->slots - 1);
		l->slot[at] = old[i];
	}
	free(old);
}

static uint32_t
node_of_id(struct thread_links *l, uint64_t id)
{
	size_t at;

	if ((l->n + 1) * 2 > l->slots)
		grow_slots(l);
	at = place(l, id);
	while (l->slot[at]) {
		if (l->id[l->slot[at]] == id)
			return l->slot[at];
		at = (at + 1) & (l->slots - 1);
	}
	return l->slot[at] = new_node(l, id);
}

uint32_t
thread_link(struct thread_links *l, uint32_t row, const struct mime_summary *summary)
{
	uint64_t id = summary ? mime_summary_message_id(summary) : 0;
	size_t refs = summary ? mime_summary_n_refs(summary) : 0;
	uint32_t self = id ? node_of_id(l, id) : 0, last = 0;

	/* No id, or one that an earlier message has: an id of its own. */
	if (self == 0 || l->node[self].row != UINT32_MAX)
		self = new_node(l, 0);
	l->node[self].row = row;
	for (size_t i = 0; i < refs; i++) {
		uint32_t x = node_of_id(l, mime_summary_ref(summary, i));

		if (last && l->node[x].parent == 0)
			link_nodes(l, last, x);
		last = x;
	}
	unlink_node(l, self);
	if (last)
		link_nodes(l, last, self);
	return self;
}

void
thread_links_free(struct thread_links *l)
{
	free(l->node);
	free(l->id);
	free(l->slot);
	free(l->cut);
	*l = (struct thread_links){0};
}
