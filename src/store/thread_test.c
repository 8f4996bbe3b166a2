/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads and their sweep: at random against a model that forgets nothing, also while mail comes. What an email names is never
 * forgotten and never changes its thread; what no email names goes. Built with a small THREAD_SWEEP_AFTER (meson.build).
 */
#include "base/random_test.h"
#include "store/check_test.h"

#include "store/copied_priv.h"
#include "store/thread_priv.h"

#define NAMES 4000

static struct store *store;
static struct actor alice;
static int64_t inbox, now;
/* What there is: of each UID its name and those that it refers to. */
struct mail {
	uint32_t name, refs[3];
	int64_t thread;
	bool there;
};
static struct mail mail[NAMES];
static uint32_t mails; /* UIDs 1 to mails */

static int
set_up(void **state)
{
	(void)state;
	rng = 88172645463325252u;
	mails = 0;
	store = test_store();
	alice = test_account(store, "alice");
	inbox = mailbox_id(&alice, "INBOX");
	now = clock_seconds();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	test_close(store);
	return 0;
}

/* The thread of the newest message. */
static struct db_sql newest = DB_SQL("SELECT thread FROM email ORDER BY id DESC LIMIT 1");

/* A message of that name that refers to some (0: none). */
static void
make(struct made *d, uint32_t name, uint32_t a, uint32_t b, uint32_t c)
{
	struct mail *m = &mail[++mails];

	*d = (struct made){0};
	assert_true(mails < NAMES);
	*m = (struct mail){.name = name, .refs = {a, b, c}, .there = true};
	buf_addf(&d->text, "Subject: s\r\nMessage-ID: <%u@x>\r\n", name);
	if (a != 0)
		buf_addf(&d->text, "References: <%u@x> <%u@x> <%u@x>\r\n", a, b ? b : a, c ? c : a);
	buf_addf(&d->text, "\r\ntext %u\r\n", mails);
	made_parse(d, store);
}

static void
put_in(struct db_txn *txn, struct made *d)
{
	uint32_t uid;
	uint64_t modseq;

	assert_int_equal(append_as(&alice, txn, inbox, &d->m, &uid, &modseq), OK);
	assert_int_equal(db_get_ints(txn, &newest, &mail[uid].thread, 1, ""), OK);
}

static int64_t
come(uint32_t name, uint32_t a, uint32_t b, uint32_t c)
{
	struct made d;

	make(&d, name, a, b, c);
	assert_int_equal(WRITE(store, (put_in(txn, &d), OK)), OK);
	made_end(&d);
	return mail[mails].thread;
}

static void
go(uint32_t uid)
{
	set_flags(&alice, inbox, uid, uid, FLAGS_ADD, FLAG_DELETED);
	mail[uid].there = false;
}

/* Emails past their grace go, and the names are swept when that is due. */
static void
reap(void)
{
	now += 200000;
	assert_int_equal(store_reap(store, now), OK);
}

static struct db_sql count_names = DB_SQL("SELECT count(*) FROM thread_ref WHERE account = ?1");
static struct db_sql count_idle = DB_SQL("SELECT count(*) FROM thread_ref WHERE account = ?1 AND idle = 1");

static int64_t
count(struct db_sql *sql)
{
	int64_t n = -1;

	assert_int_equal(READ(store, db_get_ints(txn, sql, &n, 1, "i", alice.account)), OK);
	return n;
}

/* How many names the emails that are there have. */
static int64_t
names_there(void)
{
	static bool named[NAMES];
	int64_t n = 0;

	memset(named, 0, sizeof(named));
	for (uint32_t uid = 1; uid <= mails; uid++)
		if (mail[uid].there) {
			named[mail[uid].name] = true;
			for (int i = 0; i < 3; i++)
				named[mail[uid].refs[i]] = true;
		}
	for (uint32_t i = 1; i < NAMES; i++)
		n += named[i];
	return n;
}

/* ---- tests ---- */

/* A name outlives its emails by one sweep. */
static void
forgets(void **state)
{
	int64_t thread = come(1, 0, 0, 0);

	(void)state;
	assert_int_equal(come(2, 1, 0, 0), thread);
	for (uint32_t i = 10; i < 100; i++)
		come(i, 0, 0, 0);
	for (uint32_t uid = 1; uid <= 90; uid++)
		go(uid);
	expunge(&alice, inbox);
	assert_int_equal(count(&count_names), 92);
	/* In their grace they are there. */
	assert_int_equal(store_reap(store, clock_seconds()), OK);
	assert_int_equal(count(&count_idle), 0);
	reap();
	assert_int_equal(count(&count_names), 92);
	assert_int_equal(count(&count_idle), 90);
	/* Named again. */
	assert_int_equal(come(3, 1, 0, 0), thread);
	/* Little goes, but time passes. */
	reap();
	assert_int_equal(count(&count_idle), 90);
	now += 31 * 86400;
	reap();
	assert_int_equal(count(&count_idle), 0);
	assert_int_equal(count(&count_names), 4); /* two that stayed, the new one, and what it names */
	assert_int_equal(come(4, 1, 0, 0), thread);
	assert_int_not_equal(come(5, 2, 0, 0), thread);
	assert_int_equal(faults(store, true), 0);
}

/* At random. Threads as they would be if nothing was ever forgotten, as long as an email names what was named. */
static void
random_history(void **state)
{
	uint32_t last = 0;

	(void)state;
	for (int round = 0; round < 60; round++) {
		for (int i = 0; i < 40; i++) {
			uint32_t ref[3] = {0};
			int64_t lowest = INT64_MAX, thread;

			for (int k = 0; k < 3 && last > 0 && rnd(3); k++)
				ref[k] = 1 + (rnd(2) ? rnd(last) : last - rnd(last < 30 ? last : 30));
			for (uint32_t uid = 1; uid <= mails; uid++)
				for (int k = 0; k < 3; k++)
					if (mail[uid].there && ref[k] != 0 && mail[uid].name == ref[k] && mail[uid].thread < lowest)
						lowest = mail[uid].thread;
			thread = come(++last, ref[0], ref[1], ref[2]);
			/* What it answers is there: its thread, or an older one that it also knows of. */
			assert_true(thread <= lowest);
		}
		for (uint32_t uid = 1; uid <= mails; uid++)
			if (mail[uid].there && rnd(mails - uid < 60 ? 8 : 3) == 0)
				go(uid);
		expunge(&alice, inbox);
		reap();
		/* check looks whether all that emails name is known. */
		assert_int_equal(faults(store, true), 0);
		assert_true(count(&count_names) >= names_there());
	}
	assert_true(count(&count_names) < names_there() + 500);
	for (uint32_t uid = 1; uid <= mails; uid++)
		if (mail[uid].there)
			go(uid);
	expunge(&alice, inbox);
	for (int i = 0; i < 4; i++) {
		now += 31 * 86400;
		reap();
	}
	/* Some stay by chance. */
	assert_in_range(count(&count_names), 0, 20);
}

/* Mail names again what is being forgotten. */
static _Atomic bool stop;

static void *
sweeps(void *arg)
{
	int64_t t = now;

	(void)arg;
	while (!stop) {
		t += 31 * 86400;
		assert_int_equal(store_reap(store, t), OK);
	}
	db_thread_end(store_db(store));
	return NULL;
}

static void
meanwhile(void **state)
{
	pthread_t thread;

	(void)state;
	stop = false;
	assert_int_equal(pthread_create(&thread, NULL, sweeps, NULL), 0);
	for (uint32_t i = 1; i < NAMES - 1; i++) {
		/* Few names, and little mail stays: nearly every name is idle most of the time. */
		come(1 + rnd(50), 1 + rnd(50), 1 + rnd(50), 0);
		if (i % 3 == 0) {
			set_flags(&alice, inbox, 1, i > 2 ? i - 2 : 1, FLAGS_ADD, FLAG_DELETED);
			expunge(&alice, inbox);
		}
		if (i % 20 == 0)
			assert_int_equal(faults(store, true), 0);
	}
	stop = true;
	pthread_join(thread, NULL);
	assert_int_equal(faults(store, true), 0);
}

static void *
one_sweep(void *arg)
{
	assert_int_equal(threads_sweep(store, *(int64_t *)arg), OK);
	db_thread_end(store_db(store));
	return NULL;
}

/* The sweep has judged and waits for the writer, while mail comes that names what it is to forget: one, and more than a step sees to. */
static void
overtaken(void **state)
{
	(void)state;
	for (uint32_t n = 1; n <= 300; n += 299) {
		static struct made made[300];
		pthread_t thread;
		struct db_txn *txn;

		come(1, 2, 3, 0);
		for (uint32_t i = 0; i < 150; i++)
			come(100 + i, 0, 0, 0);
		for (uint32_t uid = 1; uid <= mails; uid++)
			if (mail[uid].there)
				go(uid);
		expunge(&alice, inbox);
		reap();
		assert_true(count(&count_idle) >= 153);
		now += 31 * 86400;
		for (uint32_t i = 0; i < n; i++)
			make(&made[i], 400 + i, i ? 0 : 2, 0, 0);
		txn = write_begin(store);
		assert_int_equal(pthread_create(&thread, NULL, one_sweep, &now), 0);
		usleep(100000);
		for (uint32_t i = 0; i < n; i++)
			put_in(txn, &made[i]);
		assert_int_equal(write_end(OK), OK);
		pthread_join(thread, NULL);
		for (uint32_t i = 0; i < n; i++)
			made_end(&made[i]);
		assert_int_equal(faults(store, true), 0);
		assert_in_range(count(&count_names), n + 1, n + 10);
	}
}

static struct db_sql count_copied = DB_SQL("SELECT count(*) FROM copied WHERE id >> 32 = ?1");

/* Marks of copies: those of emails that are there stay. */
static void
copies(void **state)
{
	int64_t sent = mailbox_id(&alice, "Sent");
	bool has;

	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		come(1 + i, 0, 0, 0);
	copy(&alice, inbox, 1, 100, sent, false);
	set_flags(&alice, inbox, 1, 100, FLAGS_ADD, FLAG_DELETED);
	set_flags(&alice, sent, 1, 99, FLAGS_ADD, FLAG_DELETED);
	expunge(&alice, inbox);
	expunge(&alice, sent);
	reap();
	assert_int_equal(count(&count_copied), 1);
	assert_int_equal(READ(store, copied_has(txn, alice.account << 32 | 100, &has)), OK);
	assert_true(has);
	assert_int_equal(READ(store, copied_has(txn, alice.account << 32 | 99, &has)), OK);
	assert_false(has);
	set_flags(&alice, sent, 100, 100, FLAGS_ADD, FLAG_DELETED);
	expunge(&alice, sent);
	reap();
	now += 31 * 86400;
	reap();
	assert_int_equal(count(&count_copied), 0);
	assert_int_equal(faults(store, true), 0);
}

/* Of a removed account nothing stays, however much there was. */
static struct db_sql leftovers = DB_SQL("SELECT (SELECT count(*) FROM thread_ref WHERE account = ?1)"
    " + (SELECT count(*) FROM thread_sweep WHERE account = ?1) + (SELECT count(*) FROM imported WHERE account = ?1)"
    " + (SELECT count(*) FROM copied WHERE id >> 32 = ?1)");

static void
account_goes(void **state)
{
	static const char many[] = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
				   " INSERT INTO thread_ref SELECT (SELECT id FROM account), i * 7919, 1, 0 FROM n;"
				   "INSERT INTO imported SELECT account, hash FROM thread_ref";

	(void)state;
	come(1, 0, 0, 0);
	copy(&alice, inbox, 1, 1, mailbox_id(&alice, "Sent"), false);
	assert_int_equal(WRITE(store, db_script(txn, many)), OK);
	assert_true(count(&leftovers) > 10000);
	assert_int_equal(WRITE(store, account_delete(store, txn, alice.account)), OK);
	for (int i = 0; i < 3; i++)
		reap();
	assert_int_equal(count(&leftovers), 0);
	assert_int_equal(faults(store, true), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(forgets),
	    TEST(random_history),
	    TEST(meanwhile),
	    TEST(overtaken),
	    TEST(copies),
	    TEST(account_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
