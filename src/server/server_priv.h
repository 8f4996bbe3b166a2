/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of server/ share: all that a running server has, in the order of its making. */
#ifndef SERVER_SERVER_PRIV_H
#define SERVER_SERVER_PRIV_H

#include "admin/admin.h"
#include "base/buf.h"
#include "base/config.h"
#include "net/net.h"
#include "server/server.h"
#include "server/services.h"
#include "server/sockets.h"
#include "server/worker.h"
#include "session/door.h"

struct server {
	const struct server_options *o;
	struct worker *worker; /* of a supervisor; NULL: it does all by itself */
	struct sockets sockets;
	char data[256];       /* the data folder */
	char name[256];       /* this machine's */
	int log_fd;           /* -1: standard error */
	struct tls *tls;      /* that of the certificate default */
	struct certificate *certificates;
	size_t certificates_n;
	struct asking {
		const char *listener; /* its name, the settings' */
		struct tls_ask *ask;
	} *asks; /* what listeners ask their clients for */
	size_t asks_n;
	struct net *net;
	struct door door;     /* what the protocols share: its parts are made here */
	struct services services;
	struct store_subscriber changes; /* to the door */
	struct quota_mail *quota_mail;
	struct admin *admin;
	struct buf addresses; /* "imap=127.0.0.1:143 ...": for the log */
};

/* Says why it cannot start, on standard error and in the log; returns st. */
enum status server_refuse(enum status st, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/*
 * Opens (or opens anew, after a rotation) the log as the settings say, for u; *fd: -1, or where it is open. A descriptor keeps its number: a thread may be
 * writing a line.
 */
enum status server_open_log(const struct user *u, int *fd) must_check;
void server_take_log(int fresh, int *fd);
void server_set_log_level(void);
/* The data folder; ERR_NOT_FOUND, ERR_EXISTS, which is said. */
enum status server_find_data(char *data, size_t n) must_check;
/* The soft limit of descriptors goes up to the hard one. ERR_LIMIT, which is said: it would start, and could not read its store. */
enum status server_take_descriptors(void) must_check;
/* No core is written of this process, and no other of its user looks into it. */
void server_keep_to_itself(void);
/* What keeps it from starting is said at once and all together, the rest in the log. */
enum status server_check_settings(void) must_check;
/* supervisor.c: see supervisor.h. */
int server_supervise(const struct server_options *o);
/* The part of server_check() that changes as time goes by. */
void server_check_certificates(const struct server_check *k);
/* The service that it serves; NULL: there is none of that name. */
const struct service *server_service(const struct config_listener *l);
/* The certificate section so called; NULL: there is none. */
const struct config_certificate *server_certificate(const struct config *c, const char *name);
/* Whether fresh's imap.hide can be taken by a server that listens as running says. ERR_BAD_INPUT, and why was added to. */
enum status server_check_hide(const struct config *fresh, const struct config *running, struct buf *why) must_check;
/* Its mode and group as numbers (0: no group of its own). False: one of them is none. */
bool server_socket_rights(const struct config_listener *l, unsigned *mode_r, int64_t *group_r);
/* certificates.c: all that the settings name, which server_check() has looked at; reasons are said. */
enum status server_certificates_open(struct server *s) must_check;
/* That of the section so called. */
struct tls *server_tls(const struct server *s, const char *name);
/* Their files, read again; adds what was taken. False: one stays as it was, and the log says why. */
bool server_certificates_reload(struct server *s, struct buf *taken);
void server_certificates_free(struct server *s);
/* listeners.c: whom listeners trust to vouch for their clients, read before the sandbox; given back when no connection is left. */
void server_asks_open(struct server *s);
void server_asks_free(struct server *s);
/* SIGHUP: reads again what can change while it runs, and says in the log what was taken. */
void server_reload(struct server *s);
/* Looks at the certificate in use, and says in the log what is wrong with it. */
void server_look_at_certificate(const struct config *c);
/* "READY=1", "STOPPING=1": to the service manager, if there is one. The socket is kept from the first call on. */
void server_notify(const char *state);
void server_notify_reloading(void);
/* Microseconds within which the service manager wants to hear WATCHDOG=1 of this process; 0: it does not. */
int64_t server_watchdog(void);
/* sandbox.c: last of all, takes from this process what it does not need any more, as server.sandbox says. ERR_UNAVAILABLE, which is said. */
enum status server_confine(struct server *s) must_check;
/* probe.c: whether SIGUSR1 is to try what the sandbox denies, which server_probe() does. */
bool server_probe_wanted(void);
/* pool: one of its threads tries to open files, too, for it was there before the sandbox; NULL: there is none. */
void server_probe(struct pool *pool);
/* Serves on each of the sockets. */
enum status server_listen(struct server *s) must_check;

#endif
