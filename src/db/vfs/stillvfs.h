/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stillvfs: a file layer for a database that lies still: nobody writes to it, and nothing is made beside it. For a folder that cannot be
 * written, a snapshot with its WAL, or a copy of the database file alone. The index of the WAL lies in memory, there are no locks. A
 * database that another process has open is not still: opening it answers SQLITE_BUSY.
 */
#ifndef DB_STILLVFS_H
#define DB_STILLVFS_H

#define STILLVFS_NAME "mansio-still"

/* Once, after the engine's start. */
void stillvfs_register(void);

#endif
