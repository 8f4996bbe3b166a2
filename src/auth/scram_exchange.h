/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scram_exchange: the messages of SCRAM (RFC 5802) on the server's side: read, checked against keys, answered. Whose keys, what the channel
 * is bound by and who may try stand with the caller. No I/O, no allocation beyond its buffers. One exchange, one thread at a time.
 *
 *	scram_first(&x, message)                         user, authzid, binding are there
 *	scram_challenge(&x, &keys, &out)                 the server's first message
 *	scram_final(&x, &keys, channel, message, &out)   the proof; the server's last message
 */
#ifndef AUTH_SCRAM_EXCHANGE_H
#define AUTH_SCRAM_EXCHANGE_H

#include "auth/scram.h"

/* What a client says of channel binding in its GS2 header. */
enum scram_flag {
	SCRAM_CANNOT, /* "n": it knows nothing of it */
	SCRAM_UNSEEN, /* "y": it could, and has seen no -PLUS */
	SCRAM_BINDS,  /* "p=NAME": by NAME */
};

struct scram_exchange {
	enum scram_flag flag;
	struct str binding;       /* the NAME of "p="; in header */
	struct buf user, authzid; /* unescaped; as the client wrote them else */
	/* the rest is scram_exchange.c's */
	struct buf header;        /* with both commas */
	struct buf bare;          /* client-first-message-bare */
	struct buf first;         /* the server's first message */
	struct str nonce;         /* the client's; in bare */
};

/* The struct holds zeroes. ERR_BAD_INPUT: not RFC 5802 section 7's client-first-message, or one with an extension that has to be understood. */
must_check enum status scram_first(struct scram_exchange *x, struct str message);
/* Adds the server-first-message with a new nonce. Once. */
void scram_challenge(struct scram_exchange *x, const struct scram_keys *keys, struct buf *out);
/* channel: the data of the channel binding that the client named; empty where it named none. Adds the server-final-message.
 * ERR_BAD_INPUT: not a client-final-message, or not of this exchange; ERR_NO_PERM: another channel, or the proof is wrong. */
must_check enum status scram_final(struct scram_exchange *x, const struct scram_keys *keys, struct str channel, struct str message,
    struct buf *out);
void scram_exchange_free(struct scram_exchange *x);

#endif
