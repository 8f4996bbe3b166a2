/* SPDX-License-Identifier: Apache-2.0 */
/* Aliases, catch-alls, groups; who gets mail for them; renaming; limits of domains. */
#include "store/address.h"
#include "store/domain_priv.h"
#include "store/store_test.h"

static enum status
add(struct store *s, enum address_kind kind, const char *name, const char *const *targets)
{
	struct address_fault fault;
	struct str t[64];
	size_t n = 0;

	for (; targets[n] != NULL; n++)
		t[n] = str_c(targets[n]);
	return WRITE(s, address_add(s, txn, kind, str_c(name), t, n, &fault));
}
#define ALIAS(s, name, ...) add(s, ADDRESS_ALIAS, name, (const char *const[]){__VA_ARGS__, NULL})
#define GROUP(s, name, ...) add(s, ADDRESS_GROUP, name, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static enum status
take(struct store *s, enum address_kind kind, const char *name, const char *target)
{
	struct address_fault fault;

	return WRITE(s, address_remove(s, txn, kind, str_c(name), (struct str[]){str_c(target)}, 1, &fault));
}

/* The accounts that get mail for the name, in the order of their ids, and "+detail"; or the status's word. */
static void
goes(struct store *s, const char *name, const char *want)
{
	struct arena a = {0};
	struct address_places p;
	struct buf got = {0};
	enum status st = READ(s, address_resolve(s, txn, &a, str_c(name), NULL, NULL, &p));

	if (st != OK)
		buf_adds(&got, status_word(st));
	for (size_t i = 0; st == OK && i < p.n; i++)
		buf_addf(&got, "%s%.*s%s", i > 0 ? " " : "", STR_FMT(str_head(p.place[i].account.name, str_chr(p.place[i].account.name, '@'))),
		    p.detail.p != NULL && p.place[i].plain ? "+" : "");
	if (!str_eq(buf_str(&got), str_c(want)))
		fail_msg("%s: goes to \"%.*s\", not \"%s\"", name, STR_FMT(buf_str(&got)), want);
	buf_free(&got);
	arena_free(&a);
}

static struct store *
world(void)
{
	struct store *s;

	assert_int_equal(store_open(&(struct store_options){.no_reaper = true, .separator = '+', .default_domain = "d.example", .expansion = 5}, &s), OK);
	for (const char *const *n = (const char *const[]){"ann", "ben", "cat", "dan", "eve", "fay", NULL}; *n != NULL; n++)
		test_account(s, *n);
	return s;
}

static void
leading(void **state)
{
	struct store *s = world();

	(void)state;
	assert_int_equal(ALIAS(s, "info", "ann", "BEN@D.example"), OK);
	assert_int_equal(ALIAS(s, "info@d.example", "cat", "ann"), OK); /* one more; one again */
	assert_int_equal(GROUP(s, "staff", "info", "dan"), OK);
	assert_int_equal(GROUP(s, "both", "info", "ann"), OK); /* by two ways */
	goes(s, "both", "ann ben cat");
	assert_int_equal(ALIAS(s, "office", "staff"), OK);
	assert_int_equal(ALIAS(s, "one", "ann"), OK);
	assert_int_equal(ALIAS(s, "@other.example", "eve"), OK);
	goes(s, "info", "ann ben cat");
	goes(s, "INFO@d.example", "ann ben cat");
	goes(s, "office@d.example", "dan ann ben cat");
	goes(s, "one+box", "ann+");     /* the alias's detail is the account's */
	goes(s, "staff+box", "dan ann ben cat"); /* a group's is nobody's */
	goes(s, "nobody@other.example", "eve");
	goes(s, "who+ever@other.example", "eve");
	goes(s, "@other.example", "eve");
	goes(s, "nobody", status_word(ERR_NOT_FOUND));
	goes(s, "nobody@third.example", status_word(ERR_NOT_FOUND));
	/* Taken away: an alias goes with its last target, and what led to it alone. */
	assert_int_equal(take(s, ADDRESS_ALIAS, "info", "dan"), ERR_NOT_FOUND);
	assert_int_equal(take(s, ADDRESS_GROUP, "info", "ann"), ERR_NOT_FOUND);
	assert_int_equal(take(s, ADDRESS_GROUP, "staff", "info"), OK);
	assert_int_equal(take(s, ADDRESS_GROUP, "staff", "dan"), OK);
	goes(s, "office", status_word(ERR_NOT_FOUND)); /* the group has no members, and stays */
	assert_int_equal(GROUP(s, "staff", "fay"), OK);
	goes(s, "office", "fay");
	assert_int_equal(WRITE(s, address_delete(s, txn, ADDRESS_GROUP, STR("staff"))), OK);
	goes(s, "office", status_word(ERR_NOT_FOUND));
	assert_int_equal(ALIAS(s, "x", "office"), ERR_NOT_FOUND);
	test_close(s);
}

static void
refused(void **state)
{
	struct store *s = world();
	char name[16], before[16] = "ann";

	(void)state;
	assert_int_equal(ALIAS(s, "ann", "ben"), ERR_EXISTS);
	assert_int_equal(ALIAS(s, "ANN@d.example", "ben"), ERR_EXISTS);
	assert_int_equal(ALIAS(s, "info", "nobody"), ERR_NOT_FOUND);
	assert_int_equal(add(s, ADDRESS_ALIAS, "info", (const char *const[]){NULL}), ERR_BAD_INPUT);
	assert_int_equal(ALIAS(s, "a b", "ann"), ERR_BAD_INPUT);
	assert_int_equal(ALIAS(s, "-x", "ann"), ERR_BAD_INPUT);
	assert_int_equal(ALIAS(s, "@", "ann"), ERR_BAD_INPUT);
	assert_int_equal(GROUP(s, "@d.example", "ann"), ERR_BAD_INPUT);
	assert_int_equal(ALIAS(s, "info", "ann", "nobody"), ERR_NOT_FOUND);
	goes(s, "info", status_word(ERR_NOT_FOUND)); /* refused is refused whole */
	assert_int_equal(ALIAS(s, "info", "ann"), OK);
	assert_int_equal(GROUP(s, "info", "ann"), ERR_EXISTS);
	assert_int_equal(WRITE(s, account_create(s, txn, STR("info"), &(int64_t){0})), ERR_EXISTS);
	/* Circles, of one and of three. */
	assert_int_equal(GROUP(s, "g1", "ann"), OK);
	assert_int_equal(GROUP(s, "g1", "g1"), ERR_CONFLICT);
	assert_int_equal(GROUP(s, "g2", "g1"), OK);
	assert_int_equal(ALIAS(s, "a3", "g2"), OK);
	assert_int_equal(GROUP(s, "g1", "a3"), ERR_CONFLICT);
	goes(s, "a3", "ann");
	/* A chain is as long as it may be. */
	for (int i = 1; i <= ADDRESS_DEPTH_MAX; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		assert_int_equal(ALIAS(s, name, before), i < ADDRESS_DEPTH_MAX + 1 ? OK : ERR_LIMIT);
		memcpy(before, name, sizeof(name));
	}
	goes(s, "c9", "ann");
	test_close(s);
}

/* At most five accounts an address here. */
static void
bounded(void **state)
{
	struct store *s = world();
	char name[16];

	(void)state;
	assert_int_equal(GROUP(s, "all", "ann", "ben", "cat", "dan", "eve"), OK);
	goes(s, "all", "ann ben cat dan eve");
	assert_int_equal(GROUP(s, "all", "fay"), OK);
	goes(s, "all", status_word(ERR_LIMIT));
	/* A bomb: three levels of forty, each of which leads to all of the next. */
	for (int level = 0; level < 3; level++)
		for (int i = 0; i < 40; i++) {
			snprintf(name, sizeof(name), "b%d-%d", level, i);
			assert_int_equal(GROUP(s, name, "ann"), OK);
			for (int k = 0; level > 0 && k < 40; k++) {
				char next[16];

				snprintf(next, sizeof(next), "b%d-%d", level - 1, k);
				assert_int_equal(GROUP(s, name, next), OK);
			}
		}
	goes(s, "b0-0", "ann");
	goes(s, "b2-0", status_word(ERR_LIMIT));
	test_close(s);
}

static void
accounts_go(void **state)
{
	struct store *s = world();
	struct arena a = {0};
	struct account acc;
	int64_t ben;

	(void)state;
	assert_int_equal(ALIAS(s, "info", "ann", "ben"), OK);
	assert_int_equal(ALIAS(s, "only", "ben"), OK);
	assert_int_equal(ALIAS(s, "far", "only"), OK);
	assert_int_equal(GROUP(s, "staff", "ben"), OK);
	assert_int_equal(READ(s, account_resolve(s, txn, &a, STR("ben"), &acc)), OK);
	ben = acc.id;
	/* Disabled: it gets nothing, others do. */
	assert_int_equal(WRITE(s, account_set_disabled(s, txn, ben, true)), OK);
	goes(s, "info", "ann");
	goes(s, "ben", status_word(ERR_UNAVAILABLE));
	goes(s, "far", status_word(ERR_UNAVAILABLE));
	assert_int_equal(READ(s, address_login(s, txn, &a, STR("far"), &acc)), ERR_NOT_FOUND);
	assert_int_equal(WRITE(s, account_set_disabled(s, txn, ben, false)), OK);
	assert_int_equal(READ(s, address_login(s, txn, &a, STR("far"), &acc)), OK);
	assert_int_equal(acc.id, ben);
	assert_int_equal(READ(s, address_login(s, txn, &a, STR("info"), &acc)), ERR_NOT_FOUND);
	assert_int_equal(READ(s, address_login(s, txn, &a, STR("staff"), &acc)), ERR_NOT_FOUND);
	assert_int_equal(READ(s, address_login(s, txn, &a, STR("ben"), &acc)), ERR_NOT_FOUND);
	/* Renamed: all lead to it still; the old name is an alias where that was asked for. */
	assert_int_equal(WRITE(s, account_rename(s, txn, ben, STR("ann"), false)), ERR_EXISTS);
	assert_int_equal(WRITE(s, account_rename(s, txn, ben, STR("info"), false)), ERR_EXISTS);
	assert_int_equal(WRITE(s, account_rename(s, txn, ben, STR("b b"), false)), ERR_BAD_INPUT);
	assert_int_equal(WRITE(s, account_rename(s, txn, ben, STR("BEN"), true)), OK); /* only another spelling */
	goes(s, "ben", "BEN");
	assert_int_equal(WRITE(s, account_rename(s, txn, ben, STR("benedict"), true)), OK);
	goes(s, "ben@d.example", "benedict");
	goes(s, "benedict", "benedict");
	goes(s, "far", "benedict");
	assert_int_equal(WRITE(s, account_rename(s, txn, ben, STR("benno"), false)), OK);
	goes(s, "benedict", status_word(ERR_NOT_FOUND));
	assert_int_equal(WRITE(s, account_create(s, txn, STR("benedict"), &(int64_t){0})), OK);
	/* Deleted: what led to it alone is gone, and the names are free. */
	assert_int_equal(WRITE(s, account_delete(s, txn, ben)), OK);
	goes(s, "info", "ann");
	goes(s, "staff", status_word(ERR_NOT_FOUND));
	assert_int_equal(WRITE(s, account_create(s, txn, STR("far"), &(int64_t){0})), OK);
	assert_int_equal(WRITE(s, account_create(s, txn, STR("ben"), &(int64_t){0})), OK);
	assert_int_equal(WRITE(s, account_create(s, txn, STR("staff"), &(int64_t){0})), ERR_EXISTS);
	arena_free(&a);
	test_close(s);
}

static void
domains(void **state)
{
	struct store *s = world();
	struct arena a = {0};
	struct domain *list;
	int64_t id;
	size_t n;

	(void)state;
	assert_int_equal(WRITE(s, domain_set(s, txn, STR("x y"), &(struct domain_change){DOMAIN_KEEP, DOMAIN_KEEP, DOMAIN_KEEP})), ERR_BAD_INPUT);
	assert_int_equal(WRITE(s, domain_set(s, txn, STR("D.Example"), &(struct domain_change){7, DOMAIN_KEEP, 1})), OK);
	assert_int_equal(WRITE(s, account_create(s, txn, STR("gus"), &id)), OK);
	assert_int_equal(WRITE(s, account_create(s, txn, STR("hal@D.EXAMPLE"), &id)), ERR_LIMIT);
	assert_int_equal(WRITE(s, account_create(s, txn, STR("hal@e.example"), &id)), OK);
	assert_int_equal(WRITE(s, account_rename(s, txn, id, STR("hal"), false)), ERR_LIMIT);
	assert_int_equal(WRITE(s, account_delete(s, txn, id - 1)), OK);
	assert_int_equal(WRITE(s, account_rename(s, txn, id, STR("hal"), false)), OK);
	assert_int_equal(READ(s, domain_list(txn, &a, STR(""), 10, &list, &n)), OK);
	assert_int_equal(n, 1);
	assert_int_equal(list[0].accounts, 7);
	assert_int_equal(list[0].accounts_max, 7);
	assert_int_equal(list[0].bytes_max, DOMAIN_UNSET);
	assert_int_equal(list[0].detail, 1);
	assert_int_equal(READ(s, domain_list(txn, &a, list[0].name, 10, &list, &n)), OK);
	assert_int_equal(n, 0);
	/* Bytes: as they were summed up. */
	assert_int_equal(READ(s, domain_room(s, txn, id, 1000)), OK);
	assert_int_equal(WRITE(s, domain_set(s, txn, STR("d.example"), &(struct domain_change){DOMAIN_UNSET, 100, DOMAIN_KEEP})), OK);
	assert_int_equal(READ(s, domain_room(s, txn, id, 100)), OK);
	assert_int_equal(READ(s, domain_room(s, txn, id, 101)), ERR_QUOTA);
	assert_int_equal(domains_sum(s, 1000), OK);
	assert_int_equal(READ(s, domain_room(s, txn, id, 100)), OK);
	assert_int_equal(WRITE(s, domain_delete(txn, STR("d.example"))), OK);
	assert_int_equal(WRITE(s, domain_delete(txn, STR("d.example"))), ERR_NOT_FOUND);
	assert_int_equal(READ(s, domain_room(s, txn, id, 101)), OK);
	arena_free(&a);
	test_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(leading),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(bounded),
	    cmocka_unit_test(accounts_go),
	    cmocka_unit_test(domains),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
