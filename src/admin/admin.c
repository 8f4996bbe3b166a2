/* SPDX-License-Identifier: Apache-2.0 */
/* The listening side of the control socket: a thread for each connection, and the verbs that it may call. */
#include "admin/admin.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/assert.h"
#include "base/lock.h"
#include "base/magic.h"
#include "admin/verb_priv.h"
#include "base/log.h"

#define CONNECTIONS_MAX 16

static const struct {
	const char *name;
	enum status (*serve)(struct call *);
} verbs[] = {
    {"address-add", verb_address_add},
    {"address-delete", verb_address_delete},
    {"address-list", verb_address_list},
    {"address-remove", verb_address_remove},
    {"backup", verb_backup},
    {"check", verb_check},
    {"domain-delete", verb_domain_delete},
    {"domain-list", verb_domain_list},
    {"domain-set", verb_domain_set},
    {"export", verb_export},
    {"import", verb_import},
    {"lookup", verb_lookup},
    {"mailbox-list", verb_mailbox_list},
    {"mailbox-rights", verb_mailbox_rights},
    {"session-close", verb_session_close},
    {"session-list", verb_session_list},
    {"user-add", verb_user_add},
    {"user-delete", verb_user_delete},
    {"user-list", verb_user_list},
    {"user-password", verb_user_password},
    {"user-rename", verb_user_rename},
    {"user-set", verb_user_set},
    {"certificate", verb_certificate},
};

enum status
call_fail(struct call *c, enum status st, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->why, sizeof(c->why), fmt, ap);
	va_end(ap);
	return st;
}

void
call_progress(void *arg, uint64_t done, uint64_t total)
{
	struct call *c = arg;
	char text[64];

	snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64, done, total);
	link_send(&c->link, FRAME_PROGRESS, str_c(text));
	(void)!link_flush(&c->link);
}

void
call_log_account(struct call *c, const char *what, struct str name)
{
	struct ucred cred = {.uid = geteuid()};
	socklen_t n = sizeof(cred);

	(void)!getsockopt(c->link.fd, SOL_SOCKET, SO_PEERCRED, &cred, &n);
	log_event(EV_account, "account=%s %s by uid=%u", LOG_STR(name), what, (unsigned)cred.uid);
}

enum status
call_account(struct call *c, struct str name, struct account *account_r)
{
	struct db_txn *txn;
	enum status st = db_read_begin(store_db(c->store), &txn);

	if (st != OK)
		return st;
	st = account_resolve(c->store, txn, &c->arena, name, account_r);
	db_read_end(txn);
	if (st == ERR_NOT_FOUND)
		return call_fail(c, st, "there is no account %.*s", STR_FMT(name));
	return st;
}

static enum status
dispatch(struct call *c)
{
	struct frame f;
	struct str *fields;
	size_t n;
	enum status st = link_next(&c->link, &f);

	if (st != OK)
		return st;
	if (f.type != FRAME_REQUEST || frame_fields(&c->arena, f.payload, &fields, &n) != OK || n == 0)
		return call_fail(c, ERR_BAD_INPUT, "not a request");
	for (size_t i = 0; i < n; i++)
		fields[i] = arena_str(&c->arena, fields[i]);
	c->args = fields + 1;
	c->args_n = n - 1;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (str_eq(fields[0], str_c(verbs[i].name)))
			return verbs[i].serve(c);
	return call_fail(c, ERR_NOT_FOUND, "this server does not know \"%.*s\"", STR_FMT(fields[0]));
}

static void
serve_link(struct store *store, struct net *net, struct link *link)
{
	struct call c = {.store = store, .net = net, .link = *link};
	char code[12];
	enum status st = dispatch(&c);

	/* Nobody said why: the store failed. */
	if (st != OK && c.why[0] == '\0')
		(void)call_fail(&c, st, "the store: %s", status_word(st));
	snprintf(code, sizeof(code), "%d", (int)st);
	link_fields(&c.link, FRAME_EXIT, 2, (struct str[]){str_c(code), str_c(c.why)});
	if (link_flush(&c.link) != OK)
		log_event(EV_tool, "the command line went away");
	*link = c.link;
	arena_free_secret(&c.arena);
	db_thread_end(store_db(store));
}

void
admin_serve(struct store *store, int fd)
{
	struct link link;

	link_init(&link, fd);
	serve_link(store, NULL, &link);
	link_close(&link);
}

/* ---- the listening side ---- */

struct admin {
	struct store *store;
	struct net *net;
	int fd;
	char *path;                /* to be removed; NULL: somebody else's */
	pthread_t thread;
	struct lock lock;
	pthread_cond_t gone;
	int open[CONNECTIONS_MAX]; /* descriptors, -1: free */
	unsigned n;
	bool stopping;
};

struct served {
	enum magic magic;
	struct admin *admin;
	int fd;
	size_t slot;
};

/* Only the server's own user and root; the folder's and the socket's modes say the same. */
static bool
peer_ok(int fd)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0 &&
	    (cred.uid == 0 || cred.uid == geteuid());
}

static void *
serve_thread(void *arg)
{
	struct served *s = arg;
	struct admin *a = s->admin;
	struct link link;

	ensure(s->magic == MAGIC_SERVED);
	link_init(&link, s->fd);
	serve_link(a->store, a->net, &link);
	lock_take(&a->lock);
	ensure(a->n > 0 && a->open[s->slot] == s->fd);
	a->open[s->slot] = -1;
	a->n--;
	link_close(&link);
	pthread_cond_signal(&a->gone);
	lock_give(&a->lock);
	s->magic = MAGIC_DEAD;
	free(s);
	return NULL;
}

static void
start_serving(struct admin *a, int fd)
{
	struct served *s = x_new(struct served);
	pthread_attr_t attr;
	pthread_t thread;

	*s = (struct served){.magic = MAGIC_SERVED, .admin = a, .fd = fd};
	lock_take(&a->lock);
	while (a->n == CONNECTIONS_MAX && !a->stopping)
		lock_wait(&a->lock, &a->gone);
	while (a->open[s->slot] >= 0 && s->slot + 1 < CONNECTIONS_MAX)
		s->slot++;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (a->stopping || pthread_create(&thread, &attr, serve_thread, s) != 0) {
		close(fd);
		free(s);
	} else {
		a->open[s->slot] = fd;
		a->n++;
	}
	pthread_attr_destroy(&attr);
	lock_give(&a->lock);
}

static bool
is_stopping(struct admin *a)
{
	bool yes;

	lock_take(&a->lock);
	yes = a->stopping;
	lock_give(&a->lock);
	return yes;
}

static void *
accept_thread(void *arg)
{
	struct admin *a = arg;

	for (;;) {
		int fd = accept4(a->fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0) {
			if (errno == EINTR || errno == ECONNABORTED)
				continue;
			/* Without a descriptor the kernel does not even look whether the socket was shut down. */
			if ((errno == EMFILE || errno == ENFILE || errno == ENOMEM) && !is_stopping(a)) {
				usleep(100000);
				continue;
			}
			return NULL; /* shut down */
		}
		if (peer_ok(fd))
			start_serving(a, fd);
		else
			close(fd);
	}
}

enum status
admin_bind(const char *path, int *fd_r)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	mode_t mask;
	int fd, bound;

	/* Who has the store may be between two workers: its command lines wait in the socket. */
	switch (admin_connect(path, &fd)) {
	case OK: close(fd); return ERR_EXISTS;
	case ERR_AGAIN: return ERR_EXISTS; /* many wait there */
	default: break;
	}

	if (strlen(path) >= sizeof(addr.sun_path))
		return ERR_LIMIT;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
		return ERR_IO;
	unlink(path);
	mask = umask(0177);
	bound = bind(fd, (struct sockaddr *)&addr, sizeof(addr));
	umask(mask);
	if (bound != 0 || listen(fd, 64) != 0) {
		enum status st = errno == EACCES || errno == EPERM ? ERR_NO_PERM : ERR_IO;

		close(fd);
		return st;
	}
	*fd_r = fd;
	return OK;
}

enum status
admin_listen_on(struct store *store, struct net *net, int fd, struct admin **admin_r)
{
	struct admin *a = x_new(struct admin);

	a->store = store;
	a->net = net;
	a->fd = fd;
	lock_init(&a->lock, LOCK_admin);
	pthread_cond_init(&a->gone, NULL);
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		a->open[i] = -1;
	if (pthread_create(&a->thread, NULL, accept_thread, a) != 0) {
		close(fd);
		free(a);
		return ERR_UNAVAILABLE;
	}
	*admin_r = a;
	return OK;
}

enum status
admin_listen(struct store *store, struct net *net, const char *path, struct admin **admin_r)
{
	int fd;
	enum status st = admin_bind(path, &fd);

	if (st == OK && (st = admin_listen_on(store, net, fd, admin_r)) == OK)
		(*admin_r)->path = x_strdup(path);
	return st;
}

void
admin_stop(struct admin *a)
{
	if (a == NULL)
		return;
	lock_take(&a->lock);
	a->stopping = true;
	pthread_cond_broadcast(&a->gone);
	shutdown(a->fd, SHUT_RDWR);
	lock_give(&a->lock);
	pthread_join(a->thread, NULL);
	lock_take(&a->lock);
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (a->open[i] >= 0)
			shutdown(a->open[i], SHUT_RDWR);
	while (a->n > 0)
		lock_wait(&a->lock, &a->gone);
	lock_give(&a->lock);
	if (a->path != NULL)
		unlink(a->path);
	close(a->fd);
	pthread_cond_destroy(&a->gone);
	lock_fini(&a->lock);
	free(a->path);
	free(a);
}
