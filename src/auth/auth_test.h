/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of auth share: a store in memory with accounts, and auth over it, made by setup() and taken down by teardown(). */
#ifndef AUTH_AUTH_TEST_H
#define AUTH_AUTH_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "auth/auth.h"
#include "auth/password.h"
#include "auth/scram.h"
#include "base/log.h"
#include "store/account.h"

static struct store *store;
static struct auth *auth;
static int64_t alice, bob, eve;

static const struct password_cost cheap = {.memory_kib = 64, .passes = 1, .lanes = 1};

struct make {
	const char *name, *kind;
	struct str value, scram[SCRAM_HASHES];
	bool disabled;
	int64_t id;
};

static inline enum status
make_fn(struct db_txn *txn, void *arg)
{
	struct make *m = arg;
	enum status st;

	if ((st = account_create(store, txn, str_c(m->name), &m->id)) == OK)
		st = account_set_credential(store, txn, m->id, str_c(m->kind), m->value);
	for (enum scram_hash h = 0; h < SCRAM_HASHES; h++)
		if (st == OK && m->scram[h].n)
			st = account_set_credential(store, txn, m->id, scram_kind(h), m->scram[h]);
	if (st == OK && m->disabled)
		st = account_set_disabled(store, txn, m->id, true);
	return st;
}

static inline int64_t
make(const char *name, const char *kind, struct str value, const char *password, bool disabled)
{
	struct buf scram[SCRAM_HASHES] = {0};
	struct make m = {.name = name, .kind = kind, .value = value, .disabled = disabled};

	for (enum scram_hash h = 0; h < SCRAM_HASHES && password != NULL; h++) {
		assert_int_equal(scram_make(&scram[h], h, str_c(password), SCRAM_ITERATIONS_MIN), OK);
		m.scram[h] = buf_str(&scram[h]);
	}
	assert_int_equal(db_write(store_db(store), make_fn, &m), OK);
	for (enum scram_hash h = 0; h < SCRAM_HASHES; h++)
		buf_free(&scram[h]);
	return m.id;
}

static inline int
setup(void **state)
{
	struct store_options o = {.no_reaper = true};
	struct auth_settings settings = auth_settings_default;
	struct buf hash = {0};

	log_set_level(LOG_LEVEL_ERROR);
	if (store_open(&o, &store) != OK)
		return 1;
	settings.scram_iterations = SCRAM_ITERATIONS_MIN;
	settings.scram_hashes = SCRAM_BIT(SCRAM_SHA1) | SCRAM_BIT(SCRAM_SHA256) | SCRAM_BIT(SCRAM_SHA512);
	auth = auth_new(store, &settings);
	assert_int_equal(password_hash(&hash, STR("pencil"), &cheap), OK);
	alice = make("alice", "argon2id", buf_str(&hash), "pencil", false);
	bob = make("Bob@example.org", "plain", STR("{PLAIN}b o b"), "b o b", false);
	eve = make("eve", "plain", STR("{PLAIN}pencil"), "pencil", true);
	make("carol", "crypt",
	    STR("$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/"
		"jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/"),
	    "not the same", false);
	buf_free(&hash);
	return 0;
}

static inline int
teardown(void **state)
{
	auth_free(auth);
	db_thread_end(store_db(store));
	store_close(store);
	return 0;
}

static const struct auth_client tls = {.address = {"192.0.2.1", 9}, .tls = true};

#endif
