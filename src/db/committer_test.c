/* SPDX-License-Identifier: Apache-2.0 */
/* The committer: groups, commits of a lone thread, hooks, operation ids, order and fairness. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/log.h"
#include "db/put_test.h"

/* ---- groups ---- */

/* Holds the committer until told, so that what is submitted meanwhile makes one group. */
struct dam {
	struct db_write write;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool running, open;
};

static enum status
fn_dam(struct db_txn *txn, void *arg)
{
	struct dam *dam = arg;

	pthread_mutex_lock(&dam->lock);
	dam->running = true;
	pthread_cond_broadcast(&dam->wake);
	while (!dam->open)
		pthread_cond_wait(&dam->wake, &dam->lock);
	pthread_mutex_unlock(&dam->lock);
	return OK;
}

static void
dam_close(struct db *db, struct dam *dam)
{
	*dam = (struct dam){.write = {.fn = fn_dam, .arg = dam}};
	pthread_mutex_init(&dam->lock, NULL);
	pthread_cond_init(&dam->wake, NULL);
	db_submit(db, &dam->write);
	pthread_mutex_lock(&dam->lock);
	while (!dam->running)
		pthread_cond_wait(&dam->wake, &dam->lock);
	pthread_mutex_unlock(&dam->lock);
}

static void
dam_open(struct dam *dam)
{
	pthread_mutex_lock(&dam->lock);
	dam->open = true;
	pthread_cond_broadcast(&dam->wake);
	pthread_mutex_unlock(&dam->lock);
}

struct job {
	struct db_write write;
	struct put put;
	enum status st;
	atomic_bool done;
};

static void
job_done(struct db_write *w, enum status st)
{
	struct job *job = (struct job *)w;

	ensure(!job->done);
	job->st = st;
	job->done = true;
}

/* Runs the jobs as one group behind a dam and waits for them. */
static void
run_jobs(struct db *db, struct job *jobs, int n)
{
	struct dam dam;

	dam_close(db, &dam);
	for (int i = 0; i < n; i++) {
		jobs[i].write.fn = fn_put;
		jobs[i].write.arg = &jobs[i].put;
		jobs[i].write.done = job_done;
		db_submit(db, &jobs[i].write);
	}
	dam_open(&dam);
	assert_int_equal(db_write(db, fn_put, &(struct put){.no_change = true}), OK);
	for (int i = 0; i < n; i++)
		assert_true(jobs[i].done);
}

/* ---- a lone change ---- */

static pthread_t ran_in;

static enum status
fn_put_here(struct db_txn *txn, void *arg)
{
	ran_in = pthread_self();
	return fn_put(txn, arg);
}

static void
submit_put(struct db *db, struct job *job, int key)
{
	*job = (struct job){.write = {.fn = fn_put_here, .arg = &job->put, .done = job_done}, .put = {.key = key}};
	db_submit(db, &job->write);
}

static void
wait_for_all(struct db *db)
{
	assert_int_equal(db_write(db, fn_put, &(struct put){.no_change = true}), OK);
}

/* So many groups of one that lone changes are taken for the rule; from then on this thread runs what it waits for. */
static void
be_lonely(struct db *db)
{
	db_thread_commits(true);
	ran_in = 0;
	for (int i = 0; i < 10000 && !pthread_equal(ran_in, pthread_self()); i++)
		assert_int_equal(db_write(db, fn_put_here, &(struct put){.no_change = true}), OK);
	assert_true(pthread_equal(ran_in, pthread_self()));
}

/* A thread that commits its own does so when its task is over, and at once. */
static void
test_own_alone(void **state)
{
	struct db *db = fresh();
	struct job job;

	be_lonely(db);
	submit_put(db, &job, 1);
	assert_false(job.done);
	db_commit_own(db);
	assert_true(job.done);
	assert_int_equal(job.st, OK);
	assert_true(pthread_equal(ran_in, pthread_self()));
	/* It has nothing more to come for. */
	db_commit_own(db);
	/* Who waits does not wait for himself. */
	assert_int_equal(db_write(db, fn_put_here, &(struct put){.key = 2}), OK);
	assert_true(pthread_equal(ran_in, pthread_self()));
	db_thread_commits(false);
	assert_int_equal(db_write(db, fn_put_here, &(struct put){.key = 3}), OK);
	assert_false(pthread_equal(ran_in, pthread_self()));
	assert_int_equal(count(db, "t"), 3);
	db_close(db);
}

/* Whatever joins it, lazy or not, of this thread or another, goes to the committer with it, though the thread does not come. */
static void
test_own_joined(void **state)
{
	struct db *db = fresh();
	struct job jobs[2];

	for (int how = 0; how < 3; how++) {
		be_lonely(db);
		submit_put(db, &jobs[0], 10 * how + 1);
		if (how == 0) {
			submit_put(db, &jobs[1], 2);
		} else if (how == 1) {
			jobs[1] = (struct job){.write = {.fn = fn_put, .arg = &jobs[1].put, .done = job_done, .lazy = true, .soon = true}};
			jobs[1].put.key = 12;
			db_submit(db, &jobs[1].write);
		}
		if (how == 2)
			db_commit_own(db);
		for (int i = 0; i < 5000 && how != 2 && !(jobs[0].done && jobs[1].done); i++)
			usleep(1000);
		assert_true(jobs[0].done && jobs[0].st == OK);
		assert_true(how == 2 || (jobs[1].done && jobs[1].st == OK));
		db_commit_own(db);
		db_thread_commits(false);
	}
	assert_int_equal(count(db, "t"), 5);
	db_close(db);
}

/* Beside others, and after groups of several, there is no promise. */
static void
test_own_not_alone(void **state)
{
	struct db *db = fresh();
	struct job jobs[4] = {0}, job;
	struct dam dam;

	be_lonely(db);
	db_thread_commits(false);
	dam_close(db, &dam);
	db_thread_commits(true);
	submit_put(db, &job, 1);
	db_commit_own(db);
	assert_false(job.done);
	db_thread_commits(false);
	dam_open(&dam);
	wait_for_all(db);
	assert_true(job.done);
	for (int i = 0; i < 4; i++)
		jobs[i].put.key = i + 2;
	run_jobs(db, jobs, 4);
	db_thread_commits(true);
	assert_int_equal(db_write(db, fn_put_here, &(struct put){.key = 9}), OK);
	assert_false(pthread_equal(ran_in, pthread_self()));
	db_thread_commits(false);
	db_close(db);
}

struct own_writer {
	struct db *db;
	int from, n;
};

static void *
own_write(void *arg)
{
	struct own_writer *cr = arg;
	struct job *jobs = x_calloc((size_t)cr->n, sizeof(*jobs));
	int done = 0;

	db_thread_commits(true);
	for (int i = 0; i < cr->n; i++) {
		submit_put(cr->db, &jobs[i], cr->from + i);
		if (i % 3 != 0)
			db_commit_own(cr->db);
		if (i % 7 == 0)
			assert_int_equal(db_write(cr->db, fn_put, &(struct put){.no_change = true}), OK);
		usleep((unsigned)i % 5 * 100);
	}
	db_commit_own(cr->db);
	db_thread_commits(false);
	wait_for_all(cr->db);
	for (int i = 0; i < cr->n; i++)
		done += jobs[i].done && jobs[i].st == OK;
	free(jobs);
	return (void *)(intptr_t)done;
}

/* Promises are kept or taken back whoever comes when: nothing hangs, nothing is run twice. */
static void
test_own_crowd(void **state)
{
	struct db *db = fresh();
	struct own_writer cr[4];
	pthread_t t[4];
	void *done;

	for (int i = 0; i < 4; i++) {
		cr[i] = (struct own_writer){.db = db, .from = i * 1000 + 1, .n = 200};
		assert_int_equal(pthread_create(&t[i], NULL, own_write, &cr[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &done);
		assert_int_equal((intptr_t)done, 200);
	}
	assert_int_equal(count(db, "t"), 800);
	db_close(db);
}

/* A failing function is undone alone: without a change, with one, at the start, middle and end, several of them. */
static void
test_failures(void **state)
{
	for (unsigned mask = 0; mask < 64; mask++) {
		struct db *db = fresh();
		struct job jobs[6] = {0};
		int64_t v;

		for (int i = 0; i < 6; i++) {
			jobs[i].put = (struct put){.key = i + 1, .value = i};
			if (mask & (1U << i))
				jobs[i].put.answer = i % 2 ? ERR_QUOTA : ERR_CONFLICT;
		}
		run_jobs(db, jobs, 6);
		for (int i = 0; i < 6; i++) {
			assert_int_equal(jobs[i].st, jobs[i].put.answer);
			assert_int_equal(get(db, i + 1, &v),
			    jobs[i].put.answer == OK ? OK : ERR_NOT_FOUND);
			assert_in_range(jobs[i].put.runs, 1, 2);
		}
		db_close(db);
	}
}

/* Failures that changed nothing cost nobody a second run. */
static void
test_failures_cheap(void **state)
{
	struct db *db = fresh();
	struct job jobs[4] = {0};

	for (int i = 0; i < 4; i++)
		jobs[i].put = (struct put){.key = i};
	jobs[2].put.no_change = true;
	jobs[2].put.answer = ERR_NOT_FOUND;
	jobs[3].put.key = 0; /* is there already */
	run_jobs(db, jobs, 4);
	assert_int_equal(jobs[2].st, ERR_NOT_FOUND);
	assert_int_equal(jobs[3].st, ERR_EXISTS);
	for (int i = 0; i < 4; i++)
		assert_int_equal(jobs[i].put.runs, 1);
	db_close(db);
}

/* One sync a group, however many writes. */
static void
test_one_sync(void **state)
{
	struct db *db = open_db(in_dir("one-sync"));
	struct db_stats before, after;
	struct job jobs[50] = {0};

	assert_int_equal(db_write(db, fn_schema, NULL), OK);
	for (int i = 0; i < 50; i++)
		jobs[i].put.key = i;
	db_stats(db, &before);
	run_jobs(db, jobs, 50);
	db_stats(db, &after);
	/* The dam and the waiting write may make groups of their own. */
	assert_in_range(after.commits - before.commits, 1, 3);
	assert_int_equal(after.writes - before.writes, 52);
	db_close(db);
}

/* ---- hooks ---- */

static int hooks_called, hooks_dropped;

static void
on_commit(void *arg)
{
	hooks_called += *(int *)arg;
}

static void
on_drop(void *arg)
{
	hooks_dropped += *(int *)arg;
}

static enum status
fn_hook(struct db_txn *txn, void *arg)
{
	static int one = 1;
	struct put *p = arg;

	db_after_commit(txn, on_commit, on_drop, &one);
	return fn_put(txn, p);
}

static void
hook_done(struct db_write *w, enum status st)
{
	/* All hooks of the group come before any done callback. */
	if (st == OK)
		ensure(hooks_called == 3);
	job_done(w, st);
}

static void
test_hooks(void **state)
{
	struct db *db = fresh();
	struct job jobs[4] = {0};
	struct dam dam;

	hooks_called = hooks_dropped = 0;
	dam_close(db, &dam);
	for (int i = 0; i < 4; i++) {
		jobs[i].put = (struct put){.key = i, .answer = i == 2 ? ERR_CONFLICT : OK};
		jobs[i].write =
		    (struct db_write){.fn = fn_hook, .arg = &jobs[i].put, .done = hook_done};
		db_submit(db, &jobs[i].write);
	}
	dam_open(&dam);
	assert_int_equal(db_write(db, fn_put, &(struct put){.no_change = true}), OK);
	assert_int_equal(hooks_called, 3);
	/* The failing one's, and those of the two that had to run again. */
	assert_int_equal(hooks_dropped, 3);
	db_close(db);
}

/* ---- operation ids ---- */

static enum status
fn_op(struct db_txn *txn, void *arg)
{
	*(uint64_t *)arg = db_op_id(txn);
	return OK;
}

static void
test_op_ids(void **state)
{
	const char *path = in_dir("ops");
	struct db *db = open_db(path);
	struct db_txn *txn;
	uint64_t a, b;

	assert_int_equal(db_write(db, fn_op, &a), OK);
	assert_int_equal(db_write(db, fn_op, &b), OK);
	assert_true(b > a);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(db_read_begin(db, &txn), OK);
		assert_int_equal(db_op_outcome(txn, a), OK);
		assert_int_equal(db_op_outcome(txn, b), OK);
		assert_int_equal(db_op_outcome(txn, b + 1), ERR_NOT_FOUND);
		assert_int_equal(db_op_outcome(txn, a - 4096), ERR_NOT_FOUND);
		db_read_end(txn);
		db_close(db);
		db = open_db(path);
	}
	db_close(db);
}

/* ---- lazy writes ---- */

/* A lazy write rides along with a durable one, or goes alone without a sync. */
static void
test_lazy(void **state)
{
	struct db *db = fresh();
	struct db_stats s0, s1;
	struct put p = {.key = 1};
	struct db_write w = {.fn = fn_put, .arg = &p, .lazy = true};
	struct job job = {.write = w, .put = {.key = 2}};

	db_stats(db, &s0);
	assert_int_equal(db_write_and_wait(db, &w), OK);
	db_stats(db, &s1);
	assert_int_equal(s1.syncs, s0.syncs);
	assert_int_equal(s1.commits, s0.commits + 1);

	job.write.arg = &job.put;
	job.write.done = job_done;
	db_submit(db, &job.write);
	assert_int_equal(db_write(db, fn_put, &(struct put){.key = 3}), OK);
	assert_true(job.done);
	db_stats(db, &s1);
	assert_int_equal(s1.syncs, s0.syncs + 1);
	db_close(db);
}

/* Closing runs what waits, lazy ones too. */
static void
test_close_runs_all(void **state)
{
	const char *path = in_dir("close");
	struct db *db = open_db(path);
	struct job jobs[100] = {0};

	assert_int_equal(db_write(db, fn_schema, NULL), OK);
	for (int i = 0; i < 100; i++) {
		jobs[i].put.key = i;
		jobs[i].write = (struct db_write){.fn = fn_put, .arg = &jobs[i].put, .lane = (uint64_t)i,
		    .lazy = i % 2, .done = job_done};
		db_submit(db, &jobs[i].write);
	}
	db_close(db);
	for (int i = 0; i < 100; i++)
		assert_int_equal(jobs[i].st, OK);
	assert_int_equal(access(in_dir("close-wal"), F_OK), -1);
	db = open_db(in_dir("close"));
	assert_int_equal(count(db, "t"), 100);
	db_close(db);
}

/* ---- order and concurrency ---- */

#define THREADS 8
#define EACH 200

struct line {
	struct db_write write;
	int64_t lane, n;
	bool done;
	enum status st;
};

static atomic_int lines_done;

static enum status
fn_line(struct db_txn *txn, void *arg)
{
	static struct db_sql add = DB_SQL("INSERT INTO log (lane, n) VALUES (?1, ?2)");
	struct line *line = arg;
	enum status st = db_exec(txn, &add, "ii", line->lane, line->n);

	return st == OK && line->n % 17 == 16 ? ERR_QUOTA : st;
}

static void
line_done(struct db_write *w, enum status st)
{
	struct line *line = (struct line *)w;

	line->st = st;
	line->done = true;
	atomic_fetch_add(&lines_done, 1);
}

struct crowd {
	struct db *db;
	int64_t lane;
	struct line lines[EACH];
};

static void *
crowd_run(void *arg)
{
	struct crowd *c = arg;

	for (int i = 0; i < EACH; i++) {
		struct line *l = &c->lines[i];

		*l = (struct line){.lane = c->lane, .n = i,
		    .write = {.fn = fn_line, .arg = l, .lane = (uint64_t)c->lane, .done = line_done,
		        .lazy = i % 5 == 4}};
		db_submit(c->db, &l->write);
		if (i % 10 == 0)
			ensure(count(c->db, "log") >= 0);
	}
	db_thread_end(c->db);
	return NULL;
}

/* Writes of one lane run in the order submitted; each exactly once; failed ones leave nothing. */
static void
test_lanes(void **state)
{
	static struct db_sql all = DB_SQL("SELECT lane, n FROM log ORDER BY seq");
	struct crowd *crowds = x_calloc(THREADS, sizeof(*crowds));
	int64_t last[THREADS], seen = 0;
	pthread_t threads[THREADS];
	struct db *db = fresh();
	struct db_txn *txn;
	struct db_stmt *st;

	atomic_store(&lines_done, 0);
	for (int i = 0; i < THREADS; i++) {
		last[i] = -1;
		crowds[i].db = db;
		crowds[i].lane = i;
		assert_int_equal(pthread_create(&threads[i], NULL, crowd_run, &crowds[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	while (atomic_load(&lines_done) < THREADS * EACH)
		usleep(1000);
	assert_int_equal(db_read_begin(db, &txn), OK);
	st = db_prepare(txn, &all);
	while (db_step(st) == OK) {
		int64_t lane = db_int(st, 0), n = db_int(st, 1);

		assert_true(n > last[lane]);
		assert_true(n % 17 != 16);
		last[lane] = n;
		seen++;
	}
	db_done(st);
	db_read_end(txn);
	assert_int_equal(seen, THREADS * (EACH - EACH / 17));
	for (int i = 0; i < THREADS; i++) {
		for (int j = 0; j < EACH; j++)
			assert_int_equal(crowds[i].lines[j].st, j % 17 == 16 ? ERR_QUOTA : OK);
	}
	free(crowds);
	db_close(db);
}

/* An account that submits much does not hold up another: its one write is in the next turn. */
static enum status
fn_stamp(struct db_txn *txn, void *arg)
{
	static atomic_int turn;

	*(int *)arg = atomic_fetch_add(&turn, 1);
	return OK;
}

/* The turn at which the other account's write ran, after the busy one's first. */
static int
other_turn(void)
{
	struct db *db = fresh();
	struct db_write busy[300];
	int stamps[300], other = -1;
	struct db_write w = {.fn = fn_stamp, .arg = &other, .lane = 2};
	struct dam dam;

	dam_close(db, &dam);
	for (int i = 0; i < 300; i++) {
		busy[i] = (struct db_write){.fn = fn_stamp, .arg = &stamps[i], .lane = 1};
		db_submit(db, &busy[i]);
	}
	db_submit(db, &w);
	dam_open(&dam);
	db_close(db);
	assert_int_equal(stamps[299] - stamps[0], other < stamps[299] ? 300 : 299);
	return other - stamps[0];
}

/* Lanes share places by a keyed hash: once in a thousand two accounts meet in one, but not three times in a row. */
static void
test_fairness(void **state)
{
	int turn = 300;

	for (int i = 0; i < 3 && turn > 2; i++)
		turn = other_turn();
	assert_in_range(turn, 0, 2);
}

static enum status
fn_nothing(struct db_txn *txn, void *arg)
{
	return OK;
}

static void
until_idle(struct db *db)
{
	while (!db_idle(db))
		usleep(100);
}

/* Not idle while a group runs, while something waits behind it, and while what is lazy waits. */
static void
test_idle(void **state)
{
	struct db *db = fresh();
	struct dam dam;

	until_idle(db);
	dam_close(db, &dam);
	assert_false(db_idle(db));
	dam_open(&dam);
	assert_int_equal(db_write(db, fn_nothing, NULL), OK);
	until_idle(db);
	dam.write = (struct db_write){.fn = fn_nothing, .lazy = true};
	db_submit(db, &dam.write);
	assert_false(db_idle(db));
	assert_int_equal(db_write(db, fn_nothing, NULL), OK);
	until_idle(db);
	db_close(db);
}

/* ---- hand-over ---- */

static void
submit_twice(void)
{
	struct db *db = fresh();
	struct put p = {.key = 1};
	struct db_write w = {.fn = fn_put, .arg = &p};
	struct dam dam;

	dam_close(db, &dam);
	db_submit(db, &w);
	db_submit(db, &w);
}

/* A write that is still on its way is not submitted again: the queue would be a circle. */
static void
test_submitted_twice(void **state)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
		signal(SIGABRT, SIG_DFL);
		log_set_fd(open("/dev/null", O_WRONLY | O_CLOEXEC));
		alarm(20);
		submit_twice();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_failures),
	    cmocka_unit_test(test_failures_cheap),
	    cmocka_unit_test(test_one_sync),
	    cmocka_unit_test(test_own_alone),
	    cmocka_unit_test(test_own_joined),
	    cmocka_unit_test(test_own_not_alone),
	    cmocka_unit_test(test_own_crowd),
	    cmocka_unit_test(test_hooks),
	    cmocka_unit_test(test_op_ids),
	    cmocka_unit_test(test_lazy),
	    cmocka_unit_test(test_close_runs_all),
	    cmocka_unit_test(test_lanes),
	    cmocka_unit_test(test_fairness),
	    cmocka_unit_test(test_idle),
	    cmocka_unit_test(test_submitted_twice),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
