/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings for mail programs: Thunderbird's autoconfiguration (config-v1.1.xml), which others read, too, and Microsoft's autodiscover. Nothing here
 * depends on whether there is such an account.
 */
#include <inttypes.h>
#include <stdlib.h>
#include "http/session_priv.h"

static void
add_server(struct buf *out, const struct mail_server *m)
{
	const char *kind = strcmp(m->protocol, "smtp") == 0 ? "outgoing" : "incoming";

	buf_addf(out, "    <%sServer type=\"%s\">\n      <hostname>", kind, m->protocol);
	xml_text(out, str_c(m->host));
	buf_addf(out,
	    "</hostname>\n      <port>%u</port>\n      <socketType>%s</socketType>\n      <username>%%EMAILADDRESS%%</username>\n"
	    "      <authentication>password-cleartext</authentication>\n    </%sServer>\n",
	    m->port, m->tls ? "SSL" : "STARTTLS", kind);
}

/* GET ...?emailaddress=ann@example.org; without one the answer is the same, for the domain of the server. */
void
http_autoconfig(struct http_session *s, struct http_page *page)
{
	struct mail_server servers[MAIL_SERVERS_MAX];
	size_t n = mail_servers(s->service->door, servers);
	struct buf address = {0}, *out = &page->text;
	struct str domain = str_c(s->service->door->hostname);

	if (s->request->query.p != NULL && http_query(s->request->query, STR("emailaddress"), &address) && !mail_address(buf_str(&address), &domain)) {
		buf_free(&address);
		http_page_text(page, 400, "emailaddress is no address of mail");
		return;
	}
	page->status = 200;
	page->type = "text/xml; charset=utf-8";
	buf_adds(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<clientConfig version=\"1.1\">\n  <emailProvider id=\"");
	xml_text(out, domain);
	buf_adds(out, "\">\n    <domain>");
	xml_text(out, domain);
	buf_adds(out, "</domain>\n    <displayName>");
	xml_text(out, domain);
	buf_adds(out, "</displayName>\n    <displayShortName>");
	xml_text(out, domain);
	buf_adds(out, "</displayShortName>\n");
	for (size_t i = 0; i < n; i++)
		add_server(out, &servers[i]);
	buf_adds(out, "  </emailProvider>\n</clientConfig>\n");
	buf_free(&address);
}

/* ---- autodiscover ---- */

#define OUTLOOK "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"

/* What stands in the first element of that name, wherever that is and whatever its namespace; no XML is read beyond that. */
static struct str
element(struct str xml, struct str name)
{
	for (size_t at = 0; (at = str_find(xml, name, at)) != SIZE_MAX; at += name.n) {
		struct str rest = str_from(xml, at + name.n);

		if (at > 0 && (xml.p[at - 1] == '<' || xml.p[at - 1] == ':') && rest.n > 0 && rest.p[0] == '>')
			return str_trim(str_head(str_from(rest, 1), str_chr(str_from(rest, 1), '<')));
	}
	return STR_NONE;
}

static void
add_protocol(struct buf *out, const struct mail_server *m, struct str address)
{
	buf_addf(out, "        <Protocol>\n          <Type>%s</Type>\n          <Server>", strcmp(m->protocol, "imap") == 0 ? "IMAP" : strcmp(m->protocol, "pop3") == 0 ? "POP3" : "SMTP");
	xml_text(out, str_c(m->host));
	buf_addf(out, "</Server>\n          <Port>%u</Port>\n          <LoginName>", m->port);
	xml_text(out, address);
	buf_addf(out,
	    "</LoginName>\n          <SPA>off</SPA>\n          <SSL>%s</SSL>\n          <Encryption>%s</Encryption>\n          <AuthRequired>on</AuthRequired>\n"
	    "        </Protocol>\n",
	    m->tls ? "on" : "off", m->tls ? "SSL" : "TLS");
}

/* Microsoft's "plain old XML" (MS-OXDSCLI): a POST with the address. */
void
http_autodiscover(struct http_session *s, struct http_page *page)
{
	struct mail_server servers[MAIL_SERVERS_MAX];
	size_t n = mail_servers(s->service->door, servers);
	struct str address = element(buf_str(&s->content), STR("EMailAddress")), domain;
	struct buf *out = &page->text;
	const char *before = "";

	if (!mail_address(address, &domain)) {
		http_page_text(page, 400, "EMailAddress is wanted");
		return;
	}
	page->status = 200;
	page->type = "text/xml; charset=utf-8";
	buf_adds(out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
		      "<Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\">\n  <Response xmlns=\"" OUTLOOK "\">\n"
		      "    <Account>\n      <AccountType>email</AccountType>\n      <Action>settings</Action>\n");
	/* One of each protocol, the best. */
	for (size_t i = 0; i < n; before = servers[i++].protocol)
		if (strcmp(servers[i].protocol, before) != 0)
			add_protocol(out, &servers[i], address);
	buf_adds(out, "    </Account>\n  </Response>\n</Autodiscover>\n");
}
