/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sockets: what a server listens on. The supervisor binds them, with the rights of who started it, and keeps them open while a worker comes and goes, so that
 * clients wait instead of being refused; without a supervisor the server does so for itself. One thread.
 */
#ifndef SERVER_SOCKETS_H
#define SERVER_SOCKETS_H

#include "net/net.h"
#include "server/channel.h"
#include "server/user.h"

#define SOCKETS_MAX 40u /* more than net has listeners */

/* A socket that listened when the server started (given.c). */
#define GIVEN_MAX 32
struct given {
	char name[64];              /* of the listener whose it is */
	char where[LISTENING_MAX];
	bool local;                 /* a Unix socket */
	int fd;                     /* -1: its listener has it */
};

struct socket_place {
	int fd;                     /* -1: somebody has taken it */
	unsigned listener;          /* config_listener()'s number, or SOCKET_ADMIN: the command line's */
	bool local;                 /* a Unix socket */
	bool ours;                  /* bound here, not given */
	char where[CHANNEL_TEXT];   /* conn_where() of its connections: as the settings have it */
};

struct sockets {
	char data[256];             /* the data folder */
	struct user user;           /* whose Unix sockets are to be */
	bool quiet;                 /* does not print the addresses */
	bool patient;               /* waits a moment for a server that is just gone */
	struct socket_place at[SOCKETS_MAX];
	size_t n;
	struct given given[GIVEN_MAX];
	size_t given_n;
};

/* given.c: takes what the environment says was passed to this process, and clears that. Before anything else opens a descriptor. */
enum status sockets_take_given(struct sockets *s) must_check;
/* All that the settings want, that of the command line first. What could not be had was said; what was bound is closed by sockets_close(). */
enum status sockets_bind(struct sockets *s) must_check;
/* Nobody comes in any more, whoever has the sockets; their paths are removed. What was given stays as it is. */
void sockets_shut(struct sockets *s);
/* The same, and closes all. */
void sockets_close(struct sockets *s);

#endif
