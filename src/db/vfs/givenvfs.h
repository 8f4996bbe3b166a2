/* SPDX-License-Identifier: Apache-2.0 */
/*
 * givenvfs: a file layer for one new database in a file that somebody else has opened, for a process that may open none. There is no second file
 * (journal_mode = OFF) and no lock: nobody else has it. Any thread.
 */
#ifndef DB_GIVENVFS_H
#define DB_GIVENVFS_H

#define GIVENVFS "given"
#define GIVENVFS_NAME_MAX 32

void givenvfs_register(void);
/* What sqlite3_open_v2() calls the file behind fd, which is open for reading and writing and stays the caller's. */
void givenvfs_name(int fd, char name_r[GIVENVFS_NAME_MAX]);

#endif
