/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates of clients: asked for, taken whatever they are, and looked at when somebody wants to log in with one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include "base/arena.h"
#include "net/net_priv.h"

#define ADDRESSES_MAX 100 /* of one certificate */
#define CHAIN_MAX 32768   /* bytes: it is held as long as the connection */

struct tls_ask {
	X509_STORE *trusted; /* NULL: nobody */
};

enum status
tls_ask_new(const char *ca, struct tls_ask **a_r, struct buf *why)
{
	struct tls_ask *a = x_new(struct tls_ask);

	if (*ca != '\0' && ((a->trusted = X509_STORE_new()) == NULL || X509_STORE_load_file(a->trusted, ca) != 1)) {
		tls_explain(why, "certificates", ca);
		tls_ask_free(a);
		return ERR_BAD_INPUT;
	}
	*a_r = a;
	return OK;
}

void
tls_ask_free(struct tls_ask *a)
{
	if (a == NULL)
		return;
	X509_STORE_free(a->trusted);
	free(a);
}

enum status
tls_print_digest(const X509 *x, char text_r[65])
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (X509_digest(x, EVP_sha256(), md, &n) != 1 || n != 32)
		return ERR_UNAVAILABLE;
	for (unsigned i = 0; i < n; i++)
		snprintf(text_r + 2 * i, 3, "%02x", md[i]);
	return OK;
}

enum status
tls_file_fingerprint(const char *file, char text_r[65])
{
	FILE *f = fopen(file, "re");
	X509 *x = f != NULL ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
	enum status st = x != NULL ? tls_print_digest(x, text_r) : ERR_BAD_INPUT;

	X509_free(x);
	if (f != NULL)
		fclose(f);
	ERR_clear_error();
	return st;
}

/* TLS itself takes any. */
static int
take_any(int good, X509_STORE_CTX *ctx)
{
	(void)good;
	(void)ctx;
	return 1;
}

/* A session that is resumed would come without the chain that was shown, so none is: no tickets. */
void
tls_ask_client(SSL *ssl)
{
	SSL_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE, take_any);
	SSL_set_options(ssl, SSL_OP_NO_TICKET);
	SSL_set_max_cert_list(ssl, CHAIN_MAX);
	(void)SSL_set_num_tickets(ssl, 0);
}

static bool
vouched(const struct tls_ask *a, SSL *ssl, X509 *x)
{
	X509_STORE_CTX *ctx = a->trusted != NULL ? X509_STORE_CTX_new() : NULL;
	bool good = false;

	if (ctx == NULL)
		return false;
	if (X509_STORE_CTX_init(ctx, a->trusted, x, SSL_get_peer_cert_chain(ssl)) == 1 && X509_STORE_CTX_set_default(ctx, "ssl_client") == 1)
		good = X509_verify_cert(ctx) == 1;
	X509_STORE_CTX_free(ctx);
	return good;
}

/* One with a line feed in it, or a NUL, is nobody's. */
static void
add_addresses(const X509 *x, struct buf *out)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	int n = names != NULL ? sk_GENERAL_NAME_num(names) : 0;

	for (int i = 0, taken = 0; i < n && taken < ADDRESSES_MAX; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		struct str s;

		if (name->type != GEN_EMAIL)
			continue;
		s = str_of(ASN1_STRING_get0_data(name->d.rfc822Name), (size_t)ASN1_STRING_length(name->d.rfc822Name));
		if (s.n == 0 || s.n > 320 || str_chr(s, '\n') < s.n || str_chr(s, '\0') < s.n)
			continue;
		if (taken++ > 0)
			buf_addc(out, '\n');
		buf_add(out, s);
	}
	GENERAL_NAMES_free(names);
}

bool
conn_tls_has_peer(struct conn *c)
{
	return conn_tls(c) && c->ask != NULL && SSL_get0_peer_certificate(c->ssl) != NULL;
}

bool
conn_tls_peer(struct conn *c, struct conn_tls_peer *peer_r)
{
	X509 *x;

	*peer_r = (struct conn_tls_peer){0};
	if (!conn_tls_has_peer(c))
		return false;
	x = SSL_get0_peer_certificate(c->ssl);
	if (tls_print_digest(x, peer_r->fingerprint) != OK)
		return false;
	peer_r->trusted = vouched(c->ask, c->ssl, x);
	if (peer_r->trusted)
		add_addresses(x, &peer_r->addresses);
	ERR_clear_error();
	return true;
}
