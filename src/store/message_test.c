/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages one by one: append and its threads and limits, what the emails give back, large copies, views of deleted
 * mailboxes, and damage: what is damaged is named and passed over, the rest is served. The interplay is model_test.c's.
 */
#include "store/message_test.h"

#include <fcntl.h>

#include "base/log.h"
#include "store/changes.h"
#include "store/copy.h"
#include "store/email.h"
#include "store/message.h"
#include "store/page_priv.h"
#include "store/view.h"

static void
open_view(struct view *v, int64_t mailbox)
{
	struct arena arena = {0};
	struct mailbox mb;
	struct db_txn *txn;

	assert_int_equal(db_read_begin(store_db(store), &txn), OK);
	assert_int_equal(mailbox_get(&alice, txn, &arena, mailbox, &mb), OK);
	assert_int_equal(view_open(v, &alice, txn, &mb, false), OK);
	db_read_end(txn);
	arena_free(&arena);
}

/* The number of messages given; the last of them in *e_r. */
static uint32_t
walk(struct view *v, const struct runs *only, uint32_t *missed_r, struct entry *e_r)
{
	struct view_iter it = VIEW_ITER(v, only);
	const struct entry *e;
	struct db_txn *txn;
	uint32_t n = 0;

	assert_int_equal(db_read_begin(store_db(store), &txn), OK);
	assert_int_equal(view_iter_begin(&it, txn), OK);
	while ((e = view_iter_next(&it)) != NULL) {
		if (e_r != NULL)
			*e_r = *e;
		n++;
	}
	assert_int_equal(view_iter_end(&it), OK);
	db_read_end(txn);
	if (missed_r != NULL)
		*missed_r = it.missed;
	return n;
}

/* ---- append ---- */

static void
reads_back(void **state)
{
	struct message_new m = plain();
	struct str keywords[] = {STR("$Work"), STR("$work"), STR("b")};
	struct arena arena = {0};
	struct keywords kw;
	struct entry e;
	struct email email;
	struct email_cursor *c;
	struct view v;
	struct db_txn *txn;
	struct buf out = {0};
	struct str s;

	(void)state;
	m.prefix = STR("Return-Path: <>\r\n");
	m.size += m.prefix.n;
	m.keywords = keywords;
	m.keywords_n = 3;
	m.flags = FLAG_SEEN | FLAG_RECENT;
	m.internal_date = -3600;
	m.zone = -330;
	assert_int_equal(append(inbox, &m), 1);
	open_view(&v, inbox);
	assert_int_equal(walk(&v, NULL, NULL, &e), 1);
	assert_int_equal(e.flags, FLAG_SEEN);
	assert_int_equal(e.zone, -330);
	assert_int_equal(e.internal_date, -3600);
	assert_int_equal(e.size, m.size);
	assert_int_equal(e.keywords_n, 2);
	assert_true(e.save_date >= clock_seconds() - 60);
	assert_int_equal(db_read_begin(store_db(store), &txn), OK);
	assert_int_equal(keywords_get(txn, &arena, inbox, &kw), OK);
	assert_int_equal(kw.n, 2);
	assert_true(str_eq(kw.name[0], STR("$Work")));
	assert_int_equal(keywords_find(&kw, STR("$WORK")), 0);
	assert_int_equal(keywords_find(&kw, STR("c")), -1);
	assert_int_equal(email_get(GRANT_OF(alice), txn, &arena, e.email, &email), OK);
	assert_true(str_eq(email.summary, STR("s")));
	assert_true(str_eq(email.prefix, m.prefix));
	/* Prefix and body are one message, wherever it is cut. */
	for (uint64_t at = 0; at <= m.size; at++)
		for (size_t n = 0; n < 40; n++) {
			static const char whole[] = "Return-Path: <>\r\nSubject: x\r\n\r\nbody\r\n";

			buf_clear(&out);
			assert_int_equal(email_read(GRANT_OF(alice), txn, &email, at, n, &out), OK);
			assert_int_equal(out.n, at + n < m.size ? n : m.size - at);
			assert_memory_equal(out.n ? out.p : "", whole + at, out.n);
		}
	assert_int_equal(email_get(GRANT_OF(alice), txn, &arena, e.email + 1, &email), ERR_NOT_FOUND);
	assert_int_equal(email_cursor_open(GRANT_OF(alice), txn, &c), OK);
	assert_int_equal(email_cursor_get(c, e.email, &email), OK);
	assert_int_equal(email_cursor_structure(c, e.email, &s), OK);
	assert_true(str_eq(s, STR("t")));
	assert_int_equal(email_cursor_get(c, e.email + 1, &email), ERR_NOT_FOUND);
	assert_int_equal(email_cursor_get(c, e.email, &email), OK);
	email_cursor_close(c);
	db_read_end(txn);
	view_close(&v);
	buf_free(&out);
	arena_free(&arena);
}

/* The cursor finds every email whatever the order. */
static void
cursor_orders(void **state)
{
	struct email_cursor *c;
	struct db_txn *txn;
	struct entry e;
	struct view v;
	int64_t first;

	(void)state;
	append_many(inbox, 100);
	open_view(&v, inbox);
	assert_int_equal(walk(&v, NULL, NULL, &e), 100);
	first = e.email - 99;
	assert_int_equal(db_read_begin(store_db(store), &txn), OK);
	assert_int_equal(email_cursor_open(GRANT_OF(alice), txn, &c), OK);
	for (int64_t i = 0; i < 2000; i++) {
		int64_t id = first + (i < 100 ? i : i * 37 % 110);
		struct email email;
		struct str s;
		enum status want = id < first + 100 ? OK : ERR_NOT_FOUND;

		assert_int_equal(email_cursor_get(c, id, &email), want);
		assert_true(want != OK || email.id == id);
		assert_int_equal(email_cursor_structure(c, id, &s), want);
	}
	email_cursor_close(c);
	db_read_end(txn);
	view_close(&v);
}

static int64_t
thread_of(uint32_t uid)
{
	struct arena arena = {0};
	struct runs one = set(uid, uid);
	struct email email = {0};
	struct entry e;
	struct view v;

	open_view(&v, inbox);
	assert_int_equal(walk(&v, &one, NULL, &e), 1);
	assert_int_equal(READ(store, email_get(GRANT_OF(alice), txn, &arena, e.email, &email)), OK);
	view_close(&v);
	runs_free(&one);
	arena_free(&arena);
	return email.thread;
}

static uint32_t
append_thread(uint64_t id, const uint64_t *refs, size_t n)
{
	struct message_new m = plain();

	m.message_id_hash = id;
	m.references = refs;
	m.references_n = n;
	return append(inbox, &m);
}

static void
threads(void **state)
{
	uint64_t many[100];
	uint32_t a = append_thread(11, NULL, 0), b = append_thread(12, (uint64_t[]){11}, 1), c, d, e, f;

	(void)state;
	assert_int_equal(thread_of(a), thread_of(b));
	/* An answer to something that never came, and its sibling. */
	c = append_thread(21, (uint64_t[]){20}, 1);
	d = append_thread(22, (uint64_t[]){20}, 1);
	assert_int_equal(thread_of(c), thread_of(d));
	assert_int_not_equal(thread_of(a), thread_of(c));
	/* Later the missing one comes. */
	assert_int_equal(thread_of(append_thread(20, NULL, 0)), thread_of(c));
	/* One that knows both threads joins the older; those that are there stay. */
	e = append_thread(30, (uint64_t[]){22, 12}, 2);
	assert_int_equal(thread_of(e), thread_of(a));
	assert_int_not_equal(thread_of(c), thread_of(a));
	/* Without ids each is alone. */
	assert_int_not_equal(thread_of(append_thread(0, NULL, 0)), thread_of(append_thread(0, NULL, 0)));
	/* Of many references the first and the last count. */
	for (size_t i = 0; i < 100; i++)
		many[i] = 1000 + i;
	many[0] = 11;
	f = append_thread(40, many, 100);
	assert_int_equal(thread_of(f), thread_of(a));
	assert_int_equal(thread_of(append_thread(41, &many[99], 1)), thread_of(a));
	assert_int_not_equal(thread_of(append_thread(42, &many[50], 1)), thread_of(a));
}

/* As many as are asked for, with UIDs in a row and one change; keywords are each one's own. */
static void
several(void **state)
{
	static char name[KEYWORD_MAX + 1];
	struct str keyword = STR("k"), long_name = str_of(name, sizeof(name));
	struct message_new plain_one = plain(), marked = plain();
	const struct message_new *all[300];
	struct changes ch;
	struct entry e;
	struct view v;
	uint32_t first = 0;
	uint64_t modseq = 0;

	(void)state;
	memset(name, 'x', sizeof(name));
	append_many(inbox, 1);
	open_view(&v, inbox);
	marked.keywords = &keyword;
	marked.keywords_n = 1;
	for (size_t i = 0; i < 300; i++)
		all[i] = i == 299 ? &marked : &plain_one;
	assert_int_equal(WRITE(store, append_all_as(&alice, txn, inbox, all, 300, &first, &modseq)), OK);
	assert_int_equal(first, 2);
	assert_int_equal(modseq, v.flags_told + 1);
	assert_int_equal(READ(store, changes_as(&alice, txn, inbox, v.flags_told, NULL, 0, &ch)), OK);
	assert_int_equal(runs_count(&ch.added), 300);
	assert_int_equal(ch.modseq, modseq);
	changes_free(&ch);
	view_close(&v);
	open_view(&v, inbox);
	assert_int_equal(walk(&v, NULL, NULL, &e), 301);
	assert_int_equal(e.uid, 301);
	assert_int_equal(e.keywords_n, 1);
	view_close(&v);
	/* One that may not come keeps all away. */
	marked.keywords = &long_name;
	assert_int_equal(WRITE(store, append_all_as(&alice, txn, inbox, all, 300, &first, &modseq)), ERR_LIMIT);
	assert_int_equal(first, 2);
	open_view(&v, inbox);
	assert_int_equal(walk(&v, NULL, NULL, NULL), 301);
	view_close(&v);
}

static void
refused(void **state)
{
	struct actor bob = test_account(store, "bob");
	struct message_new m = plain();
	struct str keywords[300], long_one = {NULL, KEYWORD_MAX + 1};
	char names[300][8], big[KEYWORD_MAX + 1];
	uint32_t uid;
	uint64_t modseq;
	struct runs all = set(1, 9);
	struct copy_result r = {0};
	int64_t bobs;

	(void)state;
	assert_int_equal(WRITE(store, append_as(&bob, txn, inbox, &m, &uid, &modseq)), ERR_NOT_FOUND);
	assert_int_equal(WRITE(store, append_as(&alice, txn, 9999, &m, &uid, &modseq)), ERR_NOT_FOUND);
	for (int i = 0; i < 300; i++) {
		snprintf(names[i], sizeof(names[i]), "k%d", i);
		keywords[i] = str_c(names[i]);
	}
	m.keywords = keywords;
	m.keywords_n = 300;
	assert_int_equal(WRITE(store, append_as(&alice, txn, inbox, &m, &uid, &modseq)), ERR_LIMIT);
	memset(big, 'x', sizeof(big));
	long_one.p = big;
	m.keywords = &long_one;
	m.keywords_n = 1;
	assert_int_equal(WRITE(store, append_as(&alice, txn, inbox, &m, &uid, &modseq)), ERR_LIMIT);
	m = plain();
	append(inbox, &m);
	assert_int_equal(WRITE(store, mailbox_create(&bob, txn, STR("b"), 0, &bobs)), OK);
	assert_int_equal(WRITE(store, copy_as(&alice, txn, inbox, &all, bobs, false, &r)), ERR_NOT_FOUND);
	runs_free(&all);
}

/* What no client could have sent stays out, whoever brings it. */
static void
not_admitted(void **state)
{
	static const char *const bad[] = {"", "a b", "a)", "a\r", "a\n1", "\\x", "{3}", "\xc3\xa4", "\""};
	struct flag_change change = {.op = FLAGS_ADD, .keywords_n = 1};
	struct flag_result fr = {0};
	struct runs one = set(1, 1);
	struct message_new m = plain();
	struct str keyword;
	uint32_t uid;
	uint64_t modseq;
	int64_t id;

	append(inbox, &m);
	m.keywords = change.keywords = &keyword;
	m.keywords_n = 1;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad) + 1; i++) {
		keyword = i < sizeof(bad) / sizeof(*bad) ? str_c(bad[i]) : str_of("a\0b", 3);
		assert_int_equal(WRITE(store, append_as(&alice, txn, inbox, &m, &uid, &modseq)), ERR_BAD_INPUT);
		assert_int_equal(WRITE(store, flags_as(&alice, txn, inbox, &one, &change, &fr)), ERR_BAD_INPUT);
	}
	change = (struct flag_change){.op = FLAGS_SET, .flags = 64};
	assert_int_equal(WRITE(store, flags_as(&alice, txn, inbox, &one, &change, &fr)), ERR_BAD_INPUT);
	m = plain();
	m.flags = 128;
	assert_int_equal(WRITE(store, append_as(&alice, txn, inbox, &m, &uid, &modseq)), ERR_BAD_INPUT);
	m = plain();
	m.zone = 1440;
	assert_int_equal(WRITE(store, append_as(&alice, txn, inbox, &m, &uid, &modseq)), ERR_BAD_INPUT);
	m.zone = 0;
	m.internal_date = INT64_MAX;
	assert_int_equal(WRITE(store, append_as(&alice, txn, inbox, &m, &uid, &modseq)), ERR_BAD_INPUT);
	m.internal_date = -(INT64_C(1) << 40);
	assert_int_equal(WRITE(store, append_as(&alice, txn, inbox, &m, &uid, &modseq)), ERR_BAD_INPUT);
	m.internal_date = -1;
	m.size = UINT64_MAX;
	assert_int_equal(WRITE(store, append_as(&alice, txn, inbox, &m, &uid, &modseq)), ERR_BAD_INPUT);
	m.size = 20;
	m.prefix = STR("012345678901234567890123456789");
	assert_int_equal(WRITE(store, append_as(&alice, txn, inbox, &m, &uid, &modseq)), ERR_BAD_INPUT);
	/* names: control characters, not in Normalization Form C, INBOX in another case */
	static const char *const names[] = {"a\rb", "a//b", "e\xcc\x81", "inbox/x", "\xff"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct mailbox_move move;

		assert_int_equal(WRITE(store, mailbox_create(&alice, txn, str_c(names[i]), 0, &id)), ERR_BAD_INPUT);
		assert_int_equal(WRITE(store, mailbox_subscribe(&alice, txn, str_c(names[i]), true)), ERR_BAD_INPUT);
		assert_int_equal(WRITE(store, mailbox_rename(&alice, txn, STR("Other"), str_c(names[i]), &move)), ERR_BAD_INPUT);
	}
	runs_free(&one);
}

/* ---- changes ---- */

static void
changes_and_own(void **state)
{
	struct runs all = set(1, 10), one = set(1, 1);
	struct flag_result r = {0};
	struct flag_change c = {.op = FLAGS_ADD, .flags = FLAG_ANSWERED};
	struct changes ch;
	struct view v;
	struct view_update u = {0};
	uint64_t since;

	(void)state;
	append_many(inbox, 5);
	open_view(&v, inbox);
	/* The session's own and the next: it is told without a look. */
	assert_int_equal(WRITE(store, flags_as(&alice, txn, inbox, &all, &c, &r)), OK);
	view_told(&v, r.modseq);
	assert_int_equal(v.flags_told, r.modseq);
	assert_int_equal(v.own_n, 0);
	assert_int_equal(READ(store, view_sync(&v, txn, false, &u)), OK);
	assert_int_equal(runs_count(&u.changed), 0);
	view_update_free(&u);
	/* Another's before it: that one is still to be told. */
	c.flags = FLAG_DRAFT;
	assert_int_equal(WRITE(store, flags_as(&alice, txn, inbox, &one, &c, &r)), OK);
	since = r.modseq;
	c.flags = FLAG_FLAGGED;
	/* The session's own, told by its own reply. */
	assert_int_equal(WRITE(store, flags_as(&alice, txn, inbox, &all, &c, &r)), OK);
	view_told(&v, r.modseq);
	assert_int_equal(READ(store, changes_as(&alice, txn, inbox, since, NULL, 0, &ch)), OK);
	assert_int_equal(runs_count(&ch.flags), 5);
	changes_free(&ch);
	assert_int_equal(READ(store, changes_as(&alice, txn, inbox, since, v.own, v.own_n, &ch)), OK);
	assert_int_equal(runs_count(&ch.flags), 0);
	assert_int_equal(ch.modseq, r.modseq);
	changes_free(&ch);
	/* Another's change of two of them. */
	runs_remove(&all, 3, 10);
	c.flags = FLAG_SEEN;
	assert_int_equal(WRITE(store, flags_as(&alice, txn, inbox, &all, &c, &r)), OK);
	assert_int_equal(READ(store, view_sync(&v, txn, false, &u)), OK);
	assert_int_equal(runs_count(&u.changed), 2);
	assert_true(runs_has(&u.changed, 1) && runs_has(&u.changed, 2));
	assert_int_equal(u.modseq, r.modseq);
	assert_int_equal(v.own_n, 0);
	view_update_free(&u);
	view_close(&v);
	runs_free(&all);
	runs_free(&one);
	runs_free(&r.changed);
}

/* ---- ghosts and deleted mailboxes ---- */

static void
expunge(int64_t mailbox, const struct runs *uids)
{
	struct runs gone = {0};
	struct flag_change c = {.op = FLAGS_ADD, .flags = FLAG_DELETED};
	struct flag_result r = {0};
	uint64_t modseq;
	bool more;

	assert_int_equal(WRITE(store, flags_as(&alice, txn, mailbox, uids, &c, &r)), OK);
	assert_int_equal(WRITE(store, expunge_as(&alice, txn, mailbox, NULL, 100000, &gone, &more, &modseq)), OK);
	assert_false(more);
	runs_free(&gone);
	runs_free(&r.changed);
}

static void
expunge_all(int64_t mailbox)
{
	struct runs all = set(1, UINT32_MAX);

	expunge(mailbox, &all);
	runs_free(&all);
}

/* Numbers among many ghosts, each alone and in sets with what lies between left out, where numbers are no UIDs. */
static void
numbers_among_ghosts(void **state)
{
	struct runs before = {0}, ghosts = {0}, seqs = {0}, uids = {0};
	uint32_t uid_of[401], n = 0;
	struct view_update u;
	struct view v;

	(void)state;
	append_many(inbox, 600);
	for (uint32_t uid = 1; uid <= 600; uid++) {
		uid % 3 == 0 ? runs_add(&before, uid, uid) : (void)(uid_of[++n] = uid);
		if (uid % 7 < 3 && uid > 4 && uid < 590)
			runs_add(&ghosts, uid, uid);
	}
	expunge(inbox, &before);
	open_view(&v, inbox);
	expunge(inbox, &ghosts);
	assert_int_equal(READ(store, view_sync(&v, txn, false, &u)), OK);
	view_update_free(&u);
	assert_true(v.ghosts.n > 100);
	for (uint32_t stride = 2; stride <= n; stride += 3) {
		for (uint32_t seq = stride; seq <= n; seq += stride)
			runs_add(&seqs, seq, seq);
		assert_int_equal(READ(store, view_uids_of_seqs(&v, txn, &seqs, &uids)), OK);
		for (uint32_t seq = stride; seq <= n; seq += stride)
			assert_true(runs_has(&uids, uid_of[seq]) && runs_count(&uids) == n / stride);
		runs_free(&seqs);
		runs_free(&uids);
	}
	view_close(&v);
	runs_free(&before);
	runs_free(&ghosts);
}

/* T56: until it was told a session reads what another has expunged, and is told the truth after the grace. */
static void
grace(void **state)
{
	struct arena arena = {0};
	struct view v;
	struct view_update u;
	struct entry e;
	struct email email;
	uint32_t missed, seq;

	(void)state;
	append_many(inbox, 600);
	open_view(&v, inbox);
	expunge_all(inbox);
	append_many(inbox, 3);
	assert_int_equal(walk(&v, NULL, &missed, &e), 600);
	assert_int_equal(missed, 0);
	assert_true(e.expunged);
	assert_int_equal(READ(store, view_seq(&v, txn, 600, &seq)), OK);
	assert_int_equal(seq, 600);
	assert_int_equal(READ(store, email_get(GRANT_OF(alice), txn, &arena, e.email, &email)), OK);
	/* Not due yet. */
	assert_int_equal(store_reap(store, clock_seconds() + 60), OK);
	assert_int_equal(walk(&v, NULL, &missed, &e), 600);
	assert_int_equal(store_reap(store, clock_seconds() + 100000), OK);
	assert_int_equal(READ(store, email_get(GRANT_OF(alice), txn, &arena, e.email, &email)), ERR_NOT_FOUND);
	assert_int_equal(walk(&v, NULL, &missed, &e), 0);
	assert_int_equal(missed, 600);
	assert_int_equal(READ(store, view_sync(&v, txn, false, &u)), OK);
	assert_int_equal(u.gone.n, 0);
	assert_true(u.grown);
	assert_int_equal(u.first_new, 601);
	assert_int_equal(v.exists, 603);
	/* A HIGHESTMODSEQ sent now must not promise the expunges (RFC 7162 6). */
	assert_true(u.modseq < v.flags_told);
	view_update_free(&u);
	assert_int_equal(READ(store, view_sync(&v, txn, true, &u)), OK);
	assert_int_equal(runs_count(&u.gone), 600);
	assert_false(u.grown); /* T81 */
	assert_int_equal(v.exists, 3);
	view_update_free(&u);
	view_close(&v);
	arena_free(&arena);
}

static void
deleted_mailbox(void **state)
{
	struct view v;
	struct view_update u;
	struct runs seqs = set(1, 5), uids = {0};
	uint32_t seq = 9;

	(void)state;
	append_many(other, 5);
	open_view(&v, other);
	assert_int_equal(WRITE(store, mailbox_delete(&alice, txn, STR("Other"))), OK);
	assert_int_equal(READ(store, view_sync(&v, txn, false, &u)), OK);
	assert_true(v.deleted);
	assert_int_equal(v.exists, 5);
	view_update_free(&u);
	assert_int_equal(walk(&v, NULL, NULL, NULL), 0);
	assert_int_equal(READ(store, view_seq(&v, txn, 1, &seq)), OK);
	assert_int_equal(seq, 0);
	assert_int_equal(READ(store, view_uids_of_seqs(&v, txn, &seqs, &uids)), OK);
	assert_int_equal(uids.n, 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(READ(store, view_sync(&v, txn, true, &u)), OK);
		assert_int_equal(runs_count(&u.gone_seqs), i == 0 ? 5 : 0);
		assert_int_equal(v.exists, 0);
		view_update_free(&u);
		/* Also after the row itself has gone. */
		assert_int_equal(store_reap(store, clock_seconds() + 1000000), OK);
	}
	view_close(&v);
	runs_free(&seqs);
}

static int64_t
count(struct db_sql *sql)
{
	int64_t n = -1;

	assert_int_equal(READ(store, db_get_ints(txn, sql, &n, 1, "")), OK);
	return n;
}

/* A deleted mailbox takes its emails along, but not those that another mailbox names. */
static void
reaps_mailboxes(void **state)
{
	static struct db_sql emails = DB_SQL("SELECT count(*) FROM email"), pages = DB_SQL("SELECT count(*) FROM page"),
			     changes = DB_SQL("SELECT count(*) FROM change WHERE mailbox = (SELECT max(mailbox) FROM change)");
	struct runs some = set(1, 300);
	struct copy_result r = {0};
	struct view v;
	int64_t reaps = 6;

	(void)state;
	append_many(other, 1000);
	assert_int_equal(WRITE(store, copy_as(&alice, txn, other, &some, inbox, false, &r)), OK);
	assert_true(count(&changes) > 0);
	assert_int_equal(WRITE(store, mailbox_delete(&alice, txn, STR("Other"))), OK);
	/* The mailbox first, then what it held. */
	while (reaps-- > 0)
		assert_int_equal(store_reap(store, clock_seconds() + 1000000), OK);
	assert_int_equal(count(&emails), 300);
	assert_int_equal(count(&pages), 2);
	open_view(&v, inbox);
	assert_int_equal(walk(&v, NULL, NULL, NULL), 300);
	view_close(&v);
	runs_free(&some);
	runs_free(&r.from);
}

/* ---- large copies ---- */

#define MANY (2 * COPY_STEP + 10) /* takes three steps */

static void
large_copy(void **state)
{
	static struct db_sql staged = DB_SQL("SELECT count(*) FROM staged");
	struct runs all = set(1, UINT32_MAX), seen = set(5000, 5002);
	struct flag_change c = {.op = FLAGS_ADD, .flags = FLAG_SEEN};
	struct flag_result fr = {0};
	struct copy_result r = {0};
	struct copy_job *job;
	struct db_txn *w;
	struct view v;
	struct view_update u;
	struct entry e;
	bool done = false;

	(void)state;
	append_many(inbox, MANY);
	assert_int_equal(WRITE(store, flags_as(&alice, txn, inbox, &seen, &c, &fr)), OK);
	open_view(&v, other);
	job = copy_begin_as(&alice, inbox, &all, other);
	while (copy_more(job)) {
		assert_int_equal(WRITE(store, copy_step(txn, job)), OK);
		copy_stepped(job);
		/* Nobody sees anything before it is published. */
		assert_int_equal(READ(store, view_sync(&v, txn, true, &u)), OK);
		assert_false(u.grown);
		view_update_free(&u);
		append_many(other, 1);
		assert_int_equal(READ(store, view_sync(&v, txn, true, &u)), OK);
		view_update_free(&u);
	}
	assert_int_equal(v.exists, 3);
	/* What is expunged and reaped meanwhile was named by the stage. */
	expunge_all(inbox);
	assert_int_equal(store_reap(store, clock_seconds() + 100000), OK);
	/* The first time the write fails; it does no harm. */
	w = write_begin(store);
	assert_int_equal(copy_publish(w, job, &r), OK);
	assert_int_equal(write_end(ERR_LIMIT), ERR_LIMIT);
	runs_free(&r.from);
	w = write_begin(store);
	assert_int_equal(copy_publish(w, job, &r), OK);
	assert_int_equal(write_end(OK), OK);
	assert_int_equal(r.to_first, 4);
	assert_int_equal(r.to_n, MANY);
	assert_int_equal(runs_count(&r.from), MANY);
	assert_int_equal(READ(store, view_sync(&v, txn, true, &u)), OK);
	view_update_free(&u);
	assert_int_equal(v.exists, MANY + 3);
	assert_int_equal(walk(&v, NULL, NULL, &e), MANY + 3);
	assert_int_equal(e.uid, MANY + 3);
	runs_clear(&seen);
	runs_add(&seen, 5003, 5003);
	assert_int_equal(walk(&v, &seen, NULL, &e), 1);
	assert_int_equal(e.flags, FLAG_SEEN);
	assert_int_equal(count(&staged), 2 * COPY_STEP / PAGE_MAX + 1);
	while (!done)
		assert_int_equal(WRITE(store, copy_sweep_step(txn, job, &done)), OK);
	assert_int_equal(count(&staged), 0);
	copy_free(job);
	/* What a crash leaves is swept. */
	job = copy_begin_as(&alice, other, &all, inbox);
	assert_int_equal(WRITE(store, copy_step(txn, job)), OK);
	copy_free(job);
	assert_true(count(&staged) > 0);
	assert_int_equal(copy_sweep(store), OK);
	assert_int_equal(count(&staged), 0);
	view_close(&v);
	runs_free(&all);
	runs_free(&seen);
	runs_free(&fr.changed);
	runs_free(&r.from);
}

/* ---- damage ---- */

static struct db_sql hurt_page = DB_SQL("UPDATE page SET data = ?2 WHERE id = ?1");
static struct db_sql hurt_dir = DB_SQL("UPDATE dir SET data = x'0102' WHERE id >= ?1");
static struct db_sql hurt_change = DB_SQL("UPDATE change SET uids = x'01020304' WHERE mailbox = ?1 AND kind = ?2");
static struct db_sql second_page =
    DB_SQL("SELECT id FROM page WHERE id > ?1 ORDER BY id LIMIT 1 OFFSET 1");

static void
damaged_page(void **state)
{
	struct runs all = set(1, UINT32_MAX), gone = {0}, seqs = set(599, 600), uids = {0};
	struct flag_change c = {.op = FLAGS_ADD, .flags = FLAG_DELETED};
	struct flag_result r = {0};
	struct copy_result cr = {0};
	struct message_new m = plain();
	struct entry e;
	struct view v;
	uint64_t modseq;
	uint32_t missed, seq, n;
	int64_t id;
	bool more;

	(void)state;
	append_many(inbox, 600);
	open_view(&v, inbox);
	/* The second page, of 256 messages. */
	assert_int_equal(READ(store, db_get_ints(txn, &second_page, &id, 1, "i", page_id(inbox, 0))), OK);
	assert_int_equal(WRITE(store, db_exec(txn, &hurt_page, "ib", id, STR("\001\000\001junk"))), OK);
	assert_int_equal(id, page_id(inbox, 257));
	log_set_fd(open("/dev/null", O_WRONLY));
	n = walk(&v, NULL, &missed, &e);
	assert_int_equal(n, 344);
	assert_int_equal(missed, 256);
	assert_int_equal(e.uid, 600);
	/* Numbers stay what they were. */
	assert_int_equal(READ(store, view_seq(&v, txn, 600, &seq)), OK);
	assert_int_equal(seq, 600);
	assert_int_equal(READ(store, view_uids_of_seqs(&v, txn, &seqs, &uids)), OK);
	assert_true(runs_has(&uids, 599) && runs_has(&uids, 600));
	/* Changes pass over it. */
	assert_int_equal(WRITE(store, flags_as(&alice, txn, inbox, &all, &c, &r)), OK);
	assert_int_equal(runs_count(&r.changed), 344);
	assert_int_equal(WRITE(store, copy_as(&alice, txn, inbox, &all, other, false, &cr)), OK);
	assert_int_equal(cr.to_n, 344);
	assert_int_equal(append(inbox, &m), 601);
	assert_int_equal(WRITE(store, expunge_as(&alice, txn, inbox, NULL, 10000, &gone, &more, &modseq)), OK);
	assert_int_equal(runs_count(&gone), 344);
	log_set_fd(2);
	view_close(&v);
	runs_free(&all);
	runs_free(&gone);
	runs_free(&seqs);
	runs_free(&uids);
	runs_free(&r.changed);
	runs_free(&cr.from);
}

/* A damaged directory is read off the pages, and mended by the next change. */
static void
damaged_directory(void **state)
{
	struct runs all = set(1, UINT32_MAX);
	struct flag_change c = {.op = FLAGS_ADD, .flags = FLAG_SEEN};
	struct flag_result r = {0};
	struct entry e;
	struct view v;
	uint32_t seq;

	(void)state;
	append_many(inbox, 900);
	open_view(&v, inbox);
	assert_int_equal(WRITE(store, db_exec(txn, &hurt_dir, "i", page_id(inbox, 0))), OK);
	log_set_fd(open("/dev/null", O_WRONLY));
	assert_int_equal(walk(&v, NULL, NULL, &e), 900);
	assert_int_equal(READ(store, view_seq(&v, txn, 500, &seq)), OK);
	assert_int_equal(seq, 500);
	assert_int_equal(WRITE(store, flags_as(&alice, txn, inbox, &all, &c, &r)), OK);
	assert_int_equal(runs_count(&r.changed), 900);
	log_set_fd(-1);
	assert_int_equal(walk(&v, NULL, NULL, &e), 900);
	assert_int_equal(e.flags, FLAG_SEEN);
	log_set_fd(2);
	view_close(&v);
	runs_free(&all);
	runs_free(&r.changed);
}

/* Damaged flag changes are made up for by the pages; without a tombstone a view is lost and says so. */
static void
damaged_changes(void **state)
{
	struct runs some = set(3, 4);
	struct flag_change c = {.op = FLAGS_ADD, .flags = FLAG_SEEN};
	struct flag_result r = {0};
	struct view v;
	struct view_update u;

	(void)state;
	append_many(inbox, 10);
	open_view(&v, inbox);
	assert_int_equal(WRITE(store, flags_as(&alice, txn, inbox, &some, &c, &r)), OK);
	assert_int_equal(WRITE(store, db_exec(txn, &hurt_change, "ii", inbox, (int64_t)2)), OK);
	log_set_fd(open("/dev/null", O_WRONLY));
	assert_int_equal(READ(store, view_sync(&v, txn, true, &u)), OK);
	assert_int_equal(runs_count(&u.changed), 2);
	view_update_free(&u);
	expunge_all(inbox);
	assert_int_equal(WRITE(store, db_exec(txn, &hurt_change, "ii", inbox, (int64_t)3)), OK);
	assert_int_equal(READ(store, view_sync(&v, txn, true, &u)), ERR_CORRUPT);
	log_set_fd(2);
	view_close(&v);
	runs_free(&some);
	runs_free(&r.changed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(reads_back),
	    TEST(cursor_orders),
	    TEST(threads),
	    TEST(several),
	    TEST(refused), TEST(not_admitted),
	    TEST(changes_and_own),
	    TEST(grace), TEST(numbers_among_ghosts),
	    TEST(deleted_mailbox),
	    TEST(reaps_mailboxes),
	    TEST(large_copy),
	    TEST(damaged_page),
	    TEST(damaged_directory),
	    TEST(damaged_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
