/* SPDX-License-Identifier: Apache-2.0 */
/*
 * helper: a process beside the server or a verb, that works on bytes of others and has few rights. It is made by fork() before there are threads, calls
 *
 *	helper_begin()   it becomes the worker's user (server/user.h), ends with its parent, and opens nothing any more but below the data folder
 *	helper_close()   when all is open that it needs: no system call any more but the worker's
 *
 * as server.sandbox says. What it needs of files elsewhere its parent opens and passes. One thread, before the others begin; what threads there are later has
 * the same rights.
 */
#ifndef SERVER_HELPER_H
#define SERVER_HELPER_H

#include "base/buf.h"
#include "base/status.h"

/* ERR_NO_PERM, ERR_NOT_FOUND (no such user), ERR_UNAVAILABLE (what server.sandbox requires cannot be had): why was added to. */
enum status helper_begin(const char *data, struct buf *why) must_check;
enum status helper_close(struct buf *why) must_check;

#endif
