/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server: starts everything, in order, and stops it: log, data folder lock, store,
 * hub, pool, listeners. One per process. The caller has read the settings (config() is in force). By default it is two processes: a supervisor
 * (server_supervise()), which has the caller's rights, and a worker, which is this program once more and serves without them.
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <stdbool.h>
#include <stdint.h>

struct config;

/* What is wrong with the settings beyond what no single value can tell. */
enum server_fault {
	FAULT_REFUSED,     /* the server does not start so */
	FAULT_CERTIFICATE, /* it starts, and mail programs will complain, or the key is not safe */
	FAULT_TOLD,        /* it starts, and hardly as it was meant */
	FAULT_FORMER,      /* nothing: a file says no version, or a former name in one that does */
	FAULT_OF_BEFORE,   /* nothing: a former name in a file of before, which says no version */
};
struct server_check {
	const struct config *config; /* config(), or of config_reread() */
	/* Called for each fault; text names the file and line of the setting. */
	void (*tell)(void *arg, enum server_fault fault, const char *text);
	void *arg;
};
/* Addresses, certificate and key, names that the settings hold, the place of the data folder. Changes nothing. */
void server_check(const struct server_check *k);

struct server_options {
	bool sandbox;         /* obey server.sandbox: afterwards the process is of no other use */
	/* This program's command line, which begins a worker; NULL: all in this process, whatever server.supervisor says. */
	char *const *words;
	bool quiet;           /* do not print the addresses to standard output */
	int64_t day;          /* seconds after which the certificate is looked at again; 0: a day */
	/* Tests: called when the server accepts connections, in the main thread. May be NULL. */
	void (*ready)(void *arg);
	void *arg;
};

/* Before the settings are read: takes what a supervisor passes, if this process is a worker. False: it could not, and it was said. */
bool server_worker_begin(void);

/* Serves until SIGTERM or SIGINT, or until the store says that it cannot go on. Returns the
 * process's exit code: 0 after a graceful stop, 1 when it could not start (said on standard error
 * and in the log), EXIT_STORE when the store failed (base/exit.h). */
int server_run(const struct server_options *o);

#endif
