/* SPDX-License-Identifier: Apache-2.0 */
/* What can be told of the settings beyond their values: before the server starts, at a reload, and for `mansio config`. */
#include <arpa/inet.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "server/address.h"
#include "server/server_priv.h"

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
check_address(const struct server_check *k, const char *name, const struct config_list *l, size_t i)
{
	const char *word = l->word[i];
	struct address a = {0};

	if (strcmp(word, "none") == 0) {
		if (l->n > 1)
			tell(k, FAULT_REFUSED, l, "%s.listen: none stands beside other addresses", name);
		return;
	}
	if (address_parse(word, &a) != OK)
		tell(k, FAULT_REFUSED, l, "%s.listen: \"%s\" is not ADDRESS:PORT, [IPv6]:PORT, *:PORT or none", name, word);
	else if (a.local && a.host[0] != '/' && config_in_file(k->config, l))
		tell(k, FAULT_REFUSED, l, "%s.listen: the path of a socket begins with /, \"%s\" does not", name, word);
	else if (!in_numbers(&a))
		tell(k, FAULT_REFUSED, l, "%s.listen: \"%s\": an address in numbers is wanted", name, word);
	for (size_t j = 0; j < i; j++)
		if (strcmp(l->word[j], word) == 0 && (a.local || a.port != 0))
			tell(k, FAULT_REFUSED, l, "%s.listen: %s stands there twice", name, word);
}

/* The same address for two protocols. */
static void
check_shared(const struct server_check *k, const char *name, const struct config_list *l, const char *other_name, const struct config_list *other)
{
	struct address a;

	for (size_t i = 0; i < l->n; i++)
		for (size_t j = 0; j < other->n; j++)
			if (strcmp(l->word[i], "none") != 0 && strcmp(l->word[i], other->word[j]) == 0 && address_parse(l->word[i], &a) == OK &&
			    (a.local || a.port != 0))
				tell(k, FAULT_REFUSED, other, "%s.listen and %s.listen both name %s", name, other_name, l->word[i]);
}

static void
check_listeners(const struct server_check *k)
{
	const struct config *c = k->config;
	const struct config_list *const lists[] = {&c->imap_listen, &c->imaps_listen, &c->lmtp_listen};
	static const char *const names[] = {"imap", "imaps", "lmtp"};

	for (size_t i = 0; i < 3; i++) {
		for (size_t j = 0; j < lists[i]->n; j++)
			check_address(k, names[i], lists[i], j);
		for (size_t j = 0; j < i; j++)
			check_shared(k, names[j], lists[j], names[i], lists[i]);
	}
	if (none(&c->imap_listen) && none(&c->imaps_listen) && none(&c->lmtp_listen))
		tell(k, FAULT_REFUSED, &c->imap_listen, "imap.listen, imaps.listen and lmtp.listen are all none: nobody could come in");
	else if (none(&c->imap_listen) && none(&c->imaps_listen))
		tell(k, FAULT_TOLD, &c->imap_listen, "imap.listen and imaps.listen are both none: mail can be delivered, and nobody can read it");
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
check_dates(const struct server_check *k, const char *cert, const struct tls_facts *f)
{
	int64_t now = clock_seconds();
	const char *const *value = (const char *const *)&k->config->tls_certificate;
	char ends[32], begins[32];

	date(f->ends, ends);
	date(f->begins, begins);
	if (f->ends <= now)
		tell(k, FAULT_CERTIFICATE, value, "the certificate %s expired on %s", cert, ends);
	else if (f->begins > now)
		tell(k, FAULT_CERTIFICATE, value, "the certificate %s is valid from %s on only", cert, begins);
	else if (f->ends - now < ENDS_SOON)
		tell(k, FAULT_CERTIFICATE, value, "the certificate %s ends in %lld days, on %s", cert, (long long)((f->ends - now) / DAY), ends);
}

void
server_check_certificate(const struct server_check *k)
{
	const struct config *c = k->config;
	struct tls_facts facts;
	struct buf why = {0};

	if (*c->tls_certificate == '\0')
		return;
	if (tls_examine(c->tls_certificate, c->tls_key, &facts, &why) != OK) {
		tell(k, FAULT_REFUSED, &c->tls_certificate, "%.*s", STR_FMT(buf_str(&why)));
	} else {
		check_dates(k, c->tls_certificate, &facts);
		if (facts.key_open)
			tell(k, FAULT_CERTIFICATE, &c->tls_key, "everybody on this machine may read the key %s: chmod o-r", c->tls_key);
	}
	buf_free(&why);
}

static bool
among(const struct config_list *l, const char *word)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->word[i], word) == 0)
			return true;
	return false;
}

/* The listeners are those that there are, whatever fresh says of them. */
enum status
server_check_hide(const struct config *fresh, const struct config *running, struct buf *why)
{
	for (size_t i = 0; i < fresh->imap_hide.n; i++) {
		const char *word = fresh->imap_hide.word[i], *at = word + strcspn(word, "@/");

		if (*at == '@' && strcmp(at, "@imap") != 0 && strcmp(at, "@imaps") != 0 &&
		    !among(&running->imap_listen, at + 1) && !among(&running->imaps_listen, at + 1)) {
			buf_addf(why, "imap.hide: there is no listener for \"%s\"", word);
			return ERR_BAD_INPUT;
		}
	}
	return imap_hide_check(fresh->imap_hide.word, fresh->imap_hide.n, why);
}

static void
check_imap(const struct server_check *k)
{
	const struct config *c = k->config;
	struct buf why = {0};
	uint8_t language;

	if (server_check_hide(c, c, &why) != OK)
		tell(k, FAULT_REFUSED, &c->imap_hide, "%.*s", STR_FMT(buf_str(&why)));
	if (!imap_language(c->imap_language, &language))
		tell(k, FAULT_REFUSED, &c->imap_language, "imap.language: texts cannot be had in \"%s\"; in de, en, es, fr, it, ja, pl and i-default", c->imap_language);
	buf_free(&why);
}

static bool
socket_mode(const struct config *c, unsigned *mode_r)
{
	char *end;
	unsigned long mode = strtoul(c->lmtp_mode, &end, 8);

	*mode_r = (unsigned)mode;
	return *c->lmtp_mode != '\0' && *end == '\0' && mode <= 0777 && (mode & 0600) == 0600;
}

/* 0: none of its own. */
static bool
socket_group(const struct config *c, int64_t *group_r)
{
	struct str group = str_c(c->lmtp_group);
	uint64_t number = 0;
	struct group *g = NULL;

	if (group.n > 0 && !str_u64(group, INT32_MAX, &number) && (g = getgrnam(c->lmtp_group)) == NULL)
		return false;
	*group_r = g != NULL ? (int64_t)g->gr_gid : (int64_t)number;
	return true;
}

bool
server_socket_rights(const struct config *c, unsigned *mode_r, int64_t *group_r)
{
	return socket_mode(c, mode_r) && socket_group(c, group_r);
}

static void
check_lmtp(const struct server_check *k)
{
	const struct config *c = k->config;
	unsigned mode;
	int64_t group;

	if (!socket_mode(c, &mode))
		tell(k, FAULT_REFUSED, &c->lmtp_mode, "lmtp.mode is three octal digits that let the owner read and write, such as 0660, not \"%s\"", c->lmtp_mode);
	else if (mode & 07)
		tell(k, FAULT_TOLD, &c->lmtp_mode, "lmtp.mode %s: every user of this machine may deliver mail, without a login", c->lmtp_mode);
	if (!socket_group(c, &group))
		tell(k, FAULT_REFUSED, &c->lmtp_group, "lmtp.group: there is no group \"%s\"", c->lmtp_group);
}

static void
check_limits(const struct server_check *k)
{
	const struct config *c = k->config;

	if (c->limits_strangers_per_address != 0)
		tell(k, FAULT_TOLD, &c->limits_strangers_per_address,
		    "limits.strangers_per_address is called limits.connections_per_address now, which counts those that are not logged in");
}

void
server_check(const struct server_check *k)
{
	const struct config *c = k->config;
	char dir[4096];
	struct buf why = {0};

	check_listeners(k);
	server_check_certificate(k);
	check_imap(k);
	check_lmtp(k);
	check_limits(k);
	if (config_data_dir(dir, sizeof(dir)) != OK)
		tell(k, FAULT_REFUSED, &c->server_data, "no data folder: set server.data");
	else if (store_place(dir, c->store_any_filesystem, &why) != OK)
		tell(k, FAULT_REFUSED, &c->server_data, "%.*s", STR_FMT(buf_str(&why)));
	else if (why.n > 0)
		tell(k, FAULT_TOLD, &c->store_any_filesystem, "%.*s", STR_FMT(buf_str(&why)));
	buf_free(&why);
}
