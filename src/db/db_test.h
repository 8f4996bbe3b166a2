/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of databases share: a folder of their own below /tmp, made by setup() and removed with all that is in it by teardown(). */
#ifndef DB_DB_TEST_H
#define DB_DB_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "db/db.h"

static char dir[64];

/* A path in it; good until the fourth call after this one. */
static inline char *
in_dir(const char *name)
{
	static char path[4][128];
	static int at;

	at = (at + 1) % 4;
	snprintf(path[at], sizeof(path[at]), "%s/%s", dir, name);
	return path[at];
}

/* The database at a path, or with NULL one in memory. What is submitted at once is one group, however long a busy machine takes. */
static inline struct db *
open_db(const char *path)
{
	struct db_options o = {.sqlite.path = path, .group_ms = 10000};
	struct db *db = NULL;

	assert_int_equal(db_open(&o, &db), OK);
	return db;
}

static inline int
setup(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/mansio-db-test-XXXXXX");
	return mkdtemp(dir) == NULL;
}

static inline int
teardown(void **state)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

#endif
