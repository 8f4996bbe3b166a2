/* SPDX-License-Identifier: Apache-2.0 */
#include "imap/mailbox_filter.h"

/* "name" or "(name name)". */
static enum status
parse_names(struct mailbox_filter *f, struct args *a, struct arena *keep)
{
	size_t room = 1;
	struct str *names;
	bool list = false;
	enum status st;

	if ((st = arg_space(a)) != OK)
		return st;
	for (size_t i = a->at; i < a->all.n; i++)
		room += a->all.p[i] == ' ';
	names = arena_array(a->arena, room, sizeof(*names));
	if (arg_peek(a) == '(') {
		list = true;
		if ((st = arg_open(a)) != OK)
			return st;
	}
	do {
		struct str name;

		if (f->n == room)
			return ERR_BAD_INPUT;
		if ((st = arg_mailbox(a, &name)) != OK)
			return st;
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

/* Is name the mailbox itself, or below it as deep as the filter goes? */
static bool
covers(enum mailbox_filter_kind kind, struct str top, struct str name)
{
	struct str below;

	if (str_eq(top, name))
		return true;
	if (kind == MAILBOXES_NAMED || name.n <= top.n || name.p[top.n] != '/' || !str_starts(name, top))
		return false;
	below = str_from(name, top.n + 1);
	return kind == MAILBOXES_SUBTREE || str_chr(below, '/') == below.n;
}

bool
mailbox_filter_fits(const struct mailbox_filter *f, struct str name, bool selectable, bool subscribed)
{
	switch (f->kind) {
	case MAILBOXES_INBOXES:
	case MAILBOXES_PERSONAL:
		return selectable;
	case MAILBOXES_SUBSCRIBED:
		return subscribed;
	default:
		for (size_t i = 0; i < f->n; i++)
			if (covers(f->kind, f->names[i], name))
				return true;
		return false;
	}
}
