/* SPDX-License-Identifier: Apache-2.0 */
/* Hands a change to the committer and takes its outcome. */
#include "session/change.h"

#include <stddef.h>
#include "base/assert.h"

/* On the committer's thread. */
static void
change_done(struct db_write *w, enum status st)
{
	struct change *ch = (struct change *)(void *)((char *)w - offsetof(struct change, write));
	struct conn *c = ch->conn;

	ch->status = st;
	atomic_store_explicit(&ch->over, true, memory_order_release);
	/* From here on ch may be gone; the connection is held. */
	conn_wake(c, CONN_EV_WAKE);
	conn_release(c);
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
