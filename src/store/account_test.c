/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts: names (S8, S10), credentials and their generation (S8), resolution of addresses. */
#include "store/account_priv.h"
#include "store/address.h"
#include "store/store_test.h"

static void
names(void **state)
{
	static const struct {
		const char *name;
		bool ok;
	} t[] = {
	    {"alice", true},
	    {"alice@example.org", true},
	    {"Jürgen", true},
	    {"a.b+c_d-e", true},
	    {"..", true}, /* never a path */
	    {"", false},
	    {"a b", false},
	    {"a/b", false},
	    {"a%b", false},
	    {"a*", false},
	    {"a\"b", false},
	    {"a\\b", false},
	    {"a\tb", false},
	    {"a\x7f", false},
	    {"a\xc2\x85", false},
	    {"\xff", false},
	    {"\xed\xa0\x80", false},
	    {"\xef\xbb\xbf" "a", false},
	};
	char longest[257];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
		assert_int_equal(account_name_ok(str_c(t[i].name)), t[i].ok);
	assert_false(account_name_ok(str_of("a\0b", 3)));
	memset(longest, 'a', sizeof(longest));
	assert_true(account_name_ok(str_of(longest, 255)));
	assert_false(account_name_ok(str_of(longest, 256)));
}

/* Refused where accounts are made; each of these can be taken for something else. */
static void
new_names(void **state)
{
	static const char *const good[] = {"alice", "a.b+c_d-e", "Alice@Example.org", "j\xc3\xbcrgen", "\xe6\x97\xa5\xe6\x9c\xac@xn--wgv71a.jp",
	    "o'brien@example.org", "_svc", "7", "a=b@example.org", "\xe0\xa4\xb9\xe0\xa4\xbf@example.org", "nobody-here", "anyone@example.org"};
	static const char *const bad[] = {"-n", "--help", "..", ".", "...", ".a", "a.", "a..b", "<b>", "a<b", "a>b", "a:b", ":a", "a;b", "a,b", "a|b", "a&b",
	    "`id`", "$HOME", "$(id)", "~", "~alice", "#a", "a#b", "!a", "=a", "+a", "'a'", "(a)", "[a]", "{a}", "a?", "^a", "@", "a@", "@b", "a@b@c",
	    "a@.b", "a@b.", "a@-b", "-a@b", "anyone", "Anonymous", "owner", "a\n", "\x1b[31m", "a\xc2\xa0" "b", "a\xe2\x80\x8b" "b", "\xe2\x80\xae" "evil",
	    "a\xe2\x81\xa6" "b", "\xcc\x88" "a", "a\xe3\x80\x80" "b", "a\xf0\x9f\x98\x80", "a\xee\x80\x80", "a\xcd\xb8", "a\xef\xbc\x8f" "b", "a\xe2\x84\x80"};
	struct store *s = test_store();
	struct arena a = {0};
	struct account acc;
	int64_t id;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_null(account_name_fault(str_c(good[i])));
		assert_int_equal(WRITE(s, account_create(s, txn, str_c(good[i]), &id)), OK);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_non_null(account_name_fault(str_c(bad[i])));
		if (WRITE(s, account_create(s, txn, str_c(bad[i]), &id)) != ERR_BAD_INPUT)
			fail_msg("%s was made", bad[i]);
		assert_int_equal(READ(s, account_find(txn, &a, str_c(bad[i]), &acc)), ERR_NOT_FOUND);
	}
	assert_int_equal(WRITE(s, account_create(s, txn, str_of("a\0b", 3), &id)), ERR_BAD_INPUT);
	arena_free(&a);
	test_close(s);
}

static void
life(void **state)
{
	struct store *s = test_store();
	struct arena a = {0};
	struct account acc;
	int64_t id, id2;

	(void)state;
	assert_int_equal(WRITE(s, account_create(s, txn, STR("Alice@Example.org"), &id)), OK);
	assert_int_equal(WRITE(s, account_create(s, txn, STR("alice@example.ORG"), &id2)), ERR_EXISTS);
	assert_int_equal(WRITE(s, account_create(s, txn, STR("a b"), &id2)), ERR_BAD_INPUT);
	assert_int_equal(READ(s, account_find(txn, &a, STR("ALICE@example.org"), &acc)), OK);
	assert_int_equal(acc.id, id);
	assert_true(str_eq(acc.name, STR("Alice@Example.org")));
	assert_false(acc.disabled);
	assert_int_equal(READ(s, account_get(txn, &a, id, &acc)), OK);
	assert_int_equal(READ(s, account_get(txn, &a, id + 1, &acc)), ERR_NOT_FOUND);
	/* The two spellings of u with diaeresis are one name. */
	assert_int_equal(WRITE(s, account_create(s, txn, STR("ju\xcc\x88rgen"), &id2)), OK);
	assert_int_equal(READ(s, account_find(txn, &a, STR("j\xc3\xbcrgen"), &acc)), OK);
	assert_int_equal(acc.id, id2);
	assert_int_equal(WRITE(s, account_set_disabled(s, txn, id, true)), OK);
	assert_int_equal(READ(s, account_get(txn, &a, id, &acc)), OK);
	assert_true(acc.disabled);
	/* Deleted: the name is free, the id is not given again. */
	assert_int_equal(WRITE(s, account_delete(s, txn, id)), OK);
	assert_int_equal(WRITE(s, account_delete(s, txn, id)), ERR_NOT_FOUND);
	assert_int_equal(READ(s, account_find(txn, &a, STR("alice@example.org"), &acc)), ERR_NOT_FOUND);
	assert_int_equal(READ(s, account_get(txn, &a, id, &acc)), ERR_NOT_FOUND);
	int64_t id3;
	assert_int_equal(WRITE(s, account_create(s, txn, STR("alice@example.org"), &id3)), OK);
	assert_true(id3 > id2);
	arena_free(&a);
	test_close(s);
}

/* What is one name: Unicode's case, and a domain in letters or in ASCII (RFC 5890 2.3.2.4; T143). */
static void
folding(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} t[] = {
	    {"Ärger", "ärger", true},
	    {"ÄRGER", "a\xcc\x88rger", true},
	    {"ΣΊΣΥΦΟΣ", "σίσυφος", true}, /* the final sigma */
	    {"Straße", "STRASSE", true},
	    {"ПЁТР@Почта.рф", "пётр@почта.РФ", true},
	    {"a@bücher.example", "A@xn--bcher-kva.example", true},
	    {"a@BÜCHER.example", "a@XN--BCHER-KVA.EXAMPLE", true},
	    {"a@bu\xcc\x88" "cher.example", "a@xn--bcher-kva.example", true},
	    {"a@例え.テスト", "a@xn--r8jz45g.xn--zckzah", true},
	    {"a@straße.de", "a@xn--strae-oqa.de", true},
	    {"a@straße.de", "a@strasse.de", false}, /* other domains */
	    {"a@βόλος.com", "a@βόλοσ.com", false},
	    {"a@xn--bcher-kva0.example", "a@bücher.example", false},
	    {"a@xn--abc-.example", "a@abc.example", false},   /* nothing but ASCII in it */
	    {"a@xn--ab-0ca.example", "a@xn--AB-0CA.example", true},
	    {"a@xn--\u00e4.example", "a@ä.example", false},
	    {"xn--bcher-kva", "bücher", false}, /* no domain */
	    {"xn--bcher-kva@x", "bücher@x", false},
	    {"a@xn--.example", "a@XN--.example", true},
	    {"a@xn--99999999999999999.example", "a@XN--99999999999999999.example", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct buf a = {0}, b = {0}, twice = {0};

		assert_int_equal(account_fold(&a, str_c(t[i].a)), OK);
		assert_int_equal(account_fold(&b, str_c(t[i].b)), OK);
		assert_int_equal(account_fold(&twice, buf_str(&a)), OK);
		if (str_eq(buf_str(&a), buf_str(&b)) != t[i].same)
			fail_msg("%s: %.*s, %s: %.*s", t[i].a, STR_FMT(buf_str(&a)), t[i].b, STR_FMT(buf_str(&b)));
		assert_true(str_eq(buf_str(&a), buf_str(&twice)));
		buf_free(&a), buf_free(&b), buf_free(&twice);
	}
}

/* A capital letter, an at sign, no NFC, a line end: no U-label has these, such an A-label is only ASCII. */
static void
false_labels(void **state)
{
	static const char *const names[] = {"a@xn--wca.example", "a@xn--b@-yka.example", "a@xn--a-ccb.example", "a@xn--ab-x3t.example"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct buf a = {0};

		assert_int_equal(account_fold(&a, str_c(names[i])), OK);
		assert_true(str_eq(buf_str(&a), str_c(names[i])));
		buf_free(&a);
	}
}

static void
one_account(void **state)
{
	struct store *s = test_store();
	struct arena a = {0};
	struct account acc;
	int64_t id, id2;

	(void)state;
	assert_int_equal(WRITE(s, account_create(s, txn, STR("Ärger@bücher.example"), &id)), OK);
	assert_int_equal(WRITE(s, account_create(s, txn, STR("ärger@xn--bcher-kva.example"), &id2)), ERR_EXISTS);
	assert_int_equal(READ(s, account_find(txn, &a, STR("äRGER@XN--bcher-KVA.example"), &acc)), OK);
	assert_int_equal(acc.id, id);
	assert_true(str_eq(acc.name, STR("Ärger@bücher.example")));
	assert_int_equal(READ(s, account_resolve(s, txn, &a, STR("ÄRGER@xn--bcher-kva.example"), &acc)), OK);
	assert_int_equal(acc.id, id);
	assert_int_equal(READ(s, account_resolve(s, txn, &a, STR("ärger"), &acc)), OK);
	assert_int_equal(acc.id, id);
	assert_int_equal(WRITE(s, account_create(s, txn, STR("a@xn--r8jz45g.example"), &id2)), OK);
	assert_int_equal(READ(s, account_resolve(s, txn, &a, STR("A@例え.EXAMPLE"), &acc)), OK);
	assert_int_equal(acc.id, id2);
	arena_free(&a);
	test_close(s);
}

/* Names as a store of version 5 compared them. */
#define OLD_NAMES                                                                                                       \
	"UPDATE account SET fold = 'one', local = 'one' WHERE name = 'One';"                                            \
	"UPDATE account SET name = 'Ärger', fold = 'Ärger', local = 'Ärger' WHERE name = 'Two';"                        \
	"UPDATE account SET name = 'ärger', fold = 'ärger', local = 'ärger' WHERE name = 'Three';"                      \
	"UPDATE account SET name = 'ÖL@xn--bcher-kva.de', fold = 'Öl@xn--bcher-kva.de', local = 'Öl' WHERE name = 'Four';" \
	"UPDATE account SET name = 'öl@Bücher.de', fold = 'öl@bücher.de', local = 'öl' WHERE name = 'Five';"            \
	"UPDATE account SET name = 'Übung', fold = 'Übung', local = 'Übung' WHERE name = 'Six';"

/* Nobody loses his account when names become one: each is found as it is spelt; what is free gets the new form. */
static void
old_names(void **state)
{
	static const char *const made[] = {"One", "Two", "Three", "Four", "Five", "Six"};
	static const struct {
		const char *name;
		int account; /* 0: none */
	} t[] = {
	    {"ONE", 1}, {"Ärger", 2}, {"ÄrGER", 2}, {"ärger", 3}, {"äRGER", 3}, {"Öl@XN--bcher-kva.de", 4}, {"öl@bücher.de", 5},
	    {"öl@xn--bcher-kva.de", 5}, {"übung", 6}, {"Übung", 6}, {"ÜBUNG", 6},
	};
	struct store *s = test_store();
	struct arena a = {0};
	struct account acc, *list;
	size_t n = 0, seen = 0;
	int64_t id[7];

	(void)state;
	for (int i = 0; i < 6; i++)
		assert_int_equal(WRITE(s, account_create(s, txn, str_c(made[i]), &id[i + 1])), OK);
	assert_int_equal(WRITE(s, db_script(txn, OLD_NAMES)), OK);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(WRITE(s, account_names_fold(s, txn)), OK);
		for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
			enum status st = READ(s, account_find(txn, &a, str_c(t[i].name), &acc));

			if (st != OK || acc.id != id[t[i].account])
				fail_msg("%s", t[i].name);
		}
	}
	assert_int_equal(READ(s, account_resolve(s, txn, &a, STR("ÜBUNG"), &acc)), OK);
	assert_int_equal(WRITE(s, account_create(s, txn, STR("ÄRGER"), &id[0])), ERR_EXISTS);
	/* A list goes through all of them, one at a time. */
	acc.name = STR("");
	while (READ(s, account_list(txn, &a, acc.name, 1, &list, &n)) == OK && n == 1 && ++seen < 10)
		acc = list[0];
	assert_int_equal(seen, 6);
	arena_free(&a);
	test_close(s);
}

static void
credentials(void **state)
{
	struct store *s = test_store();
	struct actor alice = test_account(s, "alice"), bob = test_account(s, "bob");
	struct arena a = {0};
	struct account before, after;
	struct str v;

	(void)state;
	assert_int_equal(READ(s, account_get(txn, &a, alice.account, &before)), OK);
	assert_int_equal(WRITE(s, account_set_credential(s, txn, alice.account, STR("plain"), STR("one"))), OK);
	assert_int_equal(WRITE(s, account_set_credential(s, txn, alice.account, STR("plain"), STR("two"))), OK);
	assert_int_equal(READ(s, account_credential(txn, &a, alice.account, STR("plain"), &v)), OK);
	assert_true(str_eq(v, STR("two")));
	assert_int_equal(READ(s, account_credential(txn, &a, bob.account, STR("plain"), &v)), ERR_NOT_FOUND);
	assert_int_equal(READ(s, account_credential(txn, &a, alice.account, STR("argon2id"), &v)), ERR_NOT_FOUND);
	assert_int_equal(READ(s, account_get(txn, &a, alice.account, &after)), OK);
	assert_true(after.generation == before.generation + 2);
	assert_int_equal(WRITE(s, account_set_credential(s, txn, alice.account, STR("plain"), STR(""))), OK);
	assert_int_equal(READ(s, account_credential(txn, &a, alice.account, STR("plain"), &v)), ERR_NOT_FOUND);
	assert_int_equal(WRITE(s, account_set_credential(s, txn, 999, STR("plain"), STR("x"))), ERR_NOT_FOUND);
	/* A deleted account's password is gone at once. */
	assert_int_equal(WRITE(s, account_set_credential(s, txn, bob.account, STR("plain"), STR("b"))), OK);
	assert_int_equal(WRITE(s, account_delete(s, txn, bob.account)), OK);
	assert_int_equal(READ(s, account_credential(txn, &a, bob.account, STR("plain"), &v)), ERR_NOT_FOUND);
	arena_free(&a);
	test_close(s);
}

struct resolution {
	const char *name;
	int64_t id;         /* 0: not found */
	const char *detail; /* with details allowed; NULL: none */
};

static void
resolve_all(struct store *s, const struct resolution *t, size_t n)
{
	struct arena a = {0};

	for (size_t i = 0; i < n; i++) {
		struct account acc = {0};
		struct address_places p = {0};
		enum status st = READ(s, address_resolve(s, txn, &a, str_c(t[i].name), NULL, NULL, &p));
		int64_t id = p.n > 0 ? p.place[0].account.id : 0;

		if (st != (t[i].id ? OK : ERR_NOT_FOUND) || p.n > 1 || id != t[i].id || !str_eq(p.detail, str_c(t[i].detail)))
			fail_msg("%s: %s, account %lld, detail \"%.*s\"", t[i].name, status_word(st), (long long)id, STR_FMT(p.detail));
		acc.id = 0;
		/* The same without details: only what has none is found. */
		st = READ(s, account_resolve(s, txn, &a, str_c(t[i].name), &acc));
		if (st != (t[i].id && t[i].detail == NULL ? OK : ERR_NOT_FOUND) || acc.id != (t[i].detail == NULL ? t[i].id : 0))
			fail_msg("%s without details: %s", t[i].name, status_word(st));
	}
	arena_free(&a);
}

/* Without a default domain. */
static void
resolving(void **state)
{
	struct store *s;
	int64_t bare, full, dave, plus;

	assert_int_equal(store_open(&(struct store_options){.no_reaper = true, .separator = '+',
	    .domains = (struct store_domain[]){{"BÜCHER.example", '-'}, {"none.example", '\0'}}, .domains_n = 2}, &s), OK);
	bare = test_account(s, "carol").account;
	full = test_account(s, "carol@example.org").account;
	dave = test_account(s, "dave@example.org").account;
	plus = test_account(s, "c+d@example.org").account;
	test_account(s, "erin@a.org");
	test_account(s, "erin@b.org");
	resolve_all(s, (struct resolution[]){
	    {"carol@example.org", full},
	    {"CAROL@EXAMPLE.org", full},
	    {"carol@other.org", bare},
	    {"carol", bare},
	    {"carol@[127.0.0.1]", bare},
	    {"dave@example.org", dave},
	    {"dave", dave},
	    {"dave@other.org", 0}, /* another man's mail */
	    {"erin", 0},
	    {"nobody@example.org", 0},
	    {"a b@example.org", 0},
	    {"", 0},
	    {"@", 0},
	    {"@example.org", 0},
	    {"carol@", 0},
	    {"carol@x@example.org", 0}, /* not carol@x's, which would be carol's */
	    {"carol+work@example.org", full, "work"},
	    {"carol+work@other.org", bare, "work"},
	    {"carol+", bare, ""},
	    {"carol+a+b", bare, "a+b"},
	    {"c+d@example.org", plus},
	    {"c+d+e@example.org", 0}, /* the first one counts */
	    {"+carol", 0},
	    {"carol-x@xn--bcher-kva.example", bare, "x"}, /* its domain has its own */
	    {"carol+x@xn--bcher-kva.EXAMPLE", 0},
	    {"carol+x@none.example", 0},
	}, 26);
	(void)state;
	test_close(s);
}

/* With one: a name without domain is in it, and so are new accounts; those of before are found as they were. */
static void
default_domain(void **state)
{
	struct store_domain other = {"other.org", '-'};
	struct store *s;
	struct arena a = {0};
	struct account acc = {0};
	int64_t old, id, bob, both, erin;

	(void)state;
	assert_int_equal(store_open(&(struct store_options){.no_reaper = true}, &s), OK);
	old = test_account(s, "alice").account;
	both = test_account(s, "bob").account;
	bob = test_account(s, "bob@example.org").account;
	erin = test_account(s, "erin@other.org").account;
	/* As if it had been opened again with the setting. */
	account_names_free(s->names);
	s->names = account_names_new(&(struct store_options){.default_domain = "EXAMPLE.org", .separator = '+', .domains = &other, .domains_n = 1});
	resolve_all(s, (struct resolution[]){
	    {"alice", old},
	    {"ALICE@example.ORG", old},
	    {"alice@other.org", 0},
	    {"alice+x", old, "x"},
	    {"alice+x@example.org", old, "x"},
	    {"bob", both},
	    {"bob@example.org", bob},
	    {"bob@other.org", 0},
	    {"erin", 0}, /* in this domain there is none */
	    {"erin@other.org", erin},
	    {"erin-x@other.org", erin, "x"},
	    {"erin+x@other.org", 0},
	}, 12);
	assert_int_equal(WRITE(s, account_create(s, txn, STR("Carol"), &id)), OK);
	assert_int_equal(READ(s, account_find(txn, &a, STR("carol@example.org"), &acc)), OK);
	assert_true(acc.id == id && str_eq(acc.name, STR("Carol@example.org")));
	assert_int_equal(READ(s, account_resolve(s, txn, &a, STR("carol"), &acc)), OK);
	assert_int_equal(WRITE(s, account_create(s, txn, STR("carol"), &id)), ERR_EXISTS);
	assert_int_equal(WRITE(s, account_create(s, txn, STR("alice@example.org"), &id)), ERR_EXISTS);
	assert_int_equal(WRITE(s, account_create(s, txn, STR("alice"), &id)), ERR_EXISTS);
	assert_int_equal(WRITE(s, account_create(s, txn, STR("alice@other.org"), &id)), OK);
	arena_free(&a);
	test_close(s);
}

static void
guess_key(struct store *s, const char *name, const char *want)
{
	struct buf key = {0};

	account_guess_key(s, str_c(name), &key);
	if (!str_eq(buf_str(&key), str_c(want)))
		fail_msg("%s: %.*s", name, STR_FMT(buf_str(&key)));
	buf_free(&key);
}

/* Names that may lead to one account are counted as one; which accounts there are does not matter. */
static void
guess_keys(void **state)
{
	struct store *s = test_store();

	(void)state;
	test_account(s, "alice@a.org");
	guess_key(s, "Alice@a.org", "alice");
	guess_key(s, "alice@b.org", "alice");
	guess_key(s, "alice", "alice");
	guess_key(s, "a b@c", "a b");
	guess_key(s, "", "");
	account_names_free(s->names);
	s->names = account_names_new(&(struct store_options){.default_domain = "a.org"});
	guess_key(s, "Alice@A.org", "alice@a.org");
	guess_key(s, "alice", "alice@a.org");
	guess_key(s, "alice@b.org", "alice@b.org");
	test_close(s);
}

/* Thousands in one transaction, listed page by page. */
static void
many(void **state)
{
	struct store *s = test_store();
	struct db_txn *w = write_begin(s);
	struct str after = STR("");
	struct arena a = {0};
	size_t seen = 0;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		char name[32];
		int64_t id;
		snprintf(name, sizeof(name), "user%05d", i);
		assert_int_equal(account_create(s, w, str_c(name), &id), OK);
	}
	assert_int_equal(write_end(OK), OK);
	for (;;) {
		struct account *list;
		size_t n;
		assert_int_equal(READ(s, account_list(txn, &a, after, 300, &list, &n)), OK);
		if (n == 0)
			break;
		for (size_t i = 1; i < n; i++)
			assert_true(str_cmp(list[i - 1].name, list[i].name) < 0);
		after = list[n - 1].name;
		seen += n;
	}
	assert_int_equal(seen, 2000);
	arena_free(&a);
	test_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names),
	    cmocka_unit_test(new_names),
	    cmocka_unit_test(life),
	    cmocka_unit_test(folding),
	    cmocka_unit_test(false_labels),
	    cmocka_unit_test(one_account),
	    cmocka_unit_test(old_names),
	    cmocka_unit_test(credentials),
	    cmocka_unit_test(resolving), cmocka_unit_test(default_domain), cmocka_unit_test(guess_keys),
	    cmocka_unit_test(many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
