/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server: starts everything, in order, and stops it: log, data folder lock, store,
 * hub, pool, listeners. One per process. The caller has read the settings (config() is in force).
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <stdbool.h>

struct server_options {
	bool quiet;           /* do not print the addresses to standard output */
	/* Tests: called when the server accepts connections, in the main thread. May be NULL. */
	void (*ready)(void *arg);
	void *arg;
};

/* Serves until SIGTERM or SIGINT, or until the store says that it cannot go on. Returns the
 * process's exit code: 0 after a graceful stop, 1 when it could not start (said on standard error
 * and in the log), 2 when the store failed. */
int server_run(const struct server_options *o);

#endif
