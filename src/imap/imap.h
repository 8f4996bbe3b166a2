/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap: the IMAP service of the process: what all its sessions share. The server makes one and
 * hands it to its listeners as their arg, with imap_handler as their handler. Any thread.
 *
 *	imap = imap_new(&options);
 *	net_listen(net, &(struct listener_options){.name = "imap", .handler = &imap_handler, .arg = imap, ...})
 *
 * The server also subscribes door_changed() to the store.
 */
#ifndef IMAP_IMAP_H
#define IMAP_IMAP_H

#include "session/door.h"

struct imap_settings {
	uint64_t message_max;      /* bytes of one message in APPEND; also APPENDLIMIT */
	uint64_t save_max;         /* messages that one COPY or APPEND may store: SAVELIMIT (RFC 9738); 0: no limit */
	uint64_t work_max;         /* messages that any command may work on: MESSAGELIMIT (RFC 9738); 0: no limit */
	int64_t login_seconds;     /* from the greeting to the login */
	int64_t idle_seconds;      /* silence after login until BYE, outside IDLE; at least 1800 (RFC 9051 5.4) */
	int64_t keepalive_seconds; /* "* OK Still here" in IDLE (T91); 0: none */
	int64_t step_us;           /* a command works so long, then others have their turn */
	int64_t progress_ms;       /* a long command tells how far it is so often (RFC 9585); 0: never */
	size_t search_cache;       /* bytes of search/brief.h, all accounts together; 0: none */
	unsigned bad_max;          /* bad commands before login until BYE (T07) */
	size_t line_max;           /* bytes of a command line after login; 0: the default */
	size_t literals_max;       /* bytes of a command's literals, messages not counted; 0: the default */
	uint8_t language;          /* what LANGUAGE "default" gives (RFC 5255 3.2): from imap_language() */
	bool literal_minus;        /* LITERAL- in place of LITERAL+ (RFC 7888 5) */
};
extern const struct imap_settings imap_settings_default;

struct imap_options {
	const struct door *door;
	struct imap_settings settings;
	/* For tests, which change the world there; else NULL. Called before each step of a command and before its answer, with nothing held. */
	void (*at_step)(void *arg);
	void *at_step_arg;
};

/* The number of a language by its tag ("de", "i-default"); false: there is none. */
bool imap_language(const char *tag, uint8_t *language_r);

struct imap;
/* What the options point to must outlive it. */
struct imap *imap_new(const struct imap_options *o);
/*
 * Which capabilities are kept back: NAME (from all), NAME@LISTENER (a listener's name, or its address as the settings have it) or
 * NAME/ACCOUNT. Takes the place of what was kept back before; any time, one thread. ERR_BAD_INPUT: nothing was changed, and what is wrong was
 * added to why.
 */
must_check enum status imap_hide(struct imap *imap, char *const *words, size_t n, struct buf *why);
/* Whether imap_hide() would take these words. */
must_check enum status imap_hide_check(char *const *words, size_t n, struct buf *why);
/* All its connections must be gone. */
void imap_free(struct imap *imap);

extern const struct conn_handler imap_handler;

/* For `mansio capabilities` and the manual: row i of the table, or NULL past the end. */
struct capability_row {
	const char *name, *rfc, *doc;
	const char *risky; /* why some client does not get along with it; NULL: all do */
};
const struct capability_row *imap_capability(unsigned i);

#endif
