/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls: the server's certificate and TLS settings: 1.2 and 1.3, session tickets, no client
 * certificates, no renegotiation, no compression. Any thread. Connections keep the certificate they
 * began with when another is loaded.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/status.h"

struct tls;

/* Loads a certificate chain and its key, both PEM. The reason of a failure is logged. */
enum status tls_new(const char *cert, const char *key, struct tls **tls_r) must_check;
/* Loads the files again; on failure the old ones stay in use. */
enum status tls_reload(struct tls *tls) must_check;
void tls_free(struct tls *tls);

/* Writes a self-made certificate for host (P-256, ten years) and its key (mode 0600), unless both
 * files are there already. */
enum status tls_make_certificate(const char *cert, const char *key, const char *host) must_check;
/* The certificate's SHA-256 in hex, to be compared by people; text_r has room for 65 bytes. */
enum status tls_fingerprint(struct tls *tls, char text_r[65]) must_check;

#endif
