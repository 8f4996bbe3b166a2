/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of SCRAM's messages and keys: the exchanges of the RFCs, and everything that is not one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "auth/scram_exchange.h"
#include "base/codec.h"

/* RFC 5802 section 5; RFC 7677 section 3; the same with SHA-512, by Python's hashlib. */
static const struct {
	enum scram_hash hash;
	struct str bare, first, without_proof, proof, signature, salt;
} given[] = {
    {SCRAM_SHA1, STR("n=user,r=fyko+d2lbbFgONRv9qkxdawL"), STR("r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096"),
	STR("c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j"), STR("v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="), STR("v=rmF9pqV8S7suAoZWja4dJRkFsKQ="),
	STR("QSXCR+Q6sek8bf92")},
    {SCRAM_SHA256, STR("n=user,r=rOprNGfwEbeRWgbNEkqO"),
	STR("r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"),
	STR("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"), STR("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
	STR("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="), STR("W22ZaJ0SNY7soEsUEjb6gQ==")},
    {SCRAM_SHA512, STR("n=user,r=rOprNGfwEbeRWgbNEkqO"),
	STR("r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"),
	STR("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"),
	STR("gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ=="),
	STR("v=ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw=="), STR("W22ZaJ0SNY7soEsUEjb6gQ==")},
};

/* An exchange in which the server has chosen the nonce of the RFC. */
static void
begin(size_t i, struct scram_exchange *x, struct scram_keys *k)
{
	struct buf salt = {0}, message = {0};

	*x = (struct scram_exchange){0};
	assert_int_equal(base64_decode(&salt, given[i].salt), OK);
	scram_derive(k, given[i].hash, STR("pencil"), buf_str(&salt), 4096);
	buf_addf(&message, "n,,%.*s", STR_FMT(given[i].bare));
	assert_int_equal(scram_first(x, buf_str(&message)), OK);
	assert_true(str_eq(buf_str(&x->user), STR("user")) && x->authzid.n == 0 && x->flag == SCRAM_CANNOT);
	buf_add(&x->first, given[i].first);
	buf_free(&salt);
	buf_free(&message);
}

static enum status
finish(size_t i, struct str message, struct buf *out)
{
	struct scram_exchange x;
	struct scram_keys k;
	enum status st;

	begin(i, &x, &k);
	buf_clear(out);
	st = scram_final(&x, &k, STR_NONE, message, out);
	scram_exchange_free(&x);
	return st;
}

static void
test_vectors(void **state)
{
	struct buf message = {0}, out = {0};

	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
		buf_clear(&message);
		buf_addf(&message, "%.*s,p=%.*s", STR_FMT(given[i].without_proof), STR_FMT(given[i].proof));
		assert_int_equal(finish(i, buf_str(&message), &out), OK);
		assert_true(str_eq(buf_str(&out), given[i].signature));
		/* Cut, or with a byte changed, it is nothing. */
		for (size_t n = 0; n < message.n; n++) {
			assert_int_not_equal(finish(i, str_head(buf_str(&message), n), &out), OK);
			assert_int_equal(out.n, 0);
			message.p[n] ^= 1;
			assert_int_not_equal(finish(i, buf_str(&message), &out), OK);
			assert_int_equal(out.n, 0);
			message.p[n] ^= 1;
		}
		/* The proof for another hash. */
		assert_int_not_equal(finish((i + 1) % 3, buf_str(&message), &out), OK);
	}
	buf_free(&message);
	buf_free(&out);
}

static void
test_first(void **state)
{
	static const struct str bad[] = {STR(""), STR("n"), STR("n,"), STR("n,,"), STR("n,,n=a"), STR("n,,n=a,"), STR("n,,r=abc,n=a"), STR("n,,n=,r=abc"),
	    STR("n,,n=a,r="), STR("n,,n=a,r=a b"), STR("n,,n=a,r=a\x7f"), STR("n,,n=a,r=abc,"), STR("n,,n=a,r=abc,x"), STR("n,,n=a,r=abc,1=x"),
	    STR("n,,n=a,r=abc,x="), STR("n,,m=x,n=a,r=abc"), STR("n,,n=a=b,r=abc"), STR("n,,n=a=2c,r=abc"), STR("n,,n=a=2"), STR("n,,n=\xff,r=abc"),
	    STR("n,,n=a\0b,r=abc"), STR("n,a,n=a,r=abc"), STR("n,a=,n=a,r=abc"), STR("n,a=b=,n=a,r=abc"), STR("x,,n=a,r=abc"), STR("N,,n=a,r=abc"),
	    STR("p,,n=a,r=abc"), STR("p=,,n=a,r=abc"), STR("p=a b,,n=a,r=abc"), STR("p=a=b,,n=a,r=abc"), STR("nn,,n=a,r=abc"), STR(",,n=a,r=abc"),
	    STR("n,n=a,r=abc"), STR("n,,n=a,r=abc,a=\0"), STR("n,,,n=a,r=abc")};
	struct scram_exchange x;
	char long_one[600];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		x = (struct scram_exchange){0};
		if (scram_first(&x, bad[i]) != ERR_BAD_INPUT)
			fail_msg("%.*s", STR_FMT(bad[i]));
		scram_exchange_free(&x);
	}
	memset(long_one, 'r', sizeof(long_one));
	memcpy(long_one, "n,,n=a,r=", 9);
	x = (struct scram_exchange){0};
	assert_int_equal(scram_first(&x, str_of(long_one, sizeof(long_one))), ERR_BAD_INPUT);
	scram_exchange_free(&x);
	x = (struct scram_exchange){0};
	assert_int_equal(scram_first(&x, STR("p=tls-exporter,a=b=2Cc,n==3Dj\xc3\xb6=2C,r=ab,x=y=z,y=,")), ERR_BAD_INPUT);
	scram_exchange_free(&x);
	x = (struct scram_exchange){0};
	assert_int_equal(scram_first(&x, STR("p=tls-exporter,a=b=2Cc,n==3Dj\xc3\xb6=2C,r=ab,x=y=z")), OK);
	assert_true(x.flag == SCRAM_BINDS && str_eq(x.binding, STR("tls-exporter")) && str_eq(buf_str(&x.authzid), STR("b,c")) &&
		    str_eq(buf_str(&x.user), STR("=j\xc3\xb6,")));
	scram_exchange_free(&x);
}

/* What is in the last message, in another order, twice, or of another exchange. */
static void
test_final(void **state)
{
	static const struct {
		const char *message; /* N: the nonce, P: the proof */
		enum status st;
	} c[] = {{"c=biws,r=N,p=P", OK}, {"r=N,c=biws,p=P", ERR_BAD_INPUT}, {"c=biws,p=P,r=N", ERR_BAD_INPUT}, {"p=P,c=biws,r=N", ERR_BAD_INPUT},
	    {"c=biws,r=N,p=P,x=y", ERR_BAD_INPUT}, {"c=biws,r=N,p=P,p=P", ERR_NO_PERM}, {"c=biws,r=N", ERR_BAD_INPUT}, {"c=biws,r=N,", ERR_BAD_INPUT},
	    {"c=biws,r=N,p=", ERR_BAD_INPUT}, {"c=biws,r=Nx,p=P", ERR_BAD_INPUT}, {"c=biws,r=,p=P", ERR_BAD_INPUT}, {"c=eSws,r=N,p=P", ERR_NO_PERM},
	    {"c=,r=N,p=P", ERR_NO_PERM}, {"c=biw,r=N,p=P", ERR_NO_PERM}, {"c=biws,r=N,x=1,p=P", ERR_NO_PERM}, {"c=biws,r=N,,p=P", ERR_BAD_INPUT},
	    {"c=biws,r=N,m=1,p=P", ERR_NO_PERM}, {"c=biws,r=N,p=PA", ERR_BAD_INPUT}, {"n,,n=user,r=N", ERR_BAD_INPUT}, {"", ERR_BAD_INPUT}, {",", ERR_BAD_INPUT}};
	struct buf message = {0}, out = {0};

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		enum status st;

		buf_clear(&message);
		for (const char *s = c[i].message; *s != '\0'; s++) {
			if (*s == 'N')
				buf_add(&message, str_from(given[1].without_proof, 9));
			else if (*s == 'P')
				buf_add(&message, given[1].proof);
			else
				buf_addc(&message, *s);
		}
		if ((st = finish(1, buf_str(&message), &out)) != c[i].st)
			fail_msg("%s: %s", c[i].message, status_word(st));
	}
	buf_free(&message);
	buf_free(&out);
}

/* The nonce is the client's with something behind it, and never the same. */
static void
test_challenge(void **state)
{
	struct scram_exchange x[2];
	struct scram_keys k;
	struct buf out[2] = {0};

	for (int i = 0; i < 2; i++) {
		begin(1, &x[i], &k);
		buf_clear(&x[i].first);
		scram_challenge(&x[i], &k, &out[i]);
		assert_true(str_starts(buf_str(&out[i]), STR("r=rOprNGfwEbeRWgbNEkqO")));
		assert_true(str_ends(buf_str(&out[i]), STR(",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")));
		scram_exchange_free(&x[i]);
	}
	assert_false(str_eq(buf_str(&out[0]), buf_str(&out[1])));
	buf_free(&out[0]);
	buf_free(&out[1]);
}

static void
test_keys(void **state)
{
	char one[] = "sha-512", two[] = "SHA-1", three[] = "md5", *words[] = {one, two, three};

	assert_int_equal(scram_set(words, 3), SCRAM_BIT(SCRAM_SHA1) | SCRAM_BIT(SCRAM_SHA512));
	assert_int_equal(scram_set(NULL, 0), 0);
	for (enum scram_hash h = 0; h < SCRAM_HASHES; h++) {
		uint8_t seed[2][32];
		struct scram_keys k, again, fake;
		struct buf text = {0};

		assert_int_equal(scram_make(&text, h, STR("pencil"), 4096), OK);
		assert_true(str_starts(buf_str(&text), scram_mechanism(h)));
		for (enum scram_hash other = 0; other < SCRAM_HASHES; other++)
			assert_int_equal(scram_parse(other, buf_str(&text), &k), other == h ? OK : ERR_BAD_INPUT);
		for (size_t n = 0; n < text.n; n++)
			assert_int_equal(scram_parse(h, str_head(buf_str(&text), n), &again), ERR_BAD_INPUT);
		assert_int_equal(scram_parse(h, buf_str(&text), &k), OK);
		buf_clear(&text);
		scram_print(&text, &k);
		assert_int_equal(scram_parse(h, buf_str(&text), &again), OK);
		assert_memory_equal(&k, &again, sizeof(k));
		/* Nobody's salts do not tell by being the same for each hash, as no account's are (S7). */
		scram_seed(seed[0], h, STR("secret"), STR("nobody"));
		scram_seed(seed[1], (h + 1) % SCRAM_HASHES, STR("secret"), STR("nobody"));
		assert_memory_not_equal(seed[0], seed[1], 32);
		scram_fake(&fake, h, seed[0], 4096, 16);
		assert_true(fake.hash == h && fake.salt_len == 16);
		buf_free(&text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_vectors),
	    cmocka_unit_test(test_first),
	    cmocka_unit_test(test_final),
	    cmocka_unit_test(test_challenge),
	    cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
