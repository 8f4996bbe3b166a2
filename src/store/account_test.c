/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts: names (S8, S10), credentials and their generation (S8), resolution of addresses. */
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

static void
resolving(void **state)
{
	struct store *s = test_store();
	int64_t bare = test_account(s, "carol").account, full = test_account(s, "carol@example.org").account;
	int64_t dave = test_account(s, "dave@example.org").account;
	test_account(s, "erin@a.org");
	test_account(s, "erin@b.org");
	const struct {
		const char *local, *domain;
		int64_t id; /* 0: not found */
	} t[] = {
	    {"carol", "example.org", full},
	    {"CAROL", "EXAMPLE.org", full},
	    {"carol", "other.org", bare},
	    {"carol", "", bare},
	    {"dave", "example.org", dave},
	    {"dave", "", dave},
	    {"dave", "other.org", 0}, /* another man's mail */
	    {"erin", "", 0},
	    {"nobody", "example.org", 0},
	    {"a b", "example.org", 0},
	    {"", "", 0},
	};
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct account acc = {0};
		enum status st = READ(s, account_resolve(txn, &a, str_c(t[i].local), str_c(t[i].domain), &acc));
		assert_int_equal(st, t[i].id ? OK : ERR_NOT_FOUND);
		assert_int_equal(acc.id, t[i].id);
	}
	arena_free(&a);
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
	    cmocka_unit_test(life),
	    cmocka_unit_test(credentials),
	    cmocka_unit_test(resolving),
	    cmocka_unit_test(many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
