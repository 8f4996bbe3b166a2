/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar of POP3 (RFC 1939 3 to 9, RFC 2449 4, RFC 5034 4, RFC 6856): lines in, commands out; and what a message looks like behind a +OK. No I/O, no
 * memory of its own.
 */
#ifndef WIRE_POP3_H
#define WIRE_POP3_H

#include "base/buf.h"

/* Longest line, its end not counted. RFC 2449 4 wants 255, RFC 5034 4 12288 for what answers a challenge. */
#define POP3_LINE_MAX 12288

/* Takes the next line off *in, without its end: CRLF, or LF alone. Nothing is taken of a line that is not complete. */
enum pop3_read {
	POP3_READ_MORE, /* no whole line is there, and there may be one yet */
	POP3_READ_LINE,
	POP3_READ_LONG  /* it is too long: *in was emptied up to its end; *skip is set while that has not come */
};
enum pop3_read pop3_line(struct str *in, bool *skip, struct str *line_r);

enum pop3_verb {
	POP3_UNKNOWN, POP3_AUTH, POP3_CAPA, POP3_DELE, POP3_LANG, POP3_LIST, POP3_NOOP, POP3_PASS, POP3_QUIT, POP3_RETR, POP3_RSET, POP3_STAT, POP3_STLS,
	POP3_TOP, POP3_UIDL, POP3_USER, POP3_UTF8
};
struct pop3_command {
	enum pop3_verb verb;
	struct str text;    /* USER and PASS: all of the line behind the blank, as it came (RFC 1939 7); AUTH: the mechanism, LANG: the language range; perhaps empty */
	struct str initial; /* AUTH: the initial response, p NULL: none */
	uint32_t message;   /* 0: not given (LIST, UIDL), or a number that no message can have */
	bool given;         /* a number was */
	uint32_t lines;     /* TOP; those beyond its range count as its end */
};
/* Borrowed from the line. false: the arguments are not the verb's (cmd_r->verb), or there is no such verb (POP3_UNKNOWN). */
bool pop3_parse(struct str line, struct pop3_command *cmd_r);

/* Lines of a message as RFC 1939 3 sends them: each ends in CRLF, a dot that begins one is doubled. A lone LF in the message ends a line, too:
 * clients take it for an end, and what they took for one has to be stuffed. */
struct pop3_stuffing {
	char last; /* the byte before */
};
#define POP3_STUFFING {'\n'}
void pop3_stuff(struct pop3_stuffing *s, struct str in, struct buf *out);
/* The end of the last line, where it has none, and the dot. */
void pop3_stuff_end(struct pop3_stuffing *s, struct buf *out);

/* Where TOP ends (RFC 1939 7): behind the header, the empty line and so many lines. */
struct pop3_top {
	uint32_t left;
	bool body; /* the empty line was there */
	bool text; /* the line that is under way is not empty */
	bool over; /* nothing more is wanted */
};
/* How many bytes of in belong to it. */
size_t pop3_top(struct pop3_top *t, struct str in);

#endif
