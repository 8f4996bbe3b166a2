/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login: who is there, for every protocol that asks. A session embeds a struct login from its first byte to its last; while somebody
 * tries to get in a struct login_try stands beside it, in memory that may hold secrets. Both belong to the thread that runs the connection.
 *
 *	login_init(&s->login, c, door);
 *	login_try_init(&t, &s->login);
 *	next = login_password(&t, user, password)              LOGIN, USER/PASS, HTTP Basic
 *	next = login_sasl(&t, mech, initial)                   AUTHENTICATE, AUTH
 *	LOGIN_WAIT:      return CONN_WAKE; when run() comes again: next = login_go_on(&t)
 *	LOGIN_CHALLENGE: send t.challenge in the protocol's form and read a line: next = login_answer(&t, line)
 *	LOGIN_OVER:      answer by t.outcome, in the protocol's words
 *	login_try_fini(&t);
 *
 * The same for all of them, so that no door is easier to force than another:
 *
 *  - a password is hashed in its turn only (pool.h), a client network's turns being shared fairly;
 *  - what is wrong is answered at one moment after it came, whatever was wrong (S7); no thread is held meanwhile, and nothing
 *    is read: the door returns CONN_WAKE;
 *  - between what was right and the OK the account is watched and looked at again (auth_confirm()): LOGIN_IN is said to an account that is
 *    open still, and from then on the feed ends its session;
 *  - the connections of an account are counted over all doors, those of nobody by their address (conn_known());
 *  - bytes that came before the login are taken for secrets (conn_secret()).
 */
#ifndef SESSION_LOGIN_H
#define SESSION_LOGIN_H

#include "session/door.h"

/* One connection's. Fields are for reading, but for client and commands. */
struct login {
	struct conn *conn;
	const struct door *door;
	int64_t account;         /* 0: nobody is logged in */
	char *user;              /* its name; NULL: nobody is logged in */
	char *client;            /* what the program calls itself, owned, for the log; NULL: it did not say */
	uint32_t commands;       /* since the login: the protocol counts them, for the log */
	struct watcher watcher;  /* of the account: HUB_LOGINS */
	uint64_t seen;           /* its hub_modseq() when the account was looked at last */
	struct budget *budget;   /* of the account; NULL before */
	struct charge charge;    /* what the session holds beside its commands; of that budget */
	uint32_t stranger_since; /* conn_age() at which it last became one that has to log in */
	int32_t age;             /* conn_age(), conn_bytes_in(), conn_bytes_out() at the login */
	uint64_t in, out;
};

/* A connection begins: nobody is there. The struct must hold zeroes. */
void login_init(struct login *l, struct conn *c, const struct door *door);
/* It is over: logs the end of a session (why), gives everything back. The charge is empty then. */
void login_fini(struct login *l, const char *why);
/* A session ends and its connection stays (RFC 8437): nobody is there again. Whoever holds memory counted for the account has given it up before,
 * beside l->charge, which is emptied here. */
void login_out(struct login *l, const char *why);

/* CONN_EV_TIMEOUT so many seconds, or those of its listener, after it became one that has to log in; for the time before the login. */
void login_deadline(struct login *l, int64_t seconds);
/* The account was closed since the login, or its password changed: the feed said so (CONN_EV_CHANGE with CONN_EV_USER), the store is not asked.
 * The session has to end, with the protocol's goodbye. One atomic load; false when nobody is logged in. */
bool login_shut_out(const struct login *l);

/* May a password be sent on this connection? And the SASL mechanisms for it, as auth_mechanisms() writes them. */
bool login_plaintext_allowed(const struct login *l);
void login_mechanisms(const struct login *l, struct buf *out, const char *prefix);

/* Lines of the log: a login was refused for another reason than the password (user: "" where it does not matter); one that has not logged in is
 * closed for what it sent, or did not send. */
void login_log_refused(const struct login *l, const char *user, const char *why);
void login_log_stranger(const struct login *l, const char *why);

enum login_next { LOGIN_WAIT, LOGIN_CHALLENGE, LOGIN_OVER };

/* What a protocol has one answer each for. */
enum login_outcome {
	LOGIN_IN,           /* somebody is logged in: login.account, login.user */
	LOGIN_WRONG,        /* no such user, wrong password, disabled, closed meanwhile: no telling which */
	LOGIN_NOT_PRIVATE,  /* a password without TLS where that is not allowed: nothing was looked at */
	LOGIN_TOO_MANY,     /* failures lately, or connections of the account */
	LOGIN_UNAVAILABLE,  /* the store cannot be asked now */
	LOGIN_NO_MECHANISM, /* none of that name, or not on this connection */
	LOGIN_BAD_BASE64,   /* the client's answer is not in base64 (RFC 4422 3.1) */
	LOGIN_GIVEN_UP,     /* it said "*" (RFC 4422 4.) */
	LOGIN_OUTCOMES
};

struct login_try {
	struct login *login;
	enum login_outcome outcome; /* after LOGIN_OVER */
	struct buf challenge;       /* after LOGIN_CHALLENGE: in base64, perhaps empty */
	/* After LOGIN_CHALLENGE: it was the mechanism's last word and only the empty answer may follow. A protocol that can send data
	 * with its OK (ManageSieve, HTTP) keeps a copy and calls login_answer(t, STR("")) itself. */
	bool last;
	/* the rest is login.c's */
	struct auth_client client;
	struct auth_sasl *sasl;
	struct auth_result result;
	struct heavy turn;
	struct buf user, password, answer;
	enum login_next next; /* what follows the pause that is under way */
	bool asking;          /* auth waits for a turn */
	int64_t arrived;      /* clock_mono() when the client's last bytes came */
	int64_t answer_at;    /* nothing is said before this moment of clock_mono(); 0: it is not held back */
};

/* The struct must hold zeroes; l outlives it, and nobody is logged in. */
void login_try_init(struct login_try *t, struct login *l);
/* At any time; wipes what is secret, gives up a turn. Harmless on zeroes, and twice. */
void login_try_fini(struct login_try *t);

/* A name and a password, as they came. */
enum login_next login_password(struct login_try *t, struct str user, struct str password);
/* A SASL exchange begins. initial: the initial response as it stands on the wire, in base64 or "=" for the empty one (RFC 4959);
 * p == NULL: there was none. */
enum login_next login_sasl(struct login_try *t, struct str mech, struct str initial);
/* The client's answer to a challenge, in base64, or "*". */
enum login_next login_answer(struct login_try *t, struct str line);
/* After LOGIN_WAIT, whenever the connection runs: LOGIN_WAIT again where it was another event. */
enum login_next login_go_on(struct login_try *t);

#endif
