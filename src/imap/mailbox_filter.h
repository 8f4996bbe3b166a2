/* SPDX-License-Identifier: Apache-2.0 */
/* mailbox_filter: which mailboxes NOTIFY (RFC 5465 6) and ESEARCH (RFC 7377 2.2) are about. Any thread. */
#ifndef IMAP_MAILBOX_FILTER_H
#define IMAP_MAILBOX_FILTER_H

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
/* Does it mean this mailbox? (Not of SELECTED.) */
bool mailbox_filter_fits(const struct mailbox_filter *f, struct str name, bool selectable, bool subscribed);

#endif
