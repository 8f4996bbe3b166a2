/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the committer: the queue and who comes for it (committer.c), and a group of writes, from begin to commit (group.c).
 */
#ifndef DB_COMMITTER_PRIV_H
#define DB_COMMITTER_PRIV_H

#include <sys/queue.h>
#include "base/lock.h"
#include "db/db_priv.h"

#define LANES 1024
#define OP_BITS 12           /* of an operation id: its place in the group */
#define PENDING STATUS_COUNT /* no outcome yet */

STAILQ_HEAD(write_list, db_write);

struct lane {
	struct write_list writes;
	TAILQ_ENTRY(lane) link;
	bool active;
};

struct hook {
	void (*fn)(void *arg);
	void (*drop)(void *arg);
	void *arg;
};

struct committer {
	enum magic magic;
	struct db *db;
	struct db_conn *conn;
	const struct db_driver *drv;
	pthread_t thread;
	unsigned group_max;
	int64_t group_us;

	struct lock lock; /* guards the lanes */
	pthread_cond_t wake;
	struct lane lanes[LANES];
	TAILQ_HEAD(, lane) active;
	uint64_t lane_key;
	size_t durable, lazy, soon; /* soon ones are lazy ones too */
	int64_t lazy_since;
	bool stop;
	bool running;  /* somebody runs a group: the thread, or one that commits its own */
	bool promised; /* a thread will come for the only write that waits */
	unsigned lone; /* groups of one durable write in a row */

	/* Who runs the group has it for himself. */
	struct write_list group;
	struct db_write *current;
	unsigned size, size_durable, good;
	bool savepoints, op_asked;
	bool full; /* only writes that may use the reserve are run */
	int64_t group_id, purged;
	bool ids_known; /* group_id is above all that are stored */
	struct hook *hooks;
	size_t hooks_n, hooks_cap;
};

/* The next write, lane after lane, or NULL. */
struct db_write *committer_next(struct committer *c, bool only_lazy);
/* Counts w and tells its outcome; it is its owner's again. */
void committer_finish(struct committer *c, struct db_write *w, enum status st);
/* The outcomes of a group are told. */
void committer_told(void);

/* Runs what waits as one group, as far as there is time, commits it and tells the outcomes. sync false: only lazy writes. By whoever has set
 * c->running; without the lock. */
void group_run(struct committer *c, bool sync);

#endif
