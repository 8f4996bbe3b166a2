/* SPDX-License-Identifier: Apache-2.0 */
/* Check: a good store has no fault, also while it is written to; each kind of damage is told (S11). */
#include "store/check_test.h"
#include "store/mend/check_priv.h"

static void
clean(void **state)
{
	struct store *s = test_store();
	struct actor a, b;

	(void)state;
	fill(s, &a, &b, 40);
	assert_int_equal(faults(s, true), 0);
	assert_int_equal(store_reap(s, clock_seconds() + 100000), OK);
	assert_int_equal(faults(s, true), 0);
	test_close(s);
}

/* One statement that spoils something, and a word that the report must hold then. */
static const struct {
	const char *sql, *word;
} spoils[] = {
    {"UPDATE mailbox SET messages = messages + 1 WHERE name = 'INBOX'", "counts"},
    {"UPDATE mailbox SET unseen = 0 WHERE name = 'INBOX'", "counts"},
    {"UPDATE mailbox SET size = size + 1 WHERE name = 'INBOX'", "bytes"},
    {"UPDATE mailbox SET uidnext = 3 WHERE name = 'INBOX'", "never given"},
    {"UPDATE mailbox SET modseq = 5 WHERE name = 'INBOX'", "mod-sequence"},
    {"UPDATE page SET data = zeroblob(length(data)) WHERE id = (SELECT min(id) FROM page)", "damaged"},
    {"UPDATE page SET data = substr(data, 1, length(data) - 7) WHERE id = (SELECT min(id) FROM page)", "damaged"},
    {"DELETE FROM page WHERE id = (SELECT min(id) FROM page)", "missing"},
    {"UPDATE page SET id = id + 100000 WHERE id = (SELECT max(id) FROM page)", "missing"},
    {"DELETE FROM dir WHERE id = (SELECT min(id) FROM dir)", "in no directory"},
    {"UPDATE dir SET data = x'00' WHERE id = (SELECT min(id) FROM dir)", "damaged"},
    {"UPDATE dir SET unseen = unseen + 1 WHERE id = (SELECT min(id) FROM dir)", "sums"},
    {"DELETE FROM email WHERE id = (SELECT min(id) FROM email)", "is missing"},
    {"UPDATE email SET size = size + 1 WHERE id = (SELECT max(id) FROM email)", "size"},
    {"UPDATE email SET summary = x'0100' WHERE id = (SELECT max(id) FROM email)", "summary"},
    {"UPDATE structure SET data = x'0100'", "structure"},
    {"DELETE FROM structure", "structure is missing"},
    {"INSERT INTO uidl SELECT id + 1000, 1, 1, 'a' FROM email LIMIT 1", "UIDL has no email"},
    {"INSERT INTO uidl SELECT id, 1, 1, 'a b' FROM email LIMIT 1", "a UIDL is none"},
    {"DELETE FROM change WHERE kind = 3", "tombstone"},
    {"DELETE FROM change WHERE kind = 1", "change row"},
    {"UPDATE change SET uids = x'01' WHERE kind = 2", "damaged"},
    {"UPDATE account SET next_email = 2", "beyond the account's counter"},
    {"DELETE FROM address_target WHERE address = 1", "leads nowhere"},
    {"UPDATE address_target SET target = 99 WHERE address = 2 AND kind = 1", "not there"},
    {"UPDATE address SET fold = (SELECT min(fold) FROM account) WHERE id = 2", "has its name"},
    {"DELETE FROM address WHERE id = 2", "without an address"},
    {"UPDATE account SET domain = 'x.example' WHERE id = 1", "in its domain"},
    {"DELETE FROM keyword", "keyword"},
    {"DELETE FROM doomed", "forgotten"},
    {"UPDATE keyword SET name = 'a) UID 99 BODY[TEXT] {3}', fold = lower('a) UID 99 BODY[TEXT] {3}')", "has a name that no client"},
    {"UPDATE keyword SET name = 'a' || char(13), fold = 'a' || char(13)", "has a name that no client"},
    {"UPDATE mailbox SET name = 'a' || char(10) WHERE name = 'Sent'", "its name is none"},
    {"UPDATE mailbox SET sort = 'elsewhere' WHERE name = 'Sent'", "the key of its name"},
    {"INSERT INTO subscription SELECT id, 'x' || char(13) FROM account", "a subscription to a name"},
    {"UPDATE account SET mailboxes = 77", "count of an account's mailboxes"},
    {"UPDATE account SET used_messages = used_messages + 1", "sums of an account's mail"},
    {"UPDATE account SET used_bytes = used_bytes - 1", "sums of an account's mail"},
    {"DELETE FROM mailbox WHERE name = 'INBOX'", "no INBOX"},
    {"DELETE FROM mailbox WHERE name = 'Sent'", "rows of a mailbox that is not there"},
    {"UPDATE reap SET entries = x'00'", "reap"},
    {"DELETE FROM thread_ref", "thread is not known"},
    {"INSERT INTO email SELECT id + 1000, body, size, thread, message_id, birth, prefix, summary FROM email LIMIT 1;"
     "UPDATE account SET next_email = next_email + 2000", "no mailbox names it"},
};

static enum status
spoil(struct db_txn *txn, void *arg)
{
	return db_script(txn, arg);
}

struct words {
	const char *word;
	bool found;
};

static void
look_for(void *arg, const char *text)
{
	struct words *w = arg;

	w->found |= strstr(text, w->word) != NULL;
}

static void
damage(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(spoils) / sizeof(*spoils); i++) {
		struct store *s = test_store();
		struct words w = {spoils[i].word, false};
		struct check_report r = {.found = look_for, .arg = &w};
		struct buf sql = {0};
		struct actor a, b;

		fill(s, &a, &b, 20);
		buf_addf(&sql, "%s%c", spoils[i].sql, 0);
		assert_int_equal(db_write(store_db(s), spoil, sql.p), OK);
		assert_int_equal(store_check(s, true, &r), OK);
		if (!w.found) {
			faults(s, true);
			fail_msg("%s: not told", spoils[i].sql);
		}
		assert_true(r.faults > 0);
		buf_free(&sql);
		test_close(s);
	}
}

static bool
always(void *arg)
{
	return ++*(int *)arg > 0;
}

/* Whoever asked for a check is gone, or the server stops. */
static void
stopped(void **state)
{
	struct store *s = test_store();
	struct actor a, b;
	int asked = 0;
	struct check_report r = {.stop = always, .arg = &asked};

	(void)state;
	fill(s, &a, &b, 20);
	assert_int_equal(store_check(s, true, &r), ERR_UNAVAILABLE);
	assert_true(asked > 0);
	test_close(s);
}

/* One round of mail that comes, moves and goes. All that came goes: else a slow check would have ever more to read. */
static void
live(const struct actor *a, int i)
{
	int64_t inbox = mailbox_id(a, "INBOX"), work = mailbox_id(a, "Work/Old");
	char subject[32];
	uint32_t uid;

	snprintf(subject, sizeof(subject), "busy%d", i);
	uid = put(a, i & 1 ? inbox : work, subject, 300, 0, NULL);
	copy(a, i & 1 ? inbox : work, uid, uid, i & 1 ? work : inbox, i % 3 == 0);
	set_flags(a, inbox, 1, 20, i & 4 ? FLAGS_ADD : FLAGS_REMOVE, FLAG_SEEN);
	if (i % 7 == 0) {
		set_flags(a, work, 1, UINT32_MAX, FLAGS_ADD, FLAG_DELETED);
		expunge(a, work);
		set_flags(a, inbox, 61, UINT32_MAX, FLAGS_ADD, FLAG_DELETED);
		expunge(a, inbox);
		assert_int_equal(store_reap(a->store, clock_seconds() + 100000), OK);
	}
}

/* While that goes on, check finds nothing. */
static _Atomic bool stop;

static void *
writer(void *arg)
{
	struct actor *a = arg;

	for (int i = 0; !stop; i++)
		live(a, i);
	db_thread_end(store_db(a->store));
	return NULL;
}

static void
busy(void **state)
{
	struct store *s = test_store();
	struct actor a, b;
	pthread_t t;

	(void)state;
	fill(s, &a, &b, 60);
	stop = false;
	assert_int_equal(pthread_create(&t, NULL, writer, &a), 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(faults(s, true), 0);
	stop = true;
	pthread_join(t, NULL);
	assert_int_equal(faults(s, true), 0);
	test_close(s);
}

/* Nor where each of its steps sees another moment, as on a machine that has no time for it. */
static struct {
	const struct actor *a;
	int i, each, left; /* the walk would never come to the end of what grows faster than it goes */
} between;

static void
go_on(void)
{
	for (int i = 0; i < between.each && between.left > 0; i++, between.left--)
		live(between.a, between.i++);
}

static void
slow(void **state)
{
	struct store *s = test_store();
	struct actor a, b;

	(void)state;
	fill(s, &a, &b, 60);
	check_between = go_on;
	for (int each = 1; each <= 7; each += 2) {
		between.a = &a;
		between.each = each;
		between.left = 100 + 100 * each;
		assert_int_equal(faults(s, true), 0);
	}
	check_between = NULL;
	assert_int_equal(faults(s, true), 0);
	test_close(s);
}

/* RENAME INBOX moves its messages, in several commits; what comes meanwhile stays (T30, RFC 9051 6.3.6). */
static void
rename_inbox(void **state)
{
	struct store *s = test_store();
	struct actor a = test_account(s, "alice");
	struct mailbox_move move = {0};
	int64_t inbox = mailbox_id(&a, "INBOX");
	struct arena arena = {0};
	struct mailbox old, now;
	struct db_txn *w;
	int steps = 1;

	(void)state;
	put(&a, inbox, "first", 300, FLAG_SEEN, "kw");
	/* Many names for one message are enough. */
	for (int i = 0; i < 16; i++)
		copy(&a, inbox, 1, MESSAGE_BATCH, inbox, false);
	assert_int_equal(WRITE(s, mailbox_rename(&a, txn, STR("INBOX"), STR("Old"), &move)), OK);
	put(&a, inbox, "late", 300, 0, NULL);
	for (; move.more; steps++)
		assert_int_equal(WRITE(s, mailbox_move_more(&a, txn, &move)), OK);
	assert_true(steps > 1);
	assert_int_equal(READ(s, mailbox_find(&a, txn, &arena, STR("Old"), &old)), OK);
	assert_int_equal(READ(s, mailbox_find(&a, txn, &arena, STR("INBOX"), &now)), OK);
	assert_true(old.messages > MESSAGE_BATCH);
	assert_int_equal(old.unseen, 0);
	assert_int_equal(now.messages, 1);
	assert_int_equal(now.id, inbox);
	assert_int_equal(faults(s, true), 0);
	/* A write that fails leaves nothing of a rename. */
	w = write_begin(s);
	assert_int_equal(mailbox_rename(&a, w, STR("Old"), STR("Older"), &move), OK);
	assert_int_equal(write_end(ERR_CONFLICT), ERR_CONFLICT);
	assert_int_equal(mailbox_id(&a, "Older"), 0);
	arena_free(&arena);
	test_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(clean),
	    cmocka_unit_test(damage), cmocka_unit_test(stopped),
	    cmocka_unit_test(busy),
	    cmocka_unit_test(slow),
	    cmocka_unit_test(rename_inbox),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
