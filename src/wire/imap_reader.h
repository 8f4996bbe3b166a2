/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap_reader: cuts a client's bytes into commands (RFC 9051 section 9, literals of RFC 7888 and
 * RFC 3516). It is fed the connection's input and collects one command, its literals included,
 * into one contiguous buffer without the final line end. At each literal it stops and asks:
 * collect it, stream it to the caller, or refuse it. No I/O; nothing grows past the limits. One
 * thread at a time.
 *
 * in is what came from the connection; what is consumed is cut off its front:
 *
 *	for (;;) switch (imap_reader_read(&r, &in)) {
 *	case IMAP_READ_MORE:      all of in is used up: return to the poller
 *	case IMAP_READ_COMMAND:   run r.command; it is valid until the next call on r
 *	case IMAP_READ_LITERAL:   look at r.literal and at r.command, which ends in the announcer
 *	                          and CRLF; then imap_reader_collect(&r) or imap_reader_stream(&r)
 *	                          and, if r.literal.sync, send "+ OK"; or else answer NO or BAD
 *	                          with imap_reader_tag(&r) and call imap_reader_refuse(&r)
 *	case IMAP_READ_CHUNK:     take r.chunk (borrowed from in); the last one has
 *	                          r.literal.left == 0
 *	case IMAP_READ_BAD:       answer BAD with the tag (or "*" when it is empty) and r.why; the
 *	                          reader resynchronises by itself
 *	case IMAP_READ_NOT_IMAP:  close without a word (T07)
 *	case IMAP_READ_FATAL:     BYE and close: the client cannot be brought back into step
 *	}
 *
 * A streamed literal leaves its announcer and CRLF in r.command but not its bytes;
 * arg_literal_streamed() reads it. Line ends in r.command are CRLF whatever the client sent (bare
 * LF is accepted). Empty lines before a command are skipped (T08). NUL is refused everywhere but
 * in literal8 (S3); BAD may thus also come in the middle of a streamed literal, whose chunks are
 * then to be forgotten.
 */
#ifndef WIRE_IMAP_READER_H
#define WIRE_IMAP_READER_H

#include "base/buf.h"
#include "base/status.h"

struct imap_limits {
	size_t line;     /* bytes of a command outside its literals, line ends counted */
	size_t id;       /* the same of ID, and of its literals, where that is more: RFC 2971 3.3 allows 30 values of 1024 octets */
	size_t literal;  /* bytes of one collected literal */
	size_t literals; /* bytes of all collected literals of a command */
	unsigned count;  /* literals of a command, streamed ones too */
	/* bytes thrown away to get back into step with a client, before FATAL */
	uint64_t drop;
	/* LITERAL-: non-synchronising literals over 4096 bytes are BAD (RFC 7888 section 5) */
	bool literal_minus;
	bool before_login; /* tell NOT_IMAP (T07); what was read is overwritten when it is over, for it may be a password */
};

/* Ready-made: 8 KiB a line before login; 1 MiB after it (T09, S2). */
extern const struct imap_limits imap_limits_before_login;
extern const struct imap_limits imap_limits_after_login;

enum imap_read {
	IMAP_READ_MORE,
	IMAP_READ_COMMAND,
	IMAP_READ_LITERAL,
	IMAP_READ_CHUNK,
	IMAP_READ_BAD,
	IMAP_READ_NOT_IMAP,
	IMAP_READ_FATAL,
};

struct imap_literal {
	uint64_t size;
	uint64_t left; /* not yet seen bytes */
	bool sync;     /* {n}: the client waits for "+ " */
	bool binary;   /* ~{n}: literal8, may hold NUL */
};

struct imap_reader {
	const struct imap_limits *limits; /* may be switched between commands */
	struct str command;               /* what is collected so far */
	struct imap_literal literal;      /* after LITERAL and CHUNK */
	struct str chunk;                 /* after CHUNK */
	/* after BAD and FATAL: text for the client, our own words; after BAD its response code, or NULL */
	const char *why, *code;
	/* private */
	struct buf buf;
	int state;
	size_t line_start; /* where the current line begins in buf */
	size_t line_bytes, literal_bytes;
	uint64_t dropped;
	unsigned count;
	bool line_done;
	char tail[32]; /* the end of a dropped line */
	size_t tail_len;
};

/* limits must outlive the reader. */
void imap_reader_init(struct imap_reader *r, const struct imap_limits *limits);
void imap_reader_free(struct imap_reader *r);

enum imap_read imap_reader_read(struct imap_reader *r, struct str *in);

/* The three answers to IMAP_READ_LITERAL. collect: ERR_LIMIT when the literal is over a limit,
 * then refuse it with [TOOBIG] or [LIMIT] (RFC 9051 7.1, RFC 7889). */
must_check enum status imap_reader_collect(struct imap_reader *r);
void imap_reader_stream(struct imap_reader *r);
/* The command is answered already: drops what is still to come of it (T86). Allowed after LITERAL
 * and after CHUNK. A synchronising literal that got no "+ " will not come, so the next byte
 * begins a new command. */
void imap_reader_refuse(struct imap_reader *r);

/* The tag of the command being read, or empty while there is no valid one. Valid until the next
 * read. */
struct str imap_reader_tag(const struct imap_reader *r);

/*
 * Reads one bare line instead of a command: DONE of IDLE, the base64 lines of AUTHENTICATE. At
 * most limit bytes without the line end. MORE, COMMAND (the line is in r.command) or BAD (too
 * long or NUL in it; dropped). A line must be read to its end before the next kind of reading.
 */
enum imap_read imap_reader_line(struct imap_reader *r, struct str *in, size_t limit);

/* Bytes of memory that it holds, or will when the literal that it collects is there. */
size_t imap_reader_memory(const struct imap_reader *r);

/* True between commands, with nothing half read: a connection may park for long, and STARTTLS may
 * begin. */
bool imap_reader_idle(const struct imap_reader *r);
/* Gives the buffer back when idle. */
void imap_reader_park(struct imap_reader *r);

#endif
