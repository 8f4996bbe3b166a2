/* SPDX-License-Identifier: Apache-2.0 */
/* TLS as the client: whom we trust, and whether the peer is who he should be. */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include "base/arena.h"
#include "base/log.h"
#include "net/dial_priv.h"

struct tls_client {
	SSL_CTX *ctx;
};

enum status
tls_client_new(const char *ca, struct tls_client **t_r)
{
	static char groups[] = "X25519:P-256:P-384"; /* the macro casts const away */
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct tls_client *t;

	if (ctx == NULL)
		return ERR_UNAVAILABLE;
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CLEANSE_PLAINTEXT | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!PSK") != 1 || SSL_CTX_set1_groups_list(ctx, groups) != 1
	    || (ca != NULL ? SSL_CTX_load_verify_file(ctx, ca) : SSL_CTX_set_default_verify_paths(ctx)) != 1) {
		struct buf why = {0};

		tls_explain(&why, "certificates of authorities", ca != NULL ? ca : X509_get_default_cert_file());
		log_event(EV_tls_error, "%.*s", STR_FMT(buf_str(&why)));
		buf_free(&why);
		SSL_CTX_free(ctx);
		return ERR_BAD_INPUT;
	}
	t = x_new(struct tls_client);
	t->ctx = ctx;
	*t_r = t;
	return OK;
}

void
tls_client_free(struct tls_client *t)
{
	if (t == NULL)
		return;
	SSL_CTX_free(t->ctx); /* sessions that use it hold it */
	free(t);
}

static bool
in_numbers(const char *name)
{
	struct in6_addr any;

	return inet_pton(AF_INET, name, &any) == 1 || inet_pton(AF_INET6, name, &any) == 1;
}

/* RFC 6125: the name, or the address, has to stand in the certificate; a name is asked for (RFC 6066 3). */
static bool
expect(SSL *ssl, const char *name, bool unverified)
{
	bool numbers = in_numbers(name);

	if (!numbers && *name != '/' && SSL_set_tlsext_host_name(ssl, (char *)(uintptr_t)name) != 1)
		return false;
	if (unverified) {
		SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
		return true;
	}
	if (*name == '\0' || *name == '/')
		return false; /* nobody could be that */
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return numbers ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1 : SSL_set1_host(ssl, name) == 1;
}

SSL *
tls_client_session(struct tls_client *t, const char *name, bool unverified)
{
	SSL *ssl = SSL_new(t->ctx);

	if (ssl == NULL || !expect(ssl, name, unverified)) {
		SSL_free(ssl);
		ERR_clear_error();
		return NULL;
	}
	SSL_set_connect_state(ssl);
	return ssl;
}

void
tls_client_blame(struct conn *c)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());
	long verdict = SSL_get_verify_result(c->ssl);

	if (verdict != X509_V_OK && SSL_get_verify_mode(c->ssl) != SSL_VERIFY_NONE)
		dial_blame(c, DIAL_UNTRUSTED, X509_verify_cert_error_string(verdict));
	else if (reason != NULL)
		dial_blame(c, DIAL_TLS, reason);
	else
		dial_blame(c, DIAL_LOST, "the peer went away in the handshake");
}
