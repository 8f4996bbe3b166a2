/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One LMTP connection. Idle it is this struct; a transaction (from MAIL on) has its own memory, given back at its
 * end. Belongs to the thread that runs the connection.
 */
#ifndef LMTP_SESSION_PRIV_H
#define LMTP_SESSION_PRIV_H

#include "base/map.h"
#include "base/runs.h"
#include "deliver/deliver.h"
#include "deliver/recipient.h"
#include "lmtp/lmtp.h"
#include "session/change.h"
#include "wire/esmtp.h"

enum lmtp_mode { MODE_COMMANDS, MODE_DATA, MODE_BDAT, MODE_COMMIT };

/* A place that gets the message, once, whatever the recipients that lead to it. */
struct lmtp_place {
	struct recipient to;
	struct str address; /* of the recipient that led to it first: for Delivered-To */
	struct str stored;  /* name of the mailbox that took it, for the log */
};
/* One RCPT that was taken: it gets one answer (RFC 2033 4.2). */
struct lmtp_rcpt {
	struct str address; /* as given, for the reply */
	uint32_t *place;    /* indices */
	size_t n;           /* one at least; more: a group, or an alias of several */
};

/* From MAIL to its end. */
struct transaction {
	struct arena arena;
	struct str sender;
	struct str id;                 /* in Received, and in the log */
	bool utf8;
	enum esmtp_body body;
	uint64_t size;                 /* SIZE= of MAIL; 0: not told */
	struct lmtp_rcpt *rcpts;
	size_t rcpts_n, rcpts_cap;
	struct lmtp_place *places;
	size_t places_n, places_cap;
	struct map places_known;       /* account and folder: index + 1 */
	size_t named;                  /* places that the recipients lead to, each counted as often as it is led to */
	struct delivery *delivery;
	enum status status;            /* of taking the content */
	struct data_decoder decoder;
	uint64_t chunk_left;           /* BDAT */
	bool last;
	bool chunked;                  /* BDAT was used: DATA must not follow */
	/* storing */
	struct delivery_target *targets; /* of the places, in their order */
	struct arena batch_arena;      /* what is prepared for the commit under way */
	size_t stored;                 /* places that are done */
	size_t batch;                  /* places of the commit under way */
	struct change change;          /* of the batch */
};

struct lmtp_session {
	struct conn *conn;
	const struct lmtp_service *service;
	struct charge charge;          /* what the transaction holds */
	struct esmtp_reader reader;
	struct transaction *t;         /* NULL outside a transaction */
	enum lmtp_mode mode;
	bool greeted;                  /* LHLO was said */
	char *client;                  /* its argument */
	unsigned errors;               /* commands that were wrong */
	bool starttls;                 /* STARTTLS was said; begun once its line is eaten */
};

/* Each command answers, and tells how to go on: CONN_AGAIN means: the next command. */
enum conn_next lmtp_cmd_lhlo(struct lmtp_session *s, const struct esmtp_command *cmd);
enum conn_next lmtp_cmd_mail(struct lmtp_session *s, const struct esmtp_command *cmd);
enum conn_next lmtp_cmd_rcpt(struct lmtp_session *s, const struct esmtp_command *cmd);
enum conn_next lmtp_cmd_data(struct lmtp_session *s, const struct esmtp_command *cmd);
enum conn_next lmtp_cmd_bdat(struct lmtp_session *s, const struct esmtp_command *cmd);
enum conn_next lmtp_cmd_starttls(struct lmtp_session *s, const struct esmtp_command *cmd);
enum conn_next lmtp_starttls_begin(struct lmtp_session *s);

/* Answers and goes on with the next command. */
enum conn_next lmtp_say(struct lmtp_session *s, int code, const char *enhanced, const char *text);

/* content.c: the bytes of DATA and BDAT, and their way into the store. */
enum conn_next lmtp_content_input(struct lmtp_session *s, struct str *in);
/* Begins a message: the trace fields of this server. */
void lmtp_content_begin(struct lmtp_session *s);
void lmtp_content_add(struct lmtp_session *s, struct str bytes);
/* All bytes are there: hands them to the committer. */
enum conn_next lmtp_content_end(struct lmtp_session *s);
/* A commit is over. */
enum conn_next lmtp_content_committed(struct lmtp_session *s);

void lmtp_transaction_end(struct lmtp_session *s);

/* Bytes of one message, 0: no limit: as the listener says, or else the service. */
static inline uint64_t
lmtp_message_max(const struct lmtp_session *s)
{
	uint32_t own = conn_message_max(s->conn);

	return own > 0 ? own : s->service->max_message;
}

/* trace.c: Return-Path and Delivered-To of one recipient; Received for all. In the arena. */
struct str lmtp_trace_prefix(struct arena *arena, struct str sender, struct str recipient);
struct str lmtp_trace_received(struct lmtp_session *s);

#endif
