/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sweep over an older store: rows that another parser made become what this one makes, with their digests; damaged rows and lost bodies are left to repair; it
 * goes on where it stopped.
 */
#include "store/check_test.h"

#include "base/log.h"
#include "store/digest_priv.h"
#include "store/reparse_priv.h"

#define EMAILS 100 /* several commits */

static struct store *s;

static void
change(const char *sql)
{
	assert_int_equal(WRITE(s, db_script(txn, sql)), OK);
}

/* The emails, and a copy of their rows as they ought to be. */
static void
begin(void)
{
	struct actor alice;
	int64_t inbox;

	s = test_store();
	alice = test_account(s, "alice");
	assert_int_equal(WRITE(s, mailbox_create(&alice, txn, STR("In"), 0, &inbox)), OK);
	log_set_level(LOG_LEVEL_ERROR);
	for (unsigned i = 0; i < EMAILS; i++) {
		struct made d = {0};
		uint32_t uid;
		uint64_t modseq;

		buf_addf(&d.text, "Subject: %u\r\nContent-Type: multipart/mixed; boundary*0=a; boundary*1=b\r\n\r\n--ab\r\n\r\ntext of %u\r\n--ab--\r\n", i, i);
		made_parse(&d, s);
		assert_int_equal(WRITE(s, append_as(&alice, txn, inbox, &d.m, &uid, &modseq)), OK);
		made_end(&d);
	}
	/* What was made for the test lacks previews. */
	change("INSERT INTO meta (key, value) VALUES ('reparse', 0)");
	assert_int_equal(store_reap(s, clock_seconds()), OK);
	change("CREATE TABLE good AS SELECT e.id AS id, e.summary AS summary, s.data AS data FROM email e JOIN structure s ON s.email = e.id");
}

/* What an older parser would have made of every second one: rows that are whole, but not these. */
#define MAKE_OLD                                                                                                       \
	"UPDATE structure SET data = (SELECT data FROM good ORDER BY id LIMIT 1) WHERE email % 2 = 1;"                  \
	"UPDATE email SET summary = (SELECT summary FROM good ORDER BY id LIMIT 1) WHERE id % 2 = 1;"                   \
	"INSERT INTO digest (id, data) SELECT (id >> 32 << 30) + ((id & 0xffffffff) >> 8), x'00' FROM email WHERE true" \
	" ON CONFLICT DO NOTHING;"                                                                                      \
	"INSERT OR REPLACE INTO meta (key, value) VALUES ('reparse', 0)"
#define ODD                                                                                                            \
	"SELECT count(*) FROM good g JOIN email e ON e.id = g.id JOIN structure s ON s.email = g.id"                    \
	" WHERE e.summary != g.summary OR s.data != g.data"

static void
becomes_new(void **state)
{
	(void)state;
	begin();
	assert_int_equal(test_number(s, ODD), 0);
	change(MAKE_OLD);
	assert_true(test_number(s, ODD) >= EMAILS / 2 - 1);
	assert_true(test_number(s, "SELECT count(*) FROM digest") > 0);
	assert_int_equal(store_reap(s, clock_seconds()), OK);
	assert_int_equal(test_number(s, ODD), 0);
	assert_int_equal(test_number(s, "SELECT count(*) FROM meta WHERE key = 'reparse'"), 0);
	assert_int_equal(test_number(s, "SELECT count(*) FROM digest"), 0);
	/* Not asked for: nothing is looked at. */
	change("UPDATE email SET summary = (SELECT summary FROM good ORDER BY id LIMIT 1)");
	assert_int_equal(store_reap(s, clock_seconds()), OK);
	assert_true(test_number(s, ODD) > 0);
	test_close(s);
}

static void
goes_on(void **state)
{
	int64_t half;

	(void)state;
	begin();
	change(MAKE_OLD);
	half = test_number(s, "SELECT id FROM email ORDER BY id LIMIT 1 OFFSET 50");
	change("UPDATE meta SET value = (SELECT id FROM email ORDER BY id LIMIT 1 OFFSET 50) WHERE key = 'reparse'");
	assert_int_equal(store_reap(s, clock_seconds()), OK);
	assert_true(test_number(s, ODD) > 0);
	assert_true(test_number(s, "SELECT max(g.id) FROM good g JOIN structure s ON s.email = g.id WHERE s.data != g.data") <= half);
	test_close(s);
}

static void
damage_stays(void **state)
{
	(void)state;
	begin();
	change("UPDATE structure SET data = substr(data, 1, 20) WHERE email % 4 = 0");
	change("UPDATE email SET summary = x'01' WHERE id % 4 = 1");
	change("UPDATE email SET body = 99999999 WHERE id % 4 = 2");
	change("INSERT OR REPLACE INTO meta (key, value) VALUES ('reparse', 0)");
	int64_t odd = test_number(s, ODD);
	assert_int_equal(store_reap(s, clock_seconds()), OK);
	assert_int_equal(test_number(s, ODD), odd);
	assert_int_equal(test_number(s, "SELECT count(*) FROM meta WHERE key = 'reparse'"), 0);
	test_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(becomes_new),
	    cmocka_unit_test(goes_on),
	    cmocka_unit_test(damage_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
