/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's end of the channel. */
#include "server/worker.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/config_file.h"
#include "base/log.h"
#include "server/server.h"
#include "server/worker_priv.h"

struct certificate {
	struct buf cert, key; /* secret */
};

struct worker {
	int ch;
	bool second, told_to_stop;
	int log_fd;
	struct certificate *certificates;
	size_t certificates_n;
};

static struct worker *only;

struct worker *
worker(void)
{
	return only;
}

int
worker_channel(const struct worker *w)
{
	return w->ch;
}

bool
worker_is_second(const struct worker *w)
{
	return w->second;
}

bool
worker_told_to_stop(struct worker *w)
{
	return w->told_to_stop || worker_order(w, 0) == ORDER_STOP;
}

int
worker_log(struct worker *w)
{
	int fd = w->log_fd;

	w->log_fd = -1;
	return fd;
}

void
worker_forget(struct worker *w)
{
	for (size_t i = 0; i < w->certificates_n; i++) {
		buf_free_secret(&w->certificates[i].cert);
		buf_free_secret(&w->certificates[i].key);
	}
	free(w->certificates);
	w->certificates = NULL;
	w->certificates_n = 0;
}

bool
worker_certificate(const struct worker *w, size_t i, struct tls_pem *pem)
{
	const struct config_certificate *set = config_certificate(config(), i);

	if (i >= w->certificates_n || set == NULL || w->certificates[i].cert.n == 0)
		return false;
	*pem = (struct tls_pem){set->file, set->key, buf_str(&w->certificates[i].cert), buf_str(&w->certificates[i].key)};
	return true;
}

/* ---- what comes in one piece ---- */

static bool
take_certificate(struct worker *w, const struct message *m)
{
	size_t n = m->index + 1;
	struct certificate *c;

	if (n > w->certificates_n) {
		w->certificates = x_realloc(w->certificates, n * sizeof(*w->certificates));
		memset(w->certificates + w->certificates_n, 0, (n - w->certificates_n) * sizeof(*w->certificates));
		w->certificates_n = n;
	}
	c = &w->certificates[m->index];
	c->cert.secret = c->key.secret = true;
	return channel_read_file(m->fd[0], WORKER_PEM_MAX, &c->cert) == OK && channel_read_file(m->fd[1], WORKER_PEM_MAX, &c->key) == OK;
}

static bool
take_config(const struct message *m)
{
	struct buf text = {0};
	bool ok = channel_read_file(m->fd[0], CONFIG_FILE_MAX + 1, &text) == OK;

	if (ok)
		config_give(m->value & START_CONFIG, buf_str(&text));
	buf_free(&text);
	return ok;
}

static bool
take_part(struct worker *w, struct message *m)
{
	bool ok = true;

	if (m->type == CHANNEL_CERTIFICATE) {
		ok = take_certificate(w, m);
	} else if (m->type == CHANNEL_LOG) {
		if (w->log_fd >= 0)
			close(w->log_fd);
		w->log_fd = m->fd[0];
		m->fd[0] = -1;
	} else {
		ok = false;
	}
	message_close(m);
	return ok;
}

/* Up to GO. */
static bool
take_parts(struct worker *w)
{
	struct message m;
	bool ok = true;

	while (ok && (ok = channel_receive(w->ch, SUPERVISOR, true, &m) == OK) && m.type != CHANNEL_GO)
		ok = take_part(w, &m);
	return ok;
}

bool
server_worker_begin(void)
{
	const char *text = getenv(WORKER_CHANNEL);
	struct message m = {.fd = {-1, -1}};
	uint64_t fd;
	bool ok;

	if (text == NULL)
		return true;
	ok = str_u64(str_c(text), INT32_MAX, &fd);
	unsetenv(WORKER_CHANNEL); /* for this process alone */
	only = x_new(struct worker);
	only->ch = ok ? (int)fd : -1;
	only->log_fd = -1;
	ok = ok && channel_receive(only->ch, SUPERVISOR, true, &m) == OK && m.type == CHANNEL_START && strcmp(m.text, MANSIO_VERSION) == 0 &&
	    take_config(&m) && take_parts(only);
	only->second = m.value & START_AGAIN;
	message_close(&m);
	if (!ok)
		fprintf(stderr, "mansio: the supervisor does not answer on descriptor %s\n", text);
	return ok;
}

/* ---- sockets ---- */

static bool
keep(struct sockets *s, struct message *m)
{
	struct socket_place *at = &s->at[s->n];

	if (s->n == SOCKETS_MAX)
		return false;
	*at = (struct socket_place){.fd = m->fd[0], .listener = m->index, .local = m->value};
	memcpy(at->where, m->text, sizeof(at->where));
	s->n++;
	m->fd[0] = -1;
	return true;
}

bool
worker_sockets(struct worker *w, struct sockets *s)
{
	struct message m;
	bool ok = true;

	worker_say(w, CHANNEL_WANT_SOCKETS, 0, 0);
	while (ok && (ok = channel_receive(w->ch, SUPERVISOR, true, &m) == OK) && m.type != CHANNEL_SOCKETS_END) {
		if (m.type == CHANNEL_PING)
			worker_say(w, CHANNEL_PONG, 0, 0);
		else
			ok = m.type == CHANNEL_SOCKET && keep(s, &m);
		if (m.type == CHANNEL_STOP)
			w->told_to_stop = true;
		message_close(&m);
	}
	return ok && m.value;
}

/* ---- orders ---- */

void
worker_say(struct worker *w, enum channel_type type, uint32_t index, uint32_t value)
{
	/* Nobody hears it: then the next receive says so. */
	(void)!channel_send(w->ch, &(struct message){.type = type, .index = index, .value = value});
}

static enum order
reload(struct worker *w, struct message *m)
{
	bool ok = m->value & START_CONFIG ? take_config(m) : true;

	message_close(m);
	return take_parts(w) && ok ? ORDER_RELOAD : ORDER_STOP;
}

/* What the message means. Without a supervisor there is nobody to serve for. */
static enum order
take_order(struct worker *w)
{
	struct message m;

	if (channel_receive(w->ch, SUPERVISOR, true, &m) != OK)
		return ORDER_STOP;
	switch (m.type) {
	case CHANNEL_PING: worker_say(w, CHANNEL_PONG, 0, 0); return ORDER_NONE;
	case CHANNEL_RELOAD: return reload(w, &m);
	case CHANNEL_PROBE: return ORDER_PROBE;
	case CHANNEL_STOP: return ORDER_STOP;
	default: message_close(&m); return ORDER_STOP;
	}
}

enum order
worker_order(struct worker *w, int ms)
{
	struct pollfd p = {.fd = w->ch, .events = POLLIN};

	enum order order = poll(&p, 1, ms) > 0 ? take_order(w) : ORDER_NONE;

	w->told_to_stop |= order == ORDER_STOP;
	return order;
}
