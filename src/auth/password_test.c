/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of auth: hashes, and the keys of SCRAM by RFC 7677. S7. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include "auth/password.h"
#include "auth/scram.h"
#include "base/codec.h"

static const struct password_cost cheap = {.memory_kib = 64, .passes = 1, .lanes = 1};

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
	assert_int_equal(password_foreign(STR("{SHA256}lBi01QMG3Gd0CpV3BXnU030Kw3AMvt/v4FoXS/m7lHI="), &foreign), ERR_BAD_INPUT);
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

/* From a directory; the last is doveadm's. The hashes are of "geheim". */
static void
test_digests(void **state)
{
	static const char *const good[] = {"{SSHA}5PtDGqVr1669kzMbTWqKNh+UHTtzYWx0c2FsdA==",
	    "{ssha}5PtDGqVr1669kzMbTWqKNh+UHTtzYWx0c2FsdA==", "{SSHA256}lBi01QMG3Gd0CpV3BXnU030Kw3AMvt/v4FoXS/m7lHJzYWx0c2FsdA==",
	    "{SSHA512}kSRY31mmTBHGPRWb1dezNdvTN1+3pzWLbIyyuvOjgkudxg3eGMkrmeGrFCgLvzwdz7wZ/8ubek+9i9vnSp8tb3NhbHRzYWx0",
	    "{SSHA512}vDFHcr517KJ0djoqBthYkpBb5xBKzHk/rmWe3HjN6fgerLD/vWE6PkOF9glJO6GsrreU7ABoZRq3mFkO338aGc3DMx4="};
	struct buf big = {0};
	struct str foreign;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct str hash = str_c(good[i]);

		assert_int_equal(password_foreign(hash, &foreign), OK);
		assert_int_equal(password_verify(foreign, STR("geheim")), OK);
		assert_int_equal(password_verify(foreign, STR("Geheim")), ERR_NO_PERM);
		assert_int_equal(password_verify(foreign, STR("geheim\0")), ERR_NO_PERM);
		assert_true(password_is_old(foreign)); /* made better at the first login */
		/* Cut anywhere it is none, or one with another salt: never right. */
		for (size_t n = 0; n < hash.n; n++)
			if (password_verify(str_head(hash, n), STR("geheim")) == OK)
				fail_msg("%s up to %zu", good[i], n);
	}
	/* Without a salt, and with one that is too long. */
	for (size_t n = 0; n <= 65; n += 65) {
		char bytes[20 + 65] = {0};

		buf_clear(&big);
		buf_adds(&big, "{SSHA}");
		base64_encode(&big, str_of(bytes, 20 + n));
		assert_int_equal(password_foreign(buf_str(&big), &foreign), ERR_BAD_INPUT);
		assert_int_equal(password_verify(buf_str(&big), STR("x")), ERR_CORRUPT);
	}
	buf_free(&big);
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
	scram_derive(&k, SCRAM_SHA256, STR("pencil"), buf_str(&salt), 4096);
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
	assert_int_equal(scram_parse(SCRAM_SHA256, buf_str(&text), &again), OK);
	assert_memory_equal(again.stored_key, k.stored_key, 32);
	assert_memory_equal(again.server_key, k.server_key, 32);
	assert_true(again.iterations == 4096 && again.salt_len == 16);
	for (size_t n = 0; n < text.n; n++)
		assert_int_equal(scram_parse(SCRAM_SHA256, str_head(buf_str(&text), n), &again), ERR_BAD_INPUT);
	assert_int_equal(scram_parse(SCRAM_SHA256, STR("SCRAM-SHA-256$1:W22ZaJ0SNY7soEsUEjb6gQ==$x:y"), &again),
	    ERR_BAD_INPUT);
	buf_free(&salt);
	buf_free(&proof);
	buf_free(&text);
}

static void
test_scram_fake(void **state)
{
	struct scram_keys a = {0}, b = {0}, c = {0}, d = {0}, e = {0};
	uint8_t one[32], two[32], three[32];

	scram_seed(one, SCRAM_SHA256, STR("secret"), STR("nobody"));
	scram_seed(two, SCRAM_SHA256, STR("secret"), STR("nobody2"));
	scram_seed(three, SCRAM_SHA256, STR("secreT"), STR("nobody"));
	scram_fake(&a, SCRAM_SHA256, one, 4096, 16);
	scram_fake(&b, SCRAM_SHA256, one, 4096, 16);
	scram_fake(&c, SCRAM_SHA256, two, 4096, 16);
	scram_fake(&d, SCRAM_SHA256, three, 4096, 16);
	scram_fake(&e, SCRAM_SHA256, one, 100000, 16);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_true(memcmp(a.salt, c.salt, 16) != 0 && memcmp(a.salt, d.salt, 16) != 0 && memcmp(a.salt, e.salt, 16) != 0);
	assert_int_equal(e.iterations, 100000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_password),
	    cmocka_unit_test(test_digests),
	    cmocka_unit_test(test_scram_vector),
	    cmocka_unit_test(test_scram_fake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
