/* SPDX-License-Identifier: Apache-2.0 */
/* Salvage: what can still be read of a damaged SQLite database, copied into another. It knows nothing of what the rows mean. Any thread. */
#ifndef DB_SALVAGE_SALVAGE_H
#define DB_SALVAGE_SALVAGE_H

#include "base/status.h"

/*
 * Copies every readable row of a damaged database (a closed one; its WAL is read too, nothing is written to it) into the
 * tables of the same name in to, columns that both know, without replacing rows that are there. A new or empty database
 * to gets the tables of the old one; one with a schema keeps its own, and lends it if the old one's cannot be read. to may be
 * open in this process. lost(arg, text) is called for each range that could not be read. A failure is one of the
 * new database, or ERR_CORRUPT: nothing could be read at all.
 */
must_check enum status salvage_copy(const char *from, const char *to, void (*lost)(void *arg, const char *text), void *arg);

#endif
