/* SPDX-License-Identifier: Apache-2.0 */
/* The certificate that the server makes for itself when nobody gave it one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include "base/file.h"
#include "base/log.h"
#include "net/tls.h"

static bool
extension(X509 *x, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;
	bool ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	if ((e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value)) == NULL)
		return false;
	ok = X509_add_ext(x, e, -1) == 1;
	X509_EXTENSION_free(e);
	return ok;
}

/* What a host name may hold; anything else becomes "localhost". */
static bool
plain_name(const char *host)
{
	size_t n = strlen(host);

	return n > 0 && n <= 64 && strspn(host,
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == n;
}

static bool
fill(X509 *x, EVP_PKEY *key, const char *host)
{
	unsigned char serial[16];
	char names[128];
	BIGNUM *bn;
	X509_NAME *name = X509_get_subject_name(x);
	bool ok;

	if (RAND_bytes(serial, sizeof(serial)) != 1)
		return false;
	serial[0] &= 0x7f;
	serial[0] |= 0x40;
	if ((bn = BN_bin2bn(serial, sizeof(serial), NULL)) == NULL)
		return false;
	ok = BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x)) != NULL;
	BN_free(bn);
	/* This machine's own programs reach it by these names; some compare them even with a
	 * certificate that they were told to trust. */
	snprintf(names, sizeof(names), "DNS:%s%s,IP:127.0.0.1,IP:::1", host,
	    strcmp(host, "localhost") == 0 ? "" : ",DNS:localhost");
	return ok && X509_set_version(x, 2) == 1
	    && X509_gmtime_adj(X509_getm_notBefore(x), -86400) != NULL
	    && X509_time_adj_ex(X509_getm_notAfter(x), 3650, 0, NULL) != NULL
	    && X509_set_pubkey(x, key) == 1
	    && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)host, -1, -1, 0) == 1
	    && X509_set_issuer_name(x, name) == 1
	    && extension(x, NID_subject_alt_name, names)
	    && extension(x, NID_basic_constraints, "critical,CA:FALSE")
	    && extension(x, NID_key_usage, "critical,digitalSignature")
	    && extension(x, NID_ext_key_usage, "serverAuth")
	    && X509_sign(x, key, EVP_sha256()) > 0;
}

/* Kept durably: clients may have been told to trust exactly this certificate. */
static enum status
store(const char *path, mode_t mode, X509 *x, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	enum status st = ERR_IO;
	char *p = NULL;
	long n;
	int ok;

	if (bio == NULL)
		return st;
	ok = x != NULL ? PEM_write_bio_X509(bio, x) : PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	if (ok == 1 && (n = BIO_get_mem_data(bio, &p)) > 0 &&
	    (st = file_replace(path, mode, str_of(p, (size_t)n))) != OK)
		log_event(EV_io_error, "cannot write %s: %m", path);
	BIO_free(bio);
	return st;
}

enum status
tls_make_certificate(const char *cert, const char *key, const char *host)
{
	EVP_PKEY *pk = NULL;
	X509 *x = NULL;
	enum status st = ERR_IO;

	if (access(cert, F_OK) == 0 && access(key, F_OK) == 0)
		return OK;
	if (!plain_name(host))
		host = "localhost";
	if ((pk = EVP_EC_gen("P-256")) == NULL || (x = X509_new()) == NULL || !fill(x, pk, host)) {
		log_event(EV_tls_error, "cannot make a certificate for %s", host);
		goto out;
	}
	/* A key without its certificate is made anew; a certificate without its key would stay, beside one that it does not fit. */
	if ((st = file_remove(cert)) == ERR_NOT_FOUND || st == OK)
		st = store(key, 0600, NULL, pk);
	if (st == OK)
		st = store(cert, 0644, x, NULL);
out:
	X509_free(x);
	EVP_PKEY_free(pk);
	ERR_clear_error();
	return st;
}
