/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export: what its parts share. export.c is the verb and hears the store; export_maildir.c and export_mbox.c write. Everything is made below the
 * descriptor of a new folder that is this user's own, and without following links: whoever may write above it cannot lead it elsewhere.
 *
 * A mailbox or message that cannot be written leaves the others alone: it is said, and the exit status tells.
 */
#ifndef CLI_EXPORT_H
#define CLI_EXPORT_H

#include <stdio.h>
#include "cli/cli.h"
#include "formats/listing.h"
#include "formats/mboxrd.h"

struct export_message {
	struct str uid;
	int64_t date;            /* seconds */
	int zone;                /* minutes east */
	uint64_t flags;
	const struct str *keywords;
	size_t keywords_n;
};

struct export {
	struct link link;
	struct progress progress;
	struct arena arena;      /* of the verb */
	struct arena box;        /* of the mailbox */
	int dir;                 /* the folder of the export */
	bool mbox, verbatim;
	struct buf listing;      /* formats/listing.h */
	struct str mailbox;      /* the present one */
	struct str file;         /* its file or folder, relative to dir; "." the folder itself */
	bool skip;               /* it cannot be written: that was said */
	int folder;              /* Maildir: the mailbox's folder; -1: none */
	FILE *out;               /* the message's file, or the mbox; NULL: none */
	struct str tmp, final;   /* Maildir: names of the message, relative to folder */
	struct str *letters;     /* Maildir: keywords of this folder's letters, MAILDIR_LETTERS of them */
	size_t letters_n;
	uint64_t without;        /* messages of the mailbox that lost keywords */
	int64_t date;
	struct lf_ends ends;
	struct mboxrd quotes;
	struct buf piece;        /* bytes on their way to the file */
	char last;               /* byte written */
	off_t begin;             /* mbox: where the message begins */
	uint64_t written;
	bool failed;
};

/* Says it; returns false. */
bool export_fail(struct export *ex, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same: the present mailbox's file, with errno. */
bool export_fail_file(struct export *ex);
/* A new file below a folder. NULL with errno. */
FILE *export_create(int folder, const char *name);

/* The writers: a mailbox begins, a message begins, ends or turns out to be gone, the mailbox ends. False: the rest of it cannot be written. */
bool maildir_begin(struct export *ex);
bool maildir_message(struct export *ex, const struct export_message *m);
bool maildir_end_message(struct export *ex, bool gone);
void maildir_end(struct export *ex);
bool mboxrd_begin(struct export *ex);
bool mboxrd_message(struct export *ex, const struct export_message *m);
bool mboxrd_end_message(struct export *ex, bool gone);
void mboxrd_finish(struct export *ex);

#endif
