/* SPDX-License-Identifier: Apache-2.0 */
/* What takes long asks now and then whether it is to end, and may tell how far it is. */
#ifndef DB_DRIVER_STOP_H
#define DB_DRIVER_STOP_H

#include <stdbool.h>
#include <stdint.h>

/* Asked now and then by what takes long: true ends it, with ERR_UNAVAILABLE. NULL: nobody is asked. */
struct db_stop {
	bool (*fn)(void *arg);
	void *arg;
	void (*progress)(void *arg, uint64_t done, uint64_t total); /* of db_backup(): how far it is, in pages; NULL: nobody wants to know */
};

#endif
