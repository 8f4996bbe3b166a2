/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One POP3 connection: what is kept between two runs. Belongs to the thread that runs the connection.
 *
 * Its maildrop is INBOX as it was at the login (RFC 1939 4): a view that is never brought up to date. So a message keeps its number to the end,
 * what comes later is not there, and what others expunge meanwhile is a ghost that answers -ERR. No list is kept, whatever INBOX holds: a bit
 * for each message that is to be deleted or was read, from the first on.
 */
#ifndef POP3_SESSION_PRIV_H
#define POP3_SESSION_PRIV_H

#include "mime/downgrade.h"
#include "mime/structure.h"
#include "pop3/pop3.h"
#include "session/change.h"
#include "session/language.h"
#include "session/login.h"
#include "store/view.h"
#include "wire/pop3.h"

/* A set of message numbers. Zeroes are the empty one. */
struct marks {
	uint64_t *bits; /* NULL: none was ever set */
	uint32_t n;     /* how many are set */
};

/* What the commands need to know of a message. */
struct brief {
	int64_t email;
	uint64_t size;
	uint32_t uid;      /* 0: it is past its grace */
	uint8_t flags;
	bool expunged;
};
#define BRIEFS 32

struct maildrop {
	struct view view;
	uint32_t messages;
	uint64_t size;         /* of them all */
	struct marks deleted;  /* by DELE */
	uint64_t deleted_size;
	/* Those from number first on, as they were looked up last: clients ask for one after the other. They hold in snapshots of the same
	 * db_version(). */
	struct brief ahead[BRIEFS];
	uint32_t first;
	uint64_t version;
	struct marks seen;     /* RETR has sent them, \Seen has to be set yet */
};

/* A message on its way to the client, by RETR or TOP. */
struct letter {
	int64_t email;
	uint32_t number;
	uint64_t at, size;
	/* Where in it there are headers which may have to be sent otherwise than they are, in order (charged); without 8-bit bytes there are none. */
	struct mime_range *headers;
	uint32_t n_headers, header; /* how many, and the one that comes next */
	struct mime_downgrade down;
	struct pop3_stuffing stuffing;
	bool cut;          /* TOP */
	bool fresh;        /* it has no \Seen */
	struct pop3_top top;
};

enum pop3_mode {
	POP3_COMMANDS,
	POP3_LOGIN,   /* an attempt is under way */
	POP3_ANSWER,  /* the next line answers a challenge */
	POP3_LISTING, /* LIST or UIDL of all */
	POP3_LETTER,
	POP3_LEAVING, /* what DELE and RETR noted is written */
};

struct pop3_session {
	struct conn *conn;
	const struct pop3_service *service;
	struct login login;
	struct login_try *try;   /* while there is an attempt */
	struct buf user;         /* USER was said: its argument, which may be a password in the wrong place */
	enum pop3_mode mode;
	bool skip;               /* the rest of a line that is too long is not read yet */
	bool starttls;           /* STLS was said; begun once its line is eaten */
	bool end;                /* no further command is read */
	bool utf8;               /* UTF8 was said (RFC 6856 2.1) */
	enum language language;  /* of what is said to people (RFC 6856 3) */
	const char *why;         /* it ends, for the log; NULL: the connection was closed */
	unsigned errors;
	struct maildrop drop;    /* after the login */
	struct view_iter walk;   /* POP3_LISTING */
	bool uidl;
	struct letter letter;
	/* POP3_LEAVING */
	bool quit;               /* QUIT was said: deletions are made, and there is an answer */
	bool deleting;           /* the batch under way removes; else it sets \Seen */
	uint32_t next;           /* the number where the next batch begins */
	struct runs batch;       /* UIDs */
	enum status failed;      /* the first batch that did */
	struct change change;
};

/* +OK, or -ERR, with a text, in the language of the session. code: a response code of RFC 2449 8 or RFC 3206, "" for none. CONN_AGAIN. */
enum conn_next pop3_ok(struct pop3_session *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
enum conn_next pop3_err(struct pop3_session *s, const char *code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* What the store says no with. */
enum conn_next pop3_failed(struct pop3_session *s, enum status st);

/* Handlers. CONN_AGAIN: on with what the mode says. */
enum conn_next pop3_user(struct pop3_session *s, const struct pop3_command *cmd);
enum conn_next pop3_pass(struct pop3_session *s, const struct pop3_command *cmd);
enum conn_next pop3_auth(struct pop3_session *s, const struct pop3_command *cmd);
enum conn_next pop3_capa(struct pop3_session *s, const struct pop3_command *cmd);
enum conn_next pop3_stat(struct pop3_session *s, const struct pop3_command *cmd);
enum conn_next pop3_list(struct pop3_session *s, const struct pop3_command *cmd);
enum conn_next pop3_uidl(struct pop3_session *s, const struct pop3_command *cmd);
enum conn_next pop3_dele(struct pop3_session *s, const struct pop3_command *cmd);
enum conn_next pop3_rset(struct pop3_session *s, const struct pop3_command *cmd);
enum conn_next pop3_retr(struct pop3_session *s, const struct pop3_command *cmd);
enum conn_next pop3_top_of(struct pop3_session *s, const struct pop3_command *cmd);

/* login.c: POP3_LOGIN, POP3_ANSWER (with the line). pop3_login_end() gives up the attempt and forgets USER. */
enum conn_next pop3_login_step(struct pop3_session *s);
enum conn_next pop3_login_answer(struct pop3_session *s, struct str line);
void pop3_login_end(struct pop3_session *s);

/* maildrop.c */
must_check enum status maildrop_open(struct pop3_session *s);
void maildrop_close(struct pop3_session *s);
bool marks_have(const struct marks *m, uint32_t number);
/* ERR_MEMORY. */
must_check enum status marks_set(struct pop3_session *s, struct marks *m, uint32_t number);
void marks_clear(struct pop3_session *s, struct marks *m);
/* The message that a command names, where it may still be had; else its -ERR was said, and false. */
bool maildrop_find(struct pop3_session *s, const struct pop3_command *cmd, struct brief *b_r);
enum conn_next pop3_listing_step(struct pop3_session *s);

/* letter.c */
enum conn_next pop3_letter_step(struct pop3_session *s);
void pop3_letter_end(struct pop3_session *s);

/* language.c: UTF8 and LANG (RFC 6856) */
enum conn_next pop3_utf8(struct pop3_session *s, const struct pop3_command *cmd);
enum conn_next pop3_lang(struct pop3_session *s, const struct pop3_command *cmd);

/* leave.c: writes what was noted, then closes. quit: as QUIT does; else (the connection ends without one) nothing is deleted (RFC 1939 6). */
enum conn_next pop3_leave(struct pop3_session *s, bool quit);
enum conn_next pop3_leave_step(struct pop3_session *s);

#endif
