/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of SASL: exchanges against GNU SASL's own client, broken off, refused, from many threads. S7 S8. */
#include <stdlib.h>
#include <gsasl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include "auth/auth_priv.h"
#include "auth/auth_test.h"
#include "base/codec.h"

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
static bool
end_point(void *arg, struct buf *out)
{
	for (int i = 0; i < 48; i++)
		buf_addc(out, (char)(*(const char *)arg + 2));
	return true;
}
static const struct auth_client all = {
    .address = {"", 0}, .tls = true, .exporter = exporter, .unique = unique, .end_point = end_point, .arg = &server_binding};
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
	static const char *mechs[] = {"PLAIN", "LOGIN", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"};
	struct peer good = {.user = "alice", .password = "pencil"};
	struct peer wrong = {.user = "alice", .password = "pen"};
	struct peer nobody = {.user = "nobody", .password = "pencil"};
	struct peer off = {.user = "eve", .password = "pencil"};
	struct peer as_self = {.user = "alice", .password = "pencil", .authzid = "alice"};
	struct peer as_bob = {.user = "alice", .password = "pencil", .authzid = "Bob@example.org"};
	int64_t account;

	for (size_t i = 0; i < sizeof(mechs) / sizeof(mechs[0]); i++) {
		/* A client that could bind uses -PLUS where it is on offer. */
		good.binding = wrong.binding = nobody.binding = off.binding = as_self.binding =
		    as_bob.binding = str_ends(str_c(mechs[i]), STR("-PLUS")) ? 'K' : 0;
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

/* The client's side of any hash, by hand: the value that the channel is bound by may be another's. authzid: with "a=", or "". */
static enum auth_step
by_hand(const struct auth_client *where, enum scram_hash hash, bool plus, const char *header, struct str channel, const char *password)
{
	struct buf mech = {0}, message = {0}, c = {0}, out = {0}, signed_text = {0}, first = {0}, salt = {0};
	uint8_t proof[SCRAM_HASH_MAX], client[SCRAM_HASH_MAX], salted[SCRAM_HASH_MAX];
	const EVP_MD *md = hash == SCRAM_SHA1 ? EVP_sha1() : hash == SCRAM_SHA256 ? EVP_sha256() : EVP_sha512();
	size_t size = (size_t)EVP_MD_get_size(md), at;
	struct auth_sasl *s;
	struct scram_keys k;
	enum auth_step step;

	buf_addf(&mech, "%.*s%s", STR_FMT(scram_mechanism(hash)), plus ? "-PLUS" : "");
	buf_addf(&message, "%sn=alice,r=abcdefgh", header);
	assert_int_equal(auth_sasl_new(auth, where, buf_str(&mech), &s), OK);
	if ((step = auth_sasl_step(s, buf_str(&message), &first)) != AUTH_CONTINUE)
		goto out;
	at = str_find(buf_str(&first), STR(",s="), 0);
	assert_int_equal(base64_decode(&salt, str_head(str_from(buf_str(&first), at + 3), str_chr(str_from(buf_str(&first), at + 3), ','))), OK);
	assert_int_equal(PKCS5_PBKDF2_HMAC(password, (int)strlen(password), (const uint8_t *)salt.p, (int)salt.n, 4096, md, (int)size, salted), 1);
	scram_derive(&k, hash, str_c(password), buf_str(&salt), 4096);
	buf_adds(&c, header);
	buf_add(&c, channel);
	buf_clear(&message);
	buf_adds(&message, "c=");
	base64_encode(&message, buf_str(&c));
	buf_addf(&message, ",%.*s", STR_FMT(str_head(buf_str(&first), at)));
	buf_addf(&signed_text, "n=alice,r=abcdefgh,%.*s,%.*s", STR_FMT(buf_str(&first)), STR_FMT(buf_str(&message)));
	HMAC(md, k.stored_key, (int)size, (const uint8_t *)signed_text.p, signed_text.n, proof, NULL);
	HMAC(md, salted, (int)size, (const uint8_t *)"Client Key", 10, client, NULL);
	for (size_t i = 0; i < size; i++)
		proof[i] ^= client[i];
	buf_adds(&message, ",p=");
	base64_encode(&message, str_of(proof, size));
	step = auth_sasl_step(s, buf_str(&message), &out);
	assert_true(step != AUTH_CONTINUE || (auth_sasl_last(s) && str_starts(buf_str(&out), STR("v="))));
	/* The last word came: the empty answer, and only that, is the end. */
	if (step == AUTH_CONTINUE)
		step = auth_sasl_step(s, STR(""), &out);
	if (step == AUTH_DONE)
		assert_int_equal(auth_sasl_result(s)->account, alice);
out:
	auth_sasl_free(s);
	buf_free(&mech), buf_free(&message), buf_free(&c), buf_free(&out), buf_free(&signed_text), buf_free(&first), buf_free(&salt);
	return step;
}

/* Each hash, with each binding, and in the middle of another channel. */
static void
test_hashes(void **state)
{
	static const struct {
		const char *header;
		char fill;
		size_t n;
	} c[] = {{"p=tls-exporter,,", 'K', 32}, {"p=tls-unique,,", 'L', 32}, {"p=tls-server-end-point,,", 'M', 48}};
	char value[48];

	for (enum scram_hash h = 0; h < SCRAM_HASHES; h++) {
		assert_int_equal(by_hand(&unbound, h, false, "n,,", STR(""), "pencil"), AUTH_DONE);
		assert_int_equal(by_hand(&unbound, h, false, "y,,", STR(""), "pencil"), AUTH_DONE);
		assert_int_equal(by_hand(&unbound, h, false, "n,a=alice,", STR(""), "pencil"), AUTH_DONE);
		assert_int_equal(by_hand(&unbound, h, false, "n,a=Bob@example.org,", STR(""), "pencil"), AUTH_FAILED);
		assert_int_equal(by_hand(&unbound, h, false, "n,,", STR(""), "pen"), AUTH_FAILED);
		assert_int_equal(by_hand(&all, h, false, "n,,", STR(""), "pencil"), AUTH_DONE);
		assert_int_equal(by_hand(&all, h, false, "y,,", STR(""), "pencil"), AUTH_FAILED);
		for (size_t i = 0; i < 3; i++) {
			memset(value, c[i].fill, c[i].n);
			assert_int_equal(by_hand(&all, h, true, c[i].header, str_of(value, c[i].n), "pencil"), AUTH_DONE);
			assert_int_equal(by_hand(&all, h, true, c[i].header, str_of(value, c[i].n), "pen"), AUTH_FAILED);
			assert_int_equal(by_hand(&all, h, true, c[i].header, str_of(value, c[i].n - 1), "pencil"), AUTH_FAILED);
			value[c[i].n - 1]++;
			assert_int_equal(by_hand(&all, h, true, c[i].header, str_of(value, c[i].n), "pencil"), AUTH_FAILED);
			/* A value of another kind, or none. */
			memset(value, c[(i + 1) % 3].fill, sizeof(value));
			assert_int_equal(by_hand(&all, h, true, c[i].header, str_of(value, c[(i + 1) % 3].n), "pencil"), AUTH_FAILED);
			assert_int_equal(by_hand(&all, h, true, c[i].header, STR(""), "pencil"), AUTH_FAILED);
		}
	}
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
	    {"SCRAM-SHA-1", STR("n,a=alice,n=alice,r=abcdefgh")},
	    {"SCRAM-SHA-512-PLUS", STR("p=tls-exporter,,n=alice,r=abcdefgh")},
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

/* What came with the command is LOGIN's user name (T103). */
static void
test_login_initial(void **state)
{
	struct auth_sasl *s;
	struct buf out = {0};

	assert_int_equal(auth_sasl_new(auth, &unbound, STR("LOGIN"), &s), OK);
	assert_int_equal(auth_sasl_step(s, STR("alice"), &out), AUTH_CONTINUE);
	assert_true(str_eq(buf_str(&out), STR("Password")));
	assert_int_equal(auth_sasl_step(s, STR("pencil"), &out), AUTH_DONE);
	auth_sasl_free(s);
	assert_int_equal(auth_sasl_new(auth, &unbound, STR("LOGIN"), &s), OK);
	assert_int_equal(auth_sasl_step(s, STR(""), &out), AUTH_FAILED);
	auth_sasl_free(s);
	buf_free(&out);
}

/* A password where the name belongs is not written down. */
static void
test_name_logged(void **state)
{
	static const struct {
		struct str user, logged;
	} c[] = {{STR("alice"), STR("alice")}, {STR("ALICE"), STR("ALICE")}, {STR("s3cret pass"), STR("(unknown)")}, {STR(""), STR("(unknown)")},
	    {STR("\0x"), STR("(unknown)")}};

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct auth_client client = {.address = STR("198.51.100.77"), .tls = true};
		struct auth_result r = {0};

		assert_int_not_equal(auth_login(auth, &client, c[i].user, STR("wrong"), &r), OK);
		assert_true(str_eq(str_c(r.user), c[i].logged));
	}
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
		struct auth_result r = {0};

		ok &= exchange(&unbound, mech, &good, &account) == OK && account == alice;
		ok &= exchange(&unbound, mech, &wrong, &account) == ERR_NO_PERM;
		ok &= exchange(&unbound, mech, &other, &account) == OK && account == bob;
		ok &= auth_login(auth, &unbound, STR("alice"), STR("pencil"), &r) == OK &&
		      r.account == alice;
		auth_changed(auth, alice);
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
	    buf_str(&b), STR(" AUTH=SCRAM-SHA-512-PLUS AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-1-PLUS AUTH=SCRAM-SHA-512"
			     " AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-1 AUTH=PLAIN AUTH=LOGIN")));
	buf_clear(&b);
	auth_mechanisms(auth, &open, &b, " ");
	assert_true(str_eq(buf_str(&b), STR(" SCRAM-SHA-512 SCRAM-SHA-256 SCRAM-SHA-1")));
	assert_true(auth_plaintext_allowed(auth, &local) && auth_plaintext_allowed(auth, &tls) &&
		    !auth_plaintext_allowed(auth, &open));
	buf_free(&b);
}

/* What auth offers a client, with that setting. */
static void
expect_offer(const char *setting, const struct auth_client *client, struct str offer)
{
	struct auth_settings settings = auth_settings_default;
	struct auth *a;
	struct auth_sasl *s;
	struct buf b = {0};
	struct str first;

	settings.tls_mechanisms = str_c(setting);
	a = auth_new(store, &settings);
	auth_mechanisms(a, client, &b, " ");
	if (!str_eq(buf_str(&b), offer))
		fail_msg("%s: %.*s", setting, STR_FMT(buf_str(&b)));
	/* What is not named cannot be used, and whoever says that he was offered no binding is believed where that is so. */
	if (str_find(offer, STR("-PLUS"), 0) == SIZE_MAX)
		assert_int_equal(auth_sasl_new(a, client, STR("SCRAM-SHA-256-PLUS"), &s), ERR_NOT_FOUND);
	if (str_find(offer, STR("SCRAM"), 0) == SIZE_MAX)
		assert_int_equal(auth_sasl_new(a, client, STR("SCRAM-SHA-256"), &s), ERR_NOT_FOUND);
	else if (str_find(offer, STR("-PLUS"), 0) == SIZE_MAX) {
		assert_int_equal(auth_sasl_new(a, client, STR("SCRAM-SHA-256"), &s), OK);
		first = STR("y,,n=alice,r=abcdefgh");
		assert_int_equal(auth_sasl_step(s, first, &b), AUTH_CONTINUE);
		auth_sasl_free(s);
	}
	buf_free(&b);
	auth_free(a);
}

static void
test_order(void **state)
{
	struct auth_client open = {.address = STR("192.0.2.1")}, local = {.local = true};

	expect_offer("PLAIN,LOGIN,SCRAM-SHA-256-PLUS,SCRAM-SHA-256", &bound, STR(" PLAIN LOGIN SCRAM-SHA-256-PLUS SCRAM-SHA-256"));
	expect_offer("plain,scram-sha-256", &bound, STR(" PLAIN SCRAM-SHA-256"));
	expect_offer("PLAIN,SCRAM-SHA-256-PLUS,SCRAM-SHA-256", &unbound, STR(" PLAIN SCRAM-SHA-256"));
	expect_offer("PLAIN", &bound, STR(" PLAIN"));
	expect_offer("", &bound, STR(""));
	/* Without TLS it is as ever, strongest first. */
	expect_offer("PLAIN", &open, STR(" SCRAM-SHA-256"));
	expect_offer("PLAIN", &local, STR(" SCRAM-SHA-256 PLAIN LOGIN"));
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
	    cmocka_unit_test(test_sasl),
	    cmocka_unit_test(test_binding),
	    cmocka_unit_test(test_hashes),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_unknown_user),
	    cmocka_unit_test(test_cut_everywhere),
	    cmocka_unit_test(test_endless),
	    cmocka_unit_test(test_login_initial),
	    cmocka_unit_test(test_name_logged),
	    cmocka_unit_test(test_threads),
	    cmocka_unit_test(test_mechanisms),
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_user_names),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
