/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of SCRAM with SHA-1, SHA-256 and SHA-512 (RFC 5802, RFC 7677, draft-melnikov-scram-sha-512), as text in the form of RFC 5803:
 *	SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>     (base64 each)
 * Whoever steals them cannot log in with them without guessing the password. Made together with
 * the password hash. Any thread.
 */
#ifndef AUTH_SCRAM_H
#define AUTH_SCRAM_H

#include "base/buf.h"
#include "base/status.h"

#define SCRAM_ITERATIONS_MIN 4096 /* RFC 5802 section 5.1, RFC 7677 section 4 */
#define SCRAM_ITERATIONS_MAX 1000000
#define SCRAM_HASH_MAX 64 /* bytes of the longest hash */

enum scram_hash { SCRAM_SHA1, SCRAM_SHA256, SCRAM_SHA512, SCRAM_HASHES };
/* A set of them. */
#define SCRAM_BIT(hash) (1u << (hash))

struct scram_keys {
	enum scram_hash hash;
	uint32_t iterations;
	uint8_t salt[32];
	size_t salt_len;
	/* scram_size() bytes each */
	uint8_t stored_key[SCRAM_HASH_MAX];
	uint8_t server_key[SCRAM_HASH_MAX];
};

/* Bytes of the hash's output. */
size_t scram_size(enum scram_hash hash);
/* The mechanism: "SCRAM-SHA-256". */
struct str scram_mechanism(enum scram_hash hash);
/* As what the store keeps the keys, and settings call the hash: "scram-sha-256", "sha-256". */
struct str scram_kind(enum scram_hash hash);
struct str scram_word(enum scram_hash hash);
/* The SCRAM_BIT()s of such words, whatever their case. */
unsigned scram_set(char *const *words, size_t n);

/* From a prepared password (password_prepare). iterations >= 4096; salt up to 32 bytes. */
void scram_derive(
    struct scram_keys *keys_r, enum scram_hash hash, struct str password, struct str salt, uint32_t iterations);
void scram_print(struct buf *out, const struct scram_keys *keys);
/* ERR_BAD_INPUT: not that form, of another hash, or iterations outside 4096..1000000. */
must_check enum status scram_parse(enum scram_hash hash, struct str text, struct scram_keys *keys_r);
/* The keys text for a new password with a random salt. ERR_BAD_INPUT as password_hash. */
must_check enum status scram_make(struct buf *out, enum scram_hash hash, struct str password, uint32_t iterations);
/* What the false keys of a user are made of: the same every time for the same user and secret, others for each hash (S7). */
void scram_seed(uint8_t seed_r[32], enum scram_hash hash, struct str secret, struct str user);
/* Keys that nobody has the password of. salt_len: 1 to 32. */
void scram_fake(struct scram_keys *keys_r, enum scram_hash hash, const uint8_t seed[32], uint32_t iterations, size_t salt_len);
/* Writes scram_size() bytes. */
void scram_hmac(enum scram_hash hash, uint8_t *out, struct str key, struct str text);
void scram_digest(enum scram_hash hash, uint8_t *out, struct str text);

#endif
