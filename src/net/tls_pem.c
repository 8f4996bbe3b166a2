/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate and its key whose bytes somebody else read: no file is opened, and nobody is asked for a password. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include "net/net_priv.h"
#include "net/tls.h"

/* A key that is encrypted cannot be used: there is nobody at the terminal of a server. */
static int
no_password(char *out, int room, int writing, void *arg)
{
	return -1;
}

static bool
explain(struct buf *why, const char *what, const char *name)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	buf_addf(why, "cannot use the %s %s: %s", what, name, reason != NULL ? reason : "not in PEM");
	ERR_clear_error();
	return false;
}

static BIO *
reader(struct str pem)
{
	return pem.n <= INT32_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
}

/* The first certificate is the server's, those behind it lead to who is trusted. */
static bool
use_chain(SSL_CTX *ctx, struct str pem)
{
	BIO *bio = reader(pem);
	X509 *x = bio != NULL ? PEM_read_bio_X509_AUX(bio, NULL, no_password, NULL) : NULL;
	bool ok = x != NULL && SSL_CTX_use_certificate(ctx, x) == 1;

	X509_free(x);
	while (ok && (x = PEM_read_bio_X509(bio, NULL, no_password, NULL)) != NULL)
		if (SSL_CTX_add0_chain_cert(ctx, x) != 1) {
			X509_free(x);
			ok = false;
		}
	/* Where the file ends is no fault. */
	if (ok && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE)
		ERR_clear_error();
	else
		ok = false;
	BIO_free(bio);
	return ok;
}

static bool
use_key(SSL_CTX *ctx, struct str pem)
{
	BIO *bio = reader(pem);
	EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
	bool ok = key != NULL && SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1;

	EVP_PKEY_free(key);
	BIO_free(bio);
	return ok;
}

bool
tls_use_pem(SSL_CTX *ctx, const struct tls_pem *pem, struct buf *why)
{
	ERR_clear_error();
	if (!use_chain(ctx, pem->cert_pem))
		return explain(why, "certificate", pem->cert);
	return use_key(ctx, pem->key_pem) || explain(why, "key", pem->key);
}
