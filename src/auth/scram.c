/* SPDX-License-Identifier: Apache-2.0 */
/* SCRAM's keys: derived, as text and back, and made up for names that nobody has. */
#include "auth/scram.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "auth/password.h"
#include "base/assert.h"
#include "base/codec.h"
#include "base/random.h"

#define SALT_LEN 16

static const struct {
	struct str mechanism, kind, word;
	const EVP_MD *(*md)(void);
	size_t size;
} hashes[SCRAM_HASHES] = {
    [SCRAM_SHA1] = {STR("SCRAM-SHA-1"), STR("scram-sha-1"), STR("sha-1"), EVP_sha1, 20},
    [SCRAM_SHA256] = {STR("SCRAM-SHA-256"), STR("scram-sha-256"), STR("sha-256"), EVP_sha256, 32},
    [SCRAM_SHA512] = {STR("SCRAM-SHA-512"), STR("scram-sha-512"), STR("sha-512"), EVP_sha512, 64},
};

size_t
scram_size(enum scram_hash hash)
{
	return hashes[hash].size;
}

struct str
scram_mechanism(enum scram_hash hash)
{
	return hashes[hash].mechanism;
}

struct str
scram_kind(enum scram_hash hash)
{
	return hashes[hash].kind;
}

struct str
scram_word(enum scram_hash hash)
{
	return hashes[hash].word;
}

unsigned
scram_set(char *const *words, size_t n)
{
	unsigned set = 0;

	for (size_t i = 0; i < n; i++)
		for (enum scram_hash h = 0; h < SCRAM_HASHES; h++)
			if (str_caseeq(str_c(words[i]), hashes[h].word))
				set |= SCRAM_BIT(h);
	return set;
}

void
scram_hmac(enum scram_hash hash, uint8_t *out, struct str key, struct str text)
{
	unsigned n = 0;

	ensure(HMAC(hashes[hash].md(), key.p, (int)key.n, (const unsigned char *)text.p, text.n, out,
		   &n) != NULL &&
	       n == hashes[hash].size);
}

void
scram_digest(enum scram_hash hash, uint8_t *out, struct str text)
{
	unsigned n = 0;

	ensure(EVP_Digest(text.p, text.n, out, &n, hashes[hash].md(), NULL) == 1 && n == hashes[hash].size);
}

/* RFC 5802 section 3. */
void
scram_derive(struct scram_keys *k, enum scram_hash hash, struct str password, struct str salt, uint32_t iterations)
{
	uint8_t salted[SCRAM_HASH_MAX], client[SCRAM_HASH_MAX];
	size_t size = hashes[hash].size;

	ensure(salt.n <= sizeof(k->salt));
	*k = (struct scram_keys){.hash = hash, .iterations = iterations, .salt_len = salt.n};
	memcpy(k->salt, salt.p, salt.n);
	ensure(PKCS5_PBKDF2_HMAC(password.p, (int)password.n, k->salt, (int)salt.n, (int)iterations,
		   hashes[hash].md(), (int)size, salted) == 1);
	scram_hmac(hash, client, str_of(salted, size), STR("Client Key"));
	scram_digest(hash, k->stored_key, str_of(client, size));
	scram_hmac(hash, k->server_key, str_of(salted, size), STR("Server Key"));
	explicit_bzero(salted, sizeof(salted));
	explicit_bzero(client, sizeof(client));
}

void
scram_print(struct buf *out, const struct scram_keys *k)
{
	size_t size = hashes[k->hash].size;

	buf_addf(out, "%.*s$%u:", STR_FMT(hashes[k->hash].mechanism), k->iterations);
	base64_encode(out, str_of(k->salt, k->salt_len));
	buf_addc(out, '$');
	base64_encode(out, str_of(k->stored_key, size));
	buf_addc(out, ':');
	base64_encode(out, str_of(k->server_key, size));
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
scram_parse(enum scram_hash hash, struct str text, struct scram_keys *keys_r)
{
	struct scram_keys k = {.hash = hash};
	struct str name, iterations, salt, stored;
	size_t len, size = hashes[hash].size;
	uint64_t n;

	if (!str_split(&text, '$', &name) || !str_caseeq(name, hashes[hash].mechanism) || !str_split(&text, ':', &iterations) ||
	    !str_split(&text, '$', &salt) || !str_split(&text, ':', &stored))
		return ERR_BAD_INPUT;
	if (!str_u64(iterations, SCRAM_ITERATIONS_MAX, &n) || n < SCRAM_ITERATIONS_MIN ||
	    !decode(salt, k.salt, 1, sizeof(k.salt), &k.salt_len) ||
	    !decode(stored, k.stored_key, size, size, &len) ||
	    !decode(text, k.server_key, size, size, &len))
		return ERR_BAD_INPUT;
	k.iterations = (uint32_t)n;
	*keys_r = k;
	return OK;
}

enum status
scram_make(struct buf *out, enum scram_hash hash, struct str password, uint32_t iterations)
{
	struct buf prepared = {0};
	struct scram_keys k;
	uint8_t salt[SALT_LEN];
	enum status st = password_prepare(&prepared, password);

	if (st == OK) {
		random_bytes(salt, sizeof(salt));
		scram_derive(&k, hash, buf_str(&prepared), str_of(salt, sizeof(salt)), iterations);
		scram_print(out, &k);
		explicit_bzero(&k, sizeof(k));
	}
	buf_free_secret(&prepared);
	return st;
}

/* SHA-256's are those of before there were others: an update changes nobody's salt. */
void
scram_seed(uint8_t seed_r[32], enum scram_hash hash, struct str secret, struct str user)
{
	uint8_t all[32];

	scram_hmac(SCRAM_SHA256, all, secret, user);
	if (hash == SCRAM_SHA256)
		memcpy(seed_r, all, 32);
	else
		scram_hmac(SCRAM_SHA256, seed_r, str_of(all, 32), hashes[hash].mechanism);
}

void
scram_fake(struct scram_keys *k, enum scram_hash hash, const uint8_t seed[32], uint32_t iterations, size_t salt_len)
{
	struct buf text = {0};

	*k = (struct scram_keys){.hash = hash, .iterations = iterations, .salt_len = salt_len};
	/* Who gets other keys gets another salt. */
	buf_addf(&text, "salt %u %zu", iterations, salt_len);
	scram_hmac(SCRAM_SHA256, k->salt, str_of(seed, 32), buf_str(&text));
	memset(k->salt + salt_len, 0, sizeof(k->salt) - salt_len);
	/* A hash of a key: to log in with it, one would have to find what hashes to it. */
	scram_hmac(hash, k->stored_key, str_of(seed, 32), STR("stored key"));
	scram_hmac(hash, k->server_key, str_of(seed, 32), STR("server key"));
	buf_free(&text);
}
