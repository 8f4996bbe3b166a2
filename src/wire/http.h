/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar of HTTP/1.1 (RFC 9110, RFC 9112): requests in, the head of an answer out. Strict where leniency lets two readers of one text
 * see two different requests (RFC 9112 11.2): a line ends in CRLF, a field has no blank before its colon and no fold, a body has one length.
 * No I/O; what it gives is borrowed from the text that it was given.
 */
#ifndef WIRE_HTTP_H
#define WIRE_HTTP_H

#include "base/buf.h"
#include "base/status.h"

#define HTTP_HEAD_MAX 16384   /* bytes of the request line and the fields */
#define HTTP_FIELDS_MAX 64
#define HTTP_TRAILER_MAX 4096 /* of a chunked body, and of a chunk's extensions */

enum http_method { HTTP_METHOD_OTHER, HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_OPTIONS };

struct http_field {
	struct str name, value; /* the value without the blanks around it */
};

/* How long a request's body is (RFC 9112 6). */
enum http_framing { HTTP_NO_BODY, HTTP_LENGTH, HTTP_CHUNKED };

struct http_request {
	enum http_method method;
	struct str path;     /* as it was sent, from the first slash on; "*" of OPTIONS */
	struct str query;    /* behind the question mark; p NULL: there is none */
	struct str host;     /* whom the client means, a port perhaps with it; empty: it did not say (HTTP/1.0) */
	bool old;            /* HTTP/1.0 */
	bool keep;           /* the connection stays open behind the answer (RFC 9112 9.3) */
	bool waits;          /* for 100 before it sends the body (RFC 9110 10.1.1) */
	enum http_framing framing;
	uint64_t length;     /* HTTP_LENGTH */
	struct http_field field[HTTP_FIELDS_MAX];
	size_t fields;
};

/* Reads a head that comes in pieces, looking at each byte once. Zeroes begin one. */
struct http_reader {
	size_t looked;       /* no end of the head lies before */
};

enum http_read {
	HTTP_READ_MORE,
	HTTP_READ_HEAD,      /* *used_r bytes of it are the head; the body follows */
	HTTP_READ_BAD        /* *status_r says why (RFC 9110 15.5, 15.6); the connection ends behind the answer */
};
/* in: all that came of this request so far. */
enum http_read http_head(struct http_reader *r, struct str in, struct http_request *req_r, size_t *used_r, unsigned *status_r);

/* The first field of that name, whatever its case; p NULL: there is none. */
struct str http_field_value(const struct http_request *req, struct str name);

/* Takes a body apart as it comes. */
struct http_body {
	enum http_framing framing;
	uint64_t left;       /* of the body, or of the chunk */
	unsigned part;       /* of a chunked body: enum in http_body.c */
	unsigned digits, extra;
	bool line;           /* the trailer's line that is under way is not empty */
};
void http_body_begin(struct http_body *b, const struct http_request *req);
/* Eats from *in what belongs to the body, and adds it to out. OK: the body is over. ERR_AGAIN: more has to come. ERR_LIMIT: out has more than max
 * bytes. ERR_BAD_INPUT: it is no chunked body. */
must_check enum status http_body_take(struct http_body *b, struct str *in, struct buf *out, size_t max);

/* Adds the path without its percent signs (RFC 3986 2.1). False: one of them is no %XX, or stands for NUL or a slash. */
bool http_path(struct str path, struct buf *out);
/* The first value of that name in a query as forms make it (a plus is a blank), decoded, added to out. False: there is none, or it is not well-formed. */
bool http_query(struct str query, struct str name, struct buf *out);

/* ---- answers ---- */

/* "Not Found"; "" for a status that is not among ours. */
const char *http_reason(unsigned status);
/* "HTTP/1.1 200 OK", Date, Content-Type, Content-Length and Connection; keep: whether the client is told that more may be asked. now: seconds since 1970.
 * The caller adds other fields, the empty line and the body. */
void http_answer_begin(struct buf *out, unsigned status, int64_t now, const char *type, size_t length, bool keep);

#endif
