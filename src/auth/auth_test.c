/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of auth: logins, limits, keys, the cache. S7 S8. */
#include <stdio.h>
#include <crypt.h>
#include <pthread.h>
#include <stdatomic.h>
#include "auth/auth_priv.h"
#include "auth/auth_test.h"
#include "base/clock.h"

/* ---- logins ---- */

static enum status
nothing_fn(struct db_txn *txn, void *arg)
{
	return OK;
}

/* What was submitted before is done afterwards. */
static void
db_write_all(struct store *s)
{
	for (int i = 0; i < 3; i++)
		assert_int_equal(db_write(store_db(s), nothing_fn, NULL), OK);
}

static enum status
set_scram_fn(struct db_txn *txn, void *arg)
{
	struct make *m = arg;

	return account_set_credential(store, txn, m->id, STR("scram-sha-256"), m->scram[SCRAM_SHA256]);
}

static enum status
try(struct auth *a, const char *address, struct str user, struct str password, int64_t want)
{
	struct auth_client client = {.address = str_c(address), .tls = true};
	struct auth_result r = {0};
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
	struct auth_result r = {0};

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
	/* Who was right lately, elsewhere or there, is refused all the same: what a cache knows is no guess for free. */
	assert_int_equal(try(a, "192.0.2.7", STR("bob@example.org"), STR("b o b"), 0), ERR_LIMIT);
	assert_int_equal(try(a, "192.0.2.7", STR("bob@example.org"), STR("wrong"), 0), ERR_LIMIT);
	auth_free(a);
}

static struct limit_who
who(struct network *n, const char *address, const char *user)
{
	assert_true(network_of_text(str_c(address), n));
	return (struct limit_who){.where = n, .user = str_c(user)};
}

static void
test_limit_table(void **state)
{
	struct limit *l = limit_new();
	struct network n[5];
	struct limit_who six = who(&n[0], "2001:db8::2:3:4:5:6", "u"), neighbour = who(&n[1], "2001:db8:0:2:ffff::1", "u"),
	    far = who(&n[2], "2001:db8:1:3::1", "u"), other = who(&n[3], "2001:db8::2:3:4:5:6", "v"), unix_socket = {.user = STR("u")};
	int64_t now = 1000000;
	char user[16];

	for (int i = 0; i < 10; i++)
		assert_int_equal(limit_take(l, &six, now), LIMIT_OK);
	assert_int_equal(limit_take(l, &six, now), LIMIT_PLACE);
	assert_int_equal(limit_take(l, &neighbour, now), LIMIT_PLACE); /* one network */
	assert_int_equal(limit_ask(l, &far, now), LIMIT_OK);
	assert_int_equal(limit_ask(l, &other, now), LIMIT_OK);
	assert_int_equal(limit_take(l, &six, now + 31000000), LIMIT_OK); /* leaked */
	assert_int_equal(limit_take(l, &six, now + 31000000), LIMIT_PLACE);
	limit_succeeded(l, &six, now + 31000000);
	for (int i = 0; i < 10; i++)
		assert_int_equal(limit_take(l, &six, now + 31000000), LIMIT_OK);
	/* Many users from one address. */
	for (int i = 0; i < 200; i++) {
		snprintf(user, sizeof(user), "u%d", i);
		far.user = str_c(user);
		assert_int_equal(limit_take(l, &far, now), LIMIT_OK);
	}
	far.user = STR("x");
	assert_int_equal(limit_take(l, &far, now), LIMIT_PLACE);
	/* A Unix socket is not counted. */
	for (int i = 0; i < 500; i++)
		assert_int_equal(limit_take(l, &unix_socket, now), LIMIT_OK);
	limit_free(l);
}

/* One user from ever new addresses: slowed, but not where he is known. */
static void
test_limit_everywhere(void **state)
{
	struct limit *l = limit_new();
	struct network n;
	struct limit_who w = {.where = &n, .user = STR("u")};
	int64_t now = 1000000;
	unsigned let = 0;

	for (unsigned i = 0; i < 1000; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.1.%u.%u", i / 250, i % 250);
		assert_true(network_of_text(str_c(text), &n));
		if (limit_take(l, &w, now) == LIMIT_OK)
			let++;
	}
	assert_int_equal(let, 100);
	assert_int_equal(limit_take(l, &w, now), LIMIT_USER);
	w.known = true;
	for (int i = 0; i < 10; i++)
		assert_int_equal(limit_take(l, &w, now), LIMIT_OK);
	assert_int_equal(limit_take(l, &w, now), LIMIT_PLACE);
	/* It is slow, not shut: one in ten seconds. */
	w.known = false;
	assert_true(network_of_text(STR("10.9.9.9"), &n));
	assert_int_equal(limit_take(l, &w, now + 9000000), LIMIT_USER);
	assert_int_equal(limit_take(l, &w, now + 11000000), LIMIT_OK);
	assert_int_equal(limit_take(l, &w, now + 11000000), LIMIT_USER);
	limit_free(l);
}

/* The same over auth: an address from which he has logged in is known, also to the next process. */
static void
test_known_place(void **state)
{
	struct auth *a = auth_new(store, &auth_settings_default);
	char text[32];
	unsigned more = 0;

	assert_int_equal(try(a, "198.51.100.7", STR("bob@example.org"), STR("b o b"), bob), OK);
	db_write_all(store);
	auth_free(a);
	a = auth_new(store, &auth_settings_default);
	for (unsigned i = 0; i < 130; i++) {
		snprintf(text, sizeof(text), "10.2.0.%u", i);
		assert_int_not_equal(try(a, text, STR("bob@example.org"), STR("wrong"), 0), OK);
	}
	/* Elsewhere it is refused, whatever the spelling and the password. */
	assert_int_equal(try(a, "10.2.1.1", STR("BOB@Example.ORG"), STR("b o b"), 0), ERR_LIMIT);
	assert_int_equal(try(a, "198.51.100.7", STR("bob@example.org"), STR("b o b"), bob), OK);
	/* An unknown name is limited in the same way. */
	for (unsigned i = 0; i < 99; i++) {
		snprintf(text, sizeof(text), "10.3.0.%u", i);
		assert_int_equal(try(a, text, STR("not-there"), STR("b o b"), 0), ERR_NO_PERM);
	}
	while (try(a, "10.3.1.1", STR("Not-There"), STR("b o b"), 0) == ERR_NO_PERM)
		assert_true(++more < 5); /* what leaked away meanwhile; ten it would be from one address */
	auth_free(a);
}

/* Attempts that begin at once are counted at once: nobody gets in between the question and the count. */
struct guess {
	struct auth *a;
	_Atomic unsigned looked_at;
};
static void *
guess_thread(void *arg)
{
	struct guess *g = arg;
	struct auth_client client = {.address = STR("192.0.2.77"), .tls = true};

	for (int i = 0; i < 8; i++) {
		struct auth_result r = {0};

		if (auth_login(g->a, &client, STR("carol"), STR("wrong"), &r) == ERR_NO_PERM)
			atomic_fetch_add(&g->looked_at, 1);
	}
	db_thread_end(store_db(store));
	return NULL;
}

static void
test_limit_at_once(void **state)
{
	struct guess g = {.a = auth_new(store, &auth_settings_default)};
	pthread_t t[8];

	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&t[i], NULL, guess_thread, &g), 0);
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	assert_in_range(g.looked_at, 10, 12); /* with what leaks away meanwhile */
	auth_free(g.a);
}

/* Who waits for his turn is asked again, and counted once. */
static bool
not_yet(void *arg)
{
	return ++*(int *)arg % 3 == 0;
}

static void
test_counted_once(void **state)
{
	struct auth *a = auth_new(store, &auth_settings_default);
	int asked = 0;
	struct auth_client client = {.address = STR("192.0.2.78"), .tls = true, .turn = not_yet, .turn_arg = &asked};

	for (int i = 0; i < 10; i++) {
		struct auth_result r = {0};
		enum status st;

		while ((st = auth_login(a, &client, STR("eve"), STR("wrong"), &r)) == ERR_AGAIN)
			;
		assert_int_equal(st, ERR_NO_PERM);
	}
	assert_int_equal(asked, 30);
	auth_free(a);
}

/* A login from where he is known is not counted over all addresses, and gives nothing back there: also when it had to wait for its turn. */
static void
test_known_waits(void **state)
{
	struct auth_settings settings = auth_settings_default;
	int asked = 0;
	struct auth_client client = {.address = STR("198.51.100.8"), .tls = true, .turn = not_yet, .turn_arg = &asked};
	struct network n;
	struct limit_who everywhere = who(&n, "10.4.0.0", "bob@example.org");
	struct auth *a;
	unsigned more = 0;

	settings.cache_seconds = 0;
	a = auth_new(store, &settings);
	assert_int_equal(try(a, "198.51.100.8", STR("bob@example.org"), STR("b o b"), bob), OK);
	db_write_all(store);
	for (unsigned i = 0; limit_take(a->limit, &everywhere, clock_mono()) != LIMIT_USER; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.4.0.%u", i);
		assert_true(i < 120 && network_of_text(str_c(text), &n));
	}
	assert_true(network_of_text(STR("10.4.1.1"), &n));
	for (int i = 0; i < 5; i++) {
		struct auth_result r = {0};
		enum status st;

		while ((st = auth_login(a, &client, STR("bob@example.org"), STR("b o b"), &r)) == ERR_AGAIN)
			;
		assert_int_equal(st, OK);
		while (limit_take(a->limit, &everywhere, clock_mono()) == LIMIT_OK)
			assert_true(++more < 3); /* what leaked away meanwhile */
	}
	assert_int_equal(asked, 15);
	auth_free(a);
}

/*
 * An address that has guessed as much as it may gets one answer for all names, whether they exist, were there before, or neither: asking costs
 * it nothing any more, and it would learn who is who as fast as it can ask (docs/why/logins.md).
 */
static void
test_full_address(void **state)
{
	struct auth *a = auth_new(store, &auth_settings_default);
	const struct str names[] = {STR("alice"), STR("bob@example.org"), STR("eve"), STR("not-there-either"), STR("")};
	struct network n;
	struct limit_who guesser = who(&n, "198.51.100.9", "");

	assert_int_equal(try(a, "198.51.100.9", STR("alice"), STR("pencil"), alice), OK);
	db_write_all(store);
	for (unsigned i = 0; i < 250; i++) {
		char text[16];

		snprintf(text, sizeof(text), "name%u", i);
		guesser.user = str_c(text);
		(void)limit_take(a->limit, &guesser, clock_mono());
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		assert_int_equal(try(a, "198.51.100.9", names[i], STR("wrong"), 0), ERR_LIMIT);
		assert_int_equal(try(a, "198.51.100.9", names[i], STR("pencil"), 0), ERR_LIMIT);
	}
	auth_free(a);
}

/* Processor time of one attempt that fails, in microseconds: the least of some. */
static int64_t
cost(struct auth *a, const char *user, struct str password)
{
	int64_t best = INT64_MAX;

	for (int i = 0; i < 4; i++) {
		struct timespec from, to;
		int64_t us;

		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
		assert_int_equal(try(a, "", str_c(user), password, 0), ERR_NO_PERM);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
		us = (to.tv_sec - from.tv_sec) * 1000000 + (to.tv_nsec - from.tv_nsec) / 1000;
		if (us < best)
			best = us;
	}
	return best;
}

/* Whoever is tried with whatever, it costs a hash; that the answer waits for its moment comes on top (S7, S22). */
static void
test_cost(void **state)
{
	struct auth *a = auth_new(store, &auth_settings_default);
	struct buf hash = {0};
	char big[AUTH_PASSWORD_MAX + 1];
	int64_t one;
	const char *const users[] = {"hash", "Bob@example.org", "eve", "carol", "nobody-there", "", "a b", "\xff"};

	memset(big, 'x', sizeof(big));
	assert_int_equal(password_hash(&hash, STR("pencil"), &password_cost_default), OK);
	make("hash", "argon2id", buf_str(&hash), "pencil", false);
	one = cost(a, "hash", STR("wrong"));
	for (size_t i = 0; i < sizeof(users) / sizeof(*users); i++) {
		const struct str passwords[] = {STR("wrong"), STR(""), str_of(big, sizeof(big)), STR("\xff\xfe"), STR("a\0b"), STR("a\x01")};

		for (size_t k = 0; k < 6; k++) {
			int64_t us = cost(a, users[i], passwords[k]);

			/* A hash from elsewhere comes on top. */
			if (us < one / 2 || us > (strcmp(users[i], "carol") == 0 ? 4 : 2) * one)
				fail_msg("user \"%s\", password %zu: %lld us, not %lld", users[i], k, (long long)us, (long long)one);
		}
	}
	buf_free(&hash);
	auth_free(a);
}

static enum status
renew_fn(struct db_txn *txn, void *arg)
{
	return account_set_credential(store, txn, *(int64_t *)arg, STR("plain"), STR("{PLAIN}new"));
}

static enum status
disable_fn(struct db_txn *txn, void *arg)
{
	return account_set_disabled(store, txn, *(int64_t *)arg, true);
}

static enum status
delete_fn(struct db_txn *txn, void *arg)
{
	return account_delete(store, txn, *(int64_t *)arg);
}

/* What is logged goes to a file, until logged() looks there. */
static void
log_to(FILE **f_r)
{
	assert_non_null(*f_r = tmpfile());
	log_set_fd(fileno(*f_r));
	log_set_level(LOG_LEVEL_INFO);
}

static void
logged(FILE **f, const char *what)
{
	char text[1000];
	size_t n;

	log_set_level(LOG_LEVEL_ERROR);
	log_set_fd(2);
	rewind(*f);
	n = fread(text, 1, sizeof(text) - 1, *f);
	text[n] = '\0';
	fclose(*f);
	if (strstr(text, what) == NULL)
		fail_msg("not logged: %s, but: %s", what, text);
}

/* Between the password and the OK. */
static void
test_confirm(void **state)
{
	db_write_fn change[] = {renew_fn, disable_fn, delete_fn};

	for (size_t i = 0; i < 3; i++) {
		int64_t id = make("frank", "plain", STR("{PLAIN}old"), "old", false);
		struct auth_result r = {0};
		FILE *log;

		assert_int_equal(auth_login(auth, &tls, STR("frank"), STR("old"), &r), OK);
		assert_int_equal(auth_confirm(auth, &tls, &r), OK);
		assert_int_equal(db_write(store_db(store), change[i], &id), OK);
		log_to(&log);
		assert_int_equal(auth_confirm(auth, &tls, &r), ERR_NO_PERM);
		logged(&log, "auth_failed account=\"frank\" address=192.0.2.1 why=");
		assert_true(r.delay_ms > 0);
		if (i < 2)
			assert_int_equal(db_write(store_db(store), delete_fn, &id), OK);
	}
}

/* ---- keys ---- */

static enum status
keys_of(const char *name, struct scram_keys *k, char kind_r[16])
{
	static const char *const kinds[] = {"argon2id", "crypt", "plain"};
	struct arena arena = {0};
	struct account account;
	struct db_txn *txn;
	struct str v;
	enum status st;

	assert_int_equal(db_read_begin(store_db(store), &txn), OK);
	assert_int_equal(account_find(txn, &arena, str_c(name), &account), OK);
	kind_r[0] = '\0';
	for (size_t i = 0; i < 3; i++)
		if (account_credential(txn, &arena, account.id, str_c(kinds[i]), &v) == OK)
			strcat(kind_r, kinds[i]);
	if ((st = account_credential(txn, &arena, account.id, STR("scram-sha-256"), &v)) == OK)
		st = scram_parse(SCRAM_SHA256, v, k);
	db_read_end(txn);
	arena_free(&arena);
	return st;
}

static bool
offers_scram(struct auth *a)
{
	struct buf b = {0};
	bool is;

	auth_mechanisms(a, &tls, &b, " ");
	is = str_find(buf_str(&b), STR("SCRAM"), 0) != SIZE_MAX;
	buf_free(&b);
	return is;
}

static void
feed(void *arg, const struct store_event *ev)
{
	if (ev->kind == EVENT_ACCOUNT)
		auth_changed(arg, ev->account);
}

/* SCRAM is offered while everybody has keys; a hash from elsewhere becomes one of ours, and few iterations more. */
static void
test_renew(void **state)
{
	struct store *before = store;
	struct store_options o = {.no_reaper = true};
	struct auth_settings few = auth_settings_default;
	struct auth *a;
	struct scram_keys k;
	struct make m = {.name = "dora", .kind = "crypt"};
	struct store_subscriber changes;
	char kinds[16];
	int64_t old, id;

	assert_int_equal(store_open(&o, &store), OK);
	few.scram_iterations = 6000;
	a = auth_new(store, &few);
	changes = (struct store_subscriber){feed, a};
	store_subscribe(store, &changes);
	assert_true(offers_scram(a));
	old = make("alice", "plain", STR("{PLAIN}pencil"), "pencil", false);
	assert_true(offers_scram(a));
	/* Nobody can log in to it: it may have no keys. */
	make("disabled", "crypt", STR("$6$x$y"), NULL, true);
	assert_true(offers_scram(a));
	m.value = str_c(crypt("pencil", "$6$saltsalt$"));
	assert_int_equal(db_write(store_db(store), make_fn, &m), OK);
	assert_false(offers_scram(a));
	assert_int_equal(try(a, "", STR("dora"), STR("wrong"), 0), ERR_NO_PERM);
	db_write_all(store);
	assert_false(offers_scram(a));
	assert_int_equal(keys_of("dora", &k, kinds), ERR_NOT_FOUND);
	assert_int_equal(try(a, "", STR("dora"), STR("pencil"), m.id), OK);
	db_write_all(store);
	assert_true(offers_scram(a));
	assert_int_equal(keys_of("dora", &k, kinds), OK);
	assert_int_equal(k.iterations, 6000);
	assert_string_equal(kinds, "argon2id");
	assert_int_equal(try(a, "", STR("dora"), STR("pencil"), m.id), OK);
	assert_int_equal(try(a, "", STR("dora"), STR("wrong"), 0), ERR_NO_PERM);
	/* alice's were made with 4096. */
	assert_int_equal(keys_of("alice", &k, kinds), OK);
	assert_int_equal(k.iterations, 4096);
	assert_int_equal(try(a, "", STR("alice"), STR("pencil"), old), OK);
	db_write_all(store);
	assert_int_equal(keys_of("alice", &k, kinds), OK);
	assert_int_equal(k.iterations, 6000);
	/* Nor does one stay with more: there are clients that refuse to compute them. */
	a->settings.scram_iterations = 5000;
	assert_int_equal(try(a, "", STR("alice"), STR("pencil"), old), OK);
	db_write_all(store);
	assert_int_equal(keys_of("alice", &k, kinds), OK);
	assert_int_equal(k.iterations, 5000);
	/* A password that was changed meanwhile stays what it is. */
	id = make("erna", "plain", STR("{PLAIN}one"), "one", false);
	assert_int_equal(try(a, "", STR("erna"), STR("one"), id), OK);
	assert_int_equal(db_write(store_db(store), renew_fn, &id), OK);
	db_write_all(store);
	assert_int_equal(try(a, "", STR("erna"), STR("new"), id), OK);
	/* One that is no text has no keys for SCRAM, and keeps its hash. */
	m = (struct make){.name = "latin", .kind = "crypt", .value = str_c(crypt("p\xe4", "$6$saltsalt$"))};
	assert_int_equal(db_write(store_db(store), make_fn, &m), OK);
	assert_int_equal(try(a, "", STR("latin"), STR("p\xe4"), m.id), OK);
	db_write_all(store);
	assert_false(offers_scram(a));
	assert_int_equal(db_write(store_db(store), delete_fn, &m.id), OK);
	assert_true(offers_scram(a));
	store_unsubscribe(store, &changes);
	auth_free(a);
	db_thread_end(store_db(store));
	store_close(store);
	store = before;
}

/* False keys are as the true ones: the same share of names has each number of iterations, and those with an old one lose it as accounts do. */
static void
survey_moves(uint32_t from, uint32_t to)
{
	struct store *before = store;
	struct store_options o = {.no_reaper = true};
	struct survey *v;
	struct buf text = {0};
	unsigned old[2] = {0}, back = 0;
	uint32_t was[1000];

	assert_int_equal(store_open(&o, &store), OK);
	v = survey_new(store, SCRAM_SHA256, to);
	for (int i = 0; i < 10; i++) {
		char name[16];
		struct make m = {.name = name, .kind = "plain", .value = STR("{PLAIN}x")};

		snprintf(name, sizeof(name), "u%d", i);
		buf_clear(&text);
		assert_int_equal(scram_make(&text, SCRAM_SHA256, STR("x"), i < 3 ? from : to), OK);
		m.scram[SCRAM_SHA256] = buf_str(&text);
		assert_int_equal(db_write(store_db(store), make_fn, &m), OK);
	}
	assert_true(survey_complete(v));
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 1000; i++) {
			char name[16];
			struct scram_keys k;

			snprintf(name, sizeof(name), "nobody%d", i);
			survey_fake(v, str_c(name), &k);
			assert_true(k.iterations == from || k.iterations == to);
			old[round] += k.iterations == from;
			back += round > 0 && k.iterations == from && was[i] == to;
			was[i] = k.iterations;
		}
		/* Of the three with the old number, two get the new one. */
		for (int i = 0; i < 2 && round == 0; i++) {
			char name[16];
			struct make m = {.name = name};
			struct arena arena = {0};
			struct account account;
			struct db_txn *txn;

			snprintf(name, sizeof(name), "u%d", i);
			assert_int_equal(db_read_begin(store_db(store), &txn), OK);
			assert_int_equal(account_find(txn, &arena, str_c(name), &account), OK);
			db_read_end(txn);
			arena_free(&arena);
			m.id = account.id;
			m.scram[SCRAM_SHA256] = buf_str(&text);
			assert_int_equal(db_write(store_db(store), set_scram_fn, &m), OK);
			survey_changed(v, account.id);
		}
	}
	assert_in_range(old[0], 230, 370);
	assert_in_range(old[1], 60, 140);
	assert_int_equal(back, 0);
	buf_free(&text);
	survey_free(v);
	db_thread_end(store_db(store));
	store_close(store);
	store = before;
}

static void
test_survey(void **state)
{
	survey_moves(4096, 5000);
	survey_moves(9000, 5000);
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
	    cmocka_unit_test(test_login),
	    cmocka_unit_test(test_crypt),
	    cmocka_unit_test(test_limit),
	    cmocka_unit_test(test_limit_table),
	    cmocka_unit_test(test_limit_everywhere),
	    cmocka_unit_test(test_known_place),
	    cmocka_unit_test(test_limit_at_once),
	    cmocka_unit_test(test_counted_once),
	    cmocka_unit_test(test_known_waits),
	    cmocka_unit_test(test_full_address),
	    cmocka_unit_test(test_cost),
	    cmocka_unit_test(test_confirm),
	    cmocka_unit_test(test_renew),
	    cmocka_unit_test(test_survey),
	    cmocka_unit_test(test_cache),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
