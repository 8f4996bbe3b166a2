/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walvfs: a file layer over another that gathers the writer's appends to the WAL. The engine writes a frame
 * as two small writes; a commit of ten pages is twenty system calls. Gathered, they go out as one, before the
 * sync. For connections that read it asks the system to read ahead in the database (readahead.h). All other files are the lower layer's
 * own, without any detour.
 *
 * What other connections may read must be in the file when the commit is published, which is after the sync: so only
 * commits that sync are gathered (walvfs_gather), and only the writer's.
 */
#ifndef DB_WALVFS_H
#define DB_WALVFS_H

#include <sqlite3.h>
#include <stdbool.h>

/* The name of the layer over base, made at need. Any thread. */
const char *walvfs_over(const char *base);
/* For the transaction that begins now: whether its frames are gathered. What an earlier one left that was rolled
 * back is forgotten. The handle is the writer's. */
void walvfs_gather(sqlite3 *h, bool on);
/* The connection reads, and fd is a descriptor of the same file for hints, which must stay open as long as any connection: closing it would let
 * go of the process's locks. -1: no hints. */
void walvfs_ahead(sqlite3 *h, int fd);

#endif
