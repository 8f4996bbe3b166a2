/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was checked before a step may be otherwise after it (S15): every command of commands.tbl, in a session whose mailbox another session deletes,
 * renames, empties or replaces, whose account is disabled or deleted, before the command begins, while it is half sent, at the same time, and
 * before each of its steps, which are made as short as can be.
 * Nothing but complete lines may come, and each command is answered or the session ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/assert.h"
#include "base/log.h"
#include "imap/commands.h"
#include "imap/imap_test.h"
#include "store/account.h"
#include "store/mailbox.h"

/* "@" is where the command is cut in two. A command that is not here fails the test. */
static const struct {
	const char *name, *line;
} samples[] = {
	{"APPEND", "APPEND Work/old (kw2) {12}\r\n@Subject: a\r\n\r\n"},
	{"APPEND", "APPEND INBOX CATENATE (URL \"/Work/old/;UID=2\" @TEXT {2+}\r\nxy)\r\n"},
	{"APPEND", "APPEND INBOX CATENATE (URL \";UID=2;SECTION=HEADER\" TEXT {2+}\r\n@xy URL \"/Work/old/;UID=4\")\r\n"},
	{"AUTHENTICATE", "AUTHENTICATE PLAIN\r\n@AGFsaWNlAHNlY3JldA==\r\n"},
	{"BBOARD", "BBOARD @x\r\n"},
	{"CANCELUPDATE", "CANCELUPDATE @\"c0\"\r\n"},
	{"CAPABILITY", "CAPABILITY@\r\n"},
	{"CHECK", "CHECK@\r\n"},
	{"CLOSE", "CLOSE@\r\n"},
	{"COMPARATOR", "COMPARATOR @i;octet\r\n"},
	{"COMPRESS", "COMPRESS @NONE\r\n"},
	{"COPY", "COPY 1:* @INBOX\r\n"},
	{"COPY", "COPY 1:* @Work/old\r\n"},
	{"CREATE", "CREATE @Work/old/new\r\n"},
	{"DELETE", "DELETE @Work/old\r\n"},
	{"DELETEACL", "DELETEACL Work/old @alice\r\n"},
	{"ENABLE", "ENABLE @UTF8=ACCEPT CONDSTORE\r\n"},
	{"ESEARCH", "ESEARCH @RETURN (UPDATE ALL) ALL\r\n"},
	{"ESEARCH", "ESEARCH IN (selected personal) @RETURN (UPDATE COUNT ALL) BODY first\r\n"},
	{"ESEARCH", "ESEARCH IN (selected) RETURN (SAVE) @OR SUBJECT x UID 1:*\r\n"},
	{"EXAMINE", "EXAMINE Work/old @(CONDSTORE)\r\n"},
	{"EXPUNGE", "EXPUNGE@\r\n"},
	{"FETCH", "FETCH 1:* @(FLAGS BODY[1] ENVELOPE MODSEQ)\r\n"},
	{"FIND", "FIND @MAILBOXES *\r\n"},
	{"GETACL", "GETACL @Work/old\r\n"},
	{"GETMETADATA", "GETMETADATA Work/old @/private/comment\r\n"},
	{"GETQUOTA", "GETQUOTA @\"\"\r\n"},
	{"GETQUOTAROOT", "GETQUOTAROOT @Work/old\r\n"},
	{"ID", "ID @NIL\r\n"},
	{"IDLE", "IDLE\r\n@DONE\r\n"},
	{"LANGUAGE", "LANGUAGE @de\r\n"},
	{"LIST", "LIST (SUBSCRIBED RECURSIVEMATCH) \"\" @* RETURN (STATUS (MESSAGES UNSEEN) METADATA (/private/comment))\r\n"},
	{"LISTRIGHTS", "LISTRIGHTS Work/old @alice\r\n"},
	{"LOGIN", "LOGIN alice @secret\r\n"},
	{"LOGOUT", "LOGOUT@\r\n"},
	{"LSUB", "LSUB \"\" @%\r\n"},
	{"MOVE", "MOVE 1:* @INBOX\r\n"},
	{"MYRIGHTS", "MYRIGHTS @Work/old\r\n"},
	{"NAMESPACE", "NAMESPACE@\r\n"},
	{"NOOP", "NOOP@\r\n"},
	{"NOTIFY", "NOTIFY SET STATUS (selected (MessageNew (FLAGS UID) MessageExpunge FlagChange)) @(subtree Work (MessageNew MessageExpunge MailboxName))\r\n"},
	{"PARTIAL", "PARTIAL 1 @RFC822 1 5\r\n"},
	{"RENAME", "RENAME Work/old @Elsewhere\r\n"},
	{"REPLACE", "REPLACE 1 @INBOX {12+}\r\nSubject: a\r\n\r\n"},
	{"SEARCH", "SEARCH RETURN (SAVE UPDATE ALL) @OR BODY first MODSEQ 1\r\n"},
	{"SELECT", "SELECT Work/old @(QRESYNC (1 1))\r\n"},
	{"SETACL", "SETACL Work/old alice @-rw\r\n"},
	{"SETMETADATA", "SETMETADATA Work/old (/private/comment @{2+}\r\nxy)\r\n"},
	{"SETQUOTA", "SETQUOTA \"\" @(STORAGE 1)\r\n"},
	{"SORT", "SORT RETURN (UPDATE ALL) @(REVERSE ARRIVAL) UTF-8 ALL\r\n"},
	{"STARTTLS", "STARTTLS@\r\n"},
	{"STATUS", "STATUS Work/old @(MESSAGES RECENT SIZE HIGHESTMODSEQ)\r\n"},
	{"STORE", "STORE 1:* @+FLAGS (kw3 \\Deleted)\r\n"},
	{"SUBSCRIBE", "SUBSCRIBE @Work/old\r\n"},
	{"THREAD", "THREAD @REFERENCES UTF-8 ALL\r\n"},
	{"UID COPY", "UID COPY 1:* @INBOX\r\n"},
	{"UID ESEARCH", "UID ESEARCH @RETURN (UPDATE COUNT) $\r\n"},
	{"UID EXPUNGE", "UID EXPUNGE @1:*\r\n"},
	{"UID FETCH", "UID FETCH 1:* @(FLAGS) (CHANGEDSINCE 1 VANISHED)\r\n"},
	{"UID MOVE", "UID MOVE 1:* @Work\r\n"},
	{"UID REPLACE", "UID REPLACE 2 INBOX @{12}\r\nSubject: a\r\n\r\n"},
	{"UID SEARCH", "UID SEARCH RETURN (SAVE UPDATE PARTIAL 1:2) @1:*\r\n"},
	{"UID SORT", "UID SORT @(DATE) UTF-8 TEXT first\r\n"},
	{"UID STORE", "UID STORE 1:* @(UNCHANGEDSINCE 3) FLAGS.SILENT (\\Seen)\r\n"},
	{"UID THREAD", "UID THREAD @ORDEREDSUBJECT UTF-8 1:*\r\n"},
	{"UIDBATCHES", "UIDBATCHES @1\r\n"},
	{"UNAUTHENTICATE", "UNAUTHENTICATE@\r\n"},
	{"UNSELECT", "UNSELECT@\r\n"},
	{"UNSUBSCRIBE", "UNSUBSCRIBE @Work/old\r\n"},
	{"XLIST", "XLIST @\"\" *\r\n"},
};

/* What the other session does; NULL: to the account, by the store. */
static const char *const disturbances[] = {
	"d DELETE Work/old\r\n",
	"d RENAME Work/old Elsewhere\r\n",
	"d DELETE Work/old\r\ne CREATE Work/old\r\nf APPEND Work/old {12+}\r\nSubject: b\r\n\r\n\r\n",
	"d SELECT Work/old\r\ne UID STORE 1:* +FLAGS.SILENT (\\Deleted)\r\nf EXPUNGE\r\n",
	"d APPEND Work/old {12+}\r\nSubject: c\r\n\r\n\r\ne RENAME INBOX Work/inbox\r\n",
	"d SETACL Work/old alice lswka\r\n",
	NULL,
	NULL,
};
enum { DISABLE = 6, DELETE_ACCOUNT = 7 };

/* In which state the session is; the mailbox has gaps, so that after QRESYNC nothing but CLOSED can be said of its end. */
static const char *const states[] = {
	"",
	"a LOGIN alice secret\r\n",
	"a LOGIN alice secret\r\nb SELECT Work/old\r\nc0 UID SEARCH RETURN (UPDATE SAVE COUNT) ALL\r\n",
	"a LOGIN alice secret\r\nb ENABLE QRESYNC\r\nc SELECT Work/old\r\nc0 UID SEARCH RETURN (UPDATE SAVE COUNT) ALL\r\n",
	("a LOGIN alice secret\r\nb ENABLE QRESYNC\r\nc SELECT Work/old\r\n"
	 "d NOTIFY SET (selected (MessageNew (FLAGS) MessageExpunge FlagChange)) (personal (MessageNew MessageExpunge MailboxName))\r\n"),
	"a LOGIN alice secret\r\nb ENABLE UIDONLY IMAP4rev2\r\nc EXAMINE Work/old\r\n",
};

static enum status
close_account(struct db_txn *txn, void *arg)
{
	struct store *store = *(struct store **)arg;
	struct arena arena = {0};
	struct account account;
	enum status st = account_find(txn, &arena, STR("alice"), &account);

	if (st == OK)
		st = account_set_disabled(store, txn, account.id, true);
	arena_free(&arena);
	return st;
}

static enum status
delete_account(struct db_txn *txn, void *arg)
{
	struct store *store = *(struct store **)arg;
	struct arena arena = {0};
	struct account account;
	enum status st = account_find(txn, &arena, STR("alice"), &account);

	if (st == OK)
		st = account_delete(store, txn, account.id);
	arena_free(&arena);
	return st;
}

static void
disturb(struct test_door *t, struct test_client *other, unsigned how)
{
	if (disturbances[how] != NULL)
		test_client_send(t, other, str_c(disturbances[how]));
	else
		ensure(db_write(store_db(t->store), how == DISABLE ? close_account : delete_account, &t->store) == OK);
}

/* Under a sanitizer, where all of it takes most of a minute, every fifth case; MANSIO_LONG: all. */
static bool
passed_over(void)
{
	static unsigned n;
	bool all = true;

#if defined(MANSIO_SANITIZE)
	all = getenv("MANSIO_LONG") != NULL;
#endif
	return !all && ++n % 5 != 0;
}

enum when { BEFORE, HALFWAY, TOGETHER, WHENS };

/* The command, in its session, with the disturbance then; behind it a NOOP that must be answered where the session lives. */
static void
play(const char *line, unsigned state, unsigned how, enum when when)
{
	struct str all = str_c(line), first = str_head(all, str_chr(all, '@')), rest = str_from(all, first.n + 1);
	struct test_client c, other;
	struct test_door t;
	const char *fault;

	test_imap_open_image(&t, test_imap_fill);
	test_client_open(&t, &c);
	test_client_open(&t, &other);
	test_client_send(&t, &other, STR("a LOGIN alice secret\r\n"));
	test_client_run(&t, &other);
	test_client_send(&t, &c, str_c(states[state]));
	test_client_run(&t, &c);
	if (when == BEFORE) {
		disturb(&t, &other, how);
		test_client_run(&t, &other);
	}
	test_client_send(&t, &c, STR("x1 "));
	test_client_send(&t, &c, first);
	if (when == HALFWAY) {
		test_client_run(&t, &c);
		disturb(&t, &other, how);
		test_client_run(&t, &other);
	}
	if (when == TOGETHER)
		disturb(&t, &other, how);
	test_client_send(&t, &c, rest);
	test_client_run(&t, &c);
	test_client_send(&t, &c, STR("DONE\r\nx2 NOOP\r\nx3 UID FETCH 1:* FLAGS\r\nx4 SELECT INBOX\r\n"));
	test_client_run(&t, &c);
	test_client_shut(&other);
	assert_true(test_client_end(&t, &c));
	(void)test_client_end(&t, &other);
	fault = test_fault(buf_str(&c.got), true);
	if (fault != NULL || (str_find(buf_str(&c.got), STR("\r\nx4 "), 0) == SIZE_MAX && str_find(buf_str(&c.got), STR("* BYE"), 0) == SIZE_MAX))
		fail_msg("state %u, disturbance %u, moment %d, %.*s: %s\n%.*s", state, how, (int)when, STR_FMT(first),
		    fault ? fault : "no answer", STR_FMT(buf_str(&c.got)));
	buf_free(&c.got);
	buf_free(&other.got);
	test_door_close(&t);
}

/* ---- between steps ---- */

struct between {
	struct store *store;
	unsigned how, left; /* what happens, and before which step from now on */
};

static enum status
change_mailbox(struct db_txn *txn, void *arg)
{
	const struct between *b = arg;
	struct arena arena = {0};
	struct account account;
	struct mailbox_move move = {0};
	struct actor actor = {.store = b->store};
	enum status st = account_find(txn, &arena, STR("alice"), &account);

	actor.account = account.id;
	if (st == OK && b->how == 0)
		st = mailbox_delete(&actor, txn, STR("Work/old"));
	else if (st == OK)
		st = mailbox_rename(&actor, txn, STR("Work/old"), STR("Elsewhere"), &move);
	arena_free(&arena);
	return st;
}

static void
at_step(void *arg)
{
	struct between *b = arg;

	if (b->left == 0 || --b->left > 0)
		return;
	/* It may be gone already: the command itself was at it. */
	if (b->how < 2)
		(void)!db_write(store_db(b->store), change_mailbox, b);
	else
		ensure(db_write(store_db(b->store), b->how == 2 ? close_account : delete_account, &b->store) == OK);
}

/* True: the step came. */
static bool
play_step(const char *line, unsigned state, unsigned how, unsigned step)
{
	struct str all = str_c(line), first = str_head(all, str_chr(all, '@')), rest = str_from(all, first.n + 1);
	struct between b = {.how = how};
	struct test_client c;
	struct test_door t;
	const char *fault;

	test_imap_steps(at_step, &b);
	test_imap_open_image(&t, test_imap_fill);
	b.store = t.store;
	test_client_open(&t, &c);
	test_client_send(&t, &c, str_c(states[state]));
	test_client_run(&t, &c);
	b.left = step;
	test_client_send(&t, &c, STR("x1 "));
	test_client_send(&t, &c, first);
	test_client_run(&t, &c);
	test_client_send(&t, &c, rest);
	test_client_run(&t, &c);
	test_client_send(&t, &c, STR("DONE\r\nx2 NOOP\r\nx3 UID FETCH 1:* FLAGS\r\nx4 SELECT INBOX\r\n"));
	test_client_run(&t, &c);
	assert_true(test_client_end(&t, &c));
	fault = test_fault(buf_str(&c.got), true);
	if (fault != NULL || (str_find(buf_str(&c.got), STR("\r\nx4 "), 0) == SIZE_MAX && str_find(buf_str(&c.got), STR("* BYE"), 0) == SIZE_MAX))
		fail_msg("state %u, disturbance %u, step %u, %.*s: %s\n%.*s", state, how, step, STR_FMT(first), fault ? fault : "no answer",
		    STR_FMT(buf_str(&c.got)));
	buf_free(&c.got);
	test_door_close(&t);
	test_imap_steps(NULL, NULL);
	return b.left == 0;
}

static void
test_steps(void **state)
{
	for (unsigned i = 0; i < sizeof(samples) / sizeof(*samples); i++)
		for (unsigned s = 2; s < sizeof(states) / sizeof(*states); s++)
			for (unsigned how = 0; how < 4; how++)
				for (unsigned step = 1; step < 8 && (passed_over() || play_step(samples[i].line, s, how, step)); step++)
					;
}

static void
test_all(void **state)
{
	for (unsigned i = 0; i < sizeof(samples) / sizeof(*samples); i++)
		for (unsigned s = 0; s < sizeof(states) / sizeof(*states); s++)
			for (unsigned how = 0; how < sizeof(disturbances) / sizeof(*disturbances); how++)
				for (enum when w = BEFORE; w < WHENS; w++)
					if (!passed_over())
						play(samples[i].line, s, how, w);
}

/* No command is forgotten. */
static void
test_complete(void **state)
{
	const struct command *row;

	for (unsigned i = 0; (row = command_row(i)) != NULL; i++) {
		unsigned k = 0;

		while (k < sizeof(samples) / sizeof(*samples) && !str_eq(str_c(samples[k].name), str_c(row->name)))
			k++;
		if (k == sizeof(samples) / sizeof(*samples))
			fail_msg("%s is not tried", row->name);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_complete),
	    cmocka_unit_test(test_all),
	    cmocka_unit_test(test_steps),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
