/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import: what the readers of formats share. A reader walks its files twice: first counting (import->counting), then sending. A message
 * goes in as import_message() with all of its bytes at hand (a mapped file); line ends become CRLF, nothing else changes.
 */
#ifndef CLI_IMPORT_H
#define CLI_IMPORT_H

#include "base/map.h"
#include "cli/cli.h"

#define IMPORT_KEYWORDS_MAX 60
#define IMPORT_DEPTH_MAX 32

struct import {
	struct link link;
	struct progress progress;
	bool counting;
	uint64_t total;          /* messages counted */
	uint64_t sent, present;  /* present: brought by an earlier import */
	struct map keys;         /* of what is there */
	struct map repeated;     /* how often the same bytes came in one folder: content key to count */
	struct str folder;       /* the current one */
	struct arena arena;
	bool failed;             /* something could not be read; it was said */
	enum status status;      /* of the link */
};

struct import_message {
	struct str identity;     /* what tells it from others of its folder: a file's base name; empty: its bytes */
	struct str bytes;
	int64_t date;            /* seconds; 0: not known */
	int16_t zone;
	uint8_t flags;
	struct str keywords[IMPORT_KEYWORDS_MAX];
	size_t keywords_n;
};

/* The mailbox of what follows: canonical name; special-use word or "". */
void import_folder(struct import *im, struct str name, const char *special);
void import_message(struct import *im, const struct import_message *m);

/* The readers. name: of the mailbox. */
void import_maildir(struct import *im, const char *path, struct str name);
bool maildir_is(const char *path);
void import_mbox(struct import *im, const char *path, struct str name);
bool mbox_is(const char *path);
void import_eml(struct import *im, const char *path);

/* A whole file mapped for reading; empty files map to an empty str. */
/* A file, whole. No part of the path may be a symbolic link. */
must_check enum status file_map(const char *path, struct str *bytes_r);
void file_unmap(struct str bytes);

/* parent/child in the arena; INBOX as parent of nothing: children of the top are top-level names. */
struct str import_join(struct import *im, struct str parent, struct str child);
/* The special use that a well-known folder name means, or "". */
const char *import_special(struct str name);

#endif
