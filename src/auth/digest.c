/* SPDX-License-Identifier: Apache-2.0 */
/* Salted hashes of one round. */
#include "auth/digest.h"

#include <openssl/evp.h>
#include "base/assert.h"
#include "base/buf.h"
#include "base/codec.h"

#define SALT_MAX 64

static const struct scheme {
	struct str name;
	size_t size; /* bytes of the digest */
	const EVP_MD *(*md)(void);
} schemes[] = {{STR("{SSHA}"), 20, EVP_sha1}, {STR("{SSHA256}"), 32, EVP_sha256}, {STR("{SSHA512}"), 64, EVP_sha512}};

static const struct scheme *
scheme_of(struct str hash)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
		if (str_case_starts(hash, schemes[i].name))
			return &schemes[i];
	return NULL;
}

bool
digest_is(struct str hash)
{
	return scheme_of(hash) != NULL;
}

static void
digest_of(const struct scheme *s, struct str password, struct str salt, uint8_t out[EVP_MAX_MD_SIZE])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	ensure(ctx != NULL && EVP_DigestInit_ex(ctx, s->md(), NULL) == 1 && EVP_DigestUpdate(ctx, password.p, password.n) == 1 &&
	    EVP_DigestUpdate(ctx, salt.p, salt.n) == 1 && EVP_DigestFinal_ex(ctx, out, NULL) == 1);
	EVP_MD_CTX_free(ctx);
}

enum status
digest_verify(struct str hash, struct str password)
{
	const struct scheme *s = scheme_of(hash);
	struct buf stored = {0};
	uint8_t got[EVP_MAX_MD_SIZE];
	enum status st = ERR_CORRUPT;

	if (s != NULL && base64_decode(&stored, str_from(hash, s->name.n)) == OK && stored.n > s->size && stored.n <= s->size + SALT_MAX) {
		digest_of(s, password, str_from(buf_str(&stored), s->size), got);
		st = str_eq_secret(str_of(got, s->size), str_head(buf_str(&stored), s->size)) ? OK : ERR_NO_PERM;
		explicit_bzero(got, sizeof(got));
	}
	buf_free_secret(&stored);
	return st;
}
