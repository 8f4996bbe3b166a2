/* SPDX-License-Identifier: Apache-2.0 */
/* The certificate that the server makes for itself when nobody gave it one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
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

/* Writes to a file beside and renames it, so that no half file is ever found. */
static enum status
store(const char *path, mode_t mode, X509 *x, EVP_PKEY *key)
{
	char *tmp = NULL;
	FILE *f = NULL;
	int fd = -1, ok = 0;

	if (asprintf(&tmp, "%s.new", path) < 0)
		return ERR_IO;
	unlink(tmp);
	if ((fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)) < 0
	    || (f = fdopen(fd, "w")) == NULL) {
		log_event(EV_io_error, "cannot write %s: %m", tmp);
		goto out;
	}
	fd = -1;
	ok = x != NULL ? PEM_write_X509(f, x) : PEM_write_PKCS8PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	ok = fflush(f) == 0 && fsync(fileno(f)) == 0 && ok == 1 && rename(tmp, path) == 0;
	if (!ok)
		log_event(EV_io_error, "cannot write %s: %m", path);
out:
	if (f != NULL)
		fclose(f);
	if (fd >= 0)
		close(fd);
	if (!ok)
		unlink(tmp);
	free(tmp);
	return ok ? OK : ERR_IO;
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
	if ((st = store(key, 0600, NULL, pk)) == OK)
		st = store(cert, 0644, x, NULL);
out:
	X509_free(x);
	EVP_PKEY_free(pk);
	ERR_clear_error();
	return st;
}
