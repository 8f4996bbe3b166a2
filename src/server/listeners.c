/* SPDX-License-Identifier: Apache-2.0 */
/* Which listeners the settings want, and the addresses they get. */
#include <stdio.h>
#include <string.h>
#include "base/config.h"
#include "base/log.h"
#include "server/address.h"
#include "server/server_priv.h"

/* One listener of the settings. */
struct place {
	const char *name;
	const struct service *service;
	const struct config_listener *listener;
	void *arg;
	int64_t deadline; /* seconds to log in */
};

static void
note(struct server *s, const char *name, const char *host, unsigned port)
{
	char text[160];

	if (port == 0)
		snprintf(text, sizeof(text), "%s=%s", name, host);
	else
		snprintf(text, sizeof(text), strchr(host, ':') ? "%s=[%s]:%u" : "%s=%s:%u", name, host, port);
	if (s->addresses.n > 0)
		buf_addc(&s->addresses, ' ');
	buf_adds(&s->addresses, text);
	if (!s->o->quiet) {
		*strchr(text, '=') = ' ';
		puts(text);
		fflush(stdout);
	}
}

static enum conn_plaintext
plaintext_of(const struct config_listener *l)
{
	static const char *const words[] = {"default", "no", "loopback", "yes"};

	for (unsigned i = 1; i < 4; i++)
		if (strcmp(l->plaintext, words[i]) == 0)
			return (enum conn_plaintext)i;
	return CONN_PLAINTEXT_DEFAULT;
}

static struct listener_options
options_of(struct server *s, const struct place *p, enum listener_kind kind, const char *where)
{
	return (struct listener_options){.name = p->name, .where = where, .kind = kind, .handler = p->service->protocol->handler, .arg = p->arg,
	    .deadline = p->deadline, .tls = server_tls(s, p->listener->tls_certificate), .plaintext = plaintext_of(p->listener)};
}

static enum status
listen_at(struct server *s, const struct place *p, enum listener_kind kind, const char *where, const char *host,
    unsigned port)
{
	struct listener_options lo = options_of(s, p, kind, where);
	struct listener *l;
	enum status st;

	lo.address = host;
	lo.port = port;
	if (!server_socket_rights(p->listener, &lo.mode, &lo.group))
		return ERR_BAD_INPUT; /* server_check() has looked */
	st = net_listen(s->net, &lo, &l);

	if (st == OK)
		note(s, p->name, host, net_listener_port(l));
	return st;
}

/* IPv4 and IPv6 on all addresses; a machine without one of them serves the other. */
static enum status
listen_everywhere(struct server *s, const struct place *p, const char *where, unsigned port)
{
	enum status v4 = listen_at(s, p, p->service->kind, where, "0.0.0.0", port), v6;

	if (v4 != OK && v4 != ERR_UNAVAILABLE)
		return v4;
	v6 = listen_at(s, p, p->service->kind, where, "::", port);
	return v4 == OK && v6 == ERR_UNAVAILABLE ? OK : v6;
}

static const char *
listen_fault(enum status st, unsigned port)
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
refuse_listen(const struct place *p, const char *text, const struct address *a, enum status st)
{
	struct buf where = {0};

	config_blame(config(), &p->listener->address, &where);
	(void)server_refuse(st, "%.*s%s: cannot listen on %s: %s", STR_FMT(buf_str(&where)), config_name(config(), &p->listener->address), text,
	    listen_fault(st, a->port));
	buf_free(&where);
	return st;
}

static enum status
listen_configured(struct server *s, const struct place *p)
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
			st = listen_at(s, p, LISTEN_UNIX, text, a.host, 0);
		else if (a.any)
			st = listen_everywhere(s, p, text, a.port);
		else
			st = listen_at(s, p, p->service->kind, text, a.host, a.port);
		if (st != OK)
			return refuse_listen(p, text, &a, st);
	}
	return OK;
}

static enum status
listen_default(struct server *s, const struct place *p)
{
	unsigned port = p->service->port;
	enum status st = listen_everywhere(s, p, p->name, port);

	if (st == ERR_NO_PERM) {
		st = listen_everywhere(s, p, p->name, port = p->service->instead);
		if (st == OK) {
			log_event(EV_fallback, "this user must not use port %u, the standard one of %s; it listens on port %u, which mail programs do not try by themselves",
			    p->service->port, p->name, port);
			fprintf(stderr, "mansio: port %u may not be used by this user: %s listens on port %u instead\n", p->service->port, p->name, port);
		}
	}
	if (st != OK && port != p->service->port)
		return server_refuse(st, "cannot listen for %s: port %u may not be used by this user, and on port %u: %s; set %s", p->name, p->service->port,
		    port, listen_fault(st, port), config_name(config(), &p->listener->address));
	if (st != OK)
		return server_refuse(st, "cannot listen for %s on port %u: %s; set %s", p->name, port, listen_fault(st, port),
		    config_name(config(), &p->listener->address));
	return OK;
}

/* The Unix socket in the data folder. */
static enum status
listen_local(struct server *s, const struct place *p)
{
	char path[sizeof(s->data) + 16];
	enum status st;

	snprintf(path, sizeof(path), "%s/%s.sock", s->data, p->name);
	if ((st = listen_at(s, p, LISTEN_UNIX, path, path, 0)) != OK)
		return server_refuse(st, "cannot listen on %s: %s", path, listen_fault(st, 0));
	return OK;
}

static bool
is_given(const struct server *s, const struct place *p)
{
	for (size_t i = 0; i < s->given_n; i++)
		if (strcmp(s->given[i].name, p->name) == 0)
			return true;
	return false;
}

/* What was given takes the place of the addresses. A Unix socket is as private as TLS. */
static enum status
listen_given(struct server *s, const struct place *p)
{
	enum status st = OK;

	for (size_t i = 0; i < s->given_n && st == OK; i++) {
		struct given *g = &s->given[i];
		struct listener_options lo = options_of(s, p, g->local ? LISTEN_UNIX : p->service->kind, g->where);

		if (strcmp(g->name, p->name) != 0)
			continue;
		lo.given = true;
		lo.fd = g->fd;
		g->fd = -1;
		if ((st = net_listen(s->net, &lo, NULL)) != OK)
			return server_refuse(st, "cannot listen on %s, which was passed for %s: %s", g->where, p->name, status_word(st));
		note(s, p->name, g->where, 0);
	}
	return st;
}

static struct place
place_of(struct server *s, const struct config_listener *l)
{
	const struct service *v = server_service(l);
	int64_t login = l->login_timeout > 0 || !v->login ? l->login_timeout : config()->imap_login_timeout;

	return (struct place){l->name, v, l, services_arg(&s->services, v), login};
}

enum status
server_listen(struct server *s)
{
	const struct config_listener *l;
	enum status st = OK;

	for (size_t i = 0; st == OK && (l = config_listener(config(), i)) != NULL; i++) {
		struct place p = place_of(s, l);

		if (is_given(s, &p))
			st = listen_given(s, &p);
		else if (l->address.n > 0)
			st = listen_configured(s, &p);
		else if (!p.service->asked)
			st = p.service->port == 0 ? listen_local(s, &p) : listen_default(s, &p);
	}
	return st;
}
