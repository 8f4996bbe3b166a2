/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of EXTERNAL: to which account a certificate leads, and to which never. */
#include <stdio.h>
#include "auth/auth_priv.h"
#include "auth/auth_test.h"
#include "store/certificate.h"

#define PRINT_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define PRINT_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define PRINT_E "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
#define PRINT_N "0000000000000000000000000000000000000000000000000000000000000000"

static struct {
	const char *print, *addresses;
	bool trusted;
} shown;

static bool
certificate(void *arg, struct auth_certificate *c_r)
{
	*c_r = (struct auth_certificate){.trusted = shown.trusted};
	strcpy(c_r->fingerprint, shown.print);
	buf_adds(&c_r->addresses, shown.addresses);
	return true;
}

static const struct auth_client client = {.address = {"", 0}, .tls = true, .certificate = certificate};

struct given {
	int64_t account;
	struct str print, label;
	bool remove;
};

static enum status
give_fn(struct db_txn *txn, void *arg)
{
	struct given *g = arg;

	if (g->remove)
		return certificate_remove(store, txn, g->account, g->print);
	return certificate_add(txn, g->account, g->print, g->label);
}

static enum status
give(int64_t account, const char *print, const char *label)
{
	struct given g = {account, str_c(print), str_c(label), label == NULL};

	return db_write(store_db(store), give_fn, &g);
}

static int
begin(void **state)
{
	int rc = setup(state);

	assert_int_equal(give(alice, PRINT_A, "laptop"), OK);
	assert_int_equal(give(bob, PRINT_B, ""), OK);
	assert_int_equal(give(eve, PRINT_E, ""), OK); /* she is disabled */
	return rc;
}

/* Who is let in: 0, nobody. */
static int64_t
external(const char *print, bool trusted, const char *addresses, struct str authzid)
{
	struct auth_sasl *s;
	struct buf out = {0};
	enum auth_step step;
	int64_t account = 0;

	shown.print = print;
	shown.trusted = trusted;
	shown.addresses = addresses;
	assert_int_equal(auth_sasl_new(auth, &client, STR("external"), &s), OK);
	step = auth_sasl_step(s, authzid, &out);
	assert_int_equal(out.n, 0);
	if (step == AUTH_DONE) {
		struct auth_result r = *auth_sasl_result(s);

		account = r.account;
		assert_int_equal(auth_confirm(auth, &client, &r), OK);
	} else {
		assert_int_equal(step, AUTH_FAILED);
		assert_int_not_equal(auth_sasl_status(s), OK);
		assert_true(auth_sasl_result(s)->account == 0 && auth_sasl_result(s)->delay_ms > 0);
	}
	auth_sasl_free(s);
	buf_free(&out);
	return account;
}

static void
test_fingerprint(void **state)
{
	assert_int_equal(external(PRINT_A, false, "", STR("")), alice);
	assert_int_equal(external(PRINT_A, false, "", STR("alice")), alice);
	assert_int_equal(external(PRINT_A, false, "", STR("ALICE")), alice);
	assert_int_equal(external(PRINT_B, false, "", STR("bob@EXAMPLE.org")), bob);
	assert_int_equal(external(PRINT_A, false, "", STR("bob@example.org")), 0);
	assert_int_equal(external(PRINT_A, false, "", STR("nobody")), 0);
	assert_int_equal(external(PRINT_N, false, "", STR("")), 0);
	assert_int_equal(external(PRINT_N, false, "", STR("alice")), 0);
	assert_int_equal(external(PRINT_E, false, "", STR("")), 0);
	assert_int_equal(external(PRINT_E, false, "", STR("eve")), 0);
	/* No text. */
	assert_int_equal(external(PRINT_A, false, "", STR("alice\0")), 0);
	assert_int_equal(external(PRINT_A, false, "", STR("al\xffice")), 0);
	assert_int_equal(external(PRINT_A, false, "", STR("\n")), 0);
}

static void
test_address(void **state)
{
	/* What stands in it counts only where somebody vouches for it. */
	assert_int_equal(external(PRINT_N, true, "bob@example.org", STR("")), bob);
	assert_int_equal(external(PRINT_N, true, "BOB@example.ORG", STR("Bob@example.org")), bob);
	assert_int_equal(external(PRINT_N, false, "bob@example.org", STR("")), 0);
	assert_int_equal(external(PRINT_N, false, "bob@example.org", STR("bob@example.org")), 0);
	assert_int_equal(external(PRINT_N, true, "x@example.org\nbob@example.org\n", STR("")), bob);
	/* alice has no domain: as alice@anywhere she gets mail, and nobody else's certificate is hers for that; nor is Bob's name without his domain. */
	assert_int_equal(external(PRINT_N, true, "alice@evil.example", STR("")), 0);
	assert_int_equal(external(PRINT_N, true, "alice@evil.example", STR("alice")), 0);
	assert_int_equal(external(PRINT_N, true, "alice", STR("")), 0);
	assert_int_equal(external(PRINT_N, true, "bob", STR("bob@example.org")), 0);
	assert_int_equal(external(PRINT_N, true, "bob+x@example.org", STR("")), 0);
	assert_int_equal(external(PRINT_N, true, "\n\n@\n", STR("")), 0);
	/* One for two accounts has to say which. */
	assert_int_equal(external(PRINT_A, true, "bob@example.org", STR("")), 0);
	assert_int_equal(external(PRINT_A, true, "bob@example.org", STR("alice")), alice);
	assert_int_equal(external(PRINT_A, true, "bob@example.org", STR("bob@example.org")), bob);
	assert_int_equal(external(PRINT_B, true, "bob@example.org", STR("")), bob);
}

static void
test_states(void **state)
{
	struct auth_client without = client;
	struct auth_sasl *s;
	struct buf out = {0};

	shown.print = PRINT_A;
	shown.addresses = "";
	/* Nothing came with the command: it is asked for, once more at most than there are steps. */
	assert_int_equal(auth_sasl_new(auth, &client, STR("EXTERNAL"), &s), OK);
	assert_int_equal(auth_sasl_step(s, STR_NONE, &out), AUTH_CONTINUE);
	assert_int_equal(out.n, 0);
	assert_int_equal(auth_sasl_step(s, STR(""), &out), AUTH_DONE);
	assert_int_equal(auth_sasl_step(s, STR(""), &out), AUTH_DONE);
	auth_sasl_free(s);
	assert_int_equal(auth_sasl_new(auth, &client, STR("EXTERNAL"), &s), OK);
	for (int i = 0; auth_sasl_step(s, STR_NONE, &out) == AUTH_CONTINUE; i++)
		assert_true(i < 20);
	auth_sasl_free(s);
	/* Who showed none is not offered it. */
	without.certificate = NULL;
	assert_int_equal(auth_sasl_new(auth, &without, STR("EXTERNAL"), &s), ERR_NOT_FOUND);
	auth_mechanisms(auth, &without, &out, " ");
	assert_int_equal(str_find(buf_str(&out), STR("EXTERNAL"), 0), SIZE_MAX);
	buf_clear(&out);
	auth_mechanisms(auth, &client, &out, " ");
	assert_int_not_equal(str_find(buf_str(&out), STR(" EXTERNAL SCRAM"), 0), SIZE_MAX);
	buf_free(&out);
}

/* Guesses for whom a certificate might be are counted like those of passwords. */
static void
test_limits(void **state)
{
	struct auth_client far = client;
	struct auth_sasl *s;
	struct buf out = {0};
	int n = 0;

	far.address = STR("203.0.113.77");
	shown.print = PRINT_N;
	shown.addresses = "";
	for (enum status st = ERR_NO_PERM; st != ERR_LIMIT; n++) {
		assert_true(n < 50);
		assert_int_equal(auth_sasl_new(auth, &far, STR("EXTERNAL"), &s), OK);
		assert_int_equal(auth_sasl_step(s, STR("alice"), &out), AUTH_FAILED);
		st = auth_sasl_status(s);
		auth_sasl_free(s);
	}
	assert_true(n > 5);
	buf_free(&out);
}

static void
test_given(void **state)
{
	static const char *const bad[] = {"", "aa", PRINT_A "a", "g" PRINT_A, ":" PRINT_A, PRINT_A ":", "a:" PRINT_A};
	struct buf print = {0};
	struct certificate_row *rows;
	struct arena arena = {0};
	struct db_txn *txn;
	char long_label[CERTIFICATE_LABEL_MAX + 2];
	size_t n;
	int64_t id = make("many", "plain", STR("{PLAIN}x"), "x", false);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (certificate_fingerprint(&print, str_c(bad[i])) != ERR_BAD_INPUT)
			fail_msg("%s", bad[i]);
	assert_int_equal(certificate_fingerprint(&print, STR("AA:aa:AA:aa:aa:aa:aa:aa:aa:aa:aa:aa:aa:aa:aa:aa:aa:aa:aa:aa:aa:aa:aa:aa:aa:aa:aa:aa:aa:aa:aa:aa")), OK);
	assert_true(str_eq(buf_str(&print), STR(PRINT_A)));
	/* One account's only, and not more than some. */
	assert_int_equal(give(bob, PRINT_A, "mine"), ERR_EXISTS);
	assert_int_equal(give(alice, PRINT_A, "again"), ERR_EXISTS);
	assert_int_equal(give(bob, PRINT_A, NULL), ERR_NOT_FOUND);
	assert_int_equal(give(999999, PRINT_N, ""), ERR_NOT_FOUND);
	assert_int_equal(give(id, PRINT_N, "a\nb"), ERR_BAD_INPUT);
	memset(long_label, 'x', sizeof(long_label));
	long_label[sizeof(long_label) - 1] = '\0';
	assert_int_equal(give(id, PRINT_N, long_label), ERR_BAD_INPUT);
	for (int i = 0; i < CERTIFICATES_MAX; i++) {
		char text[65];

		snprintf(text, sizeof(text), "%064x", i + 1);
		assert_int_equal(give(id, text, "a b"), OK);
	}
	assert_int_equal(give(id, PRINT_N, ""), ERR_LIMIT);
	assert_int_equal(db_read_begin(store_db(store), &txn), OK);
	assert_int_equal(certificate_list(txn, &arena, id, &rows, &n), OK);
	assert_true(n == CERTIFICATES_MAX && rows[0].fingerprint.n == 64 && str_eq(rows[0].label, STR("a b")) && rows[0].added > 0);
	assert_int_equal(certificate_list(txn, &arena, alice, &rows, &n), OK);
	assert_true(n == 1 && str_eq(rows[0].fingerprint, STR(PRINT_A)) && str_eq(rows[0].label, STR("laptop")));
	db_read_end(txn);
	arena_free(&arena);
	buf_free(&print);
}

/* What was taken away leads nowhere, and who was let in by it a moment before is not confirmed. */
static void
test_taken(void **state)
{
	struct auth_sasl *s;
	struct auth_result r;
	struct buf out = {0};

	shown.print = PRINT_B;
	shown.addresses = "";
	shown.trusted = false;
	assert_int_equal(auth_sasl_new(auth, &client, STR("EXTERNAL"), &s), OK);
	assert_int_equal(auth_sasl_step(s, STR(""), &out), AUTH_DONE);
	r = *auth_sasl_result(s);
	assert_int_equal(give(bob, PRINT_B, NULL), OK);
	assert_int_equal(auth_confirm(auth, &client, &r), ERR_NO_PERM);
	auth_sasl_free(s);
	assert_int_equal(external(PRINT_B, false, "", STR("")), 0);
	assert_int_equal(give(bob, PRINT_B, NULL), ERR_NOT_FOUND);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fingerprint),
	    cmocka_unit_test(test_address),
	    cmocka_unit_test(test_states),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_given),
	    cmocka_unit_test(test_taken),
	};

	return cmocka_run_group_tests(tests, begin, teardown);
}
