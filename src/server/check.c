/* SPDX-License-Identifier: Apache-2.0 */
/* What can be told of the settings beyond their values: before the server starts, at a reload, and for `mansio config`. */
#include <arpa/inet.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "http/http.h"
#include "imap/imap.h"
#include "server/address.h"
#include "server/server_priv.h"
#include "session/language.h"

#define DAY 86400
#define ENDS_SOON (21 * DAY)

static void tell(const struct server_check *k, enum server_fault fault, const void *value, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* value: the setting that is to blame, or NULL. */
static void
tell(const struct server_check *k, enum server_fault fault, const void *value, const char *fmt, ...)
{
	struct buf text = {0};
	va_list ap;

	if (value != NULL)
		config_blame(k->config, value, &text);
	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	buf_addc(&text, '\0');
	k->tell(k->arg, fault, text.p);
	buf_free(&text);
}

static bool
none(const struct config_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->word[i], "none") != 0)
			return false;
	return l->n > 0;
}

static bool
in_numbers(const struct address *a)
{
	struct in6_addr any;

	return a->any || a->local || inet_pton(AF_INET, a->host, &any) == 1 || inet_pton(AF_INET6, a->host, &any) == 1;
}

static void
check_address(const struct server_check *k, const struct config_list *l, size_t i)
{
	const char *word = l->word[i], *name = config_name(k->config, l);
	struct address a = {0};

	if (strcmp(word, "none") == 0) {
		if (l->n > 1)
			tell(k, FAULT_REFUSED, l, "%s: none stands beside other addresses", name);
		return;
	}
	if (address_parse(word, &a) != OK)
		tell(k, FAULT_REFUSED, l, "%s: \"%s\" is not ADDRESS:PORT, [IPv6]:PORT, *:PORT or none", name, word);
	else if (a.local && a.host[0] != '/' && config_in_file(k->config, l))
		tell(k, FAULT_REFUSED, l, "%s: the path of a socket begins with /, \"%s\" does not", name, word);
	else if (!in_numbers(&a))
		tell(k, FAULT_REFUSED, l, "%s: \"%s\": an address in numbers is wanted", name, word);
	for (size_t j = 0; j < i; j++)
		if (strcmp(l->word[j], word) == 0 && (a.local || a.port != 0))
			tell(k, FAULT_REFUSED, l, "%s: %s stands there twice", name, word);
}

/* The same address for two listeners. */
static void
check_shared(const struct server_check *k, const struct config_list *l, const struct config_list *other)
{
	struct address a;

	for (size_t i = 0; i < l->n; i++)
		for (size_t j = 0; j < other->n; j++)
			if (strcmp(l->word[i], "none") != 0 && strcmp(l->word[i], other->word[j]) == 0 && address_parse(l->word[i], &a) == OK &&
			    (a.local || a.port != 0))
				tell(k, FAULT_REFUSED, other, "%s and %s both name %s", config_name(k->config, l), config_name(k->config, other), l->word[i]);
}

/* Does it listen, as far as the settings say? */
static bool
listens(const struct config_listener *l)
{
	const struct service *v = server_service(l);

	return l->address.n > 0 ? !none(&l->address) : v != NULL && !v->asked;
}

static const char *
service_name(const struct config_listener *l)
{
	return *l->service != '\0' ? l->service : l->name;
}

const struct service *
server_service(const struct config_listener *l)
{
	return service_find(service_name(l));
}

/* Its service; an address that no other listener stands in for. */
static void
check_service(const struct server_check *k, const struct config_listener *l)
{
	struct buf names = {0};

	service_names(&names);
	if (server_service(l) == NULL)
		tell(k, FAULT_REFUSED, &l->service, "%s: there is no service \"%s\"; there are %.*s", config_name(k->config, &l->service), service_name(l),
		    STR_FMT(buf_str(&names)));
	if (l->address.n == 0 && service_find(l->name) == NULL)
		tell(k, FAULT_REFUSED, &l->address, "%s is not set: only the listeners %.*s have places of their own",
		    config_name(k->config, &l->address), STR_FMT(buf_str(&names)));
	buf_free(&names);
}

/* Can mail be read there? */
static bool
lets_in(const struct config_listener *l)
{
	const struct service *v = server_service(l);

	return listens(l) && v != NULL && v->login;
}

/* Those who may vouch for clients. */
static void
check_authorities(const struct server_check *k, const struct config_listener *l)
{
	const char *ca = l->client_authorities;
	struct tls_ask *ask = NULL;
	struct buf why = {0};

	if (*ca == '\0')
		return;
	if (tls_ask_new(ca, &ask, &why) != OK)
		tell(k, FAULT_REFUSED, &l->client_authorities, "%s: %.*s", config_name(k->config, &l->client_authorities), STR_FMT(buf_str(&why)));
	else if (strcmp(l->client_certificates, "ask") != 0)
		tell(k, FAULT_TOLD, &l->client_authorities, "%s is set, and clients are not asked for certificates: %s is no",
		    config_name(k->config, &l->client_authorities), config_name(k->config, &l->client_certificates));
	tls_ask_free(ask);
	buf_free(&why);
}

static void
check_listeners(const struct server_check *k)
{
	const struct config *c = k->config;
	const struct config_listener *l, *other;
	unsigned all = 0, readers = 0;

	for (size_t i = 0; (l = config_listener(c, i)) != NULL; i++) {
		check_service(k, l);
		check_authorities(k, l);
		for (size_t j = 0; j < l->address.n; j++)
			check_address(k, &l->address, j);
		for (size_t j = 0; j < i && (other = config_listener(c, j)) != NULL; j++)
			check_shared(k, &other->address, &l->address);
		all += listens(l);
		readers += lets_in(l);
	}
	l = config_listener(c, 0);
	if (all == 0)
		tell(k, FAULT_REFUSED, &l->address, "the addresses of the listeners are all none: nobody could come in");
	else if (readers == 0)
		tell(k, FAULT_TOLD, &l->address, "the addresses of the listeners for IMAP and POP3 are all none: mail can be delivered, and nobody can read it");
}

static void
date(int64_t seconds, char out[32])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, 32, "%Y-%m-%d %H:%M UTC", &tm);
}

static void
check_dates(const struct server_check *k, const struct config_certificate *cert, const struct tls_facts *f)
{
	int64_t now = clock_seconds();
	const void *value = &cert->file;
	char ends[32], begins[32];

	date(f->ends, ends);
	date(f->begins, begins);
	if (f->ends <= now)
		tell(k, FAULT_CERTIFICATE, value, "the certificate %s expired on %s", cert->file, ends);
	else if (f->begins > now)
		tell(k, FAULT_CERTIFICATE, value, "the certificate %s is valid from %s on only", cert->file, begins);
	else if (f->ends - now < ENDS_SOON)
		tell(k, FAULT_CERTIFICATE, value, "the certificate %s ends in %lld days, on %s", cert->file, (long long)((f->ends - now) / DAY), ends);
}

static void
check_certificate(const struct server_check *k, const struct config_certificate *cert)
{
	struct tls_facts facts;
	struct buf why = {0};

	if (*cert->file == '\0')
		return;
	if (tls_examine(cert->file, cert->key, &facts, &why) != OK) {
		tell(k, FAULT_REFUSED, &cert->file, "%.*s", STR_FMT(buf_str(&why)));
	} else {
		check_dates(k, cert, &facts);
		if (facts.key_open)
			tell(k, FAULT_CERTIFICATE, &cert->key, "everybody on this machine may read the key %s: chmod o-r", cert->key);
	}
	buf_free(&why);
}

const struct config_certificate *
server_certificate(const struct config *c, const char *name)
{
	const struct config_certificate *cert;

	for (size_t i = 0; (cert = config_certificate(c, i)) != NULL; i++)
		if (strcmp(cert->name, name) == 0)
			return cert;
	return NULL;
}

/* Certificates that a listener or a domain names, and that are not there. */
static void
check_named(const struct server_check *k, char *const *name)
{
	const struct config_certificate *cert = server_certificate(k->config, *name);

	if (**name != '\0' && (cert == NULL || (*cert->file == '\0' && cert != config_certificate(k->config, 0))))
		tell(k, FAULT_REFUSED, name, "%s: there is no certificate %s", config_name(k->config, name), *name);
}

static void
check_certificate_names(const struct server_check *k)
{
	const struct config_listener *l;
	const struct config_domain *d;

	for (size_t i = 0; (l = config_listener(k->config, i)) != NULL; i++)
		check_named(k, &l->tls_certificate);
	for (size_t i = 0; (d = config_domain(k->config, i)) != NULL; i++)
		check_named(k, &d->tls_certificate);
}

void
server_check_certificates(const struct server_check *k)
{
	const struct config_certificate *cert;

	for (size_t i = 0; (cert = config_certificate(k->config, i)) != NULL; i++)
		check_certificate(k, cert);
}

/* By its name, or one of its addresses. */
static bool
is_listener(const struct config *c, const char *word)
{
	const struct config_listener *l;

	for (size_t i = 0; (l = config_listener(c, i)) != NULL; i++) {
		if (strcmp(l->name, word) == 0)
			return true;
		for (size_t j = 0; j < l->address.n; j++)
			if (strcmp(l->address.word[j], word) == 0)
				return true;
	}
	return false;
}

/* The listeners are those that there are, whatever fresh says of them. */
enum status
server_check_hide(const struct config *fresh, const struct config *running, struct buf *why)
{
	for (size_t i = 0; i < fresh->imap_hide.n; i++) {
		const char *word = fresh->imap_hide.word[i], *at = word + strcspn(word, "@/");

		if (*at == '@' && !is_listener(running, at + 1)) {
			buf_addf(why, "imap.hide: there is no listener for \"%s\"", word);
			return ERR_BAD_INPUT;
		}
	}
	return imap_hide_check(fresh->imap_hide.word, fresh->imap_hide.n, why);
}

static void
check_hide(const struct server_check *k, const struct config_listener *l)
{
	const char *name = config_name(k->config, &l->hide);
	struct buf why = {0};

	for (size_t i = 0; i < l->hide.n; i++)
		if (strpbrk(l->hide.word[i], "@/") != NULL)
			tell(k, FAULT_REFUSED, &l->hide, "%s: \"%s\" is not the name of a capability alone", name, l->hide.word[i]);
	if (imap_hide_check(l->hide.word, l->hide.n, &why) != OK)
		tell(k, FAULT_REFUSED, &l->hide, "%s%.*s", name, STR_FMT(str_from(buf_str(&why), strlen("imap.hide"))));
	buf_free(&why);
}

static void
check_imap(const struct server_check *k)
{
	const struct config *c = k->config;
	const struct config_listener *l;
	struct buf why = {0};
	uint8_t language;

	if (server_check_hide(c, c, &why) != OK)
		tell(k, FAULT_REFUSED, &c->imap_hide, "%.*s", STR_FMT(buf_str(&why)));
	for (size_t i = 0; (l = config_listener(c, i)) != NULL; i++)
		check_hide(k, l);
	if (!language_find(c->imap_language, &language))
		tell(k, FAULT_REFUSED, &c->imap_language, "imap.language: texts cannot be had in \"%s\"; in de, en, es, fr, it, ja, pl and i-default", c->imap_language);
	buf_free(&why);
}

static bool
socket_mode(const struct config_listener *l, unsigned *mode_r)
{
	char *end;
	unsigned long mode = strtoul(l->mode, &end, 8);

	*mode_r = (unsigned)mode;
	return *l->mode != '\0' && *end == '\0' && mode <= 0777 && (mode & 0600) == 0600;
}

/* 0: none of its own. */
static bool
socket_group(const struct config_listener *l, int64_t *group_r)
{
	struct str group = str_c(l->group);
	uint64_t number = 0;
	struct group *g = NULL;

	if (group.n > 0 && !str_u64(group, INT32_MAX, &number) && (g = getgrnam(l->group)) == NULL)
		return false;
	*group_r = g != NULL ? (int64_t)g->gr_gid : (int64_t)number;
	return true;
}

bool
server_socket_rights(const struct config_listener *l, unsigned *mode_r, int64_t *group_r)
{
	return socket_mode(l, mode_r) && socket_group(l, group_r);
}

static void
check_socket(const struct server_check *k, const struct config_listener *l)
{
	const char *name = config_name(k->config, &l->mode);
	unsigned mode;
	int64_t group;

	if (!socket_mode(l, &mode))
		tell(k, FAULT_REFUSED, &l->mode, "%s is three octal digits that let the owner read and write, such as 0660, not \"%s\"", name, l->mode);
	else if ((mode & 07) && server_service(l) != NULL && !server_service(l)->login)
		tell(k, FAULT_TOLD, &l->mode, "%s %s: every user of this machine may deliver mail, without a login", name, l->mode);
	if (!socket_group(l, &group))
		tell(k, FAULT_REFUSED, &l->group, "%s: there is no group \"%s\"", config_name(k->config, &l->group), l->group);
}

/* A name, and perhaps a port behind it. */
static bool
is_place(const char *text)
{
	const char *colon = strchr(text, ':');
	size_t host = colon != NULL ? (size_t)(colon - text) : strlen(text);
	uint64_t port;

	return host > 0 && host < 256 && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") >= host &&
	    (colon == NULL || (str_u64(str_c(colon + 1), 65535, &port) && port > 0));
}

static void
check_proxies(const struct server_check *k)
{
	const struct config_listener *l;
	struct range r;

	for (size_t i = 0; (l = config_listener(k->config, i)) != NULL; i++)
		for (size_t j = 0; j < l->proxies.n; j++)
			if (!range_parse(str_c(l->proxies.word[j]), &r))
				tell(k, FAULT_REFUSED, &l->proxies, "%s: \"%s\" is neither an address nor a network as 192.0.2.0/24", config_name(k->config, &l->proxies),
				    l->proxies.word[j]);
}

static void
check_http(const struct server_check *k)
{
	const struct config *c = k->config;

	for (size_t i = 0; i < c->http_metrics_from.n; i++)
		if (!http_peer_word(c->http_metrics_from.word[i]))
			tell(k, FAULT_REFUSED, &c->http_metrics_from, "http.metrics_from: \"%s\" is neither loopback nor any, nor an address, nor a network as 192.0.2.0/24",
			    c->http_metrics_from.word[i]);
	if (*c->http_mail_host != '\0' && (!is_place(c->http_mail_host) || strchr(c->http_mail_host, ':') != NULL))
		tell(k, FAULT_REFUSED, &c->http_mail_host, "http.mail_host is the name of a machine, not \"%s\"", c->http_mail_host);
	if (*c->http_submission != '\0' && !is_place(c->http_submission))
		tell(k, FAULT_REFUSED, &c->http_submission, "http.submission is HOST or HOST:PORT, not \"%s\"", c->http_submission);
}

static void
check_user(const struct server_check *k)
{
	const char *name = k->config->server_user;

	if (*name != '\0' && getpwnam(name) == NULL)
		tell(k, FAULT_REFUSED, &k->config->server_user, "server.user: there is no user \"%s\"", name);
}

/* What is written in former spellings goes on as it is, and is told: where it stands, and what it is called now. */
static void
check_spelling(const struct server_check *k)
{
	struct config_item item;

	if (config_path() != NULL && config_version() == 0)
		tell(k, FAULT_FORMER, NULL, "%s says no version: it is read as it was before; 'mansio config upgrade' writes it anew", config_path());
	for (size_t i = 0; config_item(k->config, i, &item); i++)
		if (item.spelt != NULL && (item.odd || config_in_file(k->config, item.value)))
			tell(k, config_version() > 0 ? FAULT_FORMER : FAULT_OF_BEFORE, item.value, "%s is called %s now", item.spelt, item.name);
}

void
server_check(const struct server_check *k)
{
	const struct config *c = k->config;
	char dir[4096];
	struct buf why = {0};

	const struct config_listener *l;

	check_listeners(k);
	server_check_certificates(k);
	check_certificate_names(k);
	check_imap(k);
	check_http(k);
	check_proxies(k);
	check_user(k);
	for (size_t i = 0; (l = config_listener(c, i)) != NULL; i++)
		check_socket(k, l);
	check_spelling(k);
	if (config_data_dir(dir, sizeof(dir)) != OK)
		tell(k, FAULT_REFUSED, &c->server_data, "no data folder: set server.data");
	else if (store_place(dir, c->store_any_filesystem, &why) != OK)
		tell(k, FAULT_REFUSED, &c->server_data, "%.*s", STR_FMT(buf_str(&why)));
	else if (why.n > 0)
		tell(k, FAULT_TOLD, &c->store_any_filesystem, "%.*s", STR_FMT(buf_str(&why)));
	buf_free(&why);
}
