/* SPDX-License-Identifier: Apache-2.0 */
/*
 * esmtp: the grammar of SMTP with extensions, as far as a store needs it, and LMTP's LHLO (RFC
 * 2033): command lines of RFC 5321 with the parameters of RFC 1870 (SIZE), 6152 (BODY), 6531
 * (SMTPUTF8), 3461 (RET ENVID NOTIFY ORCPT), 4954 (AUTH=), 3030 (BDAT); the DATA decoder; replies
 * with enhanced status codes (RFC 2034, 3463). No I/O. One thread at a time.
 */
#ifndef WIRE_ESMTP_H
#define WIRE_ESMTP_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"

/* --- lines --- */

#define ESMTP_LINE_MAX 4096 /* RFC 5321 4.5.3.1.4 asks for 512, RFC 3461 and 6531 for more */

enum esmtp_read {
	ESMTP_READ_MORE,  /* all input is used up */
	ESMTP_READ_LINE,  /* r.line holds a line without its end, until the next call */
	ESMTP_READ_LONG,  /* a line was over ESMTP_LINE_MAX and is dropped: 500 5.5.6 */
	ESMTP_READ_BARE,  /* a line with NUL, a bare CR or a bare LF: 500 5.5.2 */
	ESMTP_READ_FATAL, /* 64 KiB without a line end: 421 and close */
};
struct esmtp_reader {
	struct str line;
	/* private */
	struct buf buf;
	size_t dropped;
	bool done; /* the line was handed out */
};
void esmtp_reader_init(struct esmtp_reader *r);
void esmtp_reader_free(struct esmtp_reader *r);
/* Consumes from the front of *in. */
enum esmtp_read esmtp_reader_read(struct esmtp_reader *r, struct str *in);
/* True when no part of a line is held; then nothing is allocated after esmtp_reader_free. */
bool esmtp_reader_idle(const struct esmtp_reader *r);

/* --- commands --- */

enum esmtp_verb {
	ESMTP_UNKNOWN,
	ESMTP_LHLO,
	ESMTP_HELO, /* HELO or EHLO; at LMTP's door 500 5.5.1 (RFC 2033 4.1) */
	ESMTP_MAIL,
	ESMTP_RCPT,
	ESMTP_DATA,
	ESMTP_BDAT,
	ESMTP_RSET,
	ESMTP_NOOP,
	ESMTP_QUIT,
	ESMTP_VRFY,
	ESMTP_STARTTLS,
	ESMTP_AUTH, /* 502 5.5.1 */
	ESMTP_HELP,
	ESMTP_EXPN,
};

struct esmtp_path {
	struct str local; /* without quotes and backslashes */
	/* as written; empty for <> and for a bare <postmaster>; address literals keep their
	 * brackets */
	struct str domain;
	struct str address; /* "local@domain" as written, source route removed */
	bool null;          /* <> */
	bool utf8;          /* holds 8-bit characters (valid UTF-8): needs SMTPUTF8 */
};

enum esmtp_body { ESMTP_BODY_7BIT, ESMTP_BODY_8BITMIME, ESMTP_BODY_BINARYMIME };
enum esmtp_notify {
	ESMTP_NOTIFY_NEVER = 1,
	ESMTP_NOTIFY_SUCCESS = 2,
	ESMTP_NOTIFY_FAILURE = 4,
	ESMTP_NOTIFY_DELAY = 8
};

struct esmtp_command {
	enum esmtp_verb verb;
	struct str arg;        /* LHLO: the name; VRFY, NOOP, HELP, AUTH: the rest */
	struct esmtp_path path; /* MAIL, RCPT */
	uint64_t size;         /* SIZE=, 0 when absent */
	enum esmtp_body body;
	bool smtputf8;
	bool ret_headers;             /* RET=HDRS */
	struct str envid;             /* xtext decoded; p NULL when absent */
	struct str auth;              /* AUTH= of MAIL, xtext decoded; p NULL when absent */
	unsigned notify;              /* enum esmtp_notify; 0 when absent */
	struct str orcpt_type, orcpt; /* ORCPT=type;address, xtext decoded */
	uint64_t chunk;               /* BDAT */
	bool last;                    /* BDAT ... LAST */
};

/* How a line was wrong; esmtp_fault_reply has the answer. */
enum esmtp_fault {
	ESMTP_FINE,
	ESMTP_BAD_VERB,   /* 500 5.5.1 */
	ESMTP_BAD_ARGS,   /* 501 5.5.4 */
	ESMTP_BAD_SENDER, /* 501 5.1.7 */
	ESMTP_BAD_RCPT,   /* 501 5.1.3 */
	ESMTP_BAD_PARAM,  /* 555 5.5.4 */
	/* 553 5.6.7: 8-bit address without SMTPUTF8; for RCPT the caller checks path.utf8 */
	ESMTP_NO_UTF8,
};
/* Parses a line of esmtp_reader. Strings are borrowed from it or lie in the arena. *cmd_r is set
 * whatever the result (verb at least). */
enum esmtp_fault esmtp_parse(struct arena *a, struct str line, struct esmtp_command *cmd_r);
/* The reply line for a fault, with CRLF. */
void esmtp_fault_reply(struct buf *out, enum esmtp_fault fault);
/* One address as the path grammar reads it, without angle brackets: for the command line.
 * ERR_BAD_INPUT. */
must_check enum status esmtp_address_parse(struct arena *a, struct str s, struct esmtp_path *path_r);

/* --- DATA --- */

/*
 * Removes dot-stuffing, chunk by chunk. The end is CRLF . CRLF and nothing else: a bare LF or CR
 * never ends a line here, so what one server takes for the end of a message is never text for the
 * other (SMTP smuggling). All zeroes is ready for a message; after DATA_END it is ready for the
 * next.
 */
struct data_decoder {
	int state;
	uint64_t bytes;        /* decoded so far */
	bool bare_cr, bare_lf; /* the message has line ends that are not CRLF */
	bool nul;              /* the message holds NUL */
};
enum data_next {
	DATA_MORE,  /* input is used up */
	DATA_CHUNK, /* *chunk_r: decoded bytes, borrowed from the input or static; call again */
	DATA_END,   /* the final dot; what is left in *in are the next commands */
};
enum data_next data_decode(struct data_decoder *d, struct str *in, struct str *chunk_r);
void data_decoder_reset(struct data_decoder *d);

/* --- replies --- */

/* "250 2.1.5 text CRLF"; enhanced may be NULL (greeting, LHLO). Control characters in text leave
 * as spaces. */
void esmtp_reply(struct buf *out, int code, const char *enhanced, const char *text);
/* The same with " <address>" quoted into the text: replies after DATA name their recipient (RFC
 * 2033 4.2). */
void esmtp_reply_for(
    struct buf *out, int code, const char *enhanced, struct str address, const char *text);
/* A line of a reply that goes on: "250-text CRLF". */
void esmtp_reply_part(struct buf *out, int code, const char *text);

#endif
