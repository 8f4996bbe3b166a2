/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of SCRAM-SHA-256 (RFC 7677, RFC 5802), as text in the form of RFC 5803:
 *	SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>     (base64 each)
 * Whoever steals them cannot log in with them without guessing the password. Made together with
 * the password hash. Any thread.
 */
#ifndef AUTH_SCRAM_H
#define AUTH_SCRAM_H

#include "base/buf.h"
#include "base/status.h"

#define SCRAM_ITERATIONS_MIN 4096 /* RFC 7677 section 4 */
#define SCRAM_ITERATIONS_MAX 1000000

struct scram_keys {
	uint32_t iterations;
	uint8_t salt[32];
	size_t salt_len;
	uint8_t stored_key[32];
	uint8_t server_key[32];
};

/* From a prepared password (password_prepare). iterations >= 4096; salt up to 32 bytes. */
void scram_derive(
    struct scram_keys *keys_r, struct str password, struct str salt, uint32_t iterations);
void scram_print(struct buf *out, const struct scram_keys *keys);
/* ERR_BAD_INPUT: not that form, or iterations outside 4096..1000000. */
must_check enum status scram_parse(struct str text, struct scram_keys *keys_r);
/* The keys text for a new password with a random salt. ERR_BAD_INPUT as password_hash. */
must_check enum status scram_make(struct buf *out, struct str password, uint32_t iterations);
/* What the false keys of a user are made of: the same every time for the same user and secret (S7). */
void scram_seed(uint8_t seed_r[32], struct str secret, struct str user);
/* Keys that nobody has the password of. salt_len: 1 to 32. */
void scram_fake(struct scram_keys *keys_r, const uint8_t seed[32], uint32_t iterations, size_t salt_len);
void scram_hmac(uint8_t out[32], struct str key, struct str text);

#endif
