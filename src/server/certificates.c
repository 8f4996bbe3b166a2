/* SPDX-License-Identifier: Apache-2.0 */
/* The certificates that the settings name, and who gets which. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"
#include "base/config.h"
#include "base/log.h"
#include "server/server_priv.h"

struct certificate {
	const char *name; /* the settings' */
	size_t i;         /* config_certificate()'s number */
	bool own;         /* made here, in the data folder */
	struct tls *tls;
};

struct tls *
server_tls(const struct server *s, const char *name)
{
	for (size_t i = 0; i < s->certificates_n; i++)
		if (strcmp(s->certificates[i].name, name) == 0)
			return s->certificates[i].tls;
	return s->tls; /* server_check() has looked */
}

/* From its files, or as the supervisor read them. */
static enum status
open_one(struct server *s, size_t i, const char *cert, const char *key, struct tls **tls_r)
{
	struct tls_pem pem;

	if (s->worker != NULL && worker_certificate(s->worker, i, &pem))
		return tls_new_pem(&pem, tls_r);
	return tls_new(cert, key, tls_r);
}

/* The first one, which is there always: the settings', or one of its own in the data folder. */
static enum status
open_default(struct server *s, const struct config_certificate *set, struct tls **tls_r)
{
	char cert[sizeof(s->data) + 16], key[sizeof(s->data) + 16], print[65] = "";
	const char *c = set->file, *k = set->key;
	bool own = *c == '\0';
	enum status st;

	if (own) {
		snprintf(cert, sizeof(cert), "%s/tls-cert.pem", s->data);
		snprintf(key, sizeof(key), "%s/tls-key.pem", s->data);
		if ((st = tls_make_certificate(c = cert, k = key, s->name)) != OK)
			return server_refuse(st, "cannot make a certificate in %s: %s", s->data, status_word(st));
	}
	if (open_one(s, 0, c, k, tls_r) != OK)
		return server_refuse(ERR_BAD_INPUT, "cannot use the certificate %s with the key %s", c, k);
	if (own && tls_fingerprint(*tls_r, print) == OK)
		log_event(EV_tool, "self-made certificate, SHA-256 %s", print);
	return OK;
}

/* Whoever asks for a domain that has a certificate gets that one, on every listener. */
static void
name_domains(struct server *s)
{
	const struct config_domain *d;

	for (size_t i = 0; (d = config_domain(config(), i)) != NULL; i++)
		for (size_t k = 0; k < s->certificates_n && *d->tls_certificate != '\0'; k++)
			tls_name(s->certificates[k].tls, d->name, server_tls(s, d->tls_certificate));
}

enum status
server_certificates_open(struct server *s)
{
	const struct config_certificate *set;
	enum status st = OK;

	for (size_t i = 0; st == OK && (set = config_certificate(config(), i)) != NULL; i++) {
		struct tls *tls = NULL;

		if (i == 0)
			st = open_default(s, set, &tls);
		else if (*set->file == '\0')
			continue; /* nobody may name it: server_check() */
		else if (open_one(s, i, set->file, set->key, &tls) != OK)
			st = server_refuse(ERR_BAD_INPUT, "cannot use the certificate %s with the key %s", set->file, set->key);
		if (st != OK)
			return st;
		s->certificates = x_realloc(s->certificates, (s->certificates_n + 1) * sizeof(*s->certificates));
		s->certificates[s->certificates_n++] = (struct certificate){set->name, i, *set->file == '\0', tls};
		if (i == 0)
			s->tls = tls;
	}
	name_domains(s);
	if (s->worker != NULL)
		worker_forget(s->worker);
	return OK;
}

/* Of what did not come the supervisor has said why. */
static enum status
reload_one(struct server *s, const struct certificate *c)
{
	struct tls_pem pem;
	enum status st;

	if (s->worker == NULL || c->own)
		return tls_reload(c->tls);
	if (!worker_certificate(s->worker, c->i, &pem))
		return ERR_NOT_FOUND;
	if ((st = tls_take_pem(c->tls, &pem)) == OK)
		worker_say(s->worker, CHANNEL_TAKEN, (uint32_t)c->i, 0);
	return st;
}

bool
server_certificates_reload(struct server *s, struct buf *taken)
{
	bool good = true;
	char print[65] = "";

	for (size_t i = 0; i < s->certificates_n; i++) {
		const struct certificate *c = &s->certificates[i];

		if (reload_one(s, c) != OK)
			good = false;
		else if (tls_fingerprint(c->tls, print) == OK)
			buf_addf(taken, ", certificate%s%s (SHA-256 %.16s...)", i > 0 ? " " : "", i > 0 ? c->name : "", print);
	}
	if (s->worker != NULL)
		worker_forget(s->worker);
	return good;
}

void
server_certificates_free(struct server *s)
{
	for (size_t i = 0; i < s->certificates_n; i++)
		tls_free(s->certificates[i].tls);
	free(s->certificates);
	s->certificates = NULL;
	s->certificates_n = 0;
	s->tls = NULL;
}
