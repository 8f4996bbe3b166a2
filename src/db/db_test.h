/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of databases share: a folder of their own below /tmp, made by setup() and removed with all that is in it by teardown(). */
#ifndef DB_DB_TEST_H
#define DB_DB_TEST_H

#include <stdio.h>
#include <stdlib.h>

static char dir[64];

static const char *
in_dir(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int
setup(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/mansio-db-test-XXXXXX");
	return mkdtemp(dir) == NULL;
}

static int
teardown(void **state)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

#endif
