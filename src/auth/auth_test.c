/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of auth: hashes, SCRAM by RFC 7677, SASL exchanges against GNU SASL's own client, limits,
 * the cache. S7 S8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <crypt.h>
#include <gsasl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <pthread.h>
#include "auth/auth.h"
#include "auth/auth_priv.h"
#include "auth/password.h"
#include "base/codec.h"
#include "base/log.h"
#include "store/account.h"

static struct store *store;
static struct auth *auth;
static int64_t alice, bob, eve;

static const struct password_cost cheap = {.memory_kib = 64, .passes = 1, .lanes = 1};

/* ---- accounts ---- */

struct make {
	const char *name, *kind;
	struct str value, scram;
	bool disabled;
	int64_t id;
};

static enum status
make_fn(struct db_txn *txn, void *arg)
{
	struct make *m = arg;
	enum status st;

	if ((st = account_create(store, txn, str_c(m->name), &m->id)) == OK)
		st = account_set_credential(store, txn, m->id, str_c(m->kind), m->value);
	if (st == OK && m->scram.n)
		st = account_set_credential(store, txn, m->id, STR("scram-sha-256"), m->scram);
	if (st == OK && m->disabled)
		st = account_set_disabled(store, txn, m->id, true);
	return st;
}

static int64_t
make(const char *name, const char *kind, struct str value, const char *password, bool disabled)
{
	struct buf scram = {0};
	struct make m = {.name = name, .kind = kind, .value = value, .disabled = disabled};

	if (password != NULL)
		assert_int_equal(scram_make(&scram, str_c(password)), OK);
	m.scram = buf_str(&scram);
	assert_int_equal(db_write(store_db(store), make_fn, &m), OK);
	buf_free(&scram);
	return m.id;
}

static int
setup(void **state)
{
	struct store_options o = {.no_reaper = true};
	struct buf hash = {0};

	log_set_level(LOG_LEVEL_ERROR);
	if (store_open(&o, &store) != OK)
		return 1;
	auth = auth_new(store, &auth_settings_default);
	assert_int_equal(password_hash(&hash, STR("pencil"), &cheap), OK);
	alice = make("alice", "argon2id", buf_str(&hash), "pencil", false);
	bob = make("Bob@example.org", "plain", STR("{PLAIN}b o b"), "b o b", false);
	eve = make("eve", "plain", STR("{PLAIN}pencil"), "pencil", true);
	make("carol", "crypt",
	    STR("$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/"
		"jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/"),
	    NULL, false);
	buf_free(&hash);
	return 0;
}

static int
teardown(void **state)
{
	auth_free(auth);
	db_thread_end(store_db(store));
	store_close(store);
	return 0;
}

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

static const struct auth_client tls = {.address = {"192.0.2.1", 9}, .tls = true};

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

/* ---- SASL ---- */

static bool
exporter(void *arg, uint8_t key_r[32])
{
	memset(key_r, *(const char *)arg, 32);
	return true;
}
/* tls-unique: the exporter's value plus one. */
static bool
unique(void *arg, struct buf *out)
{
	for (int i = 0; i < 32; i++)
		buf_addc(out, (char)(*(const char *)arg + 1));
	return true;
}
static char server_binding = 'K';
static const struct auth_client old_tls = {
    .address = {"", 0}, .tls = true, .unique = unique, .arg = &server_binding};
static const struct auth_client both = {.address = {"", 0},
    .tls = true,
    .exporter = exporter,
    .unique = unique,
    .arg = &server_binding};
static const struct auth_client bound = {
    .address = {"", 0}, .tls = true, .exporter = exporter, .arg = &server_binding};
static const struct auth_client unbound = {.address = {"", 0}, .tls = true};

struct peer {
	const char *user, *authzid, *password;
	char binding; /* what the client takes for the channel; 0: none */
	bool unique;  /* it knows tls-unique only */
};

static int
client_callback(Gsasl *ctx, Gsasl_session *session, Gsasl_property p)
{
	const struct peer *peer = gsasl_session_hook_get(session);
	struct buf b = {0};
	char key[32];

	switch (p) {
	case GSASL_AUTHID: gsasl_property_set(session, p, peer->user); return GSASL_OK;
	case GSASL_PASSWORD: gsasl_property_set(session, p, peer->password); return GSASL_OK;
	case GSASL_AUTHZID:
		if (peer->authzid == NULL)
			return GSASL_NO_CALLBACK;
		gsasl_property_set(session, p, peer->authzid);
		return GSASL_OK;
	case GSASL_CB_TLS_UNIQUE:
	case GSASL_CB_TLS_EXPORTER:
		if (peer->binding == 0 || peer->unique != (p == GSASL_CB_TLS_UNIQUE))
			return GSASL_NO_CALLBACK;
		memset(key, peer->binding, sizeof(key));
		base64_encode(&b, str_of(key, sizeof(key)));
		buf_addc(&b, '\0');
		gsasl_property_set(session, p, b.p);
		buf_free(&b);
		return GSASL_OK;
	default: return GSASL_NO_CALLBACK;
	}
}

/* Runs a whole exchange between the library's client and our server. */
static enum status
exchange(
    const struct auth_client *where, const char *mech, const struct peer *peer, int64_t *account_r)
{
	Gsasl *ctx;
	Gsasl_session *c;
	struct auth_sasl *s;
	struct peer copy = *peer;
	struct buf challenge = {0};
	enum auth_step step;
	char *out = NULL;
	size_t n = 0;
	enum status st;
	int rc = GSASL_NEEDS_MORE;

	if (auth_sasl_new(auth, where, str_c(mech), &s) != OK)
		return ERR_NOT_FOUND;
	assert_int_equal(gsasl_init(&ctx), GSASL_OK);
	gsasl_callback_set(ctx, client_callback);
	assert_int_equal(gsasl_client_start(ctx, mech, &c), GSASL_OK);
	gsasl_session_hook_set(c, &copy);
	/* LOGIN's server speaks first; the others' client may. */
	step = strcmp(mech, "LOGIN") == 0 ? auth_sasl_step(s, STR_NONE, &challenge) : AUTH_CONTINUE;
	while (step == AUTH_CONTINUE && (rc == GSASL_NEEDS_MORE || rc == GSASL_OK)) {
		struct str in;

		out = NULL, n = 0;
		if (rc == GSASL_NEEDS_MORE)
			rc = gsasl_step(c, challenge.p, challenge.n, &out, &n);
		if (rc != GSASL_OK && rc != GSASL_NEEDS_MORE)
			break;
		in = out ? str_of(out, n) : STR("");
		step = auth_sasl_step(s, in, &challenge);
		gsasl_free(out);
	}
	st = step == AUTH_DONE ? OK : auth_sasl_status(s);
	if (step == AUTH_CONTINUE)
		st = ERR_AGAIN; /* the client gave up */
	*account_r = step == AUTH_DONE ? auth_sasl_result(s)->account : 0;
	buf_free(&challenge);
	auth_sasl_free(s);
	gsasl_finish(c);
	gsasl_done(ctx);
	return st;
}

static void
test_sasl(void **state)
{
	static const char *mechs[] = {"PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"};
	struct peer good = {.user = "alice", .password = "pencil"};
	struct peer wrong = {.user = "alice", .password = "pen"};
	struct peer nobody = {.user = "nobody", .password = "pencil"};
	struct peer off = {.user = "eve", .password = "pencil"};
	struct peer as_self = {.user = "alice", .password = "pencil", .authzid = "alice"};
	struct peer as_bob = {.user = "alice", .password = "pencil", .authzid = "Bob@example.org"};
	int64_t account;

	for (size_t i = 0; i < 4; i++) {
		/* A client that could bind uses -PLUS where it is on offer. */
		good.binding = wrong.binding = nobody.binding = off.binding = as_self.binding =
		    as_bob.binding = i == 3 ? 'K' : 0;
		assert_int_equal(exchange(&bound, mechs[i], &good, &account), OK);
		assert_int_equal(account, alice);
		assert_int_equal(exchange(&bound, mechs[i], &wrong, &account), ERR_NO_PERM);
		assert_int_equal(exchange(&bound, mechs[i], &nobody, &account), ERR_NO_PERM);
		assert_int_equal(exchange(&bound, mechs[i], &off, &account), ERR_NO_PERM);
		if (strcmp(mechs[i], "LOGIN") == 0) /* it knows no authzid */
			continue;
		assert_int_equal(exchange(&bound, mechs[i], &as_self, &account), OK);
		assert_int_equal(exchange(&bound, mechs[i], &as_bob, &account), ERR_NO_PERM);
	}
}

static void
test_binding(void **state)
{
	struct peer good = {.user = "alice", .password = "pencil", .binding = 'K'};
	struct peer old = {.user = "alice", .password = "pencil", .binding = 'L', .unique = true};
	struct peer old_middle = {
	    .user = "alice", .password = "pencil", .binding = 'K', .unique = true};
	struct peer middle = {.user = "alice", .password = "pencil", .binding = 'M'};
	struct auth_sasl *s;
	struct buf out = {0};
	int64_t account;

	/* S8: somebody in the middle has another channel. */
	assert_int_equal(exchange(&bound, "SCRAM-SHA-256-PLUS", &middle, &account), ERR_NO_PERM);
	assert_int_equal(account, 0);
	/* Each side may know one kind of binding only. */
	assert_int_equal(exchange(&both, "SCRAM-SHA-256-PLUS", &good, &account), OK);
	assert_int_equal(exchange(&both, "SCRAM-SHA-256-PLUS", &old, &account), OK);
	assert_int_equal(exchange(&old_tls, "SCRAM-SHA-256-PLUS", &old, &account), OK);
	assert_int_equal(
	    exchange(&old_tls, "SCRAM-SHA-256-PLUS", &old_middle, &account), ERR_NO_PERM);
	assert_int_equal(exchange(&both, "SCRAM-SHA-256-PLUS", &old_middle, &account), ERR_NO_PERM);
	assert_int_equal(exchange(&both, "SCRAM-SHA-256-PLUS", &middle, &account), ERR_NO_PERM);
	assert_int_not_equal(exchange(&old_tls, "SCRAM-SHA-256-PLUS", &good, &account), OK);
	/* Without an offer, a client that could bind says "y" and is right. */
	assert_int_equal(auth_sasl_new(auth, &unbound, STR("SCRAM-SHA-256"), &s), OK);
	assert_int_equal(auth_sasl_step(s, STR("y,,n=alice,r=abcdefgh"), &out), AUTH_CONTINUE);
	auth_sasl_free(s);
	buf_free(&out);
	assert_int_equal(exchange(&unbound, "SCRAM-SHA-256-PLUS", &good, &account), ERR_NOT_FOUND);
	/* The client could bind and believes that the server cannot ("y"): it was lied to. */
	assert_int_not_equal(exchange(&bound, "SCRAM-SHA-256", &good, &account), OK);
}

/* A client message by hand, to the mechanism; the statuses must be a failure. */
static void
refused(const struct auth_client *where, const char *mech, struct str in)
{
	struct auth_sasl *s;
	struct buf out = {0};

	assert_int_equal(auth_sasl_new(auth, where, str_c(mech), &s), OK);
	if (auth_sasl_step(s, in, &out) != AUTH_FAILED)
		fail_msg("%s: %.*s", mech, STR_FMT(in));
	assert_int_not_equal(auth_sasl_status(s), OK);
	assert_int_equal(auth_sasl_step(s, in, &out), AUTH_FAILED);
	assert_int_equal(auth_sasl_result(s)->account, 0);
	auth_sasl_free(s);
	buf_free(&out);
}

static void
test_refused(void **state)
{
	char *big = x_malloc(70000);

	memset(big, 'a', 70000);
	refused(&bound, "SCRAM-SHA-256", STR("y,,n=alice,r=abcdefgh")); /* downgrade */
	refused(&bound, "SCRAM-SHA-256-PLUS", STR("n,,n=alice,r=abcdefgh"));
	refused(&bound, "SCRAM-SHA-256-PLUS", STR("y,,n=alice,r=abcdefgh"));
	refused(&bound, "SCRAM-SHA-256-PLUS",
	    STR("p=tls-unique,,n=alice,r=abcdefgh")); /* not on offer here */
	refused(&bound, "SCRAM-SHA-256-PLUS", STR("p=tls-server-end-point,,n=alice,r=abcdefgh"));
	refused(&unbound, "SCRAM-SHA-256", STR("p=tls-exporter,,n=alice,r=abcdefgh"));
	refused(&unbound, "SCRAM-SHA-256", STR("garbage"));
	refused(&unbound, "SCRAM-SHA-256", STR("n,,n=al\0ice,r=abc"));
	refused(&unbound, "SCRAM-SHA-256", str_of(big, 70000));
	refused(&unbound, "PLAIN", STR(""));
	refused(&unbound, "PLAIN", STR("alice"));
	refused(&unbound, "PLAIN", STR("\0alice"));
	refused(&unbound, "PLAIN", STR("\0alice\0pencil\0"));
	refused(&unbound, "PLAIN", STR("\0alice\0pencil\0x"));
	refused(&unbound, "PLAIN", STR("\0\0pencil"));
	refused(&unbound, "PLAIN", STR("\0alice\0"));
	refused(&unbound, "PLAIN",
	    STR("\0ali\xff"
		"ce\0pencil"));
	refused(&unbound, "PLAIN", str_of(big, 70000));
	free(big);
}

/* Unknown users are answered like known ones, with a salt that stays (S7). */
static void
first_message(const char *user, struct buf *salt)
{
	struct auth_sasl *s;
	struct buf out = {0}, in = {0};
	size_t at;

	buf_addf(&in, "n,,n=%s,r=abcdefgh", user);
	assert_int_equal(auth_sasl_new(auth, &unbound, STR("SCRAM-SHA-256"), &s), OK);
	assert_int_equal(auth_sasl_step(s, buf_str(&in), &out), AUTH_CONTINUE);
	at = str_find(buf_str(&out), STR(",s="), 0);
	assert_int_not_equal(at, SIZE_MAX);
	buf_clear(salt);
	buf_add(salt, str_from(buf_str(&out), at));
	assert_true(str_ends(buf_str(salt), STR(",i=4096")));
	auth_sasl_free(s);
	buf_free(&in);
	buf_free(&out);
}

static void
test_unknown_user(void **state)
{
	struct buf a = {0}, b = {0};

	first_message("alice", &a);
	first_message("nobody", &b);
	assert_int_equal(a.n, b.n);
	first_message("Nobody", &a);
	assert_true(str_eq(buf_str(&a), buf_str(&b)));
	first_message("nobody2", &a);
	assert_false(str_eq(buf_str(&a), buf_str(&b)));
	buf_free(&a);
	buf_free(&b);
}

/* S7: an exchange may end at every byte. */
static void
test_cut_everywhere(void **state)
{
	static const struct {
		const char *mech;
		struct str in;
	} c[] = {
	    {"PLAIN", STR("\0alice\0pencil")},
	    {"LOGIN", STR("alice")},
	    {"SCRAM-SHA-256", STR("n,a=alice,n=alice,r=abcdefgh")},
	    {"SCRAM-SHA-256-PLUS", STR("p=tls-exporter,,n=alice,r=abcdefgh")},
	};

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		for (size_t n = 0; n < c[i].in.n; n++) {
			struct auth_sasl *s;
			struct buf out = {0};
			char *copy = x_malloc(n + 1);

			memcpy(copy, c[i].in.p, n);
			assert_int_equal(auth_sasl_new(auth, &bound, str_c(c[i].mech), &s), OK);
			assert_int_not_equal(auth_sasl_step(s, str_of(copy, n), &out), AUTH_DONE);
			if (n % 2)
				assert_int_not_equal(
				    auth_sasl_step(s, str_of(copy, n), &out), AUTH_DONE);
			auth_sasl_free(s);
			buf_free(&out);
			free(copy);
		}
	}
	auth_sasl_free(NULL);
}

/* Nobody keeps an exchange going for ever. */
static void
test_endless(void **state)
{
	struct auth_sasl *s;
	struct buf out = {0};
	int n = 0;

	assert_int_equal(auth_sasl_new(auth, &unbound, STR("SCRAM-SHA-256"), &s), OK);
	while (auth_sasl_step(s, STR(""), &out) == AUTH_CONTINUE)
		assert_true(++n < 20);
	auth_sasl_free(s);
	buf_free(&out);
}

/* Many at once: each gets his own answer (S7: one client's fault never touches another). */
static void *
one_of_many(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;
	struct peer good = {.user = "alice", .password = "pencil"},
		    wrong = {.user = "alice", .password = "pen"};
	struct peer other = {.user = "bob@example.org", .password = "b o b"};
	bool ok = true;
	int64_t account;

	for (int i = 0; i < 20; i++) {
		const char *mech = (me + (unsigned)i) % 2 ? "SCRAM-SHA-256" : "PLAIN";
		struct auth_result r;

		ok &= exchange(&unbound, mech, &good, &account) == OK && account == alice;
		ok &= exchange(&unbound, mech, &wrong, &account) == ERR_NO_PERM;
		ok &= exchange(&unbound, mech, &other, &account) == OK && account == bob;
		ok &= auth_login(auth, &unbound, STR("alice"), STR("pencil"), &r) == OK &&
		      r.account == alice;
		auth_forget(auth, alice);
	}
	db_thread_end(store_db(store));
	return ok ? arg : NULL;
}

static void
test_threads(void **state)
{
	pthread_t t[4];
	void *result;

	for (uintptr_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, one_of_many, (void *)(i + 1)), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &result);
		assert_non_null(result);
	}
}

static void
test_mechanisms(void **state)
{
	struct auth_client open = {.address = STR("192.0.2.1")}, local = {.local = true};
	struct buf b = {0};

	auth_mechanisms(auth, &bound, &b, " AUTH=");
	assert_true(str_eq(
	    buf_str(&b), STR(" AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256 AUTH=PLAIN AUTH=LOGIN")));
	buf_clear(&b);
	auth_mechanisms(auth, &open, &b, " ");
	assert_true(str_eq(buf_str(&b), STR(" SCRAM-SHA-256")));
	assert_true(auth_plaintext_allowed(auth, &local) && auth_plaintext_allowed(auth, &tls) &&
		    !auth_plaintext_allowed(auth, &open));
	buf_free(&b);
}

static void
test_user_names(void **state)
{
	static const struct str bad[] = {STR(""), STR("a\0b"), STR("a\nb"), STR("\x7f"),
	    STR("\xc2\x85"), STR("\xff"), STR("\xe2\x80\xa8")};
	struct buf out = {0};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(auth_user_prepare(&out, bad[i]), ERR_BAD_INPUT);
	assert_int_equal(auth_user_prepare(&out, STR("e\xcc\x81%n")), OK);
	assert_true(str_eq(buf_str(&out), STR("\xc3\xa9%n")));
	buf_free(&out);
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
	    cmocka_unit_test(test_sasl),
	    cmocka_unit_test(test_binding),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_unknown_user),
	    cmocka_unit_test(test_cut_everywhere),
	    cmocka_unit_test(test_endless),
	    cmocka_unit_test(test_threads),
	    cmocka_unit_test(test_mechanisms),
	    cmocka_unit_test(test_user_names),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
