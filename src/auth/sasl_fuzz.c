/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes SASL sessions: the first byte chooses mechanism, hash and connection; then come the client's
 * messages, each with a length byte before it (255: the rest). Only the right password may ever
 * lead to an account.
 */
#include <stdlib.h>
#include "auth/auth.h"
#include "auth/scram.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/log.h"
#include "store/account.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct store *store;
static struct auth *auth;
static int64_t alice;

static enum status
make(struct db_txn *txn, void *arg)
{
	enum status st = account_create(store, txn, STR("alice"), &alice);

	if (st == OK)
		st = account_set_credential(store, txn, alice, STR("plain"), STR("{PLAIN}pencil"));
	for (enum scram_hash h = 0; h < SCRAM_HASHES && st == OK; h++) {
		struct buf scram = {0};

		if ((st = scram_make(&scram, h, STR("pencil"), SCRAM_ITERATIONS_MIN)) == OK)
			st = account_set_credential(store, txn, alice, scram_kind(h), buf_str(&scram));
		buf_free(&scram);
	}
	return st;
}

static void
prepare(void)
{
	struct store_options o = {.no_reaper = true};
	struct auth_settings settings = auth_settings_default;

	settings.scram_hashes = SCRAM_BIT(SCRAM_SHA1) | SCRAM_BIT(SCRAM_SHA256) | SCRAM_BIT(SCRAM_SHA512);
	log_set_level(LOG_LEVEL_ERROR);
	ensure(store_open(&o, &store) == OK);
	ensure(db_write(store_db(store), make, NULL) == OK);
	auth = auth_new(store, &settings);
}

static bool
exporter(void *arg, uint8_t key_r[32])
{
	memset(key_r, 'K', 32);
	return true;
}

static bool
of_32(void *arg, struct buf *out)
{
	(void)arg;
	for (int i = 0; i < 32; i++)
		buf_addc(out, 'K');
	return true;
}

/* It leads to nobody, whatever is asked for: the account has no domain. */
static bool
certificate(void *arg, struct auth_certificate *c_r)
{
	(void)arg;
	*c_r = (struct auth_certificate){.trusted = true};
	memset(c_r->fingerprint, 'a', 64);
	buf_adds(&c_r->addresses, "alice@example.org\nnobody@example.org");
	return true;
}

static struct str
message(struct str *rest)
{
	size_t n = (unsigned char)rest->p[0];
	struct str s = str_from(*rest, 1);

	s = n == 255 ? s : str_head(s, n);
	*rest = str_from(*rest, 1 + s.n);
	return s;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *mechs[] = {"PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "EXTERNAL", "LOGIN", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS",
	    "PLAIN", "LOGIN", "SCRAM-SHA-512", "SCRAM-SHA-512-PLUS", "PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"};
	struct auth_client client = {.tls = true, .certificate = certificate};
	struct str rest = str_of(data + 1, size - 1);
	enum auth_step step = AUTH_CONTINUE;
	struct auth_sasl *s;
	struct buf out = {0};

	if (size == 0)
		return 0;
	if (store == NULL)
		prepare();
	if (data[0] & 4)
		client.exporter = exporter;
	if (data[0] & 64)
		client.unique = of_32;
	if (data[0] & 128)
		client.end_point = of_32;
	if (auth_sasl_new(auth, &client, str_c(mechs[(data[0] & 3) | (data[0] & 48) >> 2]), &s) != OK)
		return 0;
	if (data[0] & 8)
		step = auth_sasl_step(s, STR_NONE, &out);
	while (step == AUTH_CONTINUE && rest.n > 0) {
		struct str m = message(&rest);
		char *copy = x_malloc(m.n + 1);

		memcpy(copy, m.p, m.n);
		copy = x_realloc(copy, m.n ? m.n : 1);
		step = auth_sasl_step(s, str_of(copy, m.n), &out);
		free(copy);
	}
	if (step == AUTH_DONE) {
		ensure(auth_sasl_result(s)->account == alice && out.n == 0);
		ensure(str_find(str_of(data, size), STR("pencil"), 0) != SIZE_MAX);
	}
	auth_sasl_free(s);
	buf_free(&out);
	return 0;
}
