/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Password hashes. A hash is one line of text that names its scheme and its parameters, so that
 * old hashes stay valid when the parameters for new ones change:
 *	$argon2id$v=19$m=..,t=..,p=..$salt$hash    the default (RFC 9106)
 *	{PLAIN}secret                              for tests only
 *	{CRYPT}$6$... or a bare crypt(3) hash      imported ones: $y$ $gy$ $7$ $2b$ $2y$ $6$ $5$ $sha1$
 *	{SSHA}... {SSHA256}... {SSHA512}...        imported ones: auth/digest.h
 * Any thread. A verification costs tens of milliseconds and megabytes by design; at most a few
 * run at once, others wait.
 */
#ifndef AUTH_PASSWORD_H
#define AUTH_PASSWORD_H

#include "base/buf.h"
#include "base/status.h"

/* Longest password in bytes (S2). */
#define AUTH_PASSWORD_MAX 1024

struct password_cost {
	uint32_t memory_kib; /* argon2id: RFC 9106 asks for 65536 with 3 passes or more */
	uint32_t passes;
	uint32_t lanes;
};
/* 19 MiB, 2 passes, 1 lane: OWASP's choice for servers. */
extern const struct password_cost password_cost_default;

/* Adds an argon2id hash of the password to out. ERR_BAD_INPUT: empty, too long, NUL or control
 * characters. */
must_check enum status password_hash(
    struct buf *out, struct str password, const struct password_cost *cost);
/* OK when the password is the one; ERR_NO_PERM when not; ERR_CORRUPT for a hash of no known form
 * or over the bounds (256 MiB, 16 passes). Compares in constant time. */
must_check enum status password_verify(struct str hash, struct str password);
/* A hash from another server: the part behind a scheme in braces as Dovecot writes it. ERR_BAD_INPUT: it is of no form
 * that password_verify() knows; nobody could log in with it. */
must_check enum status password_foreign(struct str hash, struct str *hash_r);
/* Costs what a verification of the default costs: for users that do not exist (S7). Never
 * succeeds. */
void password_verify_dummy(struct str password);
/* What the dummy costs from now on; NULL: as above again. For fuzzers, before any other thread runs. */
void password_dummy_cost(const struct password_cost *cost);
/* Does verifying cost no more than a comparison? */
bool password_is_plain(struct str hash);
/* Is it a hash that password_hash() makes better today: one of crypt(3), of another argon2, or of a lower cost? */
bool password_is_old(struct str hash);
/* Can it be a password at all? Where not, password_verify() says no without a hash having been made. */
bool password_possible(struct str password);
/* OpaqueString of RFC 8265 / SASLprep: the one form in which a password is hashed. ERR_BAD_INPUT. */
must_check enum status password_prepare(struct buf *out, struct str password);
/* At most n verifications run at once (default: the number of processors). */
void password_set_parallel(unsigned n);

#endif
