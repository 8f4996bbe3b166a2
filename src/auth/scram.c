/* SPDX-License-Identifier: Apache-2.0 */
/* SCRAM's keys: derived, as text and back, and made up for names that nobody has. */
#include "auth/scram.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include "auth/password.h"
#include "base/assert.h"
#include "base/codec.h"
#include "base/random.h"

#define SALT_LEN 16

void
scram_hmac(uint8_t out[32], struct str key, struct str text)
{
	unsigned n = 32;

	ensure(HMAC(EVP_sha256(), key.p, (int)key.n, (const unsigned char *)text.p, text.n, out,
		   &n) != NULL &&
	       n == 32);
}

/* RFC 5802 section 3. */
void
scram_derive(struct scram_keys *k, struct str password, struct str salt, uint32_t iterations)
{
	uint8_t salted[32], client[32];

	ensure(salt.n <= sizeof(k->salt));
	k->iterations = iterations;
	k->salt_len = salt.n;
	memcpy(k->salt, salt.p, salt.n);
	ensure(PKCS5_PBKDF2_HMAC(password.p, (int)password.n, k->salt, (int)salt.n, (int)iterations,
		   EVP_sha256(), sizeof(salted), salted) == 1);
	scram_hmac(client, str_of(salted, 32), STR("Client Key"));
	SHA256(client, sizeof(client), k->stored_key);
	scram_hmac(k->server_key, str_of(salted, 32), STR("Server Key"));
	explicit_bzero(salted, sizeof(salted));
	explicit_bzero(client, sizeof(client));
}

void
scram_print(struct buf *out, const struct scram_keys *k)
{
	buf_addf(out, "SCRAM-SHA-256$%u:", k->iterations);
	base64_encode(out, str_of(k->salt, k->salt_len));
	buf_addc(out, '$');
	base64_encode(out, str_of(k->stored_key, 32));
	buf_addc(out, ':');
	base64_encode(out, str_of(k->server_key, 32));
}

/* Decodes base64 of min to max bytes into to. */
static bool
decode(struct str text, uint8_t *to, size_t min, size_t max, size_t *n_r)
{
	struct buf b = {0};
	bool ok = text.p != NULL && base64_decode(&b, text) == OK && b.n >= min && b.n <= max;

	if (ok) {
		memcpy(to, b.p, b.n);
		*n_r = b.n;
	}
	buf_free(&b);
	return ok;
}

enum status
scram_parse(struct str text, struct scram_keys *keys_r)
{
	struct scram_keys k = {0};
	struct str iterations, salt, stored;
	uint64_t n;
	size_t len;

	if (!str_case_starts(text, STR("SCRAM-SHA-256$")))
		return ERR_BAD_INPUT;
	text = str_from(text, 14);
	if (!str_split(&text, ':', &iterations) || !str_split(&text, '$', &salt) ||
	    !str_split(&text, ':', &stored))
		return ERR_BAD_INPUT;
	if (!str_u64(iterations, SCRAM_ITERATIONS_MAX, &n) || n < SCRAM_ITERATIONS_MIN ||
	    !decode(salt, k.salt, 1, sizeof(k.salt), &k.salt_len) ||
	    !decode(stored, k.stored_key, 32, 32, &len) ||
	    !decode(text, k.server_key, 32, 32, &len))
		return ERR_BAD_INPUT;
	k.iterations = (uint32_t)n;
	*keys_r = k;
	return OK;
}

enum status
scram_make(struct buf *out, struct str password, uint32_t iterations)
{
	struct buf prepared = {0};
	struct scram_keys k;
	uint8_t salt[SALT_LEN];
	enum status st = password_prepare(&prepared, password);

	if (st == OK) {
		random_bytes(salt, sizeof(salt));
		scram_derive(&k, buf_str(&prepared), str_of(salt, sizeof(salt)), iterations);
		scram_print(out, &k);
		explicit_bzero(&k, sizeof(k));
	}
	buf_free_secret(&prepared);
	return st;
}

void
scram_seed(uint8_t seed_r[32], struct str secret, struct str user)
{
	scram_hmac(seed_r, secret, user);
}

void
scram_fake(struct scram_keys *k, const uint8_t seed[32], uint32_t iterations, size_t salt_len)
{
	struct buf text = {0};

	*k = (struct scram_keys){.iterations = iterations, .salt_len = salt_len};
	/* Who gets other keys gets another salt. */
	buf_addf(&text, "salt %u %zu", iterations, salt_len);
	scram_hmac(k->salt, str_of(seed, 32), buf_str(&text));
	memset(k->salt + salt_len, 0, sizeof(k->salt) - salt_len);
	/* A hash of a key: to log in with it, one would have to find what hashes to it. */
	scram_hmac(k->stored_key, str_of(seed, 32), STR("stored key"));
	scram_hmac(k->server_key, str_of(seed, 32), STR("server key"));
	buf_free(&text);
}
