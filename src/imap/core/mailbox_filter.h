/* SPDX-License-Identifier: Apache-2.0 */
/* mailbox_filter: which mailboxes NOTIFY (RFC 5465 6) and ESEARCH (RFC 7377 2.2) are about. Any thread. */
#ifndef IMAP_CORE_MAILBOX_FILTER_H
#define IMAP_CORE_MAILBOX_FILTER_H

#include "wire/imap_args.h"

enum mailbox_filter_kind {
	MAILBOXES_SELECTED,    /* ESEARCH: the selected one */
	MAILBOXES_INBOXES,     /* all: any mailbox may get mail delivered (RFC 5465 6.3) */
	MAILBOXES_PERSONAL,
	MAILBOXES_SUBSCRIBED,
	MAILBOXES_SUBTREE,     /* names and what is below them */
	MAILBOXES_SUBTREE_ONE, /* ESEARCH: names and one level below them */
	MAILBOXES_NAMED,
};

struct mailbox_filter {
	enum mailbox_filter_kind kind;
	const struct str *names;
	size_t n;
};

/* One filter but for SELECTED; names are copied to keep. esearch: SELECTED and SUBTREE-ONE are allowed too. */
must_check enum status mailbox_filter_parse(struct mailbox_filter *f, struct args *a, struct arena *keep, bool esearch);

/*
 * Many filters, asked of many mailboxes: names in order, so that a question costs a few comparisons for each level of the name, however many names
 * there are. Each filter has bits of its caller's; a mailbox gets those of all that mean it. (SELECTED means nothing here.) init takes the number of
 * all filters' names, which must outlive the index; sort comes after the last add.
 */
struct mailbox_mark;
struct mailbox_index {
	struct mailbox_mark *mark;
	size_t n;
	unsigned own, subscribed;
};
void mailbox_index_init(struct mailbox_index *x, size_t names);
void mailbox_index_add(struct mailbox_index *x, const struct mailbox_filter *f, unsigned bits);
void mailbox_index_sort(struct mailbox_index *x);
/* own: it can be selected, and is the user's: what INBOXES and PERSONAL mean. */
unsigned mailbox_index_bits(const struct mailbox_index *x, struct str name, bool own, bool subscribed);
void mailbox_index_free(struct mailbox_index *x);

#endif
