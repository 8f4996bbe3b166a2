/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQLite driver: one file with a WAL, in this process. How it is opened; all else goes through db.h. Lifetime and threads: see
 * db/driver/driver.h.
 *
 * The first connection locks the file against other processes until the last is closed: nobody else opens it meanwhile.
 */
#ifndef DB_SQLITE_SQLITE_H
#define DB_SQLITE_SQLITE_H

#include <stddef.h>
#include <stdint.h>

struct db_driver;

#define SQ_NO_RESERVE SIZE_MAX

/* A member of struct db_options; its strings are copied. With db_options.read_only the file lies still (db/vfs/stillvfs.h):
 * nothing is made beside it, and what is not a database of ours shows at the first read. */
struct sq_options {
	const char *path;  /* the database file; NULL: in memory, for tests and fuzzers */
	const char *vfs;   /* the file layer; NULL: the system's (see db/vfs/faultvfs.h) */
	size_t page_cache; /* bytes of page cache a connection; 0: the default (4 MiB) */
	size_t reserve;    /* bytes of disk kept for a full disk (db_write.reserve); 0: the default (16 MiB; none in memory) */
	unsigned checkpoint_pages; /* pages in the WAL before a checkpoint begins; 0: the default (1000) */
	/* What the WAL's file is cut to when nobody has committed for so long; 0: the defaults (4 MiB, a minute) */
	unsigned idle_bytes, idle_ms;
};

extern const struct db_driver sq_driver;

#endif
