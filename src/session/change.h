/* SPDX-License-Identifier: Apache-2.0 */
/*
 * change: a change of the store on its way to disk while its connection is parked. Embedded in what waits for it, which has to live until it
 * is over: a session frees nothing in which a change is under way, and closed() comes only when it is over, for the connection is held.
 *
 *	change_submit(&x->change, c, db, &(struct db_write){.fn = fn, .arg = x, .what = "STORE", .lane = account});
 *	return CONN_WAKE;
 *	... in run(), which comes with CONN_EV_WAKE, and with others before:
 *	if (change_waits(&x->change))
 *		return CONN_WAKE;
 *	if ((st = change_take(&x->change)) == ERR_UNKNOWN)
 *		return CONN_ABORT;
 *
 * The outcomes of one commit are made known together: a connection that waits for several is woken once, when all are over.
 *
 * What it says is told to nobody before it is durable. ERR_UNKNOWN is told to nobody at all: whether the disk has it shows after the restart
 * (db/db.h). The struct belongs to the thread that runs the connection; only the committer's callback is elsewhere.
 */
#ifndef SESSION_CHANGE_H
#define SESSION_CHANGE_H

#include <stdatomic.h>
#include "db/db.h"
#include "net/conn.h"

struct change {
	struct db_write write;
	struct conn *conn;
	_Atomic bool over;  /* the outcome is there: release, acquire */
	bool under_way;     /* submitted and not taken */
	enum status status;
	struct change *next; /* of those whose outcomes are about to be made known */
};

/* Hands it to the committer: w's fn, arg, what, lane and reserve. None is under way in the struct; fn is pure and may run twice; arg must live until
 * the change is over. */
void change_submit(struct change *ch, struct conn *c, struct db *db, const struct db_write *w);
/* The outcome is there, not taken yet. */
bool change_over(const struct change *ch);
/* It is under way and the outcome is not there yet. */
bool change_waits(const struct change *ch);
/* The outcome, when it is over; then another may be submitted. */
must_check enum status change_take(struct change *ch);

#endif
