/* SPDX-License-Identifier: Apache-2.0 */
/* Opening: modes of files (S10), persistence, versions; the feed; what the reaper does with deleted mailboxes and accounts. */
#include "store/grant_test.h"
#include "store/mend/check.h"
#include "store/store_test.h"

#include <sys/stat.h>

#include "store/metadata.h"
#include "store/schema.h"

static char dir[64];

static void
new_dir(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%.40s/mansio-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(dir));
}

static void
remove_dir(void)
{
	static const char *const files[] = {"", "-wal", "-shm", "-journal", "-reserve"};
	char path[128];

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(path, sizeof(path), "%s/mansio.db%s", dir, files[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(dir), 0);
}

static enum status
open_dir(struct store **s)
{
	return store_open(&(struct store_options){.dir = dir, .no_reaper = true}, s);
}

static void
files(void **state)
{
	char path[128], secret[32];
	struct stat sb;
	struct store *s;
	struct actor a;
	struct mailbox mb;
	struct arena arena = {0};

	(void)state;
	new_dir();
	assert_int_equal(rmdir(dir), 0); /* the store makes it */
	assert_int_equal(open_dir(&s), OK);
	a = test_account(s, "alice");
	assert_int_equal(store_secret(s).n, 32);
	memcpy(secret, store_secret(s).p, 32);
	assert_int_equal(stat(dir, &sb), 0);
	assert_int_equal(sb.st_mode & 0777, 0700);
	snprintf(path, sizeof(path), "%s/mansio.db", dir);
	assert_int_equal(stat(path, &sb), 0);
	assert_int_equal(sb.st_mode & 0777, 0600);
	snprintf(path, sizeof(path), "%s/mansio.db-wal", dir);
	if (stat(path, &sb) == 0)
		assert_int_equal(sb.st_mode & 0777, 0600);
	test_close(s);
	assert_int_equal(open_dir(&s), OK);
	a.store = s;
	assert_memory_equal(secret, store_secret(s).p, 32);
	assert_int_equal(READ(s, mailbox_find(&a, txn, &arena, STR("INBOX"), &mb)), OK);
	arena_free(&arena);
	test_close(s);
	remove_dir();
}

static void
symlink_refused(void **state)
{
	char path[128];
	struct store *s;

	(void)state;
	new_dir();
	snprintf(path, sizeof(path), "%s/mansio.db", dir);
	assert_int_equal(symlink("/tmp/elsewhere.db", path), 0);
	assert_int_equal(open_dir(&s), ERR_NO_PERM);
	remove_dir();
}

static enum status
set_version(struct db_txn *txn, void *arg)
{
	static struct db_sql set = DB_SQL("UPDATE meta SET value = ?1 WHERE key = 'version'");
	return db_exec(txn, &set, "i", *(int64_t *)arg);
}

static void
newer_version(void **state)
{
	int64_t v = SCHEMA_VERSION + 1;
	struct store *s;

	(void)state;
	new_dir();
	assert_int_equal(open_dir(&s), OK);
	assert_int_equal(db_write(store_db(s), set_version, &v), OK);
	test_close(s);
	assert_int_equal(open_dir(&s), ERR_CONFLICT);
	remove_dir();
}

/* A store of the first version comes up as one of today. */
static void
older_version(void **state)
{
	struct store *s;
	struct db_sql digests = DB_SQL("SELECT count(*) FROM digest"), version = DB_SQL("SELECT value FROM meta WHERE key = 'version'");
	int64_t n;

	(void)state;
	new_dir();
	assert_int_equal(open_dir(&s), OK);
	assert_int_equal(WRITE(s, db_script(txn, TO_VERSION_1)), OK);
	test_close(s);
	assert_int_equal(open_dir(&s), OK);
	assert_int_equal(READ(s, db_get_ints(txn, &digests, &n, 1, "")), OK);
	assert_int_equal(n, 0);
	assert_int_equal(READ(s, db_get_ints(txn, &version, &n, 1, "")), OK);
	assert_int_equal(n, SCHEMA_VERSION);
	test_close(s);
	remove_dir();
}

/* 51 mailboxes full of entries: what changed is told up to a number, and the newest change is found without walking through them. */
static void
metadata_many(void **state)
{
	static char text[METADATA_ENTRIES_MAX][24];
	struct db_sql plan = DB_SQL("EXPLAIN QUERY PLAN SELECT COALESCE(max(changed), 0) FROM metadata WHERE account = 1");
	struct metadata list[METADATA_ENTRIES_MAX];
	struct metadata_change *changes;
	struct arena arena = {0};
	struct store *s;
	struct actor a = {0};
	struct db_txn *t;
	struct db_stmt *q;
	uint64_t now;
	size_t n;

	(void)state;
	new_dir();
	assert_int_equal(open_dir(&s), OK);
	a.store = s;
	assert_int_equal(WRITE(s, account_create(s, txn, STR("u"), &a.account)), OK);
	for (int i = 0; i < METADATA_ENTRIES_MAX; i++) {
		snprintf(text[i], sizeof(text[i]), "/private/e%d", i);
		list[i] = (struct metadata){str_c(text[i]), STR("v")};
	}
	t = write_begin(s);
	for (int i = 0; i < METADATA_CHANGES_MAX / METADATA_ENTRIES_MAX + 1; i++) {
		char name[16];
		int64_t id;

		snprintf(name, sizeof(name), "m%d", i);
		assert_int_equal(mailbox_create(&a, t, str_c(name), 0, &id), OK);
		assert_int_equal(metadata_set_as(&a, t, id, list, METADATA_ENTRIES_MAX), OK);
	}
	assert_int_equal(write_end(OK), OK);
	assert_int_equal(db_read_begin(store_db(s), &t), OK);
	assert_int_equal(metadata_changed(&a, t, &arena, 0, &changes, &n, &now), ERR_LIMIT);
	assert_int_equal(metadata_changed(&a, t, &arena, now - 1, &changes, &n, &now), OK);
	assert_int_equal(n, METADATA_ENTRIES_MAX);
	q = db_prepare(t, &plan);
	assert_int_equal(db_step(q), OK);
	assert_true(str_find(db_text(q, 3), STR("metadata_changed"), 0) != SIZE_MAX);
	db_done(q);
	db_read_end(t);
	arena_free(&arena);
	test_close(s);
	remove_dir();
}

/* What was named before names were reserved stays, can be used, and is told. */
static void
take_note(void *arg, const char *text)
{
	struct buf *b = arg;

	buf_adds(b, text);
	buf_addc(b, '\n');
}

static void
reserved_names(void **state)
{
	struct buf told = {0};
	struct check_report report = {.found = take_note, .arg = &told};
	struct arena arena = {0};
	struct account account;
	struct actor a;
	struct mailbox mb;
	struct store *s;
	int64_t id;

	(void)state;
	new_dir();
	assert_int_equal(open_dir(&s), OK);
	a = test_account(s, "alice");
	for (int i = 0; i < 3; i++)
		assert_int_equal(WRITE(s, mailbox_create(&a, txn, str_c((const char *[]){"x", "x/y", "z"}[i]), 0, &id)), OK);
	assert_int_equal(WRITE(s, db_script(txn, "UPDATE mailbox SET name = 'Shared', sort = 'Shared' WHERE name = 'x';"
	    " UPDATE mailbox SET name = 'Shared/y', sort = 'Shared' || char(1) || 'y' WHERE name = 'x/y';"
	    " UPDATE mailbox SET name = '#z', sort = '#z' WHERE name = 'z';"
	    " UPDATE account SET name = '-n', fold = '-n', local = '-n' WHERE name = 'alice';" TO_VERSION_1)), OK);
	test_close(s);
	assert_int_equal(open_dir(&s), OK);
	a.store = s;
	assert_int_equal(READ(s, account_find(txn, &arena, STR("-n"), &account)), OK);
	assert_int_equal(READ(s, mailbox_find(&a, txn, &arena, STR("Shared/y"), &mb)), OK);
	assert_int_equal(WRITE(s, mailbox_subscribe(&a, txn, STR("Shared"), true)), OK);
	assert_int_equal(WRITE(s, mailbox_create(&a, txn, STR("Shared/more"), 0, &id)), ERR_BAD_INPUT);
	assert_int_equal(store_check(s, true, &report), OK);
	assert_int_equal(report.faults, 0);
	assert_true(str_find(buf_str(&told), STR("account \"-n\" has a mailbox \"Shared\""), 0) != SIZE_MAX);
	assert_true(str_find(buf_str(&told), STR("mailbox \"#z\""), 0) != SIZE_MAX);
	assert_true(str_find(buf_str(&told), STR("account \"-n\" has a name"), 0) != SIZE_MAX);
	assert_true(str_find(buf_str(&told), STR("Shared/y"), 0) == SIZE_MAX);
	buf_free(&told);
	arena_free(&arena);
	test_close(s);
	remove_dir();
}

/* ---- the feed ---- */

#define EVENTS 64
static struct store_event events[EVENTS];
static size_t events_n;

static void
record(void *arg, const struct store_event *ev)
{
	(void)arg;
	if (events_n < EVENTS)
		events[events_n++] = *ev;
}

static int told;

static void
count_event(void *arg, const struct store_event *ev)
{
	(void)ev;
	++*(int *)arg;
}

static void
feed(void **state)
{
	static struct store_subscriber recorder = {record, NULL}, counter = {count_event, &told};
	struct store *s = test_store();
	struct actor a = test_account(s, "alice");
	int64_t id, id2;

	(void)state;
	store_subscribe(s, &recorder);
	store_subscribe(s, &counter);
	events_n = 0;
	assert_int_equal(WRITE(s, mailbox_create(&a, txn, STR("x"), 0, &id)), OK);
	assert_int_equal(events_n, 1);
	assert_int_equal(events[0].kind, EVENT_MAILBOX);
	assert_int_equal(events[0].mailbox, id);
	assert_int_equal(events[0].account, a.account);
	/* A write that fails tells nothing. */
	struct db_txn *w = write_begin(s);
	assert_int_equal(mailbox_create(&a, w, STR("y"), 0, &id2), OK);
	assert_int_equal(write_end(ERR_CONFLICT), ERR_CONFLICT);
	assert_int_equal(events_n, 1);
	/* Several changes of one commit are one event. */
	w = write_begin(s);
	for (int i = 0; i < 10; i++)
		assert_int_equal(set_special_as(&a, w, id, i & 1 ? SPECIAL_ALL : 0), OK);
	assert_int_equal(write_end(OK), OK);
	assert_int_equal(events_n, 2);
	assert_int_equal(WRITE(s, mailbox_delete(&a, txn, STR("x"))), OK);
	assert_int_equal(events_n, 3);
	assert_int_equal(events[2].kind, EVENT_DELETED);
	assert_int_equal(WRITE(s, account_set_disabled(s, txn, a.account, true)), OK);
	assert_int_equal(events_n, 4);
	assert_int_equal(events[3].kind, EVENT_ACCOUNT);
	assert_int_equal(events[3].mailbox, 0);
	assert_int_equal(told, 4);
	/* One goes, the other stays; one that is not there is nobody's loss. */
	store_unsubscribe(s, &recorder);
	store_unsubscribe(s, &recorder);
	assert_int_equal(WRITE(s, account_set_disabled(s, txn, a.account, false)), OK);
	assert_int_equal(events_n, 4);
	assert_int_equal(told, 5);
	test_close(s);
}

/* ---- the reaper ---- */

static int64_t
count(struct store *s, struct db_sql *sql)
{
	int64_t n = -1;
	assert_int_equal(READ(s, db_get_ints(txn, sql, &n, 1, "")), OK);
	return n;
}

static void
reaping(void **state)
{
	static struct db_sql mailboxes = DB_SQL("SELECT count(*) FROM mailbox"), accounts = DB_SQL("SELECT count(*) FROM account"),
	                     subs = DB_SQL("SELECT count(*) FROM subscription"), doomed = DB_SQL("SELECT count(*) FROM doomed");
	struct store *s = test_store();
	struct actor a = test_account(s, "alice");
	int64_t now = clock_seconds(), id;

	(void)state;
	test_account(s, "bob");
	assert_int_equal(WRITE(s, mailbox_create(&a, txn, STR("x/y"), 0, &id)), OK);
	assert_int_equal(WRITE(s, mailbox_delete(&a, txn, STR("x"))), OK);
	assert_int_equal(count(s, &mailboxes), 15);
	assert_int_equal(store_reap(s, now), OK); /* within its grace */
	assert_int_equal(count(s, &mailboxes), 15);
	assert_int_equal(store_reap(s, now + 5 * 3600), OK);
	assert_int_equal(count(s, &mailboxes), 14);
	assert_int_equal(WRITE(s, mailbox_delete(&a, txn, STR("x/y"))), OK);
	assert_int_equal(WRITE(s, account_delete(s, txn, a.account)), OK);
	assert_int_equal(store_reap(s, now), OK);
	assert_int_equal(count(s, &accounts), 2);
	assert_int_equal(store_reap(s, now + 5 * 3600), OK);
	assert_int_equal(count(s, &accounts), 1);
	assert_int_equal(count(s, &mailboxes), 6);
	assert_int_equal(count(s, &subs), 6);
	assert_int_equal(count(s, &doomed), 0);
	test_close(s);
}

/* The thread starts, and stops at once. */
static void
reaper_thread(void **state)
{
	struct store *s;

	(void)state;
	assert_int_equal(store_open(&(struct store_options){0}, &s), OK);
	test_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(files),
	    cmocka_unit_test(symlink_refused),
	    cmocka_unit_test(newer_version),
	    cmocka_unit_test(older_version), cmocka_unit_test(metadata_many),
	    cmocka_unit_test(reserved_names),
	    cmocka_unit_test(feed),
	    cmocka_unit_test(reaping),
	    cmocka_unit_test(reaper_thread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
