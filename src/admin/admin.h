/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin: what the command line asks of a store. A running server listens on a Unix socket in its data folder (mode 0600; only
 * its own user and root are served); each connection makes one request and has a thread of its own, a few at once. Without a
 * server the command line serves itself the same way over a socket pair. So every verb exists once.
 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "store/store.h"

struct admin;
struct net;

/* Where the socket of the data folder dir is: setting admin.socket, else in the folder. ERR_LIMIT: too long. */
must_check enum status admin_socket_path(const char *dir, char *out, size_t n);
/* Connects to a running server. ERR_NOT_FOUND: nobody listens there; ERR_AGAIN, ERR_NO_PERM, ERR_LIMIT, ERR_IO. */
must_check enum status admin_connect(const char *path, int *fd_r);

/* Listens on path, which is made anew; net: whose sessions are listed and ended, NULL: there are none. ERR_IO, ERR_NO_PERM, ERR_LIMIT (path too long). */
must_check enum status admin_listen(struct store *store, struct net *net, const char *path, struct admin **admin_r);
/* The two halves of it. The socket, where no other server answers: ERR_EXISTS too; path and fd are the caller's. */
must_check enum status admin_bind(const char *path, int *fd_r);
/* On a socket that somebody else bound: fd is taken, its path stays at admin_stop(). */
must_check enum status admin_listen_on(struct store *store, struct net *net, int fd, struct admin **admin_r);
/* Ends the connections, waits for their threads, removes the socket. NULL too. */
void admin_stop(struct admin *admin);

/* Serves one request on a connected socket, which it closes. Blocks. */
void admin_serve(struct store *store, int fd);


/*
 * What the settings say of a store: how long it keeps what, and how names lead to accounts. The options borrow from the settings, and from *domains_r,
 * which the caller frees when the store is open.
 */
void admin_store_options(struct store_options *o, struct store_domain **domains_r);

#endif
