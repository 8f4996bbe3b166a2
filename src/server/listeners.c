/* SPDX-License-Identifier: Apache-2.0 */
/* Gives the sockets that listen to those who serve on them. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/config.h"
#include "base/log.h"
#include "server/server_priv.h"

/* "imap=127.0.0.1:143": for the log. */
static void
note(struct server *s, const char *name, int fd)
{
	char text[LISTENING_MAX];
	bool local;

	if (net_listening(fd, text, &local) != OK)
		return;
	buf_addf(&s->addresses, "%s%s=%s", s->addresses.n > 0 ? " " : "", name, text);
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

/* Where the supervisor has the socket, too, this process's descriptor is all that there is here. */
static int
take(struct server *s, struct socket_place *at)
{
	int fd = at->fd;

	if (s->worker == NULL)
		return fcntl(fd, F_DUPFD_CLOEXEC, 0);
	at->fd = -1;
	return fd;
}

/* Where the file cannot be read here, nobody vouches for anybody: certificates that were given to accounts still are. */
static struct tls_ask *
ask_for(const struct config_listener *l)
{
	struct buf why = {0};
	struct tls_ask *ask = NULL;

	if (tls_ask_new(l->client_authorities, &ask, &why) != OK) {
		log_event(EV_tls_error, "%.*s: listener %s takes no certificate for its address", STR_FMT(buf_str(&why)), l->name);
		if (tls_ask_new("", &ask, &why) != OK)
			ask = NULL;
	}
	buf_free(&why);
	return ask;
}

void
server_asks_open(struct server *s)
{
	const struct config_listener *l;

	for (size_t i = 0; (l = config_listener(config(), i)) != NULL; i++) {
		if (strcmp(l->client_certificates, "ask") != 0)
			continue;
		s->asks = x_realloc(s->asks, (s->asks_n + 1) * sizeof(*s->asks));
		s->asks[s->asks_n++] = (struct asking){l->name, ask_for(l)};
	}
}

static struct tls_ask *
ask_of(const struct server *s, const struct config_listener *l)
{
	for (size_t i = 0; i < s->asks_n; i++)
		if (strcmp(s->asks[i].listener, l->name) == 0)
			return s->asks[i].ask;
	return NULL;
}

void
server_asks_free(struct server *s)
{
	for (size_t i = 0; i < s->asks_n; i++)
		tls_ask_free(s->asks[i].ask);
	free(s->asks);
	s->asks = NULL;
	s->asks_n = 0;
}

/* The settings were checked. */
static size_t
proxies_of(const struct config_listener *l, struct range **r)
{
	size_t n = 0;

	*r = x_calloc(l->proxies.n + 1, sizeof(**r));
	for (size_t i = 0; i < l->proxies.n; i++)
		n += range_parse(str_c(l->proxies.word[i]), &(*r)[n]);
	return n;
}

static enum status
listen_at(struct server *s, struct socket_place *at)
{
	const struct config_listener *l = config_listener(config(), at->listener);
	const struct service *v = l != NULL ? server_service(l) : NULL;
	struct listener_options lo;
	struct range *proxies = NULL;
	enum status st;

	if (v == NULL)
		return server_refuse(ERR_BAD_INPUT, "there is no listener %u", at->listener);
	lo = (struct listener_options){.name = l->name, .where = at->where, .kind = at->local ? LISTEN_UNIX : v->kind, .handler = v->protocol->handler,
	    .arg = services_arg(&s->services, v), .tls = server_tls(s, l->tls_certificate), .plaintext = plaintext_of(l), .late_greeting = !l->early_greeting,
	    .ask = ask_of(s, l),
	    .deadline = l->login_timeout > 0 || !v->login ? l->login_timeout : config()->imap_login_timeout,
	    .message_max = (uint32_t)l->message_bytes, .given = true};
	note(s, l->name, at->fd);
	lo.fd = take(s, at);
	lo.n_proxies = proxies_of(l, &proxies);
	lo.proxies = proxies;
	st = net_listen(s->net, &lo, NULL);
	free(proxies);
	if (st != OK && s->worker != NULL && worker_told_to_stop(s->worker))
		return st; /* nobody listens any more */
	if (st != OK)
		return server_refuse(st, "cannot listen on %s, for %s: %s", at->where, l->name, status_word(st));
	return OK;
}

static enum status
listen_admin(struct server *s, struct socket_place *at)
{
	enum status st = admin_listen_on(s->door.store, s->net, take(s, at), &s->admin);

	return st == OK ? OK : server_refuse(st, "cannot listen on %s: %s", at->where, status_word(st));
}

enum status
server_listen(struct server *s)
{
	enum status st = OK;

	for (size_t i = 0; i < s->sockets.n && st == OK; i++) {
		struct socket_place *at = &s->sockets.at[i];

		st = at->listener == SOCKET_ADMIN ? listen_admin(s, at) : listen_at(s, at);
	}
	return st;
}
