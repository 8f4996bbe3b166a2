/* SPDX-License-Identifier: Apache-2.0 */
/* Settings for Apple's Mail: a configuration profile (.mobileconfig) for an address, and the page with which a person begins. */
#include <openssl/evp.h>
#include "http/session_priv.h"

static void
key(struct buf *out, const char *name, const char *type, struct str value)
{
	buf_addf(out, "\t\t\t<key>%s</key>\n\t\t\t<%s>", name, type);
	xml_text(out, value);
	buf_addf(out, "</%s>\n", type);
}

static void
truth(struct buf *out, const char *name, bool value)
{
	buf_addf(out, "\t\t\t<key>%s</key>\n\t\t\t<%s/>\n", name, value ? "true" : "false");
}

/* The same for the same address and part, so that a profile that is loaded again takes the place of the one before: a UUID of a hash (RFC 9562 5.8). */
static bool
uuid(struct buf *out, struct str address, const char *part)
{
	unsigned char h[EVP_MAX_MD_SIZE];
	struct buf text = {0};
	bool fine;

	buf_addf(&text, "mansio %s ", part);
	buf_add(&text, address);
	fine = EVP_Digest(text.p, text.n, h, NULL, EVP_sha256(), NULL) == 1;
	buf_free(&text);
	if (!fine)
		return false;
	h[6] = (h[6] & 0x0f) | 0x80;
	h[8] = (h[8] & 0x3f) | 0x80;
	for (size_t i = 0; i < 16; i++)
		buf_addf(out, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02X" : "%02X", h[i]);
	return true;
}

static void
add_mail(struct buf *out, const struct mail_server *in, const struct mail_server *smtp, struct str address)
{
	struct buf port = {0};

	key(out, "EmailAccountType", "string", strcmp(in->protocol, "imap") == 0 ? STR("EmailTypeIMAP") : STR("EmailTypePOP"));
	key(out, "EmailAddress", "string", address);
	key(out, "IncomingMailServerAuthentication", "string", STR("EmailAuthPassword"));
	key(out, "IncomingMailServerHostName", "string", str_c(in->host));
	buf_addu(&port, in->port);
	key(out, "IncomingMailServerPortNumber", "integer", buf_str(&port));
	truth(out, "IncomingMailServerUseSSL", in->tls);
	key(out, "IncomingMailServerUsername", "string", address);
	if (smtp != NULL) {
		buf_clear(&port);
		buf_addu(&port, smtp->port);
		key(out, "OutgoingMailServerAuthentication", "string", STR("EmailAuthPassword"));
		key(out, "OutgoingMailServerHostName", "string", str_c(smtp->host));
		key(out, "OutgoingMailServerPortNumber", "integer", buf_str(&port));
		truth(out, "OutgoingMailServerUseSSL", smtp->tls);
		key(out, "OutgoingMailServerUsername", "string", address);
		truth(out, "OutgoingPasswordSameAsIncomingPassword", true);
	}
	buf_free(&port);
}

static void
payload(struct buf *out, struct str address, const char *part, const char *type)
{
	key(out, "PayloadDisplayName", "string", address);
	key(out, "PayloadIdentifier", "string", str_c(part));
	key(out, "PayloadType", "string", str_c(type));
	buf_adds(out, "\t\t\t<key>PayloadUUID</key>\n\t\t\t<string>");
	(void)uuid(out, address, part);
	buf_adds(out, "</string>\n");
	key(out, "PayloadVersion", "integer", STR("1"));
}

/* GET /email.mobileconfig?email=ann@example.org */
void
http_profile(struct http_session *s, struct http_page *page)
{
	struct mail_server servers[MAIL_SERVERS_MAX];
	const struct mail_server *smtp = NULL;
	size_t n = mail_servers(s->service->door, servers);
	struct buf address = {0}, *out = &page->text;
	struct str domain;

	if (s->request->query.p == NULL || !http_query(s->request->query, STR("email"), &address) || !mail_address(buf_str(&address), &domain)) {
		buf_free(&address);
		http_page_text(page, 400, "An address is wanted: /email.mobileconfig?email=ann@example.org");
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (strcmp(servers[i].protocol, "smtp") == 0)
			smtp = &servers[i];
	if (n == 0 || smtp == &servers[0]) {
		buf_free(&address);
		http_page_text(page, 404, "No server for mail is open here");
		return;
	}
	page->status = 200;
	page->type = "application/x-apple-aspen-config";
	page->fields = "Content-Disposition: attachment; filename=\"email.mobileconfig\"\r\n";
	buf_adds(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
		      "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\">\n<dict>\n\t<key>PayloadContent</key>\n\t<array>\n\t\t<dict>\n");
	add_mail(out, &servers[0], smtp, buf_str(&address));
	payload(out, buf_str(&address), "mansio.mail", "com.apple.mail.managed");
	buf_adds(out, "\t\t</dict>\n\t</array>\n");
	payload(out, buf_str(&address), "mansio.profile", "Configuration");
	buf_adds(out, "</dict>\n</plist>\n");
	buf_free(&address);
}

/* GET /: what a person types into a mail program. */
void
http_start(struct http_session *s, struct http_page *page)
{
	struct mail_server servers[MAIL_SERVERS_MAX];
	size_t n = mail_servers(s->service->door, servers);
	struct buf *out = &page->text;

	page->status = 200;
	page->type = "text/html; charset=utf-8";
	buf_adds(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>Mail at ");
	xml_text(out, str_c(s->service->door->hostname));
	buf_adds(out, "</title>\n<style>body{font:1rem/1.5 sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem}td,th{text-align:left;padding:.2rem 1rem .2rem 0}</style>\n"
		      "</head>\n<body>\n<h1>Settings for mail programs</h1>\n<table>\n<tr><th>Protocol</th><th>Server</th><th>Port</th><th>Encryption</th></tr>\n");
	for (size_t i = 0; i < n; i++) {
		buf_addf(out, "<tr><td>%s</td><td>", strcmp(servers[i].protocol, "imap") == 0 ? "IMAP" : strcmp(servers[i].protocol, "pop3") == 0 ? "POP3" : "SMTP");
		xml_text(out, str_c(servers[i].host));
		buf_addf(out, "</td><td>%u</td><td>%s</td></tr>\n", servers[i].port, servers[i].tls ? "TLS" : "STARTTLS");
	}
	buf_adds(out, "</table>\n<p>The user name is the whole address. Programs that ask for the address first find these settings by themselves.</p>\n</body>\n</html>\n");
}
