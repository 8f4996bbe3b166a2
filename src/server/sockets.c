/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets that the settings want: which addresses they mean, bound with the rights of who started the server. */
#include "server/sockets.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "admin/admin.h"
#include "base/assert.h"
#include "base/config.h"
#include "base/log.h"
#include "server/address.h"
#include "server/server_priv.h"

#define PATIENCE_MS 1000 /* for a server that was killed just now, and whose sockets close with its last thread */

/* One listener of the settings. */
struct place {
	unsigned i; /* config_listener()'s number */
	const struct service *service;
	const struct config_listener *listener;
	const char *name;
};

static void
keep(struct sockets *s, const struct place *p, int fd, bool local, bool ours, const char *where)
{
	struct socket_place *at = &s->at[s->n++];

	*at = (struct socket_place){.fd = fd, .listener = p->i, .local = local, .ours = ours};
	snprintf(at->where, sizeof(at->where), "%.*s", (int)sizeof(at->where) - 1, where);
}

/* "imap 127.0.0.1:143" */
static void
print(const struct sockets *s, const struct place *p, int fd)
{
	char text[LISTENING_MAX];
	bool local;

	if (s->quiet || net_listening(fd, text, &local) != OK)
		return;
	printf("%s %s\n", p->name, text);
	fflush(stdout);
}

static enum status
bind_patiently(struct sockets *s, const struct listener_options *lo, int *fd_r)
{
	const struct user *u = lo->kind == LISTEN_UNIX ? &s->user : NULL;
	enum status st = user_bind(u, lo, fd_r);

	for (int ms = 0; st == ERR_EXISTS && s->patient && ms < PATIENCE_MS; ms += 20) {
		usleep(20000);
		st = user_bind(u, lo, fd_r);
	}
	return st;
}

static enum status
bind_at(struct sockets *s, const struct place *p, enum listener_kind kind, const char *where, const char *host, unsigned port)
{
	struct listener_options lo = {.kind = kind, .address = host, .port = port};
	enum status st;
	int fd;

	if (!server_socket_rights(p->listener, &lo.mode, &lo.group))
		return ERR_BAD_INPUT; /* server_check() has looked */
	if (s->n == SOCKETS_MAX)
		return ERR_LIMIT;
	if ((st = bind_patiently(s, &lo, &fd)) != OK)
		return st;
	keep(s, p, fd, kind == LISTEN_UNIX, true, where);
	print(s, p, fd);
	return OK;
}

/* IPv4 and IPv6 on all addresses; a machine without one of them serves the other. */
static enum status
bind_everywhere(struct sockets *s, const struct place *p, const char *where, unsigned port)
{
	enum status v4 = bind_at(s, p, p->service->kind, where, "0.0.0.0", port), v6;

	if (v4 != OK && v4 != ERR_UNAVAILABLE)
		return v4;
	v6 = bind_at(s, p, p->service->kind, where, "::", port);
	return v4 == OK && v6 == ERR_UNAVAILABLE ? OK : v6;
}

static const char *
fault_of(enum status st, unsigned port)
{
	switch (st) {
	case ERR_EXISTS: return "somebody does already";
	case ERR_NO_PERM:
		return port > 0 && port < 1024 ? "ports below 1024 are for root, or for who has CAP_NET_BIND_SERVICE" : status_word(st);
	case ERR_UNAVAILABLE: return "this machine does not have that address";
	case ERR_BAD_INPUT: return "an address in numbers is wanted";
	default: return status_word(st);
	}
}

/* Says which setting it was, and where that stands; st. */
static enum status
refuse(const struct place *p, const char *text, const struct address *a, enum status st)
{
	struct buf where = {0};

	config_blame(config(), &p->listener->address, &where);
	(void)server_refuse(st, "%.*s%s: cannot listen on %s: %s", STR_FMT(buf_str(&where)), config_name(config(), &p->listener->address), text,
	    fault_of(st, a->port));
	buf_free(&where);
	return st;
}

static enum status
bind_configured(struct sockets *s, const struct place *p)
{
	enum status st;

	for (size_t i = 0; i < p->listener->address.n; i++) {
		const char *text = p->listener->address.word[i];
		struct address a;

		if (strcmp(text, "none") == 0)
			continue;
		if ((st = address_parse(text, &a)) != OK)
			return st; /* server_check() has looked */
		if (a.local)
			st = bind_at(s, p, LISTEN_UNIX, text, a.host, 0);
		else if (a.any)
			st = bind_everywhere(s, p, text, a.port);
		else
			st = bind_at(s, p, p->service->kind, text, a.host, a.port);
		if (st != OK)
			return refuse(p, text, &a, st);
	}
	return OK;
}

static enum status
bind_default(struct sockets *s, const struct place *p)
{
	unsigned port = p->service->port;
	enum status st = bind_everywhere(s, p, p->name, port);

	if (st == ERR_NO_PERM) {
		st = bind_everywhere(s, p, p->name, port = p->service->instead);
		if (st == OK) {
			log_event(EV_fallback, "this user must not use port %u, the standard one of %s; it listens on port %u, which mail programs do not try by themselves",
			    p->service->port, p->name, port);
			fprintf(stderr, "mansio: port %u may not be used by this user: %s listens on port %u instead\n", p->service->port, p->name, port);
		}
	}
	if (st != OK && port != p->service->port)
		return server_refuse(st, "cannot listen for %s: port %u may not be used by this user, and on port %u: %s; set %s", p->name, p->service->port,
		    port, fault_of(st, port), config_name(config(), &p->listener->address));
	if (st != OK)
		return server_refuse(st, "cannot listen for %s on port %u: %s; set %s", p->name, port, fault_of(st, port),
		    config_name(config(), &p->listener->address));
	return OK;
}

/* The Unix socket in the data folder. */
static enum status
bind_local(struct sockets *s, const struct place *p)
{
	char path[sizeof(s->data) + 72];
	enum status st;

	snprintf(path, sizeof(path), "%s/%s.sock", s->data, p->name);
	if ((st = bind_at(s, p, LISTEN_UNIX, path, path, 0)) != OK)
		return server_refuse(st, "cannot listen on %s: %s", path, fault_of(st, 0));
	return OK;
}

static bool
is_given(const struct sockets *s, const char *name)
{
	for (size_t i = 0; i < s->given_n; i++)
		if (strcmp(s->given[i].name, name) == 0)
			return true;
	return false;
}

/* What was given takes the place of the addresses. A Unix socket is as private as TLS. */
static void
take_given(struct sockets *s, const struct place *p)
{
	for (size_t i = 0; i < s->given_n && s->n < SOCKETS_MAX; i++) {
		struct given *g = &s->given[i];

		if (strcmp(g->name, p->name) != 0 || g->fd < 0)
			continue;
		keep(s, p, g->fd, g->local, false, g->where);
		g->fd = -1;
		print(s, p, s->at[s->n - 1].fd);
	}
}

static enum status
bind_admin(struct sockets *s)
{
	char where[sizeof(s->data) + 16];
	enum status st = admin_socket_path(s->data, where, sizeof(where));
	int fd = -1;

	if (st == OK)
		st = user_bind_admin(&s->user, where, &fd);
	for (int ms = 0; st == ERR_EXISTS && s->patient && ms < PATIENCE_MS; ms += 20) {
		usleep(20000);
		st = user_bind_admin(&s->user, where, &fd);
	}
	if (st != OK)
		return server_refuse(st, "cannot listen on %s: %s", where, st == ERR_EXISTS ? "another server has this folder" : status_word(st));
	keep(s, &(struct place){.i = SOCKET_ADMIN}, fd, true, true, where);
	return OK;
}

enum status
sockets_bind(struct sockets *s)
{
	const struct config_listener *l;
	enum status st = bind_admin(s);

	for (unsigned i = 0; st == OK && (l = config_listener(config(), i)) != NULL; i++) {
		struct place p = {i, server_service(l), l, l->name};

		if (is_given(s, p.name))
			take_given(s, &p);
		else if (l->address.n > 0)
			st = bind_configured(s, &p);
		else if (!p.service->asked)
			st = p.service->port == 0 ? bind_local(s, &p) : bind_default(s, &p);
	}
	return st;
}

void
sockets_shut(struct sockets *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct socket_place *at = &s->at[i];
		char path[LISTENING_MAX];
		bool local;

		if (!at->ours || at->fd < 0)
			continue;
		if (at->local && net_listening(at->fd, path, &local) == OK)
			user_unlink(&s->user, path);
		/* Whoever else has it hears of it, too: nobody comes in any more. */
		(void)shutdown(at->fd, SHUT_RDWR);
	}
}

void
sockets_close(struct sockets *s)
{
	sockets_shut(s);
	while (s->n > 0)
		if (s->at[--s->n].fd >= 0)
			close(s->at[s->n].fd);
	while (s->given_n > 0)
		if (s->given[--s->given_n].fd >= 0)
			close(s->given[s->given_n].fd);
}
