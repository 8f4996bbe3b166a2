/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP connection, and what its pages are written with. Belongs to the thread that runs the connection. */
#ifndef HTTP_SESSION_PRIV_H
#define HTTP_SESSION_PRIV_H

#include "http/http.h"
#include "net/conn.h"
#include "wire/http.h"

/* Most bytes of a request's body. */
#define HTTP_BODY_LIMIT 16384

struct http_session {
	struct conn *conn;
	const struct http_service *service;
	struct http_reader reader;
	bool asked;                  /* the first byte of a request has come: it has its time */
	/* Once its head has come, until it is answered: */
	struct http_request *request; /* borrows from head; NULL: there is none */
	struct buf head;
	struct http_body body;
	struct buf content;          /* the request's body */
	bool stopping;
	unsigned requests;
};

/* What a page is made of: the status it is answered with, its type, and its text. */
struct http_page {
	unsigned status;
	const char *type;
	struct buf text;
	const char *fields; /* more fields of the head, each with its CRLF; "": none */
};

typedef void http_page_fn(struct http_session *s, struct http_page *page);

/* A plain text of one line: "There is no such page". */
void http_page_text(struct http_page *page, unsigned status, const char *text);

http_page_fn http_metrics, http_health, http_ready, http_autoconfig, http_autodiscover, http_profile, http_start;

/* ---- who asks (peers.c) ---- */

/* Is the address one of words (http_peer_word())? */
bool http_peer_in(struct conn *c, const char *const *word, size_t n);

/* ---- which servers there are (mail_servers.c) ---- */

struct mail_server {
	const char *protocol; /* "imap", "pop3", "smtp" */
	char host[256];
	unsigned port;
	bool tls;             /* from the first byte; else STARTTLS */
};
#define MAIL_SERVERS_MAX 5
/* From the settings, the best of each protocol first. */
size_t mail_servers(const struct door *door, struct mail_server out[MAIL_SERVERS_MAX]);
/* An address of mail as somebody typed it: one "@" with something on both sides, nothing odd, at most 254 bytes. The part behind the "@" in *domain_r. */
bool mail_address(struct str text, struct str *domain_r);
/* Adds text with what XML makes of it. */
void xml_text(struct buf *out, struct str text);

#endif
