/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of salvage share. */
#ifndef DB_SALVAGE_PRIV_H
#define DB_SALVAGE_PRIV_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/status.h"

struct salvage {
	sqlite3 *from, *to;
	const char *file;    /* the one that from reads */
	bool grafted;        /* its first page is the new database's */
	void (*lost)(void *arg, const char *text);
	void *arg;
	int batch, damages;
	enum status st; /* of the new database: the only failure there is */
};

void salvage_tell(struct salvage *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
sqlite3_stmt *salvage_prepare(sqlite3 *h, char *sql); /* frees sql; NULL on failure */
/* Inserts what is bound to insert. */
void salvage_insert(struct salvage *s, sqlite3_stmt *insert);

/* salvage_table.c: the rows of a table, as far as its key leads to them. */
void salvage_table(struct salvage *s, const char *name);
/* salvage_graft.c: makes copy, which is from with the schema of to. */
bool salvage_graft(struct salvage *s, const char *from, const char *to, const char *copy);
/* salvage_leaves.c: rows on pages that no path leads to any more, since a page above them is damaged. */
void salvage_leaves(struct salvage *s);

/* salvage_pages.c: the pages of a file with its WAL, read without the engine. */
struct pages;
struct pages *pages_open(const char *path, size_t page_size);
void pages_close(struct pages *p);
uint32_t pages_count(const struct pages *p);
/* Reads page number (from 1) into page_size bytes. */
bool pages_read(struct pages *p, uint32_t number, unsigned char *page);

static inline uint32_t
be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline unsigned
be16(const unsigned char *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

#endif
