/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes that are sent ahead: how many commits they take, that nothing is told before, what is told then, and what waits. The committer is held
 * while the session reads, so that what overlaps does not depend on who is faster.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/assert.h"
#include "base/log.h"
#include "imap/imap_test.h"

static struct {
	struct db_write write;
	_Atomic bool runs, go;
} holder;

static enum status
hold(struct db_txn *txn, void *arg)
{
	atomic_store(&holder.runs, true);
	while (!atomic_load(&holder.go))
		sched_yield();
	return OK;
}

/* Nothing is committed from here on. */
static void
commits_hold(struct test_door *t)
{
	holder.write = (struct db_write){.fn = hold, .what = "held"};
	atomic_store(&holder.runs, false);
	atomic_store(&holder.go, false);
	db_submit(store_db(t->store), &holder.write);
	while (!atomic_load(&holder.runs))
		sched_yield();
}

static void
commits_go(void)
{
	atomic_store(&holder.go, true);
}

struct scene {
	struct test_door t;
	struct test_client c, other;
	uint64_t commits;
};

static void
begin(struct scene *s)
{
	test_imap_open(&s->t);
	test_client_open(&s->t, &s->c);
	test_client_open(&s->t, &s->other);
	test_client_send(&s->t, &s->other, STR("a LOGIN alice secret\r\n"));
	for (int i = 0; i < 9; i++)
		test_client_send(&s->t, &s->other, STR("b APPEND INBOX {9+}\r\nA: 12\r\n\r\n\r\n"));
	test_client_send(&s->t, &s->other, STR("c SELECT INBOX\r\n"));
	test_client_run(&s->t, &s->other);
	test_client_send(&s->t, &s->c, STR("a LOGIN alice secret\r\nb SELECT INBOX\r\n"));
	test_client_run(&s->t, &s->c);
	buf_clear(&s->c.got);
}

static void
end(struct scene *s)
{
	const char *fault;

	test_client_shut(&s->other);
	assert_true(test_client_end(&s->t, &s->c));
	(void)test_client_end(&s->t, &s->other);
	fault = test_fault(buf_str(&s->c.got), false);
	if (fault != NULL)
		fail_msg("%s", fault);
	buf_free(&s->c.got);
	buf_free(&s->other.got);
	test_door_close(&s->t);
}

static uint64_t
commits(struct scene *s)
{
	struct db_stats stats;

	db_stats(store_db(s->t.store), &stats);
	return stats.commits;
}

/* What the client sends is read while nothing is committed; not a byte is told. */
static void
ahead(struct scene *s, struct str lines)
{
	commits_hold(&s->t);
	s->commits = commits(s);
	test_client_send(&s->t, &s->c, lines);
	test_client_turn(&s->t, &s->c);
	if (s->c.got.n > 0)
		fail_msg("told before the commit: %.*s", STR_FMT(buf_str(&s->c.got)));
	commits_go();
	test_client_run(&s->t, &s->c);
}

static void
told(struct scene *s, const char *what)
{
	if (!str_eq(buf_str(&s->c.got), str_c(what)))
		fail_msg("told:\n%.*s\nin place of:\n%s", STR_FMT(buf_str(&s->c.got)), what);
	buf_clear(&s->c.got);
}

static void
says(struct scene *s, struct str what)
{
	if (str_find(buf_str(&s->c.got), what, 0) == SIZE_MAX)
		fail_msg("not told: %.*s\nin:\n%.*s", STR_FMT(what), STR_FMT(buf_str(&s->c.got)));
}

/* All in the commit after the one that was held, and each told as it left things. */
static void
test_one_commit(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	ahead(&s, STR("1 STORE 1 +FLAGS (\\Seen)\r\n2 UID STORE 1 +FLAGS (\\Flagged)\r\n3 STORE 1 FLAGS.SILENT ()\r\n4 STORE 1 +FLAGS (\\Draft)\r\n"
		      "5 UID COPY 1 Trash\r\n6 UID MOVE 2 Trash\r\n7 UID MOVE 3 Trash\r\n8 UID STORE 4,5 FLAGS.SILENT (\\Deleted)\r\n9 UID EXPUNGE 4\r\n10 EXPUNGE\r\n"
		      "11 UID STORE 5 +FLAGS (\\Seen)\r\n12 SUBSCRIBE Trash\r\n13 CREATE Mine\r\n"));
	assert_true(commits(&s) - s.commits <= 2);
	says(&s, STR("* OK [COPYUID"));
	assert_int_equal(str_find(buf_str(&s.c.got), STR("NO "), 0), SIZE_MAX);
	buf_clear(&s.c.got);
	ahead(&s, STR("1 STORE 1 FLAGS (\\Seen)\r\n2 STORE 1 FLAGS.SILENT ()\r\n3 STORE 1 +FLAGS (\\Draft)\r\n4 UID STORE 6 +FLAGS.SILENT (\\Deleted)\r\n"
		      "5 UID EXPUNGE 6\r\n6 UID STORE 7 +FLAGS (\\Seen)\r\n7 UID STORE 7:8 FLAGS.SILENT (\\Deleted)\r\n8 EXPUNGE\r\n9 UID STORE 9 +FLAGS (\\Seen)\r\n"));
	told(&s, "* 1 FETCH (FLAGS (\\Seen))\r\n1 OK STORE completed\r\n"
		 "2 OK STORE completed\r\n"
		 "* 1 FETCH (FLAGS (\\Draft))\r\n3 OK STORE completed\r\n"
		 "4 OK STORE completed\r\n"
		 "* 2 EXPUNGE\r\n5 OK EXPUNGE completed\r\n"
		 "* 2 FETCH (UID 7 FLAGS (\\Seen))\r\n6 OK STORE completed\r\n"
		 "7 OK STORE completed\r\n"
		 "* 3 EXPUNGE\r\n* 2 EXPUNGE\r\n8 OK EXPUNGE completed\r\n"
		 "* 2 FETCH (UID 9 FLAGS (\\Seen))\r\n9 OK STORE completed\r\n");
	end(&s);
}

/* What another session expunged is told by no answer before those whose numbers were taken (RFC 9051 7.5.1). */
static void
test_numbers(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	test_client_send(&s.t, &s.other, STR("1 STORE 1 FLAGS.SILENT (\\Deleted)\r\n2 EXPUNGE\r\n"));
	test_client_run(&s.t, &s.other);
	ahead(&s, STR("1 SUBSCRIBE INBOX\r\n2 STORE 2 +FLAGS (\\Seen)\r\n3 SUBSCRIBE Trash\r\n4 STORE 3 +FLAGS (\\Seen)\r\n5 SUBSCRIBE Sent\r\n"));
	told(&s, "1 OK SUBSCRIBE completed\r\n* 2 FETCH (FLAGS (\\Seen))\r\n2 OK STORE completed\r\n"
		 "3 OK SUBSCRIBE completed\r\n* 3 FETCH (FLAGS (\\Seen))\r\n4 OK STORE completed\r\n"
		 "* 1 EXPUNGE\r\n5 OK SUBSCRIBE completed\r\n");
	end(&s);
}

/* Errors come in their turn, and change nothing for those behind. */
static void
test_errors(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	ahead(&s, STR("1 STORE 1 +FLAGS (\\Seen)\r\n2 CREATE INBOX\r\n3 UID STORE 1 (UNCHANGEDSINCE 1) FLAGS ()\r\n4 UID STORE 1 +FLAGS (\\Draft)\r\n"
		      "5 STORE 99 FLAGS ()\r\n6 STORE x\r\n7 UNSUBSCRIBE nothing\r\n8 UID COPY 1 Nowhere\r\n9 UID STORE 99 FLAGS (\\Seen)\r\n"));
	told(&s, "* 1 FETCH (FLAGS (\\Seen))\r\n1 OK STORE completed\r\n2 NO [ALREADYEXISTS] It exists already\r\n"
		 "* OK [HIGHESTMODSEQ 11] You know everything up to here\r\n"
		 "* 1 FETCH (UID 1 FLAGS (\\Seen) MODSEQ (11))\r\n3 OK [MODIFIED 1] Some messages have changed meanwhile and were left alone\r\n"
		 "* 1 FETCH (UID 1 FLAGS (\\Seen \\Draft) MODSEQ (12))\r\n4 OK STORE completed\r\n"
		 "5 BAD There is no such message\r\n6 BAD STORE: message numbers such as 1:5,8 after STORE is expected\r\n7 OK UNSUBSCRIBE completed\r\n"
		 "8 NO [TRYCREATE] No such mailbox; create it first\r\n9 OK STORE completed\r\n");
	end(&s);
}

/* Those that may not overlap see all that was before them, and are seen. */
static void
test_others(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	ahead(&s, STR("1 STORE 1 +FLAGS.SILENT (\\Seen)\r\n2 FETCH 1 FLAGS\r\n3 STORE 1:2 +FLAGS.SILENT (\\Deleted)\r\n4 SEARCH DELETED\r\n5 EXPUNGE\r\n6 STORE 1 FLAGS (\\Draft)\r\n"
		      "7 CREATE New\r\n8 UID COPY 3 New\r\n9 STATUS New (MESSAGES)\r\n10 STORE 2 +FLAGS.SILENT (\\Deleted)\r\n11 CLOSE\r\n12 STORE 1 FLAGS ()\r\n"
		      "13 SUBSCRIBE New\r\n14 UNAUTHENTICATE\r\n15 SUBSCRIBE New\r\n16 LOGIN alice secret\r\n17 UNSUBSCRIBE New\r\n18 LOGOUT\r\n"));
	assert_int_equal(s.c.fd, -1);
	says(&s, STR("* 1 FETCH (FLAGS (\\Seen))\r\n2 OK"));
	says(&s, STR("8 OK [COPYUID"));
	says(&s, STR("* SEARCH 1 2\r\n4 OK"));
	says(&s, STR("* 2 EXPUNGE\r\n* 1 EXPUNGE\r\n5 OK"));
	says(&s, STR("* 1 FETCH (FLAGS (\\Draft))\r\n6 OK"));
	says(&s, STR("* STATUS New (MESSAGES 1)\r\n9 OK"));
	says(&s, STR("11 OK CLOSE completed\r\n12 BAD Select a mailbox first\r\n13 OK"));
	says(&s, STR("\r\n15 BAD Log in first\r\n"));
	says(&s, STR("17 OK UNSUBSCRIBE completed\r\n* BYE"));
	end(&s);
}

/* However many are sent, few wait in memory: the rest stays with the client. And all are done in the end. */
static void
test_bounded(void **state)
{
	static const char line[] = "1 UID STORE 1 +FLAGS.SILENT (\\Seen keyword)\r\n";
	struct scene s;
	size_t sent = 0, at = 0;
	int refused = 0;

	(void)state;
	begin(&s);
	commits_hold(&s.t);
	while (refused < 3 && sent < 8u << 20) {
		ssize_t n = send(s.c.fd, line + at, strlen(line) - at, MSG_NOSIGNAL);

		if (n > 0) {
			sent += (size_t)n;
			at = (at + (size_t)n) % strlen(line);
			continue;
		}
		assert_true(errno == EAGAIN);
		test_client_turn(&s.t, &s.c);
		refused++;
	}
	assert_int_equal(s.c.got.n, 0);
	assert_true(sent < 4u << 20);
	s.commits = commits(&s);
	commits_go();
	test_client_run(&s.t, &s.c);
	/* Not all in one. */
	assert_true(commits(&s) - s.commits > sent / strlen(line) / 130);
	end(&s);
}

static enum status
nothing(struct db_txn *txn, void *arg)
{
	return OK;
}

static void
linger(struct db_write *w, enum status st)
{
	usleep(30000);
}

/* Fifty changes while a commit is held; how many commits they came to, and in times_r how many packets. */
static uint64_t
fifty(struct scene *s, char op, int *times_r)
{
	struct db_write slow = {.fn = nothing, .what = "slow", .lane = 4711, .done = linger};
	struct buf lines = {0};
	size_t had;

	for (int i = 1; i <= 50; i++)
		buf_addf(&lines, "%d UID STORE %d %cFLAGS.SILENT (kw%d)\r\n", i, i % 9 + 1, op, i);
	*times_r = 0;
	buf_clear(&s->c.got);
	commits_hold(&s->t);
	s->commits = commits(s);
	test_client_send(&s->t, &s->c, buf_str(&lines));
	test_client_turn(&s->t, &s->c);
	db_submit(store_db(s->t.store), &slow);
	commits_go();
	while (str_find(buf_str(&s->c.got), STR("\r\n50 OK "), 0) == SIZE_MAX) {
		had = s->c.got.n;
		test_client_turn(&s->t, &s->c);
		*times_r += s->c.got.n > had;
	}
	buf_free(&lines);
	test_client_run(&s->t, &s->other);
	return commits(s) - s->commits;
}

/* Answers that are ready together go out together: the first packet has them all, though somebody else's outcome is told in between, and slowly. On a slow
 * machine the group ends by time, and they are not ready together: that says nothing. */
static void
test_together(void **state)
{
	struct scene s;
	int times;

	(void)state;
	begin(&s);
	for (int i = 0; i < 10; i++) {
		if (fifty(&s, i % 2 ? '-' : '+', &times) > 1)
			continue;
		assert_int_equal(times, 1);
		break;
	}
	end(&s);
}

/* The client hangs up in the middle: what was handed over is done, and nothing is left. */
static void
test_hangs_up(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	commits_hold(&s.t);
	test_client_send(&s.t, &s.c, STR("1 STORE 1 +FLAGS (\\Seen)\r\n2 UID MOVE 2 Trash\r\n3 UID STORE 3 +FLAGS (\\Draft)\r\n4 APPEND INBOX {1000+}\r\nhalf"));
	test_client_turn(&s.t, &s.c);
	close(s.c.fd);
	s.c.fd = -1;
	test_client_turn(&s.t, &s.other);
	commits_go();
	test_client_run(&s.t, &s.other);
	buf_clear(&s.other.got);
	test_client_send(&s.t, &s.other, STR("x FETCH 1:* FLAGS\r\n"));
	test_client_run(&s.t, &s.other);
	assert_int_not_equal(str_find(buf_str(&s.other.got), STR("\\Draft"), 0), SIZE_MAX);
	end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_commit),
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_others),
	    cmocka_unit_test(test_bounded),
	    cmocka_unit_test(test_together),
	    cmocka_unit_test(test_hangs_up),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
