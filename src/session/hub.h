/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hub: who watches what, and a small live object for each watched mailbox. The store's change feed
 * calls hub_changed() after each commit. Any thread; a watcher belongs to its session's thread.
 *
 * A session that does not wait for news (no IDLE, no NOTIFY) is not woken: at its next command it
 * compares hub_modseq() with what it was told, one atomic load. A session in IDLE turns
 * watcher_push() on FIRST and compares then: a commit in between is seen one way or the other.
 */
#ifndef SESSION_HUB_H
#define SESSION_HUB_H

#include <stdatomic.h>
#include "base/magic.h"
#include "net/conn.h"

struct hub;
struct live;

struct hub *hub_new(void);
/* No watcher may be left. */
void hub_free(struct hub *hub);

/* Embedded in a session (or in a NOTIFY set); all fields are the hub's. A watcher of zeroes watches
 * nothing. */
struct watcher {
	enum magic magic; /* MAGIC_WATCHER while it watches */
	struct watcher *next, **prev;
	struct live *live;
	struct conn *conn;
	_Atomic bool push;
};

/* Instead of a mailbox: the logins of an account. Each session watches it from its login on, with push: hub_watchers() is
 * how many there are (limits.connections_per_account), and hub_modseq() grows when the account's sessions have to end: it was disabled or
 * deleted, or its password changed (auth.end_sessions). */
#define HUB_LOGINS UINT64_MAX

/* Watches a mailbox of an account (the owner of the mailbox, not the reader), or, with mailbox 0,
 * everything in the account: all its mailboxes and their list. push is off. */
void hub_watch(struct hub *hub, uint64_t account, uint64_t mailbox, struct watcher *w,
    struct conn *c);
/* After it returns the watcher is not woken any more. Harmless when it watches nothing. */
void hub_unwatch(struct hub *hub, struct watcher *w);
/* With push on, changes post CONN_EV_CHANGE to the connection; those of logins CONN_EV_USER too. */
void watcher_push(struct watcher *w, bool on);
bool watcher_watches(const struct watcher *w);

/* A commit changed the mailbox up to this mod-sequence (0 for mailbox: the account's list of
 * mailboxes, subscriptions, metadata...). Wakes watchers of the mailbox and of the account. */
void hub_changed(struct hub *hub, uint64_t account, uint64_t mailbox, uint64_t modseq);
/* The latest mod-sequence that the feed told, 0 if none yet since the first watcher came. For a
 * watcher of an account or of logins: a counter that grows with each change. One atomic load. */
uint64_t hub_modseq(const struct watcher *w);

/* \Recent (RFC 3501 2.3.2): the first session that asks gets the new UIDs. stored: the mark that the
 * store keeps (first UID nobody was told of), uidnext: the mailbox's. Returns the first UID that is
 * \Recent in this session: those in [returned, uidnext) are its own, none when they are equal. When it
 * is below uidnext the session writes uidnext to the store's mark, lazily. */
uint32_t hub_recent_claim(struct watcher *w, uint32_t stored, uint32_t uidnext);
/* The same for EXAMINE: looks and takes nothing. */
uint32_t hub_recent_peek(struct watcher *w, uint32_t stored, uint32_t uidnext);

/* How many watchers the mailbox (or account) has: for the administrator. */
unsigned hub_watchers(struct hub *hub, uint64_t account, uint64_t mailbox);

#endif
