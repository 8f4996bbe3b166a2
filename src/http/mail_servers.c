/* SPDX-License-Identifier: Apache-2.0 */
/* Which servers a mail program is to be given, from the settings; and what the pages that tell it have in common. */
#include <stdio.h>
#include <stdlib.h>
#include "base/config.h"
#include "base/utf8.h"
#include "http/session_priv.h"

/* Where a service is found: the port of the first TCP address of the listener that serves it; 0: it is not there. */
static unsigned
port_of(const char *service, unsigned preset)
{
	const struct config_listener *l;

	for (size_t i = 0; (l = config_listener(config(), i)) != NULL; i++) {
		if (strcmp(*l->service != '\0' ? l->service : l->name, service) != 0)
			continue;
		if (l->address.n == 0 && preset != 0)
			return preset;
		for (size_t k = 0; k < l->address.n; k++) {
			const char *colon = strrchr(l->address.word[k], ':');
			uint64_t port;

			if (strchr(l->address.word[k], '/') == NULL && colon != NULL && str_u64(str_c(colon + 1), 65535, &port) && port > 0)
				return (unsigned)port;
		}
	}
	return 0;
}

static void
add(struct mail_server out[MAIL_SERVERS_MAX], size_t *n, const char *protocol, const char *host, unsigned port, bool tls)
{
	struct mail_server *m = &out[*n];

	if (port == 0 || *n == MAIL_SERVERS_MAX)
		return;
	*m = (struct mail_server){.protocol = protocol, .port = port, .tls = tls};
	(void)snprintf(m->host, sizeof(m->host), "%s", host);
	++*n;
}

/* "smtp.example.org:465", or without a port; TLS from the first byte is what 465 is for (RFC 8314 3.3). */
static void
add_submission(struct mail_server out[MAIL_SERVERS_MAX], size_t *n)
{
	const char *setting = config()->http_submission, *colon = strrchr(setting, ':');
	char host[256];
	uint64_t port = 465;

	if (*setting == '\0')
		return;
	(void)snprintf(host, sizeof(host), "%.*s", colon != NULL ? (int)(colon - setting) : (int)strlen(setting), setting);
	if (colon != NULL && !str_u64(str_c(colon + 1), 65535, &port))
		return;
	add(out, n, "smtp", host, (unsigned)port, port == 465);
}

size_t
mail_servers(const struct door *door, struct mail_server out[MAIL_SERVERS_MAX])
{
	const char *host = *config()->http_mail_host != '\0' ? config()->http_mail_host : door->hostname;
	size_t n = 0;

	add(out, &n, "imap", host, port_of("imaps", 993), true);
	add(out, &n, "imap", host, port_of("imap", 143), false);
	add(out, &n, "pop3", host, port_of("pop3s", 0), true);
	add(out, &n, "pop3", host, port_of("pop3", 0), false);
	add_submission(out, &n);
	return n;
}

bool
mail_address(struct str text, struct str *domain_r)
{
	size_t at = str_chr(text, '@');

	if (at == 0 || at + 1 >= text.n || text.n > 254)
		return false;
	*domain_r = str_from(text, at + 1);
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] <= ' ' || text.p[i] == 0x7f || (text.p[i] == '@' && i != at))
			return false;
	return utf8_valid(text);
}

void
xml_text(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		switch (text.p[i]) {
		case '<': buf_adds(out, "&lt;"); break;
		case '>': buf_adds(out, "&gt;"); break;
		case '&': buf_adds(out, "&amp;"); break;
		case '"': buf_adds(out, "&quot;"); break;
		case '\'': buf_adds(out, "&#39;"); break;
		default: buf_addc(out, text.p[i]);
		}
}
