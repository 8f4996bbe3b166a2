/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of failing files share. */
#ifndef DB_FAULT_TEST_H
#define DB_FAULT_TEST_H

#include <fcntl.h>
#include <stdlib.h>
#include "base/log.h"
#include "db/db.h"
#include "db/vfs/faultvfs.h"
#include "db/vfs/memvfs.h"

/* Once a process, before all: the layer of faults lies on files in memory, and what is logged of them is not seen (but with MANSIO_TEST_LOG). */
static inline int
set_up_faults(void **state)
{
	struct db_options o = {0};
	struct db *db;

	if (getenv("MANSIO_TEST_LOG") == NULL)
		log_set_fd(open("/dev/null", O_WRONLY | O_CLOEXEC));
	/* Brings up the library. */
	if (db_open(&o, &db) != OK)
		return 1;
	db_close(db);
	faultvfs_register(MEMVFS_NAME);
	return 0;
}

#endif
