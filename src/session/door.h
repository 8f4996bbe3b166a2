/* SPDX-License-Identifier: Apache-2.0 */
/*
 * door: what all protocols through which somebody comes in stand on: the store, who watches it, who is let in, and what all of them
 * together may take. One a process; the server fills it and it outlives every connection. Read only, so any thread.
 *
 * A protocol (imap, lmtp, ...) has a folder of its own with a struct protocol; its listeners are rows of base/services.tbl.
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

struct config;

struct door {
	const char *hostname;    /* this machine, as it calls itself to clients and in trace fields */
	struct store *store;
	struct hub *hub;
	struct pool *pool;       /* for turns; NULL in tests: nobody waits for one */
	struct auth *auth;       /* NULL: a process whose doors know no login */
	struct budgets *budgets; /* of memory; NULL: no limits */
	unsigned account_max;    /* logged-in connections of one account, through all doors together; 0: no limit */
	bool trust_loopback;     /* passwords may cross the loopback interface in the clear */
	bool end_sessions;       /* an account's sessions end when its password changes; when it is closed they do anyway */
};

/*
 * A protocol, as its folder hands it to the server: PROTOCOL_protocol, which rows of base/services.tbl name. Its connections' conn_arg() is what
 * open() makes.
 */
struct protocol {
	const struct conn_handler *handler;
	/* Once, before the first connection, with the settings in force (config()), which server_check() has found right. The door outlives it.
	 * ERR_BAD_INPUT: the settings cannot be. */
	enum status (*open)(const struct door *door, void **service_r);
	/* SIGHUP: takes from fresh what may change while it runs. ERR_BAD_INPUT: all stays as it was, and why is added to. One thread, while
	 * others serve. NULL: nothing may change. */
	enum status (*reload)(void *service, const struct config *fresh, struct buf *why);
	/* All its connections are gone. */
	void (*close)(void *service);
};

/* For store_subscribe(), with the door as arg: each commit's changes go to who watches (hub) and to what is remembered of logins. In
 * whichever thread commits; does not block. */
void door_changed(void *door, const struct store_event *ev);

#endif
