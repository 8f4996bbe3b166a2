/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memvfs: a file layer for the engine whose files lie in this process's memory. Full WAL semantics, so
 * that databases in memory behave as those on disk do (snapshots while the writer writes). For tests, fuzzers
 * and sq_options.path NULL. Files live until memvfs_remove(). Any thread.
 */
#ifndef DB_MEMVFS_H
#define DB_MEMVFS_H

#include "base/buf.h"

#define MEMVFS_NAME "mansio-mem"

/* Once a process; db_open does it. */
void memvfs_register(void);
/* Makes the file, or replaces what it holds; nobody may have it open. */
void memvfs_put(const char *path, struct str bytes);
/* Adds the whole file to out; false: there is none. */
bool memvfs_get(const char *path, struct buf *out);
/*
 * Images, for fuzzers: what all files hold now, the index of the WAL included, and the way back to it, some microseconds long (only what was written
 * since is copied, so there is one image at a time), while connections to them stay open. Nobody may be in a snapshot or a transaction at either moment. Connections find by the WAL's index that what they
 * hold in memory is not true any more, as after a commit of somebody else's.
 */
struct memimage;
struct memimage *memvfs_image(void);
void memvfs_image_back(const struct memimage *image);
void memvfs_image_free(struct memimage *image);
/* Removes path and all files that the engine and db put beside it (path-wal...). Open ones go when they are closed. */
void memvfs_remove(const char *path);
/* The size of the disk: no more bytes than this in all files together; 0: no limit. */
void memvfs_capacity(size_t bytes);
size_t memvfs_used(void);

#endif
