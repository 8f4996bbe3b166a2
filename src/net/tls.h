/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls: the server's certificate and TLS settings: 1.2 and 1.3, session tickets, client certificates where a listener asks for them, no
 * renegotiation, no compression, no data before the client's Finished (0-RTT). Any thread. Connections keep the certificate they
 * began with when another is loaded.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdint.h>
#include "base/buf.h"
#include "base/status.h"

struct tls;

/* What is to be known of a certificate and its key, without using them. */
struct tls_facts {
	int64_t begins, ends; /* seconds since 1970 */
	bool key_open;        /* others than owner and group may read the key's file */
};
/* ERR_BAD_INPUT: they cannot be used, and why says which file and why not. */
enum status tls_examine(const char *cert, const char *key, struct tls_facts *facts_r, struct buf *why) must_check;

/* Loads a certificate chain and its key, both PEM. The reason of a failure is logged. */
enum status tls_new(const char *cert, const char *key, struct tls **tls_r) must_check;
/*
 * Clients whose hello asks for this domain, or a name below it, get other's certificate (RFC 6066 3); of several domains the longest counts. Before there are
 * connections; other lives as long as tls.
 */
void tls_name(struct tls *tls, const char *domain, struct tls *other);
/* Loads the files again; on failure, whose reason is logged, the old ones stay in use. */
enum status tls_reload(struct tls *tls) must_check;
/* The same with the bytes of both, which somebody else read: what they are called is for messages, and no file is opened. */
struct tls_pem {
	const char *cert, *key; /* the files' names */
	struct str cert_pem, key_pem;
};
enum status tls_new_pem(const struct tls_pem *pem, struct tls **tls_r) must_check;
enum status tls_take_pem(struct tls *tls, const struct tls_pem *pem) must_check;
void tls_free(struct tls *tls);

/* Writes a self-made certificate for host (P-256, ten years) and its key (mode 0600), unless both
 * files are there already. */
enum status tls_make_certificate(const char *cert, const char *key, const char *host) must_check;
/* The certificate's SHA-256 in hex, to be compared by people; text_r has room for 65 bytes. */
enum status tls_fingerprint(struct tls *tls, char text_r[65]) must_check;
/* When it ends, seconds since 1970. */
int64_t tls_ends(struct tls *tls);

/*
 * Whose certificates a listener asks its clients for (conn_tls_peer()). Any certificate will do for TLS, and none will: what it is worth is asked when
 * somebody logs in with it. Any thread; outlives the connections.
 */
struct tls_ask;
/* ca: a file with the certificates (PEM) of those who may vouch for a client; "": nobody does. ERR_BAD_INPUT, and why says why not. */
enum status tls_ask_new(const char *ca, struct tls_ask **a_r, struct buf *why) must_check;
void tls_ask_free(struct tls_ask *a);
/* The SHA-256 of the certificate (PEM) in a file, in hex; text_r has room for 65 bytes. ERR_BAD_INPUT: it has none. */
enum status tls_file_fingerprint(const char *file, char text_r[65]) must_check;

/*
 * For connections that go out (net/dial.h): whom they trust. TLS 1.2 and 1.3, with the same ciphers. Any thread.
 */
struct tls_client;
/* ca: a file with the certificates (PEM) of those who may vouch for a peer; NULL: the system's. The reason of a failure is logged. */
enum status tls_client_new(const char *ca, struct tls_client **t_r) must_check;
/* Connections whose handshake began keep what they need. */
void tls_client_free(struct tls_client *t);

#endif
