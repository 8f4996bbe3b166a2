/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verbs that do the same to many, one a record: where it stands ("FILE:LINE" or empty), then its words. Some tens go into a commit; each that cannot be
 * done is told with its place, and the others are done. The exit status is one of a failure if one was not.
 */
#ifndef ADMIN_LINES_H
#define ADMIN_LINES_H

#include "admin/verb_priv.h"

struct line {
	struct str where;
	struct str *word;
	size_t n;          /* words, one at least */
	enum status status;
	const char *why;   /* of a status that is not OK; NULL: the status's word */
	struct str about;  /* what that is about; p NULL: the first word */
	void *kept;        /* what prepare() made, in the arena */
	struct arena *arena; /* until the line is done */
};

struct lines {
	/* Before the transaction, where something takes long; sets line->status. NULL: nothing. */
	void (*prepare)(struct call *c, struct line *line, void *arg);
	/*
	 * Part of a write function: does one, whose status is OK when it is called. What is refused goes into line->status and why, and must have changed
	 * nothing. Returns what ends the whole commit (the disk, the engine).
	 */
	enum status (*run)(struct call *c, struct db_txn *txn, struct line *line, void *arg);
	/* Done and durable: for the log. NULL: nothing. */
	void (*done)(struct call *c, const struct line *line, void *arg);
	void *arg;
	const char *verb;  /* for faults: "account delete" */
	const char *past;  /* "deleted" */
	size_t words_min;
	size_t words_max;
	bool reserve;      /* it makes room: see struct db_write */
};

/* What a status of a store's function is: the line's (OK is returned) or the commit's. */
enum status line_refused(struct line *line, enum status st, const char *why, struct str about);
must_check enum status call_lines(struct call *c, const struct lines *verb);

#endif
