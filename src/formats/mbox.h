/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mbox: reads the messages of an mbox file as many programs write them (RFC 4155 and what is older): mutt, Dovecot, c-client, Thunderbird,
 * mail(1), delivery by an MTA, and Mansio's own export.
 *
 * Where a message begins is told by the form of the From line, never by a text that looks like a time; a right Content-Length that a program wrote at the
 * end of the header decides before that. A byte order mark and empty lines at the beginning are passed over.
 *
 * What a program noted in the header is taken off and believed where the program wrote it: at the very top (Mansio, Thunderbird: no mail that was delivered
 * begins so) or at the very end of the header. There \Deleted and keywords are believed with an X-UID that fits the file's X-IMAPbase only: a
 * sender can write such lines too. Fields elsewhere are the sender's and stay.
 *
 * The file is read through a function and may change meanwhile; what is handed out then is odd, but never outside of what was read. Memory is
 * bounded: one header of at most MBOX_HEADER_MAX, and a window. One thread at a time.
 */
#ifndef FORMATS_MBOX_H
#define FORMATS_MBOX_H

#include "base/buf.h"
#include "base/status.h"

#define MBOX_HEADER_MAX (1u << 20)
#define MBOX_KEYWORDS_MAX 256

struct mbox_source {
	/* Reads up to n bytes at offset at; 0 at the end, -1: error. */
	int64_t (*read)(void *arg, uint64_t at, char *p, size_t n);
	void *arg;
	uint64_t size;
};

struct mbox_message {
	uint64_t number;        /* from 1, of all that stand in the file */
	int64_t date;           /* of the From line, seconds since 1970 */
	bool dated;
	int16_t zone;           /* minutes east, where the line told */
	uint8_t flags;          /* FLAG_ bits */
	const struct str *keywords; /* as they stand there; until the next call */
	size_t keywords_n;
	size_t keywords_more;   /* beyond MBOX_KEYWORDS_MAX: left out */
	bool deleted;           /* Thunderbird's mark for what it has deleted and not compacted yet */
	bool internal;          /* what c-client keeps in the first message: no mail */
	struct str header;      /* with its empty line, without what programs noted; until the next call */
	uint64_t body, end;     /* the bytes of the file behind the header */
	bool quoted;            /* mboxrd: '>' before "From " is to be taken off */
};

struct mbox;

struct mbox *mbox_new(const struct mbox_source *source);
/* ERR_NOT_FOUND at the end; ERR_BAD_INPUT: this is no mbox (first call only); ERR_IO. */
must_check enum status mbox_next(struct mbox *m, struct mbox_message *r);
/* Gives the message's bytes, header and body, in pieces to fn, as it was before it came into the mbox. ERR_IO; also
 * where the file ends before the message does. */
must_check enum status mbox_bytes(struct mbox *m, const struct mbox_message *msg, void (*fn)(void *arg, struct str bytes), void *arg);
void mbox_free(struct mbox *m);

/* Do these bytes begin with lines of a header that an empty line ends, one of them a field that mail has? whole: there are no more bytes. */
bool mbox_is_header(struct str bytes, bool whole);

#endif
