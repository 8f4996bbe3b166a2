/* SPDX-License-Identifier: Apache-2.0 */
/* TLS of one connection, on OpenSSL, never waiting. */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/dial_priv.h"

bool
tls_shakes(const struct conn *c)
{
	return c->stage == STAGE_HANDSHAKE || c->stage == STAGE_GREETING;
}

enum status
tls_begin(struct conn *c)
{
	const struct dial *d = c->dial;

	ensure(c->ssl == NULL && c->fd >= 0);
	if (d != NULL)
		c->ssl = tls_client_session(d->client, d->name, d->unverified);
	else if (c->tls != NULL)
		c->ssl = tls_session(c->tls);
	if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1)
		return ERR_UNAVAILABLE;
	if (d == NULL) {
		SSL_set_app_data(c->ssl, c); /* for tls_saw_hello() */
		SSL_set_accept_state(c->ssl);
	}
	if (d == NULL && c->ask != NULL)
		tls_ask_client(c->ssl);
	return OK;
}

int
tls_saw_hello(struct ssl_st *ssl, int *alert, void *arg)
{
	struct conn *c = SSL_get_app_data(ssl);
	const unsigned char *modes;
	size_t n;

	(void)alert;
	(void)arg;
	/* RFC 8446 4.2.9: a byte that counts the modes, of which 1 is psk_dhe_ke, the one that our tickets are for. */
	if (c != NULL && SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_psk_kex_modes, &modes, &n) == 1)
		c->ticketed = n > 1 && memchr(modes + 1, 1, n - 1) != NULL;
	return SSL_CLIENT_HELLO_SUCCESS;
}

/* A handshake that failed on what the client sent, not one that it broke off by going away. */
static void
tell_handshake(struct conn *c)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	if (!tls_shakes(c))
		return;
	if (c->dial != NULL)
		tls_client_blame(c);
	/* Who dialled tells himself why it came to nothing. */
	if (reason != NULL && (c->dial == NULL || c->met == MET_OPENED))
		log_event(EV_client_error, "%s id=%llu peer=%s why=%s", c->local, (unsigned long long)c->id, c->peer, LOG_STR(str_c(reason)));
}

/* What a call that did not succeed means. */
static enum io
outcome(struct conn *c, int r)
{
	switch (SSL_get_error(c->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		input_is(c, INPUT_NONE);
		return IO_WAIT;
	case SSL_ERROR_WANT_WRITE:
		c->tls_want_write = true;
		input_is(c, INPUT_NONE);
		return IO_WAIT;
	case SSL_ERROR_ZERO_RETURN:
		return IO_EOF;
	default:
		tell_handshake(c);
		ERR_clear_error();
		return IO_FAILED;
	}
}

/*
 * Each record's head, after the handshake. Key updates (RFC 8446 4.6.3) and wishes to renegotiate cost us more than the
 * client, and the library reads on until data comes: so only some of them may come without data (S13).
 */
static void
count_record(int sent, int version, int type, const void *p, size_t n, SSL *ssl, void *arg)
{
	struct conn *c = arg;

	if (sent || type != SSL3_RT_HEADER || ++c->tls_quiet <= TLS_QUIET)
		return;
	if (c->tls_quiet == TLS_QUIET + 1)
		log_event(EV_client_error, "%s id=%llu peer=%s: too many TLS records without data", c->handler->name,
		    (unsigned long long)c->id, c->peer);
	/* What follows is thrown away unread, and the stream is at its end. */
	SSL_set_shutdown(ssl, SSL_RECEIVED_SHUTDOWN);
}

/* A record with data was read: it was none without, and makes up for some if it carries much. */
static void
count_data(struct conn *c, size_t n)
{
	uint32_t worth = 1 + (uint32_t)(n / 4096);

	c->tls_quiet -= worth < c->tls_quiet ? worth : c->tls_quiet;
}

enum io
tls_handshake(struct conn *c)
{
	int r;

	ERR_clear_error();
	c->tls_want_write = false;
	if ((r = SSL_do_handshake(c->ssl)) != 1)
		return outcome(c, r);
	SSL_set_msg_callback(c->ssl, count_record);
	SSL_set_msg_callback_arg(c->ssl, c);
	return IO_OK;
}

/*
 * OpenSSL lets a server send before the client's Finished only where it would also take data that come before it (0-RTT), so this is asked for and
 * nothing is taken: no ticket allows any, and what a client sends all the same is thrown away unread (tls.c). A LOGIN could be played again.
 */
enum io
tls_accept(struct conn *c)
{
	char none;
	size_t n;

	ensure(c->dial == NULL);
	ERR_clear_error();
	c->tls_want_write = false;
	switch (SSL_read_early_data(c->ssl, &none, 1, &n)) {
	case SSL_READ_EARLY_DATA_FINISH: return IO_OK;
	case SSL_READ_EARLY_DATA_SUCCESS: return IO_FAILED; /* cannot be */
	default: return outcome(c, -1);
	}
}

/* Of a client that gets no ticket nothing more comes after its Finished: one that looks only when something comes would never see the greeting. */
bool
tls_may_greet(struct conn *c)
{
	return c->ticketed && SSL_version(c->ssl) == TLS1_3_VERSION && !SSL_is_init_finished(c->ssl);
}

enum io
tls_read(struct conn *c, char *p, size_t room, size_t *n_r)
{
	size_t n = 0, got;
	enum io io;

	ensure(c->ssl != NULL && room > 0);
	ERR_clear_error();
	/* Records that came together are read together. */
	while (n < room) {
		int r = SSL_read_ex(c->ssl, p + n, room - n, &got);

		if (r != 1) {
			if ((io = outcome(c, r)) != IO_WAIT && n == 0)
				return io;
			break;
		}
		n += got;
		count_data(c, got);
		if (!SSL_has_pending(c->ssl)) {
			input_is(c, INPUT_NONE);
			break;
		}
	}
	*n_r = n;
	return n > 0 ? IO_OK : IO_WAIT;
}

/* The size of the next record. One that waited for room is tried again as it was. */
static size_t
record_size(struct conn *c, size_t n)
{
	size_t most = TLS_RECORD;

	if (c->tls_record != 0) {
		ensure(n >= c->tls_record);
		return c->tls_record;
	}
	if (n <= TLS_RECORD_FIRST)
		return n;
	if (c->tls_burst >= TLS_BURST && clock_mono() - c->tls_wrote_at > TLS_SILENCE_US)
		c->tls_burst = 0;
	if (c->tls_burst < TLS_BURST)
		most = TLS_RECORD_FIRST;
	return n < most ? n : most;
}

enum io
tls_write(struct conn *c, const char *p, size_t n, size_t *n_r)
{
	int r;

	ensure(n > 0);
	ERR_clear_error();
	n = record_size(c, n);
	r = c->stage == STAGE_GREETING ? SSL_write_early_data(c->ssl, p, n, n_r) : SSL_write_ex(c->ssl, p, n, n_r);
	if (r == 1) {
		c->tls_record = 0;
		c->tls_burst += c->tls_burst < TLS_BURST ? (uint32_t)*n_r : 0;
		c->tls_wrote_at = clock_mono();
		return IO_OK;
	}
	switch (SSL_get_error(c->ssl, r)) {
	case SSL_ERROR_WANT_WRITE:
		c->tls_record = (uint32_t)n;
		return IO_WAIT;
	default: ERR_clear_error(); return IO_FAILED;
	}
}

void
tls_bye(struct conn *c)
{
	if (c->ssl == NULL)
		return;
	ERR_clear_error();
	(void)SSL_shutdown(c->ssl);
	ERR_clear_error();
}

void
tls_end(struct conn *c)
{
	if (c->ssl == NULL)
		return;
	/* Or the session would be taken for a broken one. */
	SSL_set_shutdown(c->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(c->ssl);
	c->ssl = NULL;
	ERR_clear_error();
}

bool
conn_tls_offer(struct conn *c)
{
	/* A filter that ended in both directions is none any more, though what it had to send may not be gone yet. */
	return c->ssl == NULL && c->dial == NULL && c->tls != NULL && (c->layer == NULL || c->layer->f == NULL);
}

enum status
conn_starttls(struct conn *c)
{
	if (!conn_tls_offer(c) || c->stage != STAGE_OPEN)
		return ERR_UNAVAILABLE;
	/* RFC 9051 11.1 and S1: nothing that came in the clear may be taken for protected. */
	if (conn_in(c).n > 0 || (c->layer != NULL && c->layer->raw.n > 0))
		return ERR_BAD_INPUT;
	c->stage = STAGE_HANDSHAKE;
	c->shake = SHAKE_GO_AHEAD;
	input_is(c, INPUT_NONE);
	c->handshake_at = net_now(c->net) + HANDSHAKE_SECONDS;
	return OK;
}

bool
conn_tls(struct conn *c)
{
	return c->ssl != NULL && c->stage >= STAGE_GREETING;
}

const char *
conn_tls_version(struct conn *c)
{
	return conn_tls(c) ? SSL_get_version(c->ssl) : "";
}

const char *
conn_tls_cipher(struct conn *c)
{
	return conn_tls(c) ? SSL_get_cipher_name(c->ssl) : "";
}

bool
conn_tls_exporter(struct conn *c, struct str label, uint8_t *out, size_t n)
{
	/* RFC 9266 section 3: below TLS 1.3 with the extended master secret only. */
	if (!conn_tls(c) || (SSL_version(c->ssl) < TLS1_3_VERSION && SSL_get_extms_support(c->ssl) != 1))
		return false;
	/* Section 2: the context is the empty string, which TLS 1.2 tells from none. */
	return SSL_export_keying_material(c->ssl, out, n, label.p, label.n, (const unsigned char *)"", 0, 1) == 1;
}

size_t
conn_tls_unique(struct conn *c, uint8_t out[64])
{
	size_t n;

	/* RFC 5929 3.1 is sound with the extended master secret only (RFC 7627). */
	if (!conn_tls(c) || SSL_version(c->ssl) != TLS1_2_VERSION || SSL_get_extms_support(c->ssl) != 1)
		return 0;
	/* The first Finished: the client's, in a resumed session the server's. */
	n = SSL_session_reused(c->ssl) ? SSL_get_finished(c->ssl, out, 64)
	                               : SSL_get_peer_finished(c->ssl, out, 64);
	return n > 64 ? 0 : n;
}

size_t
conn_tls_end_point(struct conn *c, uint8_t out[64])
{
	X509 *shown = conn_tls(c) ? SSL_get_certificate(c->ssl) : NULL;
	int md = NID_undef;
	unsigned n = 0;

	if (shown == NULL || X509_get_signature_info(shown, &md, NULL, NULL, NULL) != 1 || md == NID_undef)
		return 0;
	if (md == NID_md5 || md == NID_sha1)
		md = NID_sha256;
	return X509_digest(shown, EVP_get_digestbynid(md), out, &n) == 1 ? n : 0;
}
