/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matching: casemapping in any script (RFC 5051), decoding of words, encodings and charsets, what counts as header and as body, large bodies
 * in pieces, cancelling, damage.
 */
#include "store/check_test.h"

#include "base/log.h"
#include "search/match.h"
#include "search/scan.h"

static struct store *store;
static struct actor alice;
static int64_t inbox;

static int
set_up(void **state)
{
	(void)state;
	store = test_store();
	alice = test_account(store, "alice");
	inbox = mailbox_id(&alice, "INBOX");
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	test_close(store);
	return 0;
}

/* Stores a message; gives its email's id. */
static int64_t
message(struct str text)
{
	struct made d = {0};
	struct view v;
	struct mailbox mb;
	struct arena arena = {0};
	struct db_txn *snapshot;
	uint32_t uid;
	uint64_t modseq;
	const struct entry *e;
	int64_t email = 0;

	buf_add(&d.text, text);
	made_parse(&d, store);
	assert_int_equal(WRITE(store, append_as(&alice, txn, inbox, &d.m, &uid, &modseq)), OK);
	made_end(&d);
	assert_int_equal(db_read_begin(store_db(store), &snapshot), OK);
	assert_int_equal(mailbox_get(&alice, snapshot, &arena, inbox, &mb), OK);
	assert_int_equal(view_open(&v, &alice, snapshot, &mb, true), OK);
	struct view_iter it = VIEW_ITER(&v, NULL);
	assert_int_equal(view_iter_begin(&it, snapshot), OK);
	while ((e = view_iter_next(&it)) != NULL)
		email = e->email;
	assert_int_equal(view_iter_end(&it), OK);
	view_close(&v);
	db_read_end(snapshot);
	arena_free(&arena);
	return email;
}

/* What needles compare by; what matchers share. */
static enum mime_collation collation;
static struct search_cache *cache;

static bool
matches_for(const struct grant *grant, int64_t email, enum search_key key, const char *name, const char *charset, struct str bytes)
{
	struct search_matcher *m = search_matcher_new(cache, NULL, NULL);
	struct search_needle *needle = NULL;
	struct db_txn *txn;
	bool hit = false;

	assert_int_equal(search_needle_new(str_c(charset), bytes, collation, &needle), OK);
	assert_int_equal(db_read_begin(store_db(store), &txn), OK);
	assert_int_equal(search_matcher_begin(m, grant, txn), OK);
	search_matcher_message(m, email);
	assert_int_equal(search_match(m, key, str_c(name), needle, &hit), OK);
	search_matcher_end(m);
	db_read_end(txn);
	search_matcher_free(m);
	search_needle_free(needle);
	return hit;
}

static bool
matches(int64_t email, enum search_key key, const char *name, const char *charset, struct str bytes)
{
	return matches_for(GRANT_OF(alice), email, key, name, charset, bytes);
}

/* What the cache has of one account's emails is not for another's grant (S8). */
static void
others_cached(void **state)
{
	struct actor bob = {.store = store, .account = alice.account + 1};
	int64_t email = message(STR("Subject: secret\r\n\r\nbody\r\n"));

	(void)state;
	cache = search_cache_new(1 << 20);
	assert_true(matches(email, SEARCH_SUBJECT, "", "", STR("secret")));
	assert_true(matches(email, SEARCH_SUBJECT, "", "", STR("secret")));
	assert_false(matches_for(GRANT_OF(bob), email, SEARCH_SUBJECT, "", "", STR("secret")));
	search_cache_free(cache);
	cache = NULL;
}

#define HEADER                                                                                                         \
	"From: =?UTF-8?Q?J=C3=BCrgen_M=C3=BCller?= <juergen@example.org>\r\n"                                           \
	"To: Alice <alice@example.com>,\r\n Bob <bob@example.net>\r\n"                                                  \
	"Cc: carol@example.org\r\n"                                                                                    \
	"Subject: Re: =?iso-8859-1?Q?Stra=DFe?= and =?utf-8?B?0J/RgNC40LLQtdGC?= folded\r\n here\r\n"                   \
	"X-Odd: strange value\r\n"                                                                                     \
	"X-Empty:\r\n"                                                                                                 \
	"MIME-Version: 1.0\r\n"

static const char mail[] = HEADER
    "Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble words\r\n"
    "--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    "Caf=C3=A9 au lait, soft=\r\nbreak here\r\n"
    "--b\r\nContent-Type: text/html; charset=iso-8859-1\r\n\r\n<p>gr\xfc\xdf <b>dich</b> &amp; alle</p><title>Das &Auml;u&szlig;ere</title><a href=\"https://example.net/?a=1&amp;b=2\">hier</a><hr width=\"80% align=\"left\">behind it<script>hidden</script>\r\n"
    "--b\r\nContent-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: base64\r\n\r\n8NLJ18XU\r\n"
    "--b\r\nContent-Type: application/octet-stream; name=invoice.bin\r\n\r\nbinarystuff\r\n"
    "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: =?utf-8?Q?inn=C3=A9r?= letter\r\n\r\ninner body\r\n"
    "--b--\r\nepilogue\r\n";

static void
keys(void **state)
{
	static const struct {
		enum search_key key;
		const char *name, *what;
		bool hit;
	} t[] = {
	    {SEARCH_SUBJECT, "", "strasse", false}, /* a sharp s is its own letter under i;unicode-casemap */
	    {SEARCH_SUBJECT, "", "STRAßE", true},
	    {SEARCH_SUBJECT, "", "ПРИВЕТ", true},
	    {SEARCH_SUBJECT, "", "folded here", true},
	    {SEARCH_SUBJECT, "", "re: STRA", true},
	    {SEARCH_SUBJECT, "", "utf-8", false},
	    {SEARCH_SUBJECT, "", "strange", false},
	    {SEARCH_SUBJECT, "", "", true},
	    {SEARCH_FROM, "", "jürgen", true},
	    {SEARCH_FROM, "", "JU", true}, /* u and a mark: decomposed */
	    {SEARCH_FROM, "", "EXAMPLE.ORG", true},
	    {SEARCH_FROM, "", "alice", false},
	    {SEARCH_TO, "", "bob@", true},
	    {SEARCH_TO, "", "carol", false},
	    {SEARCH_CC, "", "carol", true},
	    {SEARCH_CC, "", "", true},
	    {SEARCH_BCC, "", "x", false},
	    {SEARCH_BCC, "", "", false}, /* the field is not there */
	    {SEARCH_FROM, "", "", true},
	    {SEARCH_HEADER, "x-odd", "STRANGE V", true},
	    {SEARCH_HEADER, "x-odd", "", true},
	    {SEARCH_HEADER, "x-empty", "", true},
	    {SEARCH_HEADER, "x-none", "", false},
	    {SEARCH_HEADER, "x-odd", "normal", false},
	    {SEARCH_HEADER, "subject", "страница", false},
	    {SEARCH_BODY, "", "café", true},
	    {SEARCH_BODY, "", "CAFE", true},
	    {SEARCH_BODY, "", "softbreak", true},
	    {SEARCH_BODY, "", "grüß dich & alle", true},
	    /* HTML: what is seen or what is written (T125) */
	    {SEARCH_BODY, "", "hidden", true},
	    {SEARCH_BODY, "", "EXAMPLE.NET/?a=1&amp;", true},
	    {SEARCH_BODY, "", "example.net/?a=1&b", false},
	    {SEARCH_BODY, "", "<b>dich", true},
	    {SEARCH_BODY, "", "das äußere", true},
	    {SEARCH_BODY, "", "behind it", true},
	    {SEARCH_BODY, "", "привет", true},
	    {SEARCH_BODY, "", "invoice", true},
	    {SEARCH_BODY, "", "binarystuff", false},
	    {SEARCH_BODY, "", "innér letter", true},
	    {SEARCH_BODY, "", "inner body", true},
	    {SEARCH_BODY, "", "strange", false}, /* only in the header */
	    {SEARCH_BODY, "", "lait\r\ngr", false},
	    {SEARCH_SUBJECT, "", "ﬁ", false},
	    {SEARCH_TEXT, "", "strange", true},
	    {SEARCH_TEXT, "", "x-odd", true},
	    {SEARCH_TEXT, "", "café", true},
	    {SEARCH_TEXT, "", "nowhere", false},
	};
	int64_t email = message(str_c(mail));

	(void)state;
	/* From the row; making briefs; from briefs. */
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
			if (matches(email, t[i].key, t[i].name, "", str_c(t[i].what)) != t[i].hit)
				fail_msg("key %d \"%s\" %s", t[i].key, t[i].what, t[i].hit ? "does not match" : "matches");
		}
		if (round == 0)
			cache = search_cache_new(1 << 20);
	}
	search_cache_free(cache);
	cache = NULL;
	/* In other charsets. */
	assert_true(matches(email, SEARCH_SUBJECT, "", "koi8-r", STR("\xd0\xd2\xc9\xd7\xc5\xd4")));
	assert_true(matches(email, SEARCH_FROM, "", "ISO-8859-1", STR("m\xfcller")));
	assert_true(matches(email, SEARCH_FROM, "", "utf-8", STR("Müller")));
	assert_false(matches(email, SEARCH_FROM, "", "utf-8", STR("\xff")));
	/* Bytes that are of no charset are looked for as they are: the body holds them so. */
	assert_true(matches(email, SEARCH_BODY, "", "utf-8", STR("gr\xfc\xdf")));
	/* A message that is not there. */
	assert_false(matches(email + 1000, SEARCH_TEXT, "", "", STR("x")));
}

static void
needles(void **state)
{
	struct search_needle *n = NULL;
	char *long_one = calloc(1, SEARCH_NEEDLE_MAX + 1);

	(void)state;
	assert_int_equal(search_needle_new(STR("x-no-such-charset"), STR("a"), MIME_UNICODE_CASEMAP, &n), ERR_NOT_FOUND);
	assert_int_equal(search_needle_new(STR(""), str_of(long_one, SEARCH_NEEDLE_MAX + 1), MIME_UNICODE_CASEMAP, &n), ERR_LIMIT);
	free(long_one);
	assert_int_equal(search_needle_new(STR(""), STR("Ünter"), MIME_UNICODE_CASEMAP, &n), OK);
	assert_true(search_needle_in(n, STR("voll ÜNTERsagt")));
	assert_false(search_needle_in(n, STR("unter")));
	search_needle_free(n);
}

/* A hit in every place of a body that is read piece by piece, encoded or not. */
static void
large(void **state)
{
	static const char *const how[] = {"7bit", "quoted-printable", "8bit"};
	const size_t size = 400000;

	(void)state;
	for (size_t h = 0; h < 3; h++) {
		struct buf text = {0};
		size_t head;
		int64_t email;

		buf_addf(&text, "Content-Transfer-Encoding: %s\r\n\r\n", how[h]);
		head = text.n;
		if (h == 2)
			buf_adds(&text, "é");
		while (text.n < size)
			buf_addf(&text, "%06zu 56789 123456789 123456789 123456789 12345\r\n", text.n - head);
		email = message(buf_str(&text));
		for (size_t at = 65500; at < 66000; at += 52) {
			char digits[32];
			snprintf(digits, sizeof(digits), "%.24s", text.p + head + at);
			assert_true(matches(email, SEARCH_BODY, "", "", str_c(digits)));
		}
		assert_true(matches(email, SEARCH_TEXT, "", "", str_of(text.p + 65536 - 300, 600)));
		assert_false(matches(email, SEARCH_BODY, "", "", STR("123456789 1234567890")));
		buf_free(&text);
	}
}

/* One field of a megabyte of encoded words: so much of it is decoded as is done between two looks at the clock. */
static void
long_field(void **state)
{
	struct buf text = {0};
	int64_t email, start;

	(void)state;
	buf_adds(&text, "Subject: =?utf-8?q?=C3=A9arly?=");
	while (text.n < 1000000)
		buf_adds(&text, "\r\n =?koi8-r?q?=E9?= =?x-no?q?=e9?=");
	buf_adds(&text, "\r\n =?utf-8?q?l=C3=A0te?=\r\n\r\nbody\r\n");
	email = message(buf_str(&text));
	start = clock_thread_cpu();
	assert_false(matches(email, SEARCH_SUBJECT, "", "utf-8", STR("l\xc3\xa0te")));
	print_message("%.1f ms\n", (double)(clock_thread_cpu() - start) / 1e3);
	assert_true(matches(email, SEARCH_SUBJECT, "", "utf-8", STR("\xc3\xa9" "ARLY")));
	assert_false(matches(email, SEARCH_TEXT, "", "utf-8", STR("l\xc3\xa0te")));
	buf_free(&text);
}

/* RFC 5255 4.6: other collations, and what cannot be decoded. */
static void
collations(void **state)
{
	static const struct {
		enum mime_collation by;
		enum search_key key;
		const char *what;
		bool hit;
	} t[] = {
	    {MIME_OCTET, SEARCH_SUBJECT, "Straße", true},
	    {MIME_OCTET, SEARCH_SUBJECT, "straße", false},
	    {MIME_OCTET, SEARCH_TO, "Alice", true},
	    {MIME_OCTET, SEARCH_TO, "ALICE", false},
	    {MIME_OCTET, SEARCH_HEADER, "strange", true}, /* names of fields have no case */
	    {MIME_OCTET, SEARCH_HEADER, "Strange", false},
	    {MIME_OCTET, SEARCH_BODY, "inner body", true},
	    {MIME_OCTET, SEARCH_BODY, "Inner body", false},
	    {MIME_OCTET, SEARCH_BODY, "Caf\xc3\xa9 au", true},
	    {MIME_OCTET, SEARCH_BODY, "Cafe\xcc\x81 au", false},
	    {MIME_ASCII_CASEMAP, SEARCH_SUBJECT, "sTRAße", true},
	    {MIME_ASCII_CASEMAP, SEARCH_SUBJECT, "FOLDED HERE", true},
	    {MIME_ASCII_CASEMAP, SEARCH_FROM, "J\xc3\xbcRGEN", true},
	    {MIME_ASCII_CASEMAP, SEARCH_FROM, "J\xc3\x9cRGEN", false}, /* letters outside ASCII keep their case */
	    {MIME_ASCII_CASEMAP, SEARCH_FROM, "RGEN", true},
	    {MIME_ASCII_CASEMAP, SEARCH_BODY, "CAF\xc3\xa9", true},
	    {MIME_ASCII_CASEMAP, SEARCH_BODY, "CAF\xc3\x89", false},
	    {MIME_ASCII_CASEMAP, SEARCH_TEXT, "STRANGE", true},
	};
	int64_t email = message(str_c(mail)), bad;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		collation = t[i].by;
		if (matches(email, t[i].key, "x-odd", "", str_c(t[i].what)) != t[i].hit)
			fail_msg("collation %d key %d \"%s\" %s", t[i].by, t[i].key, t[i].what, t[i].hit ? "does not match" : "matches");
	}
	collation = MIME_UNICODE_CASEMAP;
	bad = message(STR("Subject: Raw \xdc" "bung\r\nFrom: =?x-none?q?Some_N=E9?= <a@b>\r\nTo: =?utf-8?q?Cut_=C3?= <c@d>\r\n"
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	    "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nFirst Words\r\nthen \xff\r\n"
	    "--b\r\nContent-Type: text/plain; charset=x-none\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nSecond=20Words =E9\r\n"
	    "--b--\r\n"));
	/* What can be read compares under the comparator, whatever else is in it (T124); octets as they are. */
	for (int round = 0; round < 3; round++) {
		assert_true(matches(bad, SEARCH_SUBJECT, "", "", STR("raw")));
		assert_true(matches(bad, SEARCH_SUBJECT, "", "iso-8859-1", STR("\xdc" "bung")));
		assert_true(matches(bad, SEARCH_SUBJECT, "", "", STR("\xdc" "bung")));
		assert_false(matches(bad, SEARCH_SUBJECT, "", "", STR("\xfc" "bung")));
		assert_true(matches(bad, SEARCH_SUBJECT, "", "", STR("übung")));
		assert_true(matches(bad, SEARCH_FROM, "", "", STR("some n\xc3\xa9")));
		assert_true(matches(bad, SEARCH_FROM, "", "", STR("Some N\xe9")));
		assert_false(matches(bad, SEARCH_FROM, "", "", STR("some n\xe9")));
		assert_true(matches(bad, SEARCH_TO, "", "", STR("CUT")));
		assert_true(matches(bad, SEARCH_TO, "", "", STR("Cut \xc3")));
		assert_true(matches(bad, SEARCH_BODY, "", "", STR("first words\r\nTHEN")));
		assert_true(matches(bad, SEARCH_BODY, "", "", STR("First Words\r\nthen \xff")));
		assert_false(matches(bad, SEARCH_BODY, "", "", STR("first Words\r\nthen \xff")));
		assert_true(matches(bad, SEARCH_BODY, "", "", STR("second words \xc3\xa9")));
		assert_true(matches(bad, SEARCH_BODY, "", "", STR("Second Words \xe9")));
		if (round == 0)
			cache = search_cache_new(1 << 20);
	}
	search_cache_free(cache);
	cache = NULL;
}

/* Fields: folds and runs of blanks are one blank; addresses as they stand or as ENVELOPE shows them (T126). */
static void
fields(void **state)
{
	static const struct {
		enum search_key key;
		const char *what;
		bool hit;
	} t[] = {
	    {SEARCH_FROM, "Anna Bell", true},
	    {SEARCH_FROM, "anna  bell", true},
	    {SEARCH_FROM, "anna\tbell <anna", true},
	    {SEARCH_FROM, " bell ", true},
	    {SEARCH_FROM, "annabell", false},
	    {SEARCH_FROM, "bell  <anna.bell@example.com>", true},
	    {SEARCH_FROM, "anna.bell(work)@", true},
	    {SEARCH_SUBJECT, "report for", true},
	    {SEARCH_SUBJECT, "the report", true},
	    {SEARCH_SUBJECT, "may  and", true},
	    {SEARCH_SUBJECT, " report", true},
	    {SEARCH_SUBJECT, "june ", false}, /* nothing stands behind it */
	    {SEARCH_TO, "Bell, Anna <anna", true},
	    {SEARCH_TO, "\"bell, anna\" <anna", true},
	    {SEARCH_TO, "x@example.org", true},
	    {SEARCH_TO, "x y <x@example.org>", true},
	    {SEARCH_TO, "list of us", true},
	    {SEARCH_TO, "jürgen \"j\" müller <j@", true},
	    {SEARCH_CC, "carl@host.example", true},
	    {SEARCH_HEADER, "dan@example.com", true},
	    {SEARCH_HEADER, "dan @", true},
	    {SEARCH_TEXT, "anna.bell@example.com", true},
	    {SEARCH_TEXT, "carl@host.example", true},
	    {SEARCH_TEXT, "report for", true},
	    {SEARCH_TEXT, "subject: the report", true},
	    {SEARCH_BODY, "two  blanks", true},
	    {SEARCH_BODY, "two blanks", false},
	};
	int64_t email = message(STR("From: Anna\r\n\tBell  <anna.bell(work)@example.com>\r\n"
	    "Subject: The report\r\n\tfor  May \t and\r\n June\r\n"
	    "To: \"Bell, Anna\" <anna@x>, x@example.org (X Y), List of us: a@b;,\r\n \"J\\\"\" <k@b>,"
	    " =?utf-8?q?J=C3=BCrgen_=22J=22?=\t=?utf-8?q?_M=C3=BCller?= <j@b>\r\n"
	    "Cc: carl (our (good) friend) @ (that)host(of).example\r\n"
	    "Sender: dan @\r\n example.com\r\n\r\ntwo  blanks\r\n")), huge;
	struct buf long_one = {0};

	(void)state;
	buf_adds(&long_one, "From: Anna\r\n\tBell <a@b>\r\nSubject: ");
	/* A summary that has no room for the fields: they are in the message. */
	for (size_t i = 0; i < 40000; i++)
		buf_addc(&long_one, 'x');
	buf_adds(&long_one, "\r\n\r\n");
	huge = message(buf_str(&long_one));
	buf_free(&long_one);
	for (int round = 0; round < 3; round++) {
		assert_true(matches(huge, SEARCH_FROM, "", "", STR("anna bell")));
		assert_true(matches(huge, SEARCH_SUBJECT, "", "", STR("xx")));
		assert_false(matches(huge, SEARCH_FROM, "", "", STR("xx")));
		for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
			if (matches(email, t[i].key, "sender", "", str_c(t[i].what)) != t[i].hit)
				fail_msg("key %d \"%s\" %s", t[i].key, t[i].what, t[i].hit ? "does not match" : "matches");
		}
		if (round == 0)
			cache = search_cache_new(1 << 20);
	}
	search_cache_free(cache);
	cache = NULL;
}

/* Searches through some hundred messages at once give the same with briefs as without: while they are made, from the cache, and from a cache
 * that is too small for them. */
static void
briefs(void **state)
{
	enum { N = 600 };
	static const char *const words[] = {"tea", "Milk", "caf\xc3\xa9", "=?utf-8?q?r=C3=BCm?=", "\xff", "=?x-none?q?t=65a?=", "\xef\xac\x81sh", "a  b"};
	static const char *const keys[] = {"TEA", "milk", "é", "e", "rüm", "fi", "\xff", "a  b", "a b", "x", "tea\n", "", "fi\nfi"};
	static const enum search_key where[] = {SEARCH_SUBJECT, SEARCH_TO, SEARCH_CC, SEARCH_HEADER};
	static const size_t sizes[] = {1 << 20, 1 << 20, 9000, 9000};
	int64_t *email = calloc(N, sizeof(*email));
	bool *want = calloc(N, sizeof(*want));
	struct search_cache *small = NULL;

	(void)state;
	srandom(11);
	for (size_t i = 0; i < N; i++) {
		struct buf text = {0};

		buf_addf(&text, "Subject: %s %s\r\n", words[random() % 8], words[random() % 8]);
		for (long k = random() % 3; k > 0; k--)
			buf_addf(&text, "To: %s <%s@x>\r\n", words[random() % 8], words[random() % 2]);
		if (i % 97 == 0)
			buf_addf(&text, "Cc: %05000d tea\r\n", 1);
		buf_adds(&text, "\r\n");
		email[i] = message(buf_str(&text));
		buf_free(&text);
	}
	for (size_t k = 0; k < sizeof(keys) / sizeof(*keys); k++)
		for (size_t w = 0; w < 4; w++) {
			const char *name = k % 2 ? "To" : "Bcc";

			for (size_t i = 0; i < N; i++)
				want[i] = matches(email[i], where[w], name, "", str_c(keys[k]));
			for (size_t round = 0; round < 4; round++) {
				struct search_needle *needle = NULL;
				struct search_matcher *m;
				struct db_txn *txn;

				if (round % 2 == 0)
					small = search_cache_new(sizes[round]);
				m = search_matcher_new(small, NULL, NULL);
				assert_int_equal(search_needle_new(STR(""), str_c(keys[k]), MIME_UNICODE_CASEMAP, &needle), OK);
				assert_int_equal(db_read_begin(store_db(store), &txn), OK);
				assert_int_equal(search_matcher_begin(m, GRANT_OF(alice), txn), OK);
				/* Some are left out at first, so that briefs are added to. */
				for (size_t i = round % 2 == 0 ? k : 0; i < N; i += round % 2 == 0 ? 3 : 1) {
					bool hit = !want[i];

					search_matcher_message(m, email[i]);
					assert_int_equal(search_match(m, where[w], str_c(name), needle, &hit), OK);
					if (hit != want[i])
						fail_msg("\"%s\" in %d of message %zu, round %zu", keys[k], where[w], i, round);
				}
				search_matcher_free(m);
				db_read_end(txn);
				search_needle_free(needle);
				assert_in_range(search_cache_bytes(small), 0, sizes[round]);
				if (round % 2 == 1)
					search_cache_free(small);
			}
		}
	free(email);
	free(want);
}

static bool
yes(void *arg)
{
	++*(int *)arg;
	return true;
}

static void
interrupted(void **state)
{
	struct search_needle *needle = NULL;
	struct search_matcher *m;
	struct db_txn *txn;
	static const struct {
		enum search_key key;
		const char *name, *text;
		bool hit;
	} cases[] = {
	    {SEARCH_BODY, "", "zzz", false}, {SEARCH_BODY, "", "second", true}, {SEARCH_BODY, "", "part one", true},
	    {SEARCH_TEXT, "", "zzz", false}, {SEARCH_TEXT, "", "last field", true}, {SEARCH_TEXT, "", "second", true},
	    {SEARCH_HEADER, "X-A", "zzz", false}, {SEARCH_HEADER, "X-A", "last field", true},
	};
	struct buf text = {0};
	int64_t email;

	(void)state;
	for (int i = 0; i < 200; i++)
		buf_addf(&text, "X-A: field %d =?utf-8?q?=C3=A4?=\r\n", i);
	buf_adds(&text, "X-A: the last field\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nPart one\r\n");
	for (int i = 0; i < 10000; i++)
		buf_adds(&text, "many words that are not looked for, \303\244\303\266\303\274\r\n");
	buf_adds(&text, "--b\r\nContent-Type: text/plain; charset=x-unknown\r\n\r\nthe second one \303\r\n--b--\r\n");
	email = message(buf_str(&text));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int asked = 0, steps = 0;
		bool hit = !cases[i].hit;
		enum status st;

		m = search_matcher_new(NULL, yes, &asked);
		assert_int_equal(search_needle_new(STR(""), str_c(cases[i].text), MIME_UNICODE_CASEMAP, &needle), OK);
		do {
			assert_int_equal(db_read_begin(store_db(store), &txn), OK);
			assert_int_equal(search_matcher_begin(m, GRANT_OF(alice), txn), OK);
			search_matcher_message(m, email);
			st = search_match(m, cases[i].key, str_c(cases[i].name), needle, &hit);
			search_matcher_end(m);
			db_read_end(txn);
			steps++;
		} while (st == ERR_AGAIN && steps < 10000);
		assert_int_equal(st, OK);
		assert_int_equal(hit, cases[i].hit);
		assert_true(steps > 3 || (cases[i].key == SEARCH_BODY && cases[i].hit));
		assert_true(asked >= steps - 1);
		search_matcher_free(m);
		search_needle_free(needle);
	}
	buf_free(&text);
}

static enum status
spoil(struct db_txn *txn, void *arg)
{
	return db_script(txn, arg);
}

static void
damaged(void **state)
{
	int64_t email = message(STR("Subject: word\r\n\r\nword\r\n"));
	char sql[] = "UPDATE email SET summary = x'00'; UPDATE structure SET data = x'00'";

	(void)state;
	assert_true(matches(email, SEARCH_TEXT, "", "", STR("word")));
	assert_int_equal(db_write(store_db(store), spoil, sql), OK);
	assert_false(matches(email, SEARCH_SUBJECT, "", "", STR("word")));
	assert_false(matches(email, SEARCH_BODY, "", "", STR("word")));
}

/* The fast scan against the slow one. */
static void
scans(void **state)
{
	char text[200];

	(void)state;
	srandom(7);
	for (int round = 0; round < 20000; round++) {
		size_t n = (size_t)random() % sizeof(text), k = 1 + (size_t)random() % 5;
		char key[8];
		bool slow = false;

		for (size_t i = 0; i < n; i++)
			text[i] = "aAbB@`[{"[random() & 7];
		for (size_t i = 0; i < k; i++)
			key[i] = "AB@`[{"[random() % 6];
		for (size_t i = 0; i + k <= n && !slow; i++) {
			slow = true;
			for (size_t j = 0; j < k && slow; j++)
				slow = ascii_upper(text[i + j]) == key[j];
		}
		assert_int_equal(scan_ascii(str_of(text, n), str_of(key, k)), slow);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(scans),
	    cmocka_unit_test(needles),
	    cmocka_unit_test_setup_teardown(keys, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(collations, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(fields, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(briefs, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(large, set_up, tear_down), cmocka_unit_test_setup_teardown(long_field, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(interrupted, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(damaged, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(others_cached, set_up, tear_down),
	};
	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
