/* SPDX-License-Identifier: Apache-2.0 */
/* Rights (RFC 4314): how they add up, who may change them, that they hold in the transaction that needs them, what ends with them. */
#include "store/check_test.h"

#include "store/account.h"
#include "store/group_priv.h"
#include "store/rights.h"

static struct store *s;
static struct actor alice, bob, carol;
static int64_t inbox;

static int
set_up(void **state)
{
	(void)state;
	s = test_store();
	alice = test_account(s, "alice");
	bob = test_account(s, "bob");
	carol = test_account(s, "carol");
	inbox = mailbox_id(&alice, "INBOX");
	put(&alice, inbox, "one", 300, FLAG_DELETED, NULL);
	put(&alice, inbox, "two", 300, 0, NULL);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	assert_int_equal(faults(s, true), 0);
	test_close(s);
	return 0;
}

static enum status
give(const struct actor *a, int64_t mailbox, const char *who, const char *what)
{
	enum rights_op op;
	unsigned rights;
	struct grant g;

	assert_int_equal(rights_parse(str_c(what), &op, &rights), OK);
	return WRITE(s, grant_get(a, txn, mailbox, &g) != OK ? ERR_NOT_FOUND : rights_set(&g, txn, str_c(who), op, rights));
}

/* As MYRIGHTS tells it; "none": there is no such mailbox. */
static void
has(const struct actor *a, int64_t mailbox, const char *expected)
{
	struct buf text = {0};
	struct grant g = {0};
	enum status st = READ(s, grant_get(a, txn, mailbox, &g));

	if (st == ERR_NOT_FOUND)
		buf_adds(&text, "none");
	else {
		assert_int_equal(st, OK);
		rights_print(&text, g.rights);
	}
	buf_addc(&text, '\0');
	assert_string_equal(text.p, expected);
	buf_free(&text);
}

static void
add_up(void **state)
{
	struct actor root = alice;

	(void)state;
	root.admin = true;
	has(&alice, inbox, "lrswipkxtecda");
	has(&bob, inbox, "none");
	assert_int_equal(give(&alice, inbox, "bob", "lr"), OK);
	has(&bob, inbox, "lr");
	has(&carol, inbox, "none");
	/* By an administrator, where the setting is not on. */
	assert_int_equal(give(&alice, inbox, "anyone", "lp"), ERR_CONFLICT);
	assert_int_equal(give(&root, inbox, "anyone", "lp"), OK);
	has(&bob, inbox, "lrp");
	has(&carol, inbox, "lp");
	assert_int_equal(give(&alice, inbox, "-bob", "p"), OK);
	has(&bob, inbox, "lr");
	assert_int_equal(give(&alice, inbox, "-anyone", "r"), OK);
	has(&bob, inbox, "l");
	/* The owner's too, but for l and a. */
	has(&alice, inbox, "lswipkxtecda");
	assert_int_equal(give(&alice, inbox, "-anyone", ""), OK);
	assert_int_equal(give(&alice, inbox, "alice", ""), OK);
	has(&alice, inbox, "lpa");
	assert_int_equal(give(&alice, inbox, "alice", "+lrswipkxtea"), OK);
	/* With all that was given taken away only what everybody has is left. */
	assert_int_equal(give(&alice, inbox, "bob", "-lr"), OK);
	assert_int_equal(give(&alice, inbox, "-bob", "-p"), OK);
	has(&bob, inbox, "lp");
	/* A right by which a mailbox cannot be known is none. */
	assert_int_equal(give(&alice, inbox, "anyone", "-lp"), OK);
	assert_int_equal(give(&alice, inbox, "bob", "swtep"), OK);
	has(&bob, inbox, "none");
}

static void
who_may(void **state)
{
	struct grant g = {0};
	struct arena arena = {0};
	struct rights_entry *list;
	unsigned always, can;
	size_t n;

	(void)state;
	assert_int_equal(give(&bob, inbox, "bob", "lr"), ERR_NOT_FOUND);
	assert_int_equal(give(&alice, inbox, "bob", "lrswipkxte"), OK);
	assert_int_equal(give(&bob, inbox, "carol", "lr"), ERR_NO_PERM);
	assert_int_equal(READ(s, grant_get(&bob, txn, inbox, &g)), OK);
	assert_int_equal(READ(s, rights_list(&g, txn, &arena, &list, &n)), ERR_NO_PERM);
	assert_int_equal(READ(s, rights_possible(&g, txn, STR("bob"), &always, &can)), ERR_NO_PERM);
	assert_int_equal(give(&alice, inbox, "bob", "+a"), OK);
	assert_int_equal(give(&bob, inbox, "carol", "lr"), OK);
	has(&carol, inbox, "lr");
	/* An owner cannot be shut out. */
	assert_int_equal(give(&bob, inbox, "alice", ""), OK);
	assert_int_equal(give(&bob, inbox, "-alice", "lrswipkxtea"), OK);
	has(&alice, inbox, "la");
	assert_int_equal(give(&alice, inbox, "nobody", "lr"), ERR_EXISTS);
	assert_int_equal(give(&alice, inbox, "", "lr"), ERR_BAD_INPUT);
	assert_int_equal(give(&alice, inbox, "-", "lr"), ERR_BAD_INPUT);
	assert_int_equal(give(&alice, inbox, "a\nb", "lr"), ERR_BAD_INPUT);
	arena_free(&arena);
}

/* What was granted in a snapshot and taken away before the commit is not done. */
static void
aged(void **state)
{
	struct flag_change flagged = {.op = FLAGS_ADD, .flags = FLAG_FLAGGED | FLAG_SEEN};
	struct flag_result r = {0};
	struct runs all = {0}, gone = {0};
	uint64_t modseq;
	struct grant g;
	bool more;

	(void)state;
	runs_add(&all, 1, 10);
	assert_int_equal(give(&alice, inbox, "bob", "lrswite"), OK);
	assert_int_equal(READ(s, grant_get(&bob, txn, inbox, &g)), OK);
	assert_int_equal(give(&alice, inbox, "bob", "lrs"), OK);
	assert_int_equal(WRITE(s, message_expunge(&g, txn, NULL, 10, &gone, &more, &modseq)), ERR_NO_PERM);
	assert_int_equal(WRITE(s, message_flags(&g, txn, &all, &flagged, &r)), OK);
	assert_int_equal(r.changed.n, 1);
	flagged.flags = FLAG_FLAGGED;
	assert_int_equal(WRITE(s, message_flags(&g, txn, &all, &flagged, &r)), ERR_NO_PERM);
	assert_int_equal(give(&alice, inbox, "bob", ""), OK);
	flagged.flags = FLAG_SEEN;
	assert_int_equal(WRITE(s, message_flags(&g, txn, &all, &flagged, &r)), ERR_NOT_FOUND);
	assert_int_equal(WRITE(s, mailbox_set_recent(&g, txn, 2)), ERR_NOT_FOUND);
	assert_int_equal(WRITE(s, metadata_set(&g, txn, &(struct metadata){STR("/shared/comment"), STR("x")}, 1)), ERR_NOT_FOUND);
	assert_int_equal(WRITE(s, rights_set(&g, txn, STR("carol"), RIGHTS_ADD, RIGHT_LOOKUP)), ERR_NOT_FOUND);
	runs_free(&all);
	runs_free(&r.changed);
	runs_free(&r.failed);
}

/* An open view from which the right is taken says so for good, and tells nothing. */
static void
lost(void **state)
{
	struct view_update u = {0};
	struct mailbox mb;
	struct view v;
	uint32_t seq;

	(void)state;
	assert_int_equal(give(&alice, inbox, "bob", "lr"), OK);
	assert_int_equal(READ(s, mailbox_get(&bob, txn, NULL, inbox, &mb)), OK);
	assert_int_equal(READ(s, view_open(&v, &bob, txn, &mb, false)), OK);
	assert_int_equal(READ(s, view_seq(&v, txn, 1, &seq)), OK);
	assert_int_equal(give(&alice, inbox, "bob", "l"), OK);
	expunge(&alice, inbox);
	assert_int_equal(READ(s, view_sync(&v, txn, true, &u)), ERR_NO_PERM);
	assert_true(v.lost && !v.deleted);
	assert_int_equal(u.gone.n, 0);
	assert_int_equal(give(&alice, inbox, "bob", "lr"), OK);
	assert_int_equal(READ(s, view_seq(&v, txn, 1, &seq)), ERR_NO_PERM);
	view_close(&v);
	assert_int_equal(READ(s, mailbox_get(&bob, txn, NULL, inbox, &mb)), OK);
	assert_int_equal(READ(s, view_open(&v, &bob, txn, &mb, false)), OK);
	assert_int_equal(give(&alice, inbox, "bob", ""), OK);
	assert_int_equal(READ(s, view_seq(&v, txn, 1, &seq)), ERR_NOT_FOUND);
	view_close(&v);
}

static int64_t
rows(void)
{
	static struct db_sql sql = DB_SQL("SELECT count(*) FROM acl");
	int64_t n = -1;

	assert_int_equal(READ(s, db_get_ints(txn, &sql, &n, 1, "")), OK);
	return n;
}

/* A mailbox that is made below another has its rights; those of one that is deleted go with it, those of an account with the account. */
static void
come_and_go(void **state)
{
	int64_t work, below;

	(void)state;
	assert_int_equal(WRITE(s, mailbox_create(&alice, txn, STR("Work"), 0, &work)), OK);
	assert_int_equal(give(&alice, work, "bob", "lr"), OK);
	assert_int_equal(give(&alice, work, "-carol", "r"), OK);
	assert_int_equal(WRITE(s, mailbox_create(&alice, txn, STR("Work/a/b"), 0, &below)), OK);
	has(&bob, below, "lr");
	assert_int_equal(rows(), 6);
	assert_int_equal(give(&alice, work, "bob", ""), OK);
	has(&bob, below, "lr");
	assert_int_equal(WRITE(s, mailbox_delete(&alice, txn, STR("Work/a/b"))), OK);
	has(&bob, below, "none");
	assert_int_equal(rows(), 3);
	assert_int_equal(WRITE(s, account_delete(s, txn, carol.account)), OK);
	assert_int_equal(store_reap(s, INT32_MAX), OK);
	assert_int_equal(rows(), 1);
}

struct listed {
	struct mailbox_walk w;
	struct arena arena;
	unsigned steps;
};

static enum status
list_step(struct listed *l, const struct actor *a, struct db_txn *txn)
{
	l->steps++;
	db_read_account(txn, a->account);
	return mailbox_walk(a, txn, &l->arena, &l->w);
}

/* How many of others an account sees, by a walk in steps. */
static size_t
others_of(const struct actor *a, struct listed *l)
{
	enum status st;
	size_t n = 0;

	*l = (struct listed){0};
	while ((st = READ(s, list_step(l, a, txn))) == ERR_AGAIN)
		continue;
	assert_int_equal(st, OK);
	for (size_t i = 0; i < l->w.n; i++)
		n += l->w.list[i].id != 0 && l->w.list[i].account != a->account;
	return n;
}

static void
listed_free(struct listed *l)
{
	mailbox_walk_free(&l->w);
	arena_free(&l->arena);
}

/* What is shared is listed once, in order, with what stands above it; what may not be looked up costs little and does not show. */
static void
walked(void **state)
{
	struct actor root = alice;
	struct listed l;

	(void)state;
	root.admin = true;
	for (int i = 0; i < 700; i++) {
		char name[32];
		int64_t id;

		(void)snprintf(name, sizeof(name), "Work/%03d", i);
		assert_int_equal(WRITE(s, mailbox_create(&alice, txn, str_c(name), 0, &id)), OK);
		assert_int_equal(give(&alice, id, "bob", i % 7 == 0 ? "lr" : "r"), OK);
		if (i % 70 == 0)
			assert_int_equal(give(&root, id, "anyone", "l"), OK);
	}
	assert_int_equal(others_of(&bob, &l), 100);
	assert_true(l.steps < 30);
	for (size_t i = 1; i < l.w.n; i++)
		assert_false(str_eq(l.w.list[i - 1].name, l.w.list[i].name));
	/* Other Users, Other Users/alice, Other Users/alice/Work */
	assert_int_equal(l.w.n, 6 + 100 + 3);
	listed_free(&l);
	/* A negative right takes it off the list. */
	assert_int_equal(give(&alice, mailbox_id(&alice, "Work/000"), "-bob", "l"), OK);
	assert_int_equal(others_of(&bob, &l), 99);
	listed_free(&l);
	assert_int_equal(others_of(&carol, &l), 10);
	listed_free(&l);
	assert_int_equal(others_of(&alice, &l), 0);
	listed_free(&l);
	/* Those of an account that is deleted are not there. */
	assert_int_equal(WRITE(s, account_delete(s, txn, alice.account)), OK);
	assert_int_equal(others_of(&bob, &l), 0);
	assert_int_equal(l.w.n, 6);
	listed_free(&l);
}

/* As many as there may be. */
static void
many(void **state)
{
	int64_t work;

	(void)state;
	assert_int_equal(WRITE(s, mailbox_create(&alice, txn, STR("Work"), 0, &work)), OK);
	for (int i = 0; i <= RIGHTS_ENTRIES_MAX; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "user%d", i);
		(void)test_account(s, name);
		assert_int_equal(give(&alice, work, name, "l"), i < RIGHTS_ENTRIES_MAX ? OK : ERR_LIMIT);
	}
	assert_int_equal(give(&alice, work, "user1", "+r"), OK);
}

/* What is asked with each look at a shared mailbox goes by what its rights and the account's groups are, not by all groups there are. */
static void
plan(void **state)
{
	static struct db_sql sql = DB_SQL("EXPLAIN QUERY PLAN SELECT rights FROM acl WHERE mailbox = 1"
	    " AND (subject IN (0, ?1) OR (subject < 0 AND subject IN (" GROUPS_OF("?1") ")))");
	struct db_txn *txn;
	struct db_stmt *q;
	bool by_id = false;

	(void)state;
	assert_int_equal(db_read_begin(store_db(s), &txn), OK);
	q = db_prepare(txn, &sql);
	db_bind_int(q, 1, alice.account);
	while (db_step(q) == OK)
		by_id |= str_eq(db_text(q, 3), STR("SEARCH a USING INTEGER PRIMARY KEY (rowid=?)"));
	db_done(q);
	db_read_end(txn);
	assert_true(by_id);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(add_up, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(who_may, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(aged, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(lost, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(come_and_go, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(walked, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(many, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(plan, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
