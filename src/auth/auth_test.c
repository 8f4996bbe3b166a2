/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of auth: hashes, SCRAM by RFC 7677, logins, limits, the cache. S7 S8. */
#include <stdio.h>
#include <crypt.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include "auth/auth_priv.h"
#include "auth/auth_test.h"
#include "base/codec.h"

/* ---- hashes ---- */

static void
test_password(void **state)
{
	static const char *bad[] = {"", "$argon2id$",
	    "$argon2id$v=19$m=9999999,t=2,p=1$c2FsdHNhbHQ$aaaa",
	    "$argon2id$v=19$m=64,t=99,p=1$c2FsdHNhbHQ$aaaa",
	    "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$", "abJnggxhB/yWI",
	    "$2b$31$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	    "$6$rounds=99999999$x$y", "{CRYPT}", "{SSHA}x", "$9$x$y"};
	struct buf hash = {0}, other = {0};
	struct str foreign;
	char big[AUTH_PASSWORD_MAX + 1];

	assert_int_equal(password_hash(&hash, STR("s\xc3\xa9 cret"), &cheap), OK);
	assert_true(str_starts(buf_str(&hash), STR("$argon2id$v=19$m=64,t=1,p=1$")));
	assert_int_equal(password_verify(buf_str(&hash), STR("s\xc3\xa9 cret")), OK);
	assert_int_equal(password_verify(buf_str(&hash), STR("se\xcc\x81 cret")),
	    OK); /* the same text, decomposed */
	assert_int_equal(password_verify(buf_str(&hash), STR("se cret")), ERR_NO_PERM);
	assert_int_equal(password_verify(buf_str(&hash), STR("s\xc3\xa9 cret\0")), ERR_NO_PERM);
	assert_int_equal(password_verify(buf_str(&hash), STR("")), ERR_NO_PERM);
	assert_int_equal(password_hash(&other, STR("s\xc3\xa9 cret"), &cheap), OK);
	assert_false(str_eq(buf_str(&hash), buf_str(&other)));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (password_verify(str_c(bad[i]), STR("x")) == OK)
			fail_msg("%s", bad[i]);
	assert_int_equal(
	    password_verify(STR("$argon2id$v=19$m=262145,t=1,p=1$c2FsdHNhbHQ$aaaa"), STR("x")),
	    ERR_CORRUPT);
	assert_int_equal(password_verify(STR("{PLAIN}a b"), STR("a b")), OK);
	assert_int_equal(password_verify(STR("{PLAIN}a b"), STR("a b ")), ERR_NO_PERM);
	/* From Dovecot's files. The hash is of "geheim". */
	assert_int_equal(password_foreign(STR("{SHA512-CRYPT}$6$saltsalt$"
	    "sfZR6YSW/Dp0uCiyF9fDipa6ORr5LVLOwXNgtzRlXXhkC7xA3w4zy97VIC3vL14AUXGJp3yBjZVztkdiBzJnX1"), &foreign), OK);
	assert_int_equal(password_verify(foreign, STR("geheim")), OK);
	assert_int_equal(password_verify(foreign, STR("Geheim")), ERR_NO_PERM);
	assert_int_equal(password_foreign(buf_str(&hash), &foreign), OK);
	assert_int_equal(password_foreign(STR("{PLAIN}x"), &foreign), OK);
	assert_int_equal(password_foreign(STR("{SSHA256}abc"), &foreign), ERR_BAD_INPUT);
	assert_int_equal(password_foreign(STR("{CRYPT}"), &foreign), ERR_BAD_INPUT);
	assert_int_equal(password_foreign(STR("secret"), &foreign), ERR_BAD_INPUT);
	assert_int_equal(password_foreign(STR("{CRYPT}$6$rounds=99999999$x$y"), &foreign), ERR_BAD_INPUT);
	memset(big, 'x', sizeof(big));
	assert_int_equal(password_hash(&other, str_of(big, sizeof(big)), &cheap), ERR_BAD_INPUT);
	assert_int_equal(password_hash(&other, str_of(big, sizeof(big) - 1), &cheap), OK);
	assert_int_equal(password_hash(&other, STR(""), &cheap), ERR_BAD_INPUT);
	assert_int_equal(password_hash(&other, STR("a\0b"), &cheap), ERR_BAD_INPUT);
	assert_int_equal(password_hash(&other, STR("a\nb"), &cheap), ERR_BAD_INPUT);
	assert_int_equal(password_hash(&other, STR("a\xff"), &cheap), ERR_BAD_INPUT);
	/* An emoji is younger than Unicode 3.2 and still a password. */
	assert_int_equal(password_hash(&other, STR("\xf0\x9f\x98\x80"), &cheap), OK);
	buf_free(&hash);
	buf_free(&other);
}

static void
mac(struct str key, struct str text, uint8_t out[32])
{
	unsigned n;

	HMAC(EVP_sha256(), key.p, (int)key.n, (const unsigned char *)text.p, text.n, out, &n);
}

/* RFC 7677 section 3. */
static void
test_scram_vector(void **state)
{
	static const struct str message = STR(
	    "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
	    "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)"
	    "hNlF$k0");
	struct scram_keys k, again;
	struct buf salt = {0}, proof = {0}, text = {0};
	uint8_t sign[32], key[32];

	assert_int_equal(base64_decode(&salt, STR("W22ZaJ0SNY7soEsUEjb6gQ==")), OK);
	assert_int_equal(
	    base64_decode(&proof, STR("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")), OK);
	scram_derive(&k, STR("pencil"), buf_str(&salt), 4096);
	mac(str_of(k.stored_key, 32), message, sign);
	for (int i = 0; i < 32; i++)
		sign[i] ^= (uint8_t)proof.p[i];
	SHA256(sign, 32, key);
	assert_memory_equal(key, k.stored_key, 32);
	mac(str_of(k.server_key, 32), message, sign);
	base64_encode(&text, str_of(sign, 32));
	assert_true(str_eq(buf_str(&text), STR("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")));
	buf_clear(&text);
	scram_print(&text, &k);
	assert_int_equal(scram_parse(buf_str(&text), &again), OK);
	assert_memory_equal(again.stored_key, k.stored_key, 32);
	assert_memory_equal(again.server_key, k.server_key, 32);
	assert_true(again.iterations == 4096 && again.salt_len == 16);
	for (size_t n = 0; n < text.n; n++)
		assert_int_equal(scram_parse(str_head(buf_str(&text), n), &again), ERR_BAD_INPUT);
	assert_int_equal(scram_parse(STR("SCRAM-SHA-256$1:W22ZaJ0SNY7soEsUEjb6gQ==$x:y"), &again),
	    ERR_BAD_INPUT);
	buf_free(&salt);
	buf_free(&proof);
	buf_free(&text);
}

static void
test_scram_fake(void **state)
{
	struct scram_keys a = {0}, b = {0}, c = {0}, d = {0};

	scram_fake(&a, STR("secret"), STR("nobody"));
	scram_fake(&b, STR("secret"), STR("nobody"));
	scram_fake(&c, STR("secret"), STR("nobody2"));
	scram_fake(&d, STR("secreT"), STR("nobody"));
	assert_memory_equal(&a, &b, sizeof(a));
	assert_true(memcmp(a.salt, c.salt, 16) != 0 && memcmp(a.salt, d.salt, 16) != 0);
}

/* ---- logins ---- */

static enum status
try(struct auth *a, const char *address, struct str user, struct str password, int64_t want)
{
	struct auth_client client = {.address = str_c(address), .tls = true};
	struct auth_result r;
	enum status st = auth_login(a, &client, user, password, &r);

	assert_true(st == OK ? r.account == want && r.delay_ms == 0 : r.account == 0);
	assert_true(st != ERR_NO_PERM || r.delay_ms > 0);
	return st;
}

static void
test_login(void **state)
{
	char big[300];
	struct auth_client open = {.address = STR("192.0.2.1")};
	struct auth_result r;

	assert_int_equal(try(auth, "", STR("alice"), STR("pencil"), alice), OK);
	assert_int_equal(try(auth, "", STR("ALICE"), STR("pencil"), alice), OK);
	assert_int_equal(try(auth, "", STR("alice"), STR("Pencil"), 0), ERR_NO_PERM);
	assert_int_equal(try(auth, "", STR("alice"), STR(""), 0), ERR_NO_PERM);
	assert_int_equal(try(auth, "", STR("alice"), STR("b o b"), 0),
	    ERR_NO_PERM); /* S8: the right one of another */
	assert_int_equal(try(auth, "", STR("bob@example.org"), STR("b o b"), bob), OK);
	assert_int_equal(try(auth, "", STR("eve"), STR("pencil"), 0), ERR_NO_PERM); /* disabled */
	assert_int_equal(try(auth, "", STR("nobody"), STR("pencil"), 0), ERR_NO_PERM);
	assert_int_equal(try(auth, "", STR(""), STR("x"), 0), ERR_NO_PERM);
	assert_int_equal(try(auth, "", STR("a\0lice"), STR("pencil"), 0), ERR_NO_PERM);
	assert_int_equal(try(auth, "", STR("\xff\xfe"), STR("pencil"), 0), ERR_NO_PERM);
	assert_int_equal(try(auth, "", STR("%u\x01\r\n"), STR("pencil"), 0), ERR_NO_PERM);
	assert_int_equal(try(auth, "", STR("' OR 1=1 --"), STR("pencil"), 0), ERR_NO_PERM);
	memset(big, 'a', sizeof(big));
	assert_int_equal(try(auth, "", str_of(big, sizeof(big)), STR("pencil"), 0), ERR_NO_PERM);
	assert_int_equal(auth_login(auth, &open, STR("alice"), STR("pencil"), &r), ERR_CONFLICT);
}

static void
test_crypt(void **state)
{
	struct make m = {.name = "dave", .kind = "crypt"};
	char *setting = crypt("pencil", "$6$saltsalt$");

	m.value = str_c(setting);
	assert_int_equal(db_write(store_db(store), make_fn, &m), OK);
	assert_int_equal(try(auth, "", STR("dave"), STR("pencil"), m.id), OK);
	assert_int_equal(try(auth, "", STR("dave"), STR("pencils"), 0), ERR_NO_PERM);
	assert_int_equal(try(auth, "", STR("carol"), STR("nothing"), 0), ERR_NO_PERM);
}

static void
test_limit(void **state)
{
	struct auth *a = auth_new(store, &auth_settings_default);
	unsigned tries, rounds = 0;
	enum status right;

	/* Even the right password, from there; not from elsewhere, and not another user's (nobody
	 * is locked out by others). One failure is forgotten every 30 s: on a busy machine that may
	 * happen between two lines here, so it may take more than the ten and another round. */
	do {
		tries = 0;
		while (try(a, "192.0.2.7", STR("bob@example.org"), STR("wrong"), 0) == ERR_NO_PERM)
			assert_true(++tries < 14);
		assert_true(tries >= 10);
		right = try(a, "192.0.2.7", STR("BOB@example.org"), STR("b o b"), bob);
	} while (right != ERR_LIMIT && ++rounds < 3);
	assert_int_equal(right, ERR_LIMIT);
	assert_int_equal(try(a, "192.0.2.8", STR("bob@example.org"), STR("b o b"), bob), OK);
	assert_int_equal(try(a, "192.0.2.7", STR("alice"), STR("pencil"), alice), OK);
	/* Who was right lately goes on. */
	assert_int_equal(try(a, "192.0.2.7", STR("bob@example.org"), STR("b o b"), bob), OK);
	auth_free(a);
}

static void
test_limit_table(void **state)
{
	struct limit *l = limit_new();
	struct str six = STR("2001:db8:1:2:3:4:5:6"), neighbour = STR("2001:db8:1:2:ffff::1"),
		   far = STR("2001:db8:1:3::1");
	int64_t now = 1000000;
	char user[16];

	for (int i = 0; i < 10; i++)
		limit_failed(l, six, STR("u"), now);
	assert_false(limit_allows(l, six, STR("u"), now));
	assert_false(limit_allows(l, neighbour, STR("U"), now)); /* one network */
	assert_true(limit_allows(l, far, STR("u"), now));
	assert_true(limit_allows(l, six, STR("v"), now));
	assert_true(limit_allows(l, six, STR("u"), now + 31000000)); /* leaked */
	limit_succeeded(l, six, STR("u"));
	assert_true(limit_allows(l, six, STR("u"), now));
	/* Many users from one address. */
	for (int i = 0; i < 200; i++) {
		snprintf(user, sizeof(user), "u%d", i);
		limit_failed(l, far, str_c(user), now);
	}
	assert_false(limit_allows(l, far, STR("x"), now));
	/* The empty address is not counted. */
	for (int i = 0; i < 500; i++)
		limit_failed(l, STR(""), STR("u"), now);
	assert_true(limit_allows(l, STR(""), STR("u"), now));
	limit_free(l);
}

static void
test_cache(void **state)
{
	struct cache *c = cache_new(10), *off = cache_new(0);

	cache_put(c, 5, 1, STR("pw"), 1000);
	assert_true(cache_has(c, 5, 1, STR("pw"), 2000));
	assert_false(cache_has(c, 5, 1, STR("pW"), 2000));
	assert_false(cache_has(c, 5, 2, STR("pw"), 2000)); /* credentials changed */
	assert_false(cache_has(c, 6, 1, STR("pw"), 2000)); /* another account: S8 */
	assert_false(cache_has(c, 5, 1, STR("pw"), 10001000));
	cache_forget(c, 6);
	assert_true(cache_has(c, 5, 1, STR("pw"), 2000));
	cache_forget(c, 5);
	assert_false(cache_has(c, 5, 1, STR("pw"), 2000));
	cache_put(off, 5, 1, STR("pw"), 1000);
	assert_false(cache_has(off, 5, 1, STR("pw"), 1000));
	cache_free(c);
	cache_free(off);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_password),
	    cmocka_unit_test(test_scram_vector),
	    cmocka_unit_test(test_scram_fake),
	    cmocka_unit_test(test_login),
	    cmocka_unit_test(test_crypt),
	    cmocka_unit_test(test_limit),
	    cmocka_unit_test(test_limit_table),
	    cmocka_unit_test(test_cache),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
