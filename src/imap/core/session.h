/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session: one IMAP connection. Its life: greeting, not authenticated, authenticated, selected, logout
 * (RFC 9051 3). It belongs to the thread that runs its connection. Small, because most sessions are
 * idle: the running command lies in a struct of its own that is given back when the connection
 * parks, and so is what belongs to the selected mailbox when there is none.
 *
 * Commands run one after the other in the order they came; a command begins when the one before it has
 * sent its tagged line, but for changes, which may begin while those before them commit (imap/ahead.h).
 */
#ifndef IMAP_CORE_SESSION_H
#define IMAP_CORE_SESSION_H

#include "imap/core/settings.h"
#include "net/conn.h"
#include "query/comparator.h"
#include "session/door.h"
#include "session/login.h"
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
#define E(name, bit, word, doc) ENABLED_##name = 1u << (bit),
enum session_enabled {
#include "imap/core/enabled.tbl"
};
#undef E

struct cmd;
struct context;
struct hide;
struct notify;
struct updater;

/*
 * The selected mailbox. A command that began with one has it until its tagged line: what happens to the mailbox meanwhile only marks it
 * (view.deleted, gone_told, closed_told). It is closed by the commands whose business that is, and between commands.
 */
struct selected {
	struct view view;
	struct watcher watcher;
	struct str name;       /* canonical, owned; for messages to the log and RENAME */
	uint64_t synced;       /* hub's mod-sequence up to which view_sync() has looked */
	bool look;             /* view_sync() must look whatever the hub says: it was asked too late */
	bool gone_told;        /* the mailbox was deleted and its messages were told as expunged, or CLOSED was */
	bool closed_told;      /* CLOSED was: nothing more is told, session_read() closes it before the next command */
	struct runs saved;     /* "$": UIDs (RFC 5182) */
	struct arena kw_arena; /* of keywords; freed at rest */
	struct keywords keywords;
	bool kw_loaded;
	bool kw_listed;        /* a FLAGS line was sent */
	unsigned rights_told;  /* what PERMANENTFLAGS followed from last: RIGHT_SEEN, WRITE, DELETE */
	uint32_t kw_told;      /* above the ids of all keywords that a FLAGS line has named */
	bool modseq_told;      /* a MODSEQ went out since the last tagged line */
	bool gone_line;        /* VANISHED or EXPUNGE went out since then */
	struct context *contexts; /* searches whose results are kept up (imap/news/context.h), the newest first */
	struct updater *updater; /* untagged updates half sent, or NULL */
	uint32_t notify_from;  /* NOTIFY: UIDs from here on are to be fetched; 0: from next_told on */
	struct runs notify_own; /* NOTIFY: messages that this session itself put there */
};

struct session {
	struct conn *conn;
	struct imap *imap;
	struct login login;        /* who is there */
	struct actor actor;        /* the same for the store; account 0 before login */
	uint8_t state;             /* enum session_state */
	bool starting_tls;
	bool stopping;             /* the server stops: BYE when the command is over */
	uint8_t language;          /* enum language (imap/core/language.h) */
	uint8_t held;              /* enum imap_read that waits until they are answered; IMAP_READ_MORE: nothing */
	uint8_t bad;               /* bad commands so far, before login */
	uint8_t unheard;           /* turns in which nothing was told, since the client was found to be gone */
	uint32_t enabled;          /* enum session_enabled */
	struct comparator comparator; /* the active one; zeroes are the default */
	struct selected *selected; /* NULL: none */
	struct cmd *cmd;           /* the running command, or NULL */
	struct cmd *below;         /* IDLE, while cmd is the command of NOTIFY that has no tag; else NULL */
	struct cmd *committing;    /* before cmd: those whose last changes are on their way, the oldest first (imap/ahead.h) */
	uint64_t numbered;         /* commands begun */
	int64_t looked;                /* clock_mono() when this run began, or when a command was answered since: when the next one begins */
	struct cmd *reading;       /* behind cmd: while cmd, the oldest of those, is answered */
	struct notify *notify;     /* NULL: NOTIFY was never used */
	struct imap_reader reader;
	const char *ended;         /* why it said BYE, or NULL */
	uint32_t unheard_at;       /* conn_bytes_out() in the last of them */
};

/* The process's part. */
struct imap {
	const struct door *door;
	struct store *store;       /* the door's, as the next two */
	struct db *db;
	struct hub *hub;
	struct imap_settings settings;
	void (*at_step)(void *arg); /* struct imap_options */
	void *at_step_arg;
	struct search_cache *search_cache; /* NULL: none */
	struct pictures *pictures; /* of accounts that are watched by NOTIFY */
	struct hide *_Atomic hide; /* what is kept back; NULL: nothing */
	struct hide **retired;     /* sets that were in force before: a session may be looking at one */
	size_t retired_n;
	struct imap_limits limits; /* of commands after login */
	struct imap_limits limits_before;
};

/* Mailbox names, headers and texts go out in UTF-8 (RFC 6855, RFC 9051). */
static inline bool
session_utf8(const struct session *s)
{
	return s->enabled & (ENABLED_UTF8 | ENABLED_IMAP4REV2);
}

/* Bytes of one message in APPEND, also APPENDLIMIT: as the listener says, or else the service. */
static inline uint64_t
session_message_max(const struct session *s)
{
	uint32_t own = conn_message_max(s->conn);

	return own > 0 ? own : s->imap->settings.message_max;
}

/* Somebody is let in (LOGIN_IN): the session is his, and the limits on strangers are lifted. */
void session_logged_in(struct session *s);
/* For cmd->sent of STARTTLS: behind its OK comes the handshake, after which everything is forgotten (S1). ERR_BAD_INPUT: bytes stood
 * behind the command in the clear. */
must_check enum status session_start_tls(struct session *s);
/* An invariant of this session does not hold (st), or its client broke the order of layers (ERR_BAD_INPUT): logs the command and the place,
 * says BYE. For places where no lock, snapshot or statement is held; the caller closes then. */
void session_broken(struct session *s, enum status st, const char *command, const char *place);
/* "* BYE [code] text", once (T93); state becomes STATE_LOGOUT. code may be NULL. */
void session_bye(struct session *s, const char *code, const char *text);
/* The time-out between commands, as it is in this state. */
void session_timeout(struct session *s);

#endif
