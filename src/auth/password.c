/* SPDX-License-Identifier: Apache-2.0 */
/* Hashing and comparing passwords, as many at once as there are processors. */
#include "auth/password.h"

#include <argon2.h>
#include <crypt.h>
#include <gsasl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
#include "auth/digest.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/lock.h"
#include "base/random.h"
#include "base/utf8.h"

#define SALT_LEN 16
#define HASH_LEN 32
#define MEMORY_MAX (256 << 10) /* KiB */
#define PASSES_MAX 16
#define LANES_MAX 16
#define ENCODED_MAX 512

const struct password_cost password_cost_default = {.memory_kib = 19456, .passes = 2, .lanes = 1};

/* ---- how many at once ---- */

static struct lock lock = LOCK_INIT(auth_password);
static pthread_cond_t room = PTHREAD_COND_INITIALIZER;
static unsigned running, parallel;

void
password_set_parallel(unsigned n)
{
	lock_take(&lock);
	parallel = n;
	pthread_cond_broadcast(&room);
	lock_give(&lock);
}

static void
enter(void)
{
	lock_take(&lock);
	if (parallel == 0) {
		long cpus = sysconf(_SC_NPROCESSORS_ONLN);

		parallel = cpus > 0 ? (unsigned)cpus : 1;
	}
	while (running >= parallel)
		lock_wait(&lock, &room);
	running++;
	lock_give(&lock);
}

static void
leave(void)
{
	lock_take(&lock);
	running--;
	pthread_cond_signal(&room);
	lock_give(&lock);
}

/* ---- the form that is hashed ---- */

static bool
printable_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] > 0x7e)
			return false;
	return true;
}

/* A copy with a NUL behind it, wiped by drop_secret. */
static char *
secret_copy(struct str s)
{
	return x_strndup(s);
}

static void
drop_secret(char *z)
{
	if (z != NULL)
		explicit_bzero(z, strlen(z));
	free(z);
}

/* SASLprep (RFC 4013), as SCRAM's clients apply it; NULL where it refuses. Some versions of the
 * library take the flag for its contrary: what one refuses, the other may take. */
static char *
saslprep(const char *z)
{
	char *out = NULL;

	if (gsasl_saslprep(z, 0, &out, NULL) != GSASL_OK &&
	    gsasl_saslprep(z, GSASL_ALLOW_UNASSIGNED, &out, NULL) != GSASL_OK)
		return NULL;
	return out;
}

/* SASLprep; what it refuses (mixed directions) in Normalization Form C, like OpaqueString (RFC
 * 8265 4.2). */
enum status
password_prepare(struct buf *out, struct str password)
{
	char *in, *prepared;
	enum status st = OK;

	if (password.n == 0 || password.n > AUTH_PASSWORD_MAX ||
	    str_chr(password, '\0') < password.n)
		return ERR_BAD_INPUT;
	if (printable_ascii(password)) {
		buf_add(out, password);
		return OK;
	}
	if (utf8_has_control(password)) /* or is no UTF-8 */
		return ERR_BAD_INPUT;
	in = secret_copy(password);
	prepared = saslprep(in);
	if (prepared != NULL && prepared[0] != '\0')
		buf_adds(out, prepared);
	else
		st = utf8_nfc(out, password);
	drop_secret(in);
	drop_secret(prepared);
	return st;
}

/* ---- argon2 ---- */

enum status
password_hash(struct buf *out, struct str password, const struct password_cost *cost)
{
	char encoded[ENCODED_MAX];
	uint8_t salt[SALT_LEN];
	struct buf prepared = {0};
	int rc;

	if (password_prepare(&prepared, password) != OK) {
		buf_free(&prepared);
		return ERR_BAD_INPUT;
	}
	random_bytes(salt, sizeof(salt));
	enter();
	rc = argon2id_hash_encoded(cost->passes, cost->memory_kib, cost->lanes, prepared.p,
	    prepared.n, salt, sizeof(salt), HASH_LEN, encoded, sizeof(encoded));
	leave();
	buf_free_secret(&prepared);
	if (rc != ARGON2_OK)
		return ERR_LIMIT;
	buf_adds(out, encoded);
	return OK;
}

/* The number after "$m=", ",t=" and so on; false if it is not there or too large. */
static bool
bounded(struct str hash, struct str key, uint64_t max)
{
	size_t at = str_find(hash, key, 0), n = 0;
	struct str s;
	uint64_t v;

	if (at == SIZE_MAX)
		return false;
	s = str_from(hash, at + key.n);
	while (n < s.n && ascii_digit(s.p[n]))
		n++;
	return str_u64(str_head(s, n), max, &v);
}

/* A hash may come from elsewhere: it must not make a login cost whatever it likes. */
static enum status
verify_argon2(struct str hash, struct str password)
{
	char encoded[ENCODED_MAX];
	argon2_type type = str_starts(hash, STR("$argon2id$"))  ? Argon2_id
			   : str_starts(hash, STR("$argon2i$")) ? Argon2_i
								: Argon2_d;
	int rc;

	if (hash.n >= sizeof(encoded) || !bounded(hash, STR("$m="), MEMORY_MAX) ||
	    !bounded(hash, STR(",t="), PASSES_MAX) || !bounded(hash, STR(",p="), LANES_MAX))
		return ERR_CORRUPT;
	memcpy(encoded, hash.p, hash.n);
	encoded[hash.n] = '\0';
	enter();
	rc = argon2_verify(encoded, password.p, password.n, type);
	leave();
	if (rc == ARGON2_OK)
		return OK;
	return rc == ARGON2_VERIFY_MISMATCH ? ERR_NO_PERM : ERR_CORRUPT;
}

/* ---- crypt(3) ---- */

/* Only forms with a '$', and none that costs seconds. */
static bool
crypt_bounded(struct str hash)
{
	if (hash.n < 4 || hash.n >= CRYPT_OUTPUT_SIZE || hash.p[0] != '$')
		return false;
	if (hash.p[1] == '2')
		return hash.n > 6 && bounded(str_of(hash.p + 3, 3), STR("$"), 15);
	if (str_find(hash, STR("rounds="), 0) != SIZE_MAX)
		return bounded(hash, STR("rounds="), 2000000);
	return true;
}

static enum status
verify_crypt(struct str hash, struct str password)
{
	struct crypt_data *data;
	char *setting, *phrase, *got;
	enum status st = ERR_CORRUPT;

	if (!crypt_bounded(hash))
		return ERR_CORRUPT;
	data = x_calloc(1, sizeof(*data));
	setting = x_strndup(hash);
	phrase = secret_copy(password);
	enter();
	got = crypt_rn(phrase, setting, data, (int)sizeof(*data));
	leave();
	if (got != NULL)
		st = str_eq_secret(str_c(got), hash) ? OK : ERR_NO_PERM;
	explicit_bzero(data, sizeof(*data));
	free(data);
	free(setting);
	drop_secret(phrase);
	return st;
}

/* ---- all of them ---- */

/* What is stored may not be prepared. */
static enum status
verify_plain(struct str stored, struct str prepared)
{
	struct buf b = {0};
	enum status st = ERR_CORRUPT;

	if (password_prepare(&b, stored) == OK)
		st = str_eq_secret(buf_str(&b), prepared) ? OK : ERR_NO_PERM;
	buf_free_secret(&b);
	return st;
}

static enum status
verify_prepared(struct str hash, struct str password)
{
	struct buf prepared = {0};
	enum status st = ERR_NO_PERM;

	if (password_prepare(&prepared, password) == OK) {
		if (str_starts(hash, STR("{PLAIN}")))
			st = verify_plain(str_from(hash, 7), buf_str(&prepared));
		else
			st = verify_argon2(hash, buf_str(&prepared));
	}
	buf_free_secret(&prepared);
	return st;
}

enum status
password_verify(struct str hash, struct str password)
{
	if (password.n == 0 || password.n > AUTH_PASSWORD_MAX ||
	    str_chr(password, '\0') < password.n)
		return ERR_NO_PERM;
	if (str_starts(hash, STR("{PLAIN}")) || str_starts(hash, STR("$argon2")))
		return verify_prepared(hash, password);
	/* Imported hashes were made of the bytes as they are. */
	if (digest_is(hash))
		return digest_verify(hash, password);
	if (str_starts(hash, STR("{CRYPT}")))
		hash = str_from(hash, 7);
	return verify_crypt(hash, password);
}

enum status
password_foreign(struct str hash, struct str *hash_r)
{
	static const struct str schemes[] = {{"{CRYPT}", 7}, {"{SHA512-CRYPT}", 14}, {"{SHA256-CRYPT}", 14},
	    {"{MD5-CRYPT}", 11}, {"{BLF-CRYPT}", 11}, {"{ARGON2ID}", 10}, {"{ARGON2I}", 9}};
	char *setting;
	int rc;

	if (str_starts(hash, STR("{PLAIN}")) && hash.n > 7) {
		*hash_r = hash;
		return OK;
	}
	if (digest_is(hash)) {
		if (digest_verify(hash, STR("x")) == ERR_CORRUPT)
			return ERR_BAD_INPUT;
		*hash_r = hash;
		return OK;
	}
	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
		if (str_starts(hash, schemes[i])) {
			hash = str_from(hash, schemes[i].n);
			break;
		}
	}
	if (str_starts(hash, STR("$argon2i"))) {
		*hash_r = hash;
		return OK;
	}
	if (!crypt_bounded(hash) || str_chr(hash, '\0') < hash.n)
		return ERR_BAD_INPUT;
	setting = x_strndup(hash);
	rc = crypt_checksalt(setting);
	free(setting);
	if (rc == CRYPT_SALT_INVALID)
		return ERR_BAD_INPUT;
	*hash_r = hash;
	return OK;
}

bool
password_is_plain(struct str hash)
{
	return str_starts(hash, STR("{PLAIN}"));
}

static const struct password_cost *dummy_cost = &password_cost_default;

void
password_dummy_cost(const struct password_cost *cost)
{
	dummy_cost = cost != NULL ? cost : &password_cost_default;
}

/* The number behind a key of an argon2 hash, or 0. */
static uint64_t
parameter(struct str hash, struct str key)
{
	size_t at = str_find(hash, key, 0), n = 0;
	struct str s = at == SIZE_MAX ? STR("") : str_from(hash, at + key.n);
	uint64_t v = 0;

	while (n < s.n && ascii_digit(s.p[n]))
		n++;
	return str_u64(str_head(s, n), UINT32_MAX, &v) ? v : 0;
}

bool
password_is_old(struct str hash)
{
	if (password_is_plain(hash))
		return false;
	return !str_starts(hash, STR("$argon2id$")) || parameter(hash, STR("$m=")) < password_cost_default.memory_kib ||
	    parameter(hash, STR(",t=")) < password_cost_default.passes;
}

bool
password_possible(struct str password)
{
	return password.n > 0 && password.n <= AUTH_PASSWORD_MAX && str_chr(password, '\0') == password.n &&
	    !utf8_has_control(password);
}

void
password_verify_dummy(struct str password)
{
	uint8_t out[HASH_LEN];
	static const uint8_t salt[SALT_LEN] = "no such user";
	const struct password_cost *c = dummy_cost;

	password = str_head(password, AUTH_PASSWORD_MAX);
	enter();
	(void)argon2id_hash_raw(c->passes, c->memory_kib, c->lanes, password.p ? password.p : "",
	    password.n, salt, sizeof(salt), out, sizeof(out));
	leave();
	explicit_bzero(out, sizeof(out));
}
