/* SPDX-License-Identifier: Apache-2.0 */
/* The record of what was written, shared by faultvfs.c and powercut.c. */
#ifndef DB_FAULTVFS_PRIV_H
#define DB_FAULTVFS_PRIV_H

#include <stddef.h>
#include <stdint.h>
#include "db/faultvfs.h"

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

void record_cut(const struct record *r, size_t events, enum cut mode, unsigned seed,
    void (*put)(void *arg, const char *path, struct str bytes), void *arg);

#endif
