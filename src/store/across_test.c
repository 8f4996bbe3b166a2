/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies between accounts: the body is shared and the email is not; what is given up, expunged or deleted on either side leaves the other whole, and
 * nothing behind.
 */
#include "store/check_test.h"

#include "store/across_priv.h"
#include "store/copy.h"

#define MANY (2 * ACROSS_BATCH + 50)

static struct store *s;
static struct actor alice, bob, admin; /* admin acts for alice and may do everything */
static int64_t from, to;
static struct runs all;

static int
set_up(void **state)
{
	(void)state;
	s = test_store();
	alice = test_account(s, "alice");
	bob = test_account(s, "bob");
	admin = alice;
	admin.admin = true;
	from = mailbox_id(&alice, "INBOX");
	to = mailbox_id(&bob, "INBOX");
	runs_add(&all, 1, 10000);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	runs_free(&all);
	test_close(s);
	return 0;
}

static void
put_many(int n)
{
	char subject[32];

	for (int i = 1; i <= n; i++) {
		snprintf(subject, sizeof(subject), "message%d", i);
		put(&alice, from, subject, 300, i % 3 ? 0 : FLAG_SEEN, i % 5 ? NULL : "$Label1");
	}
}

static struct copy_result
run(bool move)
{
	struct copy_result r = {0};

	assert_int_equal(WRITE(s, copy_as(&admin, txn, from, &all, to, move, &r)), OK);
	return r;
}

static void
reap(void)
{
	assert_int_equal(store_reap(s, clock_seconds() + 100 * 86400), OK);
	assert_int_equal(faults(s, true), 0);
}

static void
delete_account(const struct actor *a)
{
	assert_int_equal(WRITE(s, account_delete(s, txn, a->account)), OK);
	reap();
}

/* The only message of bob's, read to its end. */
static void
readable(void)
{
	struct arena arena = {0};
	struct email email;
	struct buf out = {0};
	int64_t id = test_number(s, "SELECT max(id) FROM email");

	assert_int_equal(id >> 32, bob.account);
	assert_int_equal(READ(s, email_get(GRANT_OF(bob), txn, &arena, id, &email)), OK);
	assert_int_equal(READ(s, email_read(GRANT_OF(bob), txn, &email, 0, 1 << 20, &out)), OK);
	assert_int_equal(out.n, email.size);
	buf_free(&out);
	arena_free(&arena);
}

static void
shared(void **state)
{
	struct copy_result r;

	(void)state;
	put_many(1);
	r = run(false);
	assert_int_equal(r.to_n, 1);
	assert_int_equal(r.next, 0);
	runs_free(&r.from);
	assert_int_equal(faults(s, true), 0);
	assert_int_equal(test_number(s, "SELECT count(*) FROM email"), 2);
	assert_int_equal(test_number(s, "SELECT count(*) FROM blob"), 1);
	assert_int_equal(test_number(s, "SELECT count(*) FROM body_owner"), 2);
	assert_int_equal(test_number(s, "SELECT count(*) FROM email_object"), 1);
	assert_int_equal(test_number(s, "SELECT count(DISTINCT thread) FROM email"), 1);
	assert_int_equal(test_number(s, "SELECT object FROM email_object"), test_number(s, "SELECT min(id) FROM email"));
	delete_account(&alice);
	assert_int_equal(test_number(s, "SELECT count(*) FROM email"), 1);
	readable();
	delete_account(&bob);
	assert_int_equal(test_number(s, "SELECT count(*) FROM blob"), 0);
	assert_int_equal(test_number(s, "SELECT count(*) FROM email_object"), 0);
	assert_int_equal(test_number(s, "SELECT count(*) FROM body_owner"), 0);
}

/* A copy of a copy is the same message to clients, and one that came home, too. */
static void
ids_stay(void **state)
{
	struct copy_result r;
	int64_t there = to;

	(void)state;
	put_many(1);
	r = run(false);
	runs_free(&r.from);
	to = from;
	from = there;
	r = run(true);
	runs_free(&r.from);
	assert_int_equal(test_number(s, "SELECT count(DISTINCT object) FROM email_object"), 1);
	assert_int_equal(test_number(s, "SELECT max(object) FROM email_object"), test_number(s, "SELECT min(id) FROM email"));
	reap();
	/* bob's is gone with its only name. */
	assert_int_equal(test_number(s, "SELECT count(*) FROM email"), 2);
	assert_int_equal(test_number(s, "SELECT count(*) FROM email_object"), 1);
	assert_int_equal(test_number(s, "SELECT count(*) FROM blob"), 1);
}

/* One transaction takes so many: a move goes on with the rest, a copy has done nothing. */
static void
bounded(void **state)
{
	struct copy_result r;
	int rounds = 0;

	(void)state;
	put_many(MANY);
	r = run(false);
	assert_int_not_equal(r.next, 0);
	assert_int_equal(r.to_n + runs_count(&r.from), 0);
	assert_int_equal(test_number(s, "SELECT count(*) FROM email_object"), 0);
	do {
		r = run(true);
		assert_true(r.to_n > 0 && r.to_n <= ACROSS_BATCH);
		runs_free(&r.from);
		rounds++;
	} while (r.next != 0);
	assert_int_equal(rounds, 3);
	reap();
	assert_int_equal(test_number(s, "SELECT count(*) FROM email"), MANY);
	assert_int_equal(test_number(s, "SELECT min(id) >> 32 FROM email"), bob.account);
	readable();
}

static struct copy_job *
begin(void)
{
	struct grant f = {.actor = admin, .owner = alice.account, .mailbox = from, .rights = RIGHTS_ALL};
	struct grant t = {.actor = admin, .owner = bob.account, .mailbox = to, .rights = RIGHTS_ALL};

	return copy_begin(&f, &all, &t);
}

static void
step(struct copy_job *job)
{
	assert_int_equal(WRITE(s, copy_step(txn, job)), OK);
	copy_stepped(job);
}

static void
sweep(struct copy_job *job)
{
	bool done = false;

	while (!done)
		assert_int_equal(WRITE(s, copy_sweep_step(txn, job, &done)), OK);
}

static void
staged(void **state)
{
	struct copy_job *job;
	struct copy_result r = {0};

	(void)state;
	put_many(MANY);
	job = begin();
	while (copy_more(job))
		step(job);
	assert_int_equal(test_number(s, "SELECT messages FROM mailbox WHERE account = 2 AND name = 'INBOX'"), 0);
	assert_int_equal(faults(s, true), 0);
	assert_int_equal(WRITE(s, copy_publish(txn, job, &r)), OK);
	copy_published(job);
	assert_int_equal(r.to_n, MANY);
	runs_free(&r.from);
	sweep(job);
	copy_free(job);
	assert_int_equal(test_number(s, "SELECT count(*) FROM reap"), 0);
	delete_account(&alice);
	assert_int_equal(test_number(s, "SELECT count(*) FROM email"), MANY);
	readable();
}

/* It was published, and nobody knew: what is swept is not lost. */
static void
published_unknown(void **state)
{
	struct copy_job *job;
	struct copy_result r = {0};

	(void)state;
	put_many(MANY);
	job = begin();
	while (copy_more(job))
		step(job);
	assert_int_equal(WRITE(s, copy_publish(txn, job, &r)), OK);
	runs_free(&r.from);
	copy_free(job);
	assert_int_equal(copy_sweep(s), OK);
	reap();
	assert_int_equal(test_number(s, "SELECT count(*) FROM email"), 2 * MANY);
	assert_int_equal(test_number(s, "SELECT count(*) FROM reap"), 0);
	readable();
}

static void
given_up(void **state)
{
	struct copy_job *job;

	(void)state;
	put_many(MANY);
	job = begin();
	step(job);
	step(job);
	sweep(job);
	copy_free(job);
	assert_int_equal(faults(s, true), 0);
	reap();
	assert_int_equal(test_number(s, "SELECT count(*) FROM email"), MANY);
	assert_int_equal(test_number(s, "SELECT count(*) FROM email_object"), 0);
	/* Nothing but the mailbox it was for goes: the same. */
	job = begin();
	step(job);
	assert_int_equal(WRITE(s, account_delete(s, txn, bob.account)), OK);
	assert_int_equal(WRITE(s, copy_step(txn, job)), ERR_NOT_FOUND);
	reap();
	assert_int_equal(test_number(s, "SELECT count(*) FROM email"), MANY);
	assert_int_equal(test_number(s, "SELECT count(*) FROM staged"), 0);
	copy_free(job);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(shared, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(ids_stay, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(bounded, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(staged, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(published_unknown, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(given_up, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
