/* SPDX-License-Identifier: Apache-2.0 */
/*
 * If even the schema cannot be read, a copy of the file gets that of the new database: a schema made by the same statements
 * puts the same tables at the same pages.
 */
#include "db/salvage/salvage_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/arena.h"
#include "db/sqlite/handle.h"

static bool
copy_file(const char *from, const char *to)
{
	FILE *in = fopen(from, "re"), *out = in != NULL ? fopen(to, "we") : NULL;
	char *p = x_malloc(1 << 20);
	bool good = out != NULL;
	size_t n;

	while (good && (n = fread(p, 1, 1 << 20, in)) > 0)
		good = fwrite(p, 1, n, out) == n;
	good = good && !ferror(in);
	if (out != NULL && fclose(out) != 0)
		good = false;
	if (in != NULL)
		fclose(in);
	free(p);
	return good;
}

static void
put_be32(unsigned char *p, uint32_t n)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(n >> (24 - 8 * i));
}

static bool
copy_page(FILE *from, FILE *to, size_t size, uint32_t number, unsigned char *page)
{
	long at = (long)(number - 1) * (long)size;

	return fseek(from, at, SEEK_SET) == 0 && fread(page, 1, size, from) == size && fseek(to, at, SEEK_SET) == 0 &&
	    fwrite(page, 1, size, to) == size;
}

/* Puts the first page of to, and the pages of its schema below it, into the copy. */
static bool
graft(FILE *to, FILE *copy, size_t size)
{
	unsigned char *first = x_malloc(size), *page = x_malloc(size);
	bool good = copy_page(to, copy, size, 1, first);
	unsigned cells;
	long end;

	if (good && first[100] == 5) { /* an interior page: its children are the leaves */
		cells = be16(first + 103);
		good = copy_page(to, copy, size, be32(first + 108), page);
		for (unsigned i = 0; i < cells && good && 112 + 2 * i + 2 <= size; i++) {
			size_t cell = be16(first + 112 + 2 * i);

			good = cell + 4 <= size && copy_page(to, copy, size, be32(first + cell), page);
		}
	}
	/* The size is the copy's own, and there is no free list. */
	good = good && fseek(copy, 0, SEEK_END) == 0 && (end = ftell(copy)) > 0;
	if (good) {
		put_be32(first + 28, (uint32_t)((size_t)end / size));
		put_be32(first + 32, 0);
		put_be32(first + 36, 0);
		good = fseek(copy, 0, SEEK_SET) == 0 && fwrite(first, 1, size, copy) == size;
	}
	free(first);
	free(page);
	return good;
}

bool
salvage_graft(struct salvage *s, const char *from, const char *to, const char *copy)
{
	char *wal = sqlite3_mprintf("%s-wal", from), *copy_wal = sqlite3_mprintf("%s-wal", copy);
	size_t size = (size_t)sq_number(s->to, "PRAGMA page_size", 4096);
	FILE *in, *out;
	bool good;

	sqlite3_exec(s->to, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
	good = copy_file(from, copy);
	if (good && access(wal, F_OK) == 0)
		good = copy_file(wal, copy_wal);
	in = good ? fopen(to, "re") : NULL;
	out = good ? fopen(copy, "r+e") : NULL;
	good = in != NULL && out != NULL && graft(in, out, size);
	if (in != NULL)
		fclose(in);
	if (out != NULL && fclose(out) != 0)
		good = false;
	sqlite3_free(wal);
	sqlite3_free(copy_wal);
	return good;
}
