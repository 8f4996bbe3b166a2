/* SPDX-License-Identifier: Apache-2.0 */
/*
 * door: what all protocols through which somebody comes in stand on: the store, who watches it, who is let in, and what all of them
 * together may take. One a process; the server fills it and it outlives every connection. Read only, so any thread.
 *
 * A protocol (imap, lmtp, ...) has a folder of its own with a struct conn_handler; its listeners are a row of server/services.tbl.
 * What a door needs besides its grammar is here: session/login.h says who it is, session/change.h writes, session/heavy (pool.h) gives
 * turns, session/hub.h tells news.
 */
#ifndef SESSION_DOOR_H
#define SESSION_DOOR_H

#include <stdbool.h>
#include "auth/auth.h"
#include "base/budget.h"
#include "session/hub.h"
#include "session/pool.h"
#include "store/store.h"

struct door {
	struct store *store;
	struct hub *hub;
	struct pool *pool;       /* for turns; NULL in tests: nobody waits for one */
	struct auth *auth;       /* NULL: a process whose doors know no login */
	struct budgets *budgets; /* of memory; NULL: no limits */
	unsigned account_max;    /* logged-in connections of one account, through all doors together; 0: no limit */
	bool trust_loopback;     /* passwords may cross the loopback interface in the clear */
	bool end_sessions;       /* an account's sessions end when its password changes; when it is closed they do anyway */
};

/* For store_subscribe(), with the door as arg: each commit's changes go to who watches (hub) and to what is remembered of logins. In
 * whichever thread commits; does not block. */
void door_changed(void *door, const struct store_event *ev);

#endif
