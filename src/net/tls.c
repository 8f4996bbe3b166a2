/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include "base/arena.h"
#include "base/log.h"
#include "net/net_priv.h"

struct tls {
	pthread_mutex_t lock;
	SSL_CTX *ctx;
	char *cert, *key;
};

static void
complain(const char *what, const char *file)
{
	char text[200] = "";
	unsigned long e = ERR_peek_error();

	if (e != 0)
		ERR_error_string_n(e, text, sizeof(text));
	ERR_clear_error();
	log_event(EV_tls_error, "%s %s: %s", what, file, text);
}

/* Tickets are encrypted with a key of this process; nothing is kept per session. */
static SSL_CTX *
make(const char *cert, const char *key)
{
	static char groups[] = "X25519:P-256:P-384"; /* the macro casts const away */
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL)
		return NULL;
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION
	        | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA
	        | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE
	        | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1); /* one read for a record's head and body */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 1);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL); /* T95 */
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"mansio", 6);
	if (SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!PSK") != 1
	    || SSL_CTX_set1_groups_list(ctx, groups) != 1) {
		complain("cannot set the ciphers", "");
	} else if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1) {
		complain("cannot use the certificate", cert);
	} else if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1
	    || SSL_CTX_check_private_key(ctx) != 1) {
		complain("cannot use the key", key);
	} else {
		return ctx;
	}
	SSL_CTX_free(ctx);
	return NULL;
}

enum status
tls_new(const char *cert, const char *key, struct tls **tls_r)
{
	SSL_CTX *ctx = make(cert, key);
	struct tls *tls;

	if (ctx == NULL)
		return ERR_BAD_INPUT;
	tls = x_new(struct tls);
	pthread_mutex_init(&tls->lock, NULL);
	tls->ctx = ctx;
	tls->cert = x_strdup(cert);
	tls->key = x_strdup(key);
	*tls_r = tls;
	return OK;
}

enum status
tls_reload(struct tls *tls)
{
	SSL_CTX *ctx = make(tls->cert, tls->key), *old;

	if (ctx == NULL)
		return ERR_BAD_INPUT;
	pthread_mutex_lock(&tls->lock);
	old = tls->ctx;
	tls->ctx = ctx;
	pthread_mutex_unlock(&tls->lock);
	SSL_CTX_free(old); /* sessions that use it hold it */
	return OK;
}

void
tls_free(struct tls *tls)
{
	if (tls == NULL)
		return;
	SSL_CTX_free(tls->ctx);
	pthread_mutex_destroy(&tls->lock);
	free(tls->cert);
	free(tls->key);
	free(tls);
}

SSL *
tls_session(struct tls *tls)
{
	SSL *ssl;

	pthread_mutex_lock(&tls->lock);
	ssl = SSL_new(tls->ctx);
	pthread_mutex_unlock(&tls->lock);
	return ssl;
}

enum status
tls_fingerprint(struct tls *tls, char text_r[65])
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	int ok;

	pthread_mutex_lock(&tls->lock);
	ok = X509_digest(SSL_CTX_get0_certificate(tls->ctx), EVP_sha256(), md, &n);
	pthread_mutex_unlock(&tls->lock);
	if (ok != 1 || n != 32)
		return ERR_UNAVAILABLE;
	for (unsigned i = 0; i < n; i++)
		snprintf(text_r + 2 * i, 3, "%02x", md[i]);
	return OK;
}
