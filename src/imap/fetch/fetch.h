/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch: the data items of FETCH: how they are read from a command and how they are written. Items whose bytes come from
 * a body go out piece by piece; all others in one go. Rows of fetch_items.tbl.
 */
#ifndef IMAP_FETCH_FETCH_H
#define IMAP_FETCH_FETCH_H

#include "imap/core/limit.h"
#include "imap/core/partial.h"
#include "mime/fields.h"
#include "mime/structure.h"
#include "mime/summary.h"
#include "store/email.h"

/* What an item needs beyond the entry. */
enum {
	FETCH_EMAIL = 1 << 0,
	FETCH_STRUCTURE = 1 << 1,
	FETCH_KEYWORDS = 1 << 2,
	FETCH_SEEN = 1 << 3,   /* sets \Seen */
	FETCH_BODY = 1 << 4,   /* goes out in pieces */
	FETCH_MODSEQ = 1 << 5, /* enables CONDSTORE */
	FETCH_BINARY = 1 << 6, /* its section is sent decoded (RFC 3516) */
	FETCH_SUMMARY = 1 << 7, /* of the email's row a slice of the summary only */
	FETCH_FLAGS = 1 << 8,  /* it is FLAGS */
	FETCH_UID = 1 << 9,    /* it is UID */
	FETCH_OBJECT = 1 << 10, /* the email's object id */
};

/* Modifiers that were given (RFC 4466 2.4), besides PARTIAL. */
enum {
	FETCH_CHANGEDSINCE = 1 << 0,
	FETCH_VANISHED = 1 << 1, /* expunged ones are told first */
};

/* What of the current message's rows has been read. Each with those before it. */
enum fetch_rows { FETCH_ROWS_NONE, FETCH_ROWS_EMAIL, FETCH_ROWS_STRUCTURE };

struct fetch;
struct fetch_item;
/* Writes the item of the current message; a space before it where one is due (out_sep() with f->first). */
typedef enum status fetch_fn(struct fetch *f, const struct fetch_item *item, const struct entry *e);

struct fetch_item {
	const struct fetch_kind *kind;
	unsigned needs;
	struct section section;
	struct mime_names *names; /* of HEADER.FIELDS, in the arena; else NULL */
	bool size;               /* BINARY.SIZE */
	struct str label;        /* what the answer calls it, with the space after it */
};

struct fetch_kind {
	const char *name;
	fetch_fn *print; /* NULL: FETCH_BODY items */
	unsigned needs;
};

/* A FETCH in progress, in its command's arena. */
struct fetch {
	struct cmd *cmd;
	struct fetch_item *items; /* those with FETCH_BODY last */
	size_t n_items, cap_items;
	unsigned needs;           /* of all items together */
	bool uid;                 /* UID is among them, or it is UID FETCH: it comes first (T50) */
	unsigned modifiers;
	struct partial partial;   /* modifier PARTIAL */
	uint64_t changed_since;
	struct runs known;        /* VANISHED: the UIDs that were asked for, expunged ones included */
	struct runs gone;         /* to be told as VANISHED (EARLIER) */
	size_t gone_at;
	struct runs uids;         /* what was asked for */
	struct runs batch;        /* what goes out now: all, or where \Seen is to be set some of it */
	struct runs unseen;       /* of the batch: they get \Seen first */
	uint64_t seen_modseq;     /* of that change */
	struct runs marked;       /* of the batch: they just got it; their FLAGS are told */
	enum { FETCH_READS, FETCH_MARKS } way; /* batch stands for uids; or \Seen is to be set, batch by batch */
	bool stepped;             /* a step was made already */
	struct view_iter scan, it; /* over uids, over batch: down where more than the limit were asked for (RFC 9738 3.1) */

	/* Of this step. */
	struct db_txn *txn;
	struct email_cursor *cursor;
	struct arena arena;       /* of one message */
	struct buf tmp;
	struct buf header;        /* the one whose fields were asked for last: others may ask for its fields, too */
	int64_t header_email;     /* 0: none is there */
	uint64_t header_at;
	struct mime_fields fields; /* of it, when several have asked */
	size_t header_held;       /* bytes of both that the command was told to hold */

	/* The message being written. */
	struct email email;
	enum fetch_rows rows;     /* of it */
	struct mime_structure structure;

	/* A message whose bodies are half sent. */
	bool open;
	bool first;               /* nothing stands in its line yet: no space is due */
	int64_t open_email;
	size_t item;              /* the next item, or the one in the middle of its literal */
	uint64_t at, left;        /* of the literal */
	struct fetch_decoding *decoding; /* of BINARY items; NULL as long as there was none */
	bool unknown_cte;         /* a section could not be decoded: NO [UNKNOWN-CTE] (T55) */

	enum status failed;       /* a message could not be read; the others were */
};

/* Reads the items (a macro, one, several with or without parentheses; T10). */
must_check enum status fetch_parse(struct fetch *f, struct args *a);
/* Reads the modifiers behind them (RFC 4466 2.4), up to the end of the command. */
must_check enum status fetch_modifiers(struct fetch *f, struct args *a);
/* What the modifiers leave of the set that was asked for; finds what vanished. */
must_check enum status fetch_narrow(struct fetch *f, struct db_txn *txn);
/* One BODY[...] or RFC822 item, as PARTIAL takes it. */
must_check enum status fetch_parse_text(struct fetch *f, struct args *a);
/* Sends what was parsed, of the messages of the set, which is freed. */
enum cmd_next fetch_begin(struct cmd *cmd, struct fetch *f, struct arg_set *set);
/* Sends "(...)" items of these messages, without \Seen, as the step of a command without a tag (NOTIFY). */
enum cmd_next fetch_start(struct cmd *cmd, struct str items, const struct runs *uids);
/* Adds an item by its name, unless it is there. */
must_check enum status fetch_add_named(struct fetch *f, const char *name);
/* Leaves out what was asked for before. */
void fetch_unique(struct fetch *f);
/* Bodies last: they may go out in many steps, and need nothing of the entry then. When all items are there. */
void fetch_sort(struct fetch *f);
/* The row of an item's name in upper case, or NULL. */
const struct fetch_kind *fetch_kind_find(struct str name);

/* For the items: the current message's rows. ERR_NOT_FOUND: gone for good. */
must_check enum status fetch_email(struct fetch *f, int64_t email);
must_check enum status fetch_structure(struct fetch *f);
/*
 * Writes the bodies of the open message from f->item on. CMD_DONE: all of them; CMD_WAIT_OUTPUT, CMD_AGAIN: call again in a later step.
 * *st_r tells of failures.
 */
enum cmd_next fetch_bodies(struct fetch *f, enum status *st_r);

/*
 * Writes a BINARY or BINARY.SIZE item of the open message, going on where it stopped. What fetch_bodies() returns, and CMD_AGAIN.
 */
enum cmd_next fetch_binary(struct fetch *f, const struct fetch_item *item, enum status *st_r);
/* Forgets a half-sent one. */
void fetch_binary_reset(struct fetch *f);
/* Where in the message the bytes of a section that is not HEADER.FIELDS lie. ERR_NOT_FOUND: there is no such part. The current message's
 * email must be there. */
must_check enum status fetch_locate(struct fetch *f, const struct section *section, struct mime_range *range_r);
/* Header fields of a section into f->tmp. ERR_NOT_FOUND: there is no such part. */
must_check enum status fetch_header_fields(struct fetch *f, const struct section *section, const struct mime_names *names);
/* The names of a section, in order, in the command's arena. */
struct mime_names *fetch_names(struct fetch *f, const struct section *section);
/* At the end of a step: the header that was read for that may stay for the next, unless the client is waited for. */
void fetch_header_rest(struct fetch *f, bool waits);
void fetch_header_forget(struct fetch *f);
/* Cuts a range to the section's <first.count>. */
void fetch_cut(const struct section *section, uint64_t *at, uint64_t *n);
/* For plain literals, which cannot hold NUL (RFC 3501 9, CHAR8). */
void fetch_hide_nul(char *p, size_t n);

fetch_fn fetch_preview, fetch_modseq, fetch_uid, fetch_flags, fetch_internaldate, fetch_size, fetch_envelope, fetch_bodystructure, fetch_body,
    fetch_savedate, fetch_emailid, fetch_threadid;

#endif
