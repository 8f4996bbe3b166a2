/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite's library as we use it: its start, its errors, and small questions to a handle. Any thread; a handle has one at a time. */
#ifndef DB_SQLITE_HANDLE_H
#define DB_SQLITE_HANDLE_H

#include <sqlite3.h>
#include <stdint.h>
#include "base/status.h"

/* The status of an extended result code. */
enum status sq_status(int rc);
/* The same, logged with what the connection says (once a second of each kind). */
enum status sq_error(sqlite3 *h, int rc, const char *what);
/* Once a process: configures the library and registers our file layers. */
void sq_library(void);
/* The file layer of databases that are written: the system's, or in a test the one over it (db/vfs/faultvfs.h). */
const char *sq_files(void);
enum status sq_run(sqlite3 *h, const char *sql);
/* One integer, or none. */
int64_t sq_number(sqlite3 *h, const char *sql, int64_t none);

#endif
