/* SPDX-License-Identifier: Apache-2.0 */
/* Hands a change to the committer and takes its outcome. */
#include "session/change.h"

#include <stddef.h>
#include "base/assert.h"

/*
 * On the committer's thread. The outcomes of a group are collected, and known to their connections when all are there: a connection that has several
 * of them answers them together, in one packet.
 */
static _Thread_local struct {
	struct change *first, **last;
} told;

/* So many are made known at once. */
#define LOT 64

/* The next lot: from the moment when a change is over it may be gone; its connection is held. */
static unsigned
take_lot(struct conn **conns)
{
	unsigned n = 0;

	while (n < LOT && told.first != NULL) {
		struct change *ch = told.first;

		told.first = ch->next;
		conns[n++] = ch->conn;
		atomic_store_explicit(&ch->over, true, memory_order_release);
	}
	return n;
}

static void
wake_all(void)
{
	struct conn *conns[LOT];
	unsigned n;

	while ((n = take_lot(conns)) > 0)
		for (unsigned i = 0; i < n; i++) {
			if (i + 1 == n || conns[i + 1] != conns[i])
				conn_wake(conns[i], CONN_EV_WAKE);
			conn_release(conns[i]);
		}
}

static void
change_done(struct db_write *w, enum status st)
{
	struct change *ch = (struct change *)(void *)((char *)w - offsetof(struct change, write));

	ch->status = st;
	ch->next = NULL;
	if (told.first == NULL)
		told.last = &told.first;
	*told.last = ch;
	told.last = &ch->next;
	db_when_told(wake_all);
}

void
change_submit(struct change *ch, struct conn *c, struct db *db, const struct db_write *w)
{
	ensure(!ch->under_way);
	ch->write = *w;
	ch->write.done = change_done;
	ch->conn = c;
	ch->under_way = true;
	atomic_store_explicit(&ch->over, false, memory_order_relaxed);
	conn_hold(c);
	db_submit(db, &ch->write);
}

bool
change_over(const struct change *ch)
{
	return ch->under_way && atomic_load_explicit(&ch->over, memory_order_acquire);
}

bool
change_waits(const struct change *ch)
{
	return ch->under_way && !atomic_load_explicit(&ch->over, memory_order_acquire);
}

enum status
change_take(struct change *ch)
{
	ensure(change_over(ch));
	ch->under_way = false;
	return ch->status;
}
