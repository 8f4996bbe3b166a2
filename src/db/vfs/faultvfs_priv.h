/* SPDX-License-Identifier: Apache-2.0 */
/* The record of what was written, shared by faultvfs.c and powercut.c. */
#ifndef DB_FAULTVFS_PRIV_H
#define DB_FAULTVFS_PRIV_H

#include <stddef.h>
#include <stdint.h>
#include "db/vfs/faultvfs.h"

#define RECORD_FILES 64

enum event_kind { EVENT_WRITE, EVENT_TRUNCATE, EVENT_SYNC, EVENT_CREATE, EVENT_DELETE };

struct event {
	enum event_kind kind;
	int file;
	int64_t at; /* offset; new size; for a deletion: whether the folder was synced */
	size_t n;
	char *bytes;
};

struct record {
	struct event *events;
	size_t n, cap;
	char *paths[RECORD_FILES];
	int files;
};

/* One event for the record that a file outside keeps (faultvfs_trace.c); other: a new name, or NULL. Zeroes take no room. */
enum trace_kind {
	TRACE_WRITE = 'w', TRACE_TRUNCATE = 't', TRACE_SYNC = 's', TRACE_CREATE = 'c', TRACE_DELETE = 'd',
	TRACE_RENAME = 'r', TRACE_LINK = 'l', TRACE_FOLDER = 'f', TRACE_SYNC_NAMES = 'n'
};
void trace_open(const char *path);
bool trace_is_on(void);
void trace_add(enum trace_kind kind, const char *path, const char *other, const void *p, size_t n, int64_t at);

void record_cut(const struct record *r, size_t events, enum cut mode, unsigned seed,
    void (*put)(void *arg, const char *path, struct str bytes), void *arg);

#endif
