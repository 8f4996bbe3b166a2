/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests: a walk with them reads what the rows say; they are made when a walk missed them, complete ones only; they go with their emails; damaged ones are
 * as good as none, check tells of them, repair takes them away.
 */
#include "mime/find.h"
#include "store/check_test.h"

#include "base/log.h"
#include "store/digest_priv.h"
#include "store/email.h"
#include "store/reap_priv.h"

#define EMAILS 600

static struct store *s;
static struct actor alice;
static int64_t inbox, first; /* first: id of the first email */

/* Emails with fields of all lengths; some of which no digest takes in. */
static void
add(unsigned i)
{
	struct made d = {0};
	uint32_t uid;
	uint64_t modseq;

	buf_addf(&d.text, "From: Anna %u <a%u@example.org>\r\nTo: b@example.org\r\nSubject: Re: =?utf-8?q?n=C3=BCmber?= %u\r\n", i % 7, i, i);
	buf_addf(&d.text, "Message-ID: <%u@x>\r\nReferences: <%u@x> <%u@x>\r\nX-Other: %u\r\n", i, i / 2, i - 1, i);
	if (i % 3)
		buf_addf(&d.text, "Date: Sat, 21 Nov 2026 10:%02u:00 +0100\r\n", i % 60);
	if (i % 50 == 3)
		for (unsigned k = 0; k < 200; k++)
			buf_addf(&d.text, "Cc: someone number %u <c%u@example.org>\r\n", k, k);
	buf_addf(&d.text, "\r\ntext of %u\r\n", i);
	made_parse(&d, s);
	assert_int_equal(WRITE(s, append_as(&alice, txn, inbox, &d.m, &uid, &modseq)), OK);
	made_end(&d);
}

static enum status
script(struct db_txn *txn, void *sql)
{
	return db_script(txn, sql);
}

static void
change(const char *sql)
{
	char text[200];

	snprintf(text, sizeof(text), "%s", sql);
	assert_int_equal(db_write(store_db(s), script, text), OK);
}

static int
set_up(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	s = test_store();
	alice = test_account(s, "alice");
	inbox = mailbox_id(&alice, "INBOX");
	for (unsigned i = 0; i < EMAILS; i++)
		add(i);
	first = test_number(s, "SELECT min(id) FROM email");
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	test_close(s);
	return 0;
}

static void
same(struct str a, struct str b)
{
	assert_int_equal(a.n, b.n);
	assert_memory_equal(a.p ? a.p : "", b.p ? b.p : "", b.n);
}

static void
same_keys(const struct mime_summary *a, const struct mime_summary *b)
{
	int64_t date[2] = {0};
	int zone[2] = {0};

	for (int k = 0; k <= MIME_KEY_DISPLAY_TO; k++)
		same(mime_summary_key(a, (enum mime_key)k), mime_summary_key(b, (enum mime_key)k));
	assert_int_equal(mime_summary_date(a, &date[0], &zone[0]), mime_summary_date(b, &date[1], &zone[1]));
	assert_int_equal(date[0], date[1]);
	assert_int_equal(zone[0], zone[1]);
	assert_int_equal(mime_summary_is_reply(a), mime_summary_is_reply(b));
	assert_true(mime_summary_message_id(a) == mime_summary_message_id(b));
	assert_int_equal(mime_summary_n_refs(a), mime_summary_n_refs(b));
	for (size_t i = 0; i < mime_summary_n_refs(a); i++)
		assert_true(mime_summary_ref(a, i) == mime_summary_ref(b, i));
}

/* What list views ask for is in both. */
static void
same_fields(const struct mime_summary *a, const struct mime_summary *b)
{
	static const struct str names[] = {{"subject", 7}, {"cc", 2}, {"message-id", 10}, {"from", 4}};
	struct mime_names set;
	struct buf x = {0}, y = {0};

	mime_names_init(&set, names, 4);
	assert_int_equal(mime_summary_select(a, &x, &set, false), OK);
	assert_int_equal(mime_summary_select(b, &y, &set, false), OK);
	same(buf_str(&x), buf_str(&y));
	buf_free(&x);
	buf_free(&y);
}

/* What searches look for: from the slice if it is one. */
static void
same_found(enum mime_slice slice, const struct mime_summary *a, const struct mime_summary *b)
{
	static const struct str names[] = {{"subject", 7}, {"from", 4}, {"to", 2}, {"cc", 2}, {"bcc", 3}, {"message-id", 10}};
	struct str values, header;
	struct mime_find work = {0};
	struct buf x = {0};
	struct mime_field f;

	if (!mime_summary_found(a, &values))
		return;
	(void)mime_summary_header(b, &header);
	while (mime_field_next(&header, &f))
		if (str_caseeq(f.name, names[slice - MIME_SLICE_SUBJECT]))
			mime_found_add(&x, &work, f.value, mime_find_is_address(f.name));
	same(values, buf_str(&x));
	buf_free(&x);
	mime_find_free(&work);
}

static void
same_slice(enum mime_slice slice, const struct mime_summary *a, const struct mime_summary *b)
{
	if (slice == MIME_SLICE_ENVELOPE) {
		same(mime_summary_envelope(a, MIME_ASCII), mime_summary_envelope(b, MIME_ASCII));
		same(mime_summary_envelope(a, MIME_UTF8), mime_summary_envelope(b, MIME_UTF8));
	} else if (slice == MIME_SLICE_HEADER) {
		same_fields(a, b);
	} else if (slice == MIME_SLICE_KEYS) {
		same_keys(a, b);
	} else {
		same_found(slice, a, b);
	}
}

/* One walk through all emails and parts; each is compared with its rows. Returns how many slices there were. */
static int
walk(const struct actor *actor, bool compare)
{
	static struct db_sql structure = DB_SQL("SELECT length(data) FROM structure WHERE email = ?1");
	struct email_cursor *c;
	struct db_txn *txn;
	int slices = 0;

	assert_int_equal(db_read_begin(store_db(s), &txn), OK);
	assert_int_equal(email_cursor_open(GRANT_OF(*actor), txn, &c), OK);
	for (int64_t id = first; id < first + EMAILS; id++) {
		struct mime_summary a, b;
		struct arena arena = {0};
		struct email email;
		struct str packed;
		int64_t n;
		bool row = email_get(GRANT_OF(*actor), txn, &arena, id, &email) == OK && mime_summary_open(email.summary, &b) == OK;

		for (int k = 0; k < MIME_SLICES; k++) {
			bool there = email_cursor_slice(c, id, (enum mime_slice)k, &a) == OK;

			slices += there;
			if (!compare)
				continue;
			assert_int_equal(there, row);
			if (row)
				same_slice((enum mime_slice)k, &a, &b);
		}
		if (row && email_cursor_structure(c, id, &packed) == OK) {
			assert_int_equal(db_get_ints(txn, &structure, &n, 1, "i", id), OK);
			assert_int_equal(packed.n, n);
		}
		arena_free(&arena);
	}
	email_cursor_close(c);
	db_read_end(txn);
	return slices;
}

/* Digests are made one write after the other, each of which asks for the next. */
static int64_t
settled(void)
{
	int64_t n = -1, now = test_number(s, "SELECT count(*) FROM digest");

	while (n != now) {
		n = now;
		for (int i = 0; i < 30; i++)
			assert_int_equal(db_write(store_db(s), script, (char[]){"SELECT 1"}), OK);
		now = test_number(s, "SELECT count(*) FROM digest");
	}
	return n;
}

/* From the second on: the walk's first emails came from their rows. */
static int64_t
made_by_walks(void)
{
	assert_int_equal(walk(&alice, true), EMAILS * MIME_SLICES);
	return settled();
}

static void
equal(void **state)
{
	int64_t n;

	(void)state;
	n = made_by_walks();
	assert_true(n >= 8 + 8 + 3 + 7 * 1);
	/* All complete ones are there now. */
	assert_int_equal(made_by_walks(), n);
	assert_int_equal(faults(s, true), 0);
	/* They are what is read: all that stand in rows only are the first of a walk, those too long, and the last. */
	change("UPDATE email SET summary = x'00'");
	assert_true(walk(&alice, false) > EMAILS * MIME_SLICES * 2 / 3);
	change("DELETE FROM digest");
	assert_int_equal(walk(&alice, false), 0);
}

/* Nobody walks through another's. */
static void
strangers(void **state)
{
	struct actor bob;

	(void)state;
	bob = test_account(s, "bob");
	made_by_walks();
	assert_int_equal(walk(&bob, true), 0);
}

/* What gets more emails yet is not made. */
static void
incomplete(void **state)
{
	(void)state;
	change("UPDATE account SET next_email = 70");
	made_by_walks();
	assert_int_equal(test_number(s, "SELECT count(*) FROM digest WHERE id & 67108863 > 0"), 0);
}

static void
gone(void **state)
{
	struct runs uids = {0}, expunged = {0};
	uint64_t modseq;
	int64_t n;
	bool more;

	(void)state;
	n = made_by_walks();
	set_flags(&alice, inbox, 300, 301, FLAGS_ADD, FLAG_DELETED);
	runs_add(&uids, 300, 301);
	assert_int_equal(WRITE(s, expunge_as(&alice, txn, inbox, &uids, 1000, &expunged, &more, &modseq)), OK);
	assert_int_equal(store_reap(s, clock_seconds() + 100000), OK);
	assert_int_equal(test_number(s, "SELECT count(*) FROM email"), EMAILS - 2);
	/* One of each part. */
	assert_int_equal(test_number(s, "SELECT count(*) FROM digest"), n - DIGEST_PARTS);
	assert_int_equal(faults(s, true), 0);
	assert_int_equal(walk(&alice, true), (EMAILS - 2) * MIME_SLICES);
	assert_int_equal(settled(), n);
	assert_int_equal(walk(&alice, true), (EMAILS - 2) * MIME_SLICES);
	assert_int_equal(faults(s, true), 0);
	runs_free(&uids);
	runs_free(&expunged);
}

static const char *const spoils[] = {
    "UPDATE digest SET data = zeroblob(length(data))",
    "UPDATE digest SET data = substr(data, 1, length(data) - 1)",
    "UPDATE digest SET data = substr(data, 1, 2000) || x'ff' || substr(data, 2002)",
    "UPDATE digest SET data = x''",
    "UPDATE digest SET data = (SELECT data FROM digest d WHERE d.id <> digest.id LIMIT 1)",
};

static void
damaged(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(spoils) / sizeof(*spoils); i++) {
		int64_t n = made_by_walks();

		assert_int_equal(faults(s, true), 0);
		change(spoils[i]);
		assert_true(faults(s, false) >= (uint64_t)n - 1); /* the last one gives one its own bytes back */
		/* The walk reads the rows, and has them made again. */
		assert_int_equal(made_by_walks(), n);
		assert_int_equal(test_number(s, "SELECT count(*) FROM digest"), n);
		assert_true(faults(s, false) <= 2 * DIGEST_PARTS); /* those of the walk's first emails */
		change("DELETE FROM digest");
	}
	change("INSERT INTO digest VALUES (7 << 26, x'01')");
	assert_int_equal(faults(s, false), 1);
}

/* A digest of other emails than there are is one that check tells of. */
static void
stale(void **state)
{
	(void)state;
	made_by_walks();
	change("DELETE FROM email WHERE id & 4294967295 = 200");
	assert_true(faults(s, false) >= DIGEST_PARTS - 1);
}

static enum status
drop_some(struct db_txn *txn, void *n)
{
	return digest_drop_some(txn, n);
}

static void
dropped(void **state)
{
	int64_t all, n = 1, sum = 0;

	(void)state;
	all = made_by_walks();
	for (; n > 0; sum += n)
		assert_int_equal(db_write(store_db(s), drop_some, &n), OK);
	assert_int_equal(sum, all);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(equal), TEST(strangers), TEST(incomplete), TEST(gone), TEST(damaged), TEST(stale), TEST(dropped)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
