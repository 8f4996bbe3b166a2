/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A group of writes, one transaction.
 *
 * Undoing one function. A savepoint costs a copy of each page changed in it, and hardly any function fails after it
 * changed something. So a group begins without savepoints: a function that fails and changed nothing just
 * leaves; if it changed something (or the engine rolled back by itself) the transaction is rolled back, the others
 * run again, and the rest of the group uses savepoints.
 *
 * A commit that fails takes nobody along who would succeed alone: each of the group then gets a commit of its own.
 */
#include "db/committer_priv.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/watchdog.h"

#define OP_KEPT_US (24 * 3600 * INT64_C(1000000))
#define OP_PURGE_US (3600 * INT64_C(1000000))

/* ---- hooks ---- */

void
db_after_commit(struct db_txn *txn, void (*fn)(void *arg), void (*drop)(void *arg), void *arg)
{
	struct committer *c = txn->committer;

	ensure(c != NULL);
	if (c->hooks_n == c->hooks_cap) {
		c->hooks_cap = c->hooks_cap * 2 + 64;
		c->hooks = x_realloc(c->hooks, c->hooks_cap * sizeof(*c->hooks));
	}
	c->hooks[c->hooks_n++] = (struct hook){fn, drop, arg};
}

/* Undoes the hooks from number from on. */
static void
hooks_drop(struct committer *c, size_t from)
{
	ensure(from <= c->hooks_n);
	for (size_t i = from; i < c->hooks_n; i++) {
		if (c->hooks[i].drop != NULL)
			c->hooks[i].drop(c->hooks[i].arg);
	}
	c->hooks_n = from;
}

static void
hooks_call(struct committer *c)
{
	for (size_t i = 0; i < c->hooks_n; i++)
		c->hooks[i].fn(c->hooks[i].arg);
	c->hooks_n = 0;
}

/* ---- operation ids ---- */

uint64_t
db_op_id(struct db_txn *txn)
{
	struct committer *c = txn->committer;

	ensure(c != NULL && c->current != NULL);
	c->op_asked = true;
	return c->current->op_id;
}

enum status
db_op_outcome(struct db_txn *txn, uint64_t op_id)
{
	static struct db_sql find = DB_SQL("SELECT n FROM db_op WHERE id = ?1");
	int64_t n;
	enum status st = db_get_ints(txn, &find, &n, 1, "i", (int64_t)(op_id >> OP_BITS));

	if (st != OK)
		return st;
	return (int64_t)(op_id & ((1U << OP_BITS) - 1)) < n ? OK : ERR_NOT_FOUND;
}

/* One row a group, and only if one of its functions asked for its id. */
static enum status
op_store(struct committer *c)
{
	static struct db_sql add = DB_SQL("INSERT INTO db_op (id, n) VALUES (?1, ?2)");
	static struct db_sql purge = DB_SQL("DELETE FROM db_op WHERE id < ?1");
	struct db_txn *txn = &c->conn->txn;
	enum status st;

	if (!c->op_asked)
		return OK;
	st = db_exec(txn, &add, "ii", c->group_id, (int64_t)c->good);
	if (st == OK && c->group_id - c->purged > OP_PURGE_US) {
		c->purged = c->group_id;
		st = db_exec(txn, &purge, "i", c->group_id - OP_KEPT_US);
	}
	return st;
}

/* ---- running ---- */

enum turn { TURN_GOES_ON, TURN_AGAIN };

static struct db_effect
effect(struct committer *c)
{
	return c->drv->effect(c->conn->e);
}

static void
group_undo(struct committer *c)
{
	(void)c->drv->end(c->conn->e, END_ROLLBACK, NULL);
}

/* Undoes and ends the savepoint. */
static enum status
savepoint_undo(struct committer *c)
{
	static struct db_sql back = DB_SQL("ROLLBACK TO SAVEPOINT w"), release = DB_SQL("RELEASE SAVEPOINT w");
	enum status st = db_exec(&c->conn->txn, &back, "");

	return st == OK ? db_exec(&c->conn->txn, &release, "") : st;
}

/* The clock may have been ahead of what it tells now when the last ids were given out. */
static enum status
ids_above(struct committer *c)
{
	static struct db_sql highest = DB_SQL("SELECT coalesce(max(id), 0) FROM db_op");
	int64_t id;
	enum status st = db_get_ints(&c->conn->txn, &highest, &id, 1, "");

	if (st == OK && id >= c->group_id)
		c->group_id = id + 1;
	c->ids_known = st == OK;
	return st;
}

static enum status
group_begin(struct committer *c, bool sync)
{
	int64_t now = clock_now();
	enum status st;

	c->group_id = now > c->group_id ? now : c->group_id + 1;
	c->good = 0;
	c->op_asked = false;
	ensure(c->hooks_n == 0);
	c->full = c->drv->upkeep(c->conn->e, UPKEEP_BEFORE) != OK;
	if ((st = c->drv->begin(c->conn->e, sync ? TXN_WRITE : TXN_LAZY)) != OK || c->ids_known)
		return st;
	if ((st = ids_above(c)) != OK)
		group_undo(c);
	return st;
}

/* Runs w as the next of the group. TURN_AGAIN: the transaction has to be rolled back, the others run again. */
static enum turn
run_one(struct committer *c, struct db_write *w)
{
	static struct db_sql set = DB_SQL("SAVEPOINT w"), release = DB_SQL("RELEASE SAVEPOINT w");
	int64_t changes = effect(c).total, scripts = c->conn->txn.scripts;
	size_t hooks = c->hooks_n;
	enum status st;
	bool alive;

	if (c->full && !w->reserve) {
		w->outcome = ERR_FULL;
		return TURN_GOES_ON;
	}
	c->conn->last_error = OK;
	if (c->savepoints && (st = db_exec(&c->conn->txn, &set, "")) != OK) {
		w->outcome = st;
		return TURN_AGAIN;
	}
	ensure(c->good < 1U << OP_BITS);
	w->op_id = (uint64_t)c->group_id << OP_BITS | c->good;
	c->current = w;
	watchdog_begin();
	watchdog_place(w->what ? w->what : "-", "commit");
	st = w->fn(&c->conn->txn, w->arg);
	watchdog_end("change", w->lane);
	c->current = NULL;
	alive = effect(c).open;
	if (st == OK && !alive)
		st = c->conn->last_error != OK ? c->conn->last_error : ERR_IO;
	w->outcome = st;
	if (st == OK) {
		c->good++;
		if (c->savepoints && (w->outcome = db_exec(&c->conn->txn, &release, "")) != OK)
			return TURN_AGAIN;
		return TURN_GOES_ON;
	}
	hooks_drop(c, hooks);
	if (!alive)
		return TURN_AGAIN;
	if (c->savepoints)
		return savepoint_undo(c) == OK ? TURN_GOES_ON : TURN_AGAIN;
	return effect(c).total == changes && c->conn->txn.scripts == scripts ? TURN_GOES_ON : TURN_AGAIN;
}

static void
fail_pending(struct committer *c, enum status st)
{
	struct db_write *w;

	STAILQ_FOREACH(w, &c->group, link) {
		if (w->outcome == PENDING)
			w->outcome = st;
	}
}

/* Those that had run well have to run again. */
static void
unmark(struct committer *c)
{
	struct db_write *w;

	hooks_drop(c, 0);
	STAILQ_FOREACH(w, &c->group, link) {
		if (w->outcome == OK)
			w->outcome = PENDING;
	}
}

/* Without space: it is tried again if some could be made. */
static void
reconsider(struct committer *c, struct db_write *w)
{
	if (w->outcome == ERR_FULL && c->drv->upkeep(c->conn->e, w->reserve ? UPKEEP_FULL_RESERVE : UPKEEP_FULL) == OK)
		w->outcome = PENDING;
}

/*
 * Runs w and what follows it in the group, and all of the group again if need be. Each round ends at least one
 * write or takes the reserve, so the rounds come to an end. False: no transaction is open.
 */
static bool
run_from(struct committer *c, struct db_write *w, bool sync)
{
	enum status st;

	while (w != NULL) {
		if (w->outcome != PENDING || run_one(c, w) == TURN_GOES_ON) {
			w = STAILQ_NEXT(w, link);
			continue;
		}
		unmark(c);
		group_undo(c);
		c->savepoints = true;
		reconsider(c, w);
		if ((st = group_begin(c, sync)) != OK) {
			fail_pending(c, st);
			return false;
		}
		w = STAILQ_FIRST(&c->group);
	}
	return true;
}

bool
db_declared(const struct db_txn *txn, int64_t account)
{
	const struct db_write *w = txn->committer != NULL ? txn->committer->current : NULL;

	if (w == NULL || w->lane == 0 || w->lane == (uint64_t)account)
		return true;
	for (size_t i = 0; i < w->accounts_n; i++)
		if (w->accounts[i] == account)
			return true;
	return false;
}

/* The clocks of those that the group changes; the commit's number. */
static uint64_t
clocks_ahead(struct committer *c)
{
	struct clocks *clocks = &c->db->clocks;
	uint64_t commit = clocks_commit_begin(clocks);
	struct db_write *w;

	STAILQ_FOREACH(w, &c->group, link) {
		if (w->outcome != OK)
			continue;
		clocks_move(clocks, w->lane, commit);
		for (size_t i = 0; i < w->accounts_n; i++)
			clocks_move(clocks, (uint64_t)w->accounts[i], commit);
	}
	return commit;
}

static enum commit_result
group_commit(struct committer *c, bool sync, enum status *why_r)
{
	enum commit_result result;
	uint64_t commit;
	int64_t began;

	if ((*why_r = op_store(c)) != OK) {
		group_undo(c);
		return COMMIT_FAILED;
	}
	commit = clocks_ahead(c);
	began = clock_mono();
	result = c->drv->end(c->conn->e, END_COMMIT, why_r);
	clocks_commit_end(&c->db->clocks, commit);
	if (result == COMMIT_DONE) {
		atomic_fetch_add_explicit(&c->db->commits, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&c->db->syncs, sync, memory_order_relaxed);
		if (sync)
			histogram_add(&c->db->sync_times, clock_mono() - began);
	}
	return result;
}

/* The outcomes stand: hooks first, then the callbacks, in the order in which the functions ran. */
static void
group_finish(struct committer *c, enum commit_result result)
{
	struct db_write *w;

	if (result == COMMIT_UNKNOWN) {
		hooks_drop(c, 0);
		db_fatal(c->db, "a commit failed at its sync");
	}
	hooks_call(c);
	while ((w = STAILQ_FIRST(&c->group)) != NULL) {
		STAILQ_REMOVE_HEAD(&c->group, link);
		committer_finish(c, w, w->outcome == OK && result == COMMIT_UNKNOWN ? ERR_UNKNOWN : w->outcome);
	}
	committer_told();
}

/* A commit of its own for w. */
static void
run_alone(struct committer *c, struct db_write *w, bool sync)
{
	enum commit_result result = COMMIT_DONE;
	enum status st;

	w->outcome = PENDING;
	STAILQ_INIT(&c->group);
	STAILQ_INSERT_TAIL(&c->group, w, link);
	while (w->outcome == PENDING) {
		result = COMMIT_DONE;
		if ((st = group_begin(c, sync)) != OK)
			w->outcome = st;
		else if (run_from(c, w, sync))
			result = group_commit(c, sync, &st);
		if (result != COMMIT_FAILED)
			break;
		unmark(c);
		w->outcome = st;
		reconsider(c, w);
	}
	group_finish(c, result);
}

/* The group could not be committed as a whole. */
static void
run_each_alone(struct committer *c, bool sync)
{
	struct write_list list = STAILQ_HEAD_INITIALIZER(list);
	struct db_write *w;

	unmark(c);
	STAILQ_CONCAT(&list, &c->group);
	while ((w = STAILQ_FIRST(&list)) != NULL) {
		STAILQ_REMOVE_HEAD(&list, link);
		if (w->outcome == PENDING && !atomic_load(&c->db->dead))
			run_alone(c, w, sync);
		else
			committer_finish(c, w, w->outcome == PENDING ? ERR_UNAVAILABLE : w->outcome);
	}
}

/* Everything that waits fails: there is not even a transaction. */
static void
fail_waiting(struct committer *c, enum status st)
{
	struct db_write *w;

	while ((w = committer_next(c, false)) != NULL)
		committer_finish(c, w, st);
}

/* Takes waiting writes into the open transaction until there are enough. False: it is not open any more. */
static bool
group_fill(struct committer *c, bool sync)
{
	int64_t until = clock_mono() + c->group_us;
	struct db_write *w;

	c->size = c->size_durable = 0;
	while ((w = committer_next(c, !sync)) != NULL) {
		STAILQ_INSERT_TAIL(&c->group, w, link);
		c->size_durable += !w->lazy;
		if (!run_from(c, w, sync))
			return false;
		if (++c->size >= c->group_max || clock_mono() >= until)
			break;
	}
	return true;
}

void
group_run(struct committer *c, bool sync)
{
	enum commit_result result = COMMIT_DONE;
	enum status st;

	ensure(STAILQ_EMPTY(&c->group) && c->current == NULL);
	STAILQ_INIT(&c->group);
	c->savepoints = false;
	if (atomic_load(&c->db->dead)) {
		fail_waiting(c, ERR_UNAVAILABLE);
		return;
	}
	if ((st = group_begin(c, sync)) != OK) {
		fail_waiting(c, st);
		return;
	}
	if (group_fill(c, sync))
		result = group_commit(c, sync, &st);
	if (result == COMMIT_FAILED)
		run_each_alone(c, sync);
	else
		group_finish(c, result);
	(void)c->drv->upkeep(c->conn->e, UPKEEP_AFTER);
}
