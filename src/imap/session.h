/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session: one IMAP connection. Its life: greeting, not authenticated, authenticated, selected, logout
 * (RFC 9051 3). It belongs to the thread that runs its connection. Small, because most sessions are
 * idle: the running command lies in a struct of its own that is given back when the connection
 * parks, and so is what belongs to the selected mailbox when there is none.
 *
 * Commands run one after the other in the order they came; a command begins when the one before it has
 * sent its tagged line.
 */
#ifndef IMAP_SESSION_H
#define IMAP_SESSION_H

#include "imap/imap.h"
#include "net/conn.h"
#include "store/view.h"
#include "wire/imap_reader.h"

/* Bits, so that a command's row can name several. */
enum session_state {
	STATE_NOT_AUTH = 1,
	STATE_AUTH = 2,
	STATE_SELECTED = 4,
	STATE_LOGOUT = 8,
	STATE_LOGGED_IN = STATE_AUTH | STATE_SELECTED,
	STATE_ANY = STATE_NOT_AUTH | STATE_AUTH | STATE_SELECTED,
};

/* What a client has enabled, by ENABLE or by using it; for the whole session. */
#define E(name, bit, doc) ENABLED_##name = 1u << (bit),
enum session_enabled {
#include "imap/enabled.tbl"
};
#undef E

struct cmd;
struct updater;

/* The selected mailbox. */
struct selected {
	struct view view;
	struct watcher watcher;
	struct str name;       /* canonical, owned; for messages to the log and RENAME */
	uint64_t synced;       /* hub's mod-sequence up to which view_sync() has looked */
	bool gone_told;        /* the mailbox was deleted and its messages were told as expunged */
	struct arena kw_arena; /* of keywords; freed at rest */
	struct keywords keywords;
	bool kw_loaded;
	uint32_t kw_told;      /* how many keywords the last FLAGS line knew of */
	struct updater *updater; /* untagged updates half sent, or NULL */
};

struct session {
	struct conn *conn;
	struct imap *imap;
	struct actor actor;        /* account 0 before login */
	uint8_t state;             /* enum session_state */
	bool delayed;              /* an answer is held back after a failed login */
	bool starting_tls;
	uint8_t bad;               /* bad commands so far, before login */
	uint32_t enabled;          /* enum session_enabled */
	struct selected *selected; /* NULL: none */
	struct cmd *cmd;           /* the running command, or NULL */
	struct imap_reader reader;
	char *user;                /* account name after login, owned */
};

/* The process's part. */
struct imap {
	struct store *store;
	struct db *db;
	struct hub *hub;
	struct pool *pool;
	struct auth *auth;
	struct imap_settings settings;
	char *hidden;
};

/* Mailbox names, headers and texts go out in UTF-8 (RFC 6855, RFC 9051). */
static inline bool
session_utf8(const struct session *s)
{
	return s->enabled & (ENABLED_UTF8 | ENABLED_IMAP4REV2);
}

/* The client as auth sees it; lives as long as the session. */
struct auth_client session_auth_client(struct session *s);
/* Login succeeded: takes the account, lifts the limits. */
void session_login(struct session *s, const struct auth_result *result);
/* STATE_LOGOUT and CMD_CLOSE's helper: "* BYE [code] text" once (T93). code may be NULL. */
void session_bye(struct session *s, const char *code, const char *text);

#endif
