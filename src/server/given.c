/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets that listen already when the server starts: from the service manager (sd_listen_fds(3), without its library) or a supervisor. Each has the
 * name of a listener (FileDescriptorName=), and takes the place of that listener's addresses. They go through a restart without a client
 * being refused: what comes meanwhile waits in them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "server/server_priv.h"
#include "server/sockets.h"

#define FIRST 3 /* SD_LISTEN_FDS_START */

static const struct config_listener *
listener(const char *name)
{
	const struct config_listener *l;

	for (size_t i = 0; (l = config_listener(config(), i)) != NULL; i++)
		if (strcmp(l->name, name) == 0)
			return l;
	return NULL;
}

/* Takes one from here on: no other program gets it, and it is closed when nobody listens on it. */
static enum status
take(struct sockets *s, int fd, struct str name)
{
	struct given *g = &s->given[s->given_n];

	if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return server_refuse(ERR_BAD_INPUT, "LISTEN_FDS: descriptor %d: %s", fd, strerror(errno));
	snprintf(g->name, sizeof(g->name), "%.*s", STR_FMT(name));
	g->fd = fd;
	s->given_n++;
	if (net_listening(fd, g->where, &g->local) != OK)
		return server_refuse(ERR_BAD_INPUT, "LISTEN_FDS: descriptor %d (%s) is no stream socket that listens", fd, g->name);
	if (listener(g->name) == NULL)
		return server_refuse(ERR_BAD_INPUT, "LISTEN_FDNAMES: the socket %s is called \"%s\", and there is no such listener (FileDescriptorName=)",
		    g->where, g->name);
	return OK;
}

/* The variables are for this process alone. */
static void
forget_variables(void)
{
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

enum status
sockets_take_given(struct sockets *s)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS"), *text = getenv("LISTEN_FDNAMES");
	struct str names = str_c(text != NULL ? text : "");
	uint64_t of, n = 0;
	enum status st = OK;

	if (pid == NULL || fds == NULL || !str_u64(str_c(pid), INT32_MAX, &of) || of != (uint64_t)getpid())
		return OK; /* another process's */
	if (!str_u64(str_c(fds), GIVEN_MAX, &n))
		return server_refuse(ERR_BAD_INPUT, "LISTEN_FDS: \"%s\" is no number up to %d", fds, GIVEN_MAX);
	for (int i = 0; i < (int)n && st == OK; i++) {
		size_t end = str_chr(names, ':');

		st = take(s, FIRST + i, end > 0 ? str_head(names, end) : STR("unknown"));
		names = str_from(names, end < names.n ? end + 1 : end);
	}
	forget_variables();
	return st;
}
