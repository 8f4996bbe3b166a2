/* SPDX-License-Identifier: Apache-2.0 */
/* What the store tells of its changes, handed to who watches. */
#include "session/door.h"

/* How one may log in has changed, or the account is closed. */
static void
account_changed(const struct door *d, const struct store_event *ev)
{
	if (d->auth != NULL)
		auth_changed(d->auth, ev->account);
	if (ev->modseq == ACCOUNT_CLOSED || (ev->modseq == ACCOUNT_PASSWORD && d->end_sessions))
		hub_changed(d->hub, (uint64_t)ev->account, HUB_LOGINS, 0);
}

void
door_changed(void *door, const struct store_event *ev)
{
	const struct door *d = door;
	uint64_t account = (uint64_t)ev->account, mailbox = (uint64_t)ev->mailbox;

	switch (ev->kind) {
	case EVENT_MESSAGES:
		hub_changed(d->hub, account, mailbox, ev->modseq);
		break;
	case EVENT_DELETED:
		/* Above all that it had, so that its sessions look and find it gone. */
		hub_changed(d->hub, account, mailbox, INT64_MAX);
		break;
	case EVENT_MAILBOX:
		hub_changed(d->hub, account, 0, 0);
		break;
	case EVENT_ACCOUNT:
		account_changed(d, ev);
		break;
	case EVENT_QUOTA:
		break;
	}
}
