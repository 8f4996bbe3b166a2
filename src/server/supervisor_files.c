/* SPDX-License-Identifier: Apache-2.0 */
/* The files that only the supervisor opens. Their bytes go to the worker; here nobody looks into them. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/config.h"
#include "base/log.h"
#include "server/supervisor_priv.h"
#include "server/worker_priv.h"

static bool
read_one(const struct supervisor *s, const char *path, struct buf *out)
{
	int fd = user_open(&s->user, path, O_RDONLY, 0), e;
	enum status st;

	out->secret = true;
	if (fd < 0)
		return false;
	errno = 0;
	st = channel_read_file(fd, WORKER_PEM_MAX, out);
	e = st == ERR_LIMIT ? EFBIG : errno != 0 ? errno : EIO;
	close(fd);
	errno = st == OK && out->n > 0 ? 0 : st == OK ? ENODATA : e;
	return errno == 0;
}

static void
clear(struct pem *p)
{
	buf_free_secret(&p->cert);
	buf_free_secret(&p->key);
	p->there = false;
}

static void
read_pair(const struct supervisor *s, const struct config_certificate *set, struct pem *p)
{
	if (*set->file == '\0')
		return; /* the worker makes one */
	if (!read_one(s, set->file, &p->cert))
		log_event(EV_tls_error, "cannot use the certificate %s: %s", set->file, strerror(errno));
	else if (!read_one(s, set->key, &p->key))
		log_event(EV_tls_error, "cannot use the key %s: %s", set->key, strerror(errno));
	else
		p->there = true;
	if (!p->there)
		clear(p);
}

static void
read_all(const struct supervisor *s, struct pem *pems)
{
	const struct config_certificate *set;

	for (size_t i = 0; i < s->pems_n && (set = config_certificate(config(), i)) != NULL; i++)
		read_pair(s, set, &pems[i]);
}

enum status
supervisor_read(struct supervisor *s)
{
	const struct config_certificate *set;

	while (config_certificate(config(), s->pems_n) != NULL)
		s->pems_n++;
	s->pems = x_malloc((s->pems_n + 1) * sizeof(*s->pems));
	s->offered = x_malloc((s->pems_n + 1) * sizeof(*s->offered));
	memset(s->pems, 0, (s->pems_n + 1) * sizeof(*s->pems));
	memset(s->offered, 0, (s->pems_n + 1) * sizeof(*s->offered));
	s->config_there = config_path() != NULL;
	read_all(s, s->pems);
	for (size_t i = 0; (set = config_certificate(config(), i)) != NULL; i++)
		if (*set->file != '\0' && !s->pems[i].there)
			return server_refuse(ERR_IO, "cannot use the certificate %s with the key %s", set->file, set->key);
	return OK;
}

void
supervisor_read_again(struct supervisor *s)
{
	if (server_open_log(&s->user, &s->log_fd) != OK)
		log_event(EV_reload_failed, "the log stays where it was");
	supervisor_offer_nothing(s);
	read_all(s, s->offered);
	if (s->config_there && !read_one(s, config_path(), &s->config_offered)) {
		log_event(EV_reload_failed, "the settings stay as they were: the configuration file %s cannot be read: %s", config_path(), strerror(errno));
		buf_clear(&s->config_offered);
	}
}

void
supervisor_offer_nothing(struct supervisor *s)
{
	for (size_t i = 0; i < s->pems_n; i++)
		clear(&s->offered[i]);
	buf_clear(&s->config_offered);
}

enum status
supervisor_pass_text(struct supervisor *s, enum channel_type type, uint32_t value, const char *text, struct str bytes)
{
	struct message m = {.type = type, .value = value, .fd = {channel_file(bytes), -1}};
	enum status st;

	strncpy(m.text, text, sizeof(m.text) - 1);
	st = m.fd[0] >= 0 ? channel_send(s->ch, &m) : ERR_UNAVAILABLE;
	message_close(&m);
	return st;
}

static enum status
pass_pair(struct supervisor *s, size_t i, const struct pem *p)
{
	struct message m = {.type = CHANNEL_CERTIFICATE, .index = (uint32_t)i, .fd = {channel_file(buf_str(&p->cert)), channel_file(buf_str(&p->key))}};
	enum status st = m.fd[0] >= 0 && m.fd[1] >= 0 ? channel_send(s->ch, &m) : ERR_UNAVAILABLE;

	message_close(&m);
	return st;
}

enum status
supervisor_pass(struct supervisor *s, const struct pem *pems, bool log)
{
	enum status st = OK;

	for (size_t i = 0; pems != NULL && i < s->pems_n && st == OK; i++)
		if (pems[i].there)
			st = pass_pair(s, i, &pems[i]);
	if (st == OK && log && s->log_fd >= 0)
		st = channel_send(s->ch, &(struct message){.type = CHANNEL_LOG, .fd = {s->log_fd, -1}});
	return st == OK ? channel_send(s->ch, &(struct message){.type = CHANNEL_GO}) : st;
}

void
supervisor_took(struct supervisor *s, size_t i)
{
	struct pem before = s->pems[i];

	s->pems[i] = s->offered[i];
	s->offered[i] = before;
	clear(&s->offered[i]);
}

void
supervisor_took_config(struct supervisor *s)
{
	if (s->config_offered.n == 0)
		return;
	buf_clear(&s->reloaded);
	buf_add(&s->reloaded, buf_str(&s->config_offered));
}

void
supervisor_forget(struct supervisor *s)
{
	for (size_t i = 0; i < s->pems_n; i++) {
		clear(&s->pems[i]);
		clear(&s->offered[i]);
	}
	free(s->pems);
	free(s->offered);
	s->pems_n = 0;
	buf_free(&s->reloaded);
	buf_free(&s->config_offered);
}
