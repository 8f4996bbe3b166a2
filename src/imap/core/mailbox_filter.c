/* SPDX-License-Identifier: Apache-2.0 */
/* Filters of mailboxes: read from a command, and asked for many names at once. */
#include "imap/core/mailbox_filter.h"

#include <stdlib.h>

/* "name" or "(name name)". */
static enum status
parse_names(struct mailbox_filter *f, struct args *a, struct arena *keep)
{
	size_t room = 0;
	struct str *names = NULL;
	bool list = false;
	enum status st;

	if ((st = arg_space(a)) != OK)
		return st;
	if (arg_peek(a) == '(') {
		list = true;
		if ((st = arg_open(a)) != OK)
			return st;
	}
	do {
		struct str name;

		if ((st = arg_mailbox(a, &name)) != OK)
			return st;
		/* As many as there are, not as the rest of the command might hold. */
		if (f->n == room) {
			names = arena_grow(a->arena, names, f->n, room, 2 * room + 4, sizeof(*names));
			room = 2 * room + 4;
		}
		names[f->n++] = arena_str(keep, name);
	} while (list && arg_more(a));
	if (list && (st = arg_close(a)) != OK)
		return st;
	f->names = arena_copy(keep, names, f->n, f->n, sizeof(*names));
	return OK;
}

enum status
mailbox_filter_parse(struct mailbox_filter *f, struct args *a, struct arena *keep, bool esearch)
{
	static const struct {
		const char *name;
		enum mailbox_filter_kind kind;
		bool esearch;
	} filters[] = {
		{"SELECTED", MAILBOXES_SELECTED, true},
		{"INBOXES", MAILBOXES_INBOXES, false},
		{"PERSONAL", MAILBOXES_PERSONAL, false},
		{"SUBSCRIBED", MAILBOXES_SUBSCRIBED, false},
		{"SUBTREE-ONE", MAILBOXES_SUBTREE_ONE, true},
		{"SUBTREE", MAILBOXES_SUBTREE, false},
		{"MAILBOXES", MAILBOXES_NAMED, false},
	};

	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
		if ((esearch || !filters[i].esearch) && arg_keyword(a, filters[i].name)) {
			*f = (struct mailbox_filter){.kind = filters[i].kind};
			return f->kind >= MAILBOXES_SUBTREE ? parse_names(f, a, keep) : OK;
		}
	return arg_expect(a, EXPECT_MAILBOXES);
}

/* ---- many filters ---- */

/* What filters ask of a name, and of those below it. */
struct mailbox_mark {
	struct str name;
	unsigned itself, child, below;
};

static int
by_name(const void *a, const void *b)
{
	return str_cmp(((const struct mailbox_mark *)a)->name, ((const struct mailbox_mark *)b)->name);
}

void
mailbox_index_init(struct mailbox_index *x, size_t names)
{
	*x = (struct mailbox_index){.mark = names ? x_calloc(names, sizeof(*x->mark)) : NULL};
}

void
mailbox_index_add(struct mailbox_index *x, const struct mailbox_filter *f, unsigned bits)
{
	switch (f->kind) {
	case MAILBOXES_SELECTED:
		return;
	case MAILBOXES_INBOXES:
	case MAILBOXES_PERSONAL:
		x->own |= bits;
		return;
	case MAILBOXES_SUBSCRIBED:
		x->subscribed |= bits;
		return;
	default:
		for (size_t i = 0; i < f->n; i++)
			x->mark[x->n++] = (struct mailbox_mark){
				.name = f->names[i],
				.itself = bits,
				.child = f->kind == MAILBOXES_SUBTREE_ONE ? bits : 0,
				.below = f->kind == MAILBOXES_SUBTREE ? bits : 0,
			};
	}
}

void
mailbox_index_sort(struct mailbox_index *x)
{
	size_t n = 0;

	if (x->n > 0)
		qsort(x->mark, x->n, sizeof(*x->mark), by_name);
	for (size_t i = 0; i < x->n; i++) {
		if (n > 0 && str_eq(x->mark[n - 1].name, x->mark[i].name)) {
			x->mark[n - 1].itself |= x->mark[i].itself;
			x->mark[n - 1].child |= x->mark[i].child;
			x->mark[n - 1].below |= x->mark[i].below;
		} else {
			x->mark[n++] = x->mark[i];
		}
	}
	x->n = n;
}

static const struct mailbox_mark *
find(const struct mailbox_index *x, struct str name)
{
	struct mailbox_mark key = {.name = name};

	return x->n > 0 ? bsearch(&key, x->mark, x->n, sizeof(*x->mark), by_name) : NULL;
}

unsigned
mailbox_index_bits(const struct mailbox_index *x, struct str name, bool own, bool subscribed)
{
	const struct mailbox_mark *m = find(x, name);
	unsigned bits = (own ? x->own : 0) | (subscribed ? x->subscribed : 0) | (m ? m->itself | m->below : 0);
	bool parent = true;

	if (x->n == 0)
		return bits;
	for (size_t i = name.n; i-- > 0;) {
		if (name.p[i] != '/')
			continue;
		if ((m = find(x, str_head(name, i))) != NULL)
			bits |= m->below | (parent ? m->child : 0);
		parent = false;
	}
	return bits;
}

void
mailbox_index_free(struct mailbox_index *x)
{
	free(x->mark);
	*x = (struct mailbox_index){0};
}
