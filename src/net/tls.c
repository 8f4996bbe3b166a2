/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates: loaded, examined, and changed while connections are open. */
#include "net/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include "base/arena.h"
#include "base/lock.h"
#include "base/log.h"
#include "net/net_priv.h"

struct tls {
	struct lock lock;
	SSL_CTX *ctx;
	char *cert, *key;
	/* Constant once there are connections. */
	struct name {
		char *domain;
		struct tls *other;
	} *names;
	size_t names_n;
};

/* "cannot use the key FILE: why", as the library or, where it could not even be opened, the system says. */
void
tls_explain(struct buf *why, const char *what, const char *file)
{
	unsigned long e = ERR_peek_error();
	const char *reason = ERR_GET_LIB(e) == ERR_LIB_SYS ? strerror(ERR_GET_REASON(e)) : ERR_reason_error_string(e);

	buf_addf(why, "cannot use the %s %s: %s", what, file, access(file, R_OK) != 0 ? strerror(errno) : reason != NULL ? reason : "not in PEM");
	ERR_clear_error();
}

static bool
use_files(SSL_CTX *ctx, const struct tls_pem *pem, struct buf *why)
{
	if (SSL_CTX_use_certificate_chain_file(ctx, pem->cert) != 1)
		tls_explain(why, "certificate", pem->cert);
	else if (SSL_CTX_use_PrivateKey_file(ctx, pem->key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(ctx) != 1)
		tls_explain(why, "key", pem->key);
	else
		return true;
	return false;
}

static int
allow_no_early_data(SSL *ssl, void *arg)
{
	(void)ssl;
	(void)arg;
	return 0;
}

/* Tickets are encrypted with a key of this process; nothing is kept per session. */
static SSL_CTX *
make(const struct tls_pem *pem, struct buf *why)
{
	static char groups[] = "X25519:P-256:P-384"; /* the macro casts const away */
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL)
		return NULL;
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION
	        | SSL_OP_CLEANSE_PLAINTEXT | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA
	        | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE
	        | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1); /* one read for a record's head and body */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	/* At least one, also for a session that is resumed: it comes behind a greeting that came early (tls_conn.c). */
	SSL_CTX_set_num_tickets(ctx, 1);
	/* No data before the client's Finished: they could be played again. Neither a ticket allows them nor does this process take them. */
	SSL_CTX_set_max_early_data(ctx, 0);
	SSL_CTX_set_allow_early_data_cb(ctx, allow_no_early_data, NULL);
	SSL_CTX_set_client_hello_cb(ctx, tls_saw_hello, NULL);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL); /* T95 */
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"mansio", 6);
	if (SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!PSK") != 1
	    || SSL_CTX_set1_groups_list(ctx, groups) != 1) {
		buf_adds(why, "cannot set the ciphers");
	} else if (pem->cert_pem.p != NULL ? tls_use_pem(ctx, pem, why) : use_files(ctx, pem, why)) {
		return ctx;
	}
	SSL_CTX_free(ctx);
	return NULL;
}

static bool
is_below(struct str name, struct str domain)
{
	if (str_caseeq(name, domain))
		return true;
	return name.n > domain.n + 1 && name.p[name.n - domain.n - 1] == '.' && str_caseeq(str_from(name, name.n - domain.n), domain);
}

/* The client has said hello: the certificate of what it asked for. A name that nobody has is no fault: it gets the listener's. */
static int
choose(SSL *ssl, int *alert, void *arg)
{
	const struct tls *tls = arg;
	const char *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	const struct name *best = NULL;
	struct tls *other;

	for (size_t i = 0; i < tls->names_n && asked != NULL; i++)
		if (is_below(str_c(asked), str_c(tls->names[i].domain)) && (best == NULL || strlen(tls->names[i].domain) > strlen(best->domain)))
			best = &tls->names[i];
	if (best == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	other = best->other;
	lock_take(&other->lock);
	(void)SSL_set_SSL_CTX(ssl, other->ctx);
	lock_give(&other->lock);
	return SSL_TLSEXT_ERR_OK;
}

/* Where the reason goes to the log. */
static SSL_CTX *
make_or_log(const struct tls_pem *pem)
{
	struct buf why = {0};
	SSL_CTX *ctx = make(pem, &why);

	if (ctx == NULL)
		log_event(EV_tls_error, "%.*s", STR_FMT(buf_str(&why)));
	buf_free(&why);
	return ctx;
}

static int64_t
seconds(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

enum status
tls_examine(const char *cert, const char *key, struct tls_facts *facts_r, struct buf *why)
{
	SSL_CTX *ctx = make(&(struct tls_pem){.cert = cert, .key = key}, why);
	const X509 *x;
	struct stat sb;

	if (ctx == NULL)
		return ERR_BAD_INPUT;
	x = SSL_CTX_get0_certificate(ctx);
	*facts_r = (struct tls_facts){.begins = seconds(X509_get0_notBefore(x)), .ends = seconds(X509_get0_notAfter(x)),
	    .key_open = stat(key, &sb) == 0 && (sb.st_mode & S_IROTH)};
	SSL_CTX_free(ctx);
	return OK;
}

int64_t
tls_ends(struct tls *tls)
{
	int64_t ends;

	lock_take(&tls->lock);
	ends = seconds(X509_get0_notAfter(SSL_CTX_get0_certificate(tls->ctx)));
	lock_give(&tls->lock);
	return ends;
}

static void
listen_for_names(struct tls *tls, SSL_CTX *ctx)
{
	SSL_CTX_set_tlsext_servername_callback(ctx, choose);
	SSL_CTX_set_tlsext_servername_arg(ctx, tls);
}

void
tls_name(struct tls *tls, const char *domain, struct tls *other)
{
	tls->names = x_realloc(tls->names, (tls->names_n + 1) * sizeof(*tls->names));
	tls->names[tls->names_n++] = (struct name){x_strdup(domain), other};
}

enum status
tls_new(const char *cert, const char *key, struct tls **tls_r)
{
	return tls_new_pem(&(struct tls_pem){.cert = cert, .key = key}, tls_r);
}

enum status
tls_new_pem(const struct tls_pem *pem, struct tls **tls_r)
{
	SSL_CTX *ctx = make_or_log(pem);
	struct tls *tls;

	if (ctx == NULL)
		return ERR_BAD_INPUT;
	tls = x_new(struct tls);
	lock_init(&tls->lock, LOCK_net_tls);
	tls->ctx = ctx;
	tls->cert = x_strdup(pem->cert);
	tls->key = x_strdup(pem->key);
	listen_for_names(tls, ctx);
	*tls_r = tls;
	return OK;
}

enum status
tls_reload(struct tls *tls)
{
	return tls_take_pem(tls, &(struct tls_pem){.cert = tls->cert, .key = tls->key});
}

enum status
tls_take_pem(struct tls *tls, const struct tls_pem *pem)
{
	SSL_CTX *ctx = make_or_log(pem), *old;

	if (ctx == NULL)
		return ERR_BAD_INPUT;
	listen_for_names(tls, ctx);
	lock_take(&tls->lock);
	old = tls->ctx;
	tls->ctx = ctx;
	lock_give(&tls->lock);
	SSL_CTX_free(old); /* sessions that use it hold it */
	return OK;
}

void
tls_free(struct tls *tls)
{
	if (tls == NULL)
		return;
	SSL_CTX_free(tls->ctx);
	lock_fini(&tls->lock);
	for (size_t i = 0; i < tls->names_n; i++)
		free(tls->names[i].domain);
	free(tls->names);
	free(tls->cert);
	free(tls->key);
	free(tls);
}

SSL *
tls_session(struct tls *tls)
{
	SSL *ssl;

	lock_take(&tls->lock);
	ssl = SSL_new(tls->ctx);
	lock_give(&tls->lock);
	return ssl;
}

enum status
tls_fingerprint(struct tls *tls, char text_r[65])
{
	enum status st;

	lock_take(&tls->lock);
	st = tls_print_digest(SSL_CTX_get0_certificate(tls->ctx), text_r);
	lock_give(&tls->lock);
	return st;
}
