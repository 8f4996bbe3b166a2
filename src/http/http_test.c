/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and answers over a connection, page by page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/config.h"
#include "http/session_priv.h"
#include "session/play_test.h"

static struct http_service service;

static void *
open_http(const struct door *door)
{
	service.door = door;
	return &service;
}

static const struct test_service kind = {.handler = &http_handler, .open = open_http};

struct play {
	struct test_door t;
	struct test_client c;
};

static void
begin(struct play *p)
{
	test_door_open(&p->t, &kind);
	p->t.door.hostname = "mail.example.org";
	test_client_open(&p->t, &p->c);
}

static void
end(struct play *p)
{
	assert_true(test_client_end(&p->t, &p->c));
	buf_free(&p->c.got);
	test_door_close(&p->t);
	config_reset();
}

/* What the server says to the bytes. */
static struct str
said(struct play *p, const char *bytes)
{
	buf_clear(&p->c.got);
	test_client_send(&p->t, &p->c, str_c(bytes));
	test_client_run(&p->t, &p->c);
	return buf_str(&p->c.got);
}

static bool
has(struct str text, const char *part)
{
	return str_find(text, str_c(part), 0) != SIZE_MAX;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: mail.example.org\r\n\r\n"
#define POST(path, length, body) "POST " path " HTTP/1.1\r\nHost: h\r\nContent-Length: " length "\r\n\r\n" body

static void
test_connection(void **state)
{
	struct play p;
	struct str s;

	begin(&p);
	s = said(&p, GET("/health"));
	assert_true(str_starts(s, STR("HTTP/1.1 200 OK\r\n")) && str_ends(s, STR("\r\n\r\nalive\n")) && has(s, "Content-Length: 6\r\n") && !has(s, "close"));
	assert_true(has(s, "X-Content-Type-Options: nosniff\r\n") && has(s, "Cache-Control: no-store\r\n"));
	/* RFC 9110 9.3.2: HEAD has what GET would have but the content. */
	s = said(&p, "HEAD /health HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_true(has(s, "Content-Length: 6\r\n") && str_ends(s, STR("\r\n\r\n")));
	s = said(&p, "HEAD /none HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_true(str_starts(s, STR("HTTP/1.1 404 ")) && str_ends(s, STR("\r\n\r\n")));
	/* Sent ahead (RFC 9112 9.3.2): answered in order. */
	s = said(&p, GET("/ready") GET("/no") POST("/health", "1", "x"));
	assert_true(has(s, "\r\n\r\nready\nHTTP/1.1 404 Not Found\r\n") && has(s, "HTTP/1.1 405 Method Not Allowed\r\n") && has(s, "Allow: GET, HEAD\r\n"));
	s = said(&p, "GET /health HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" GET("/ready"));
	assert_true(has(s, "Connection: close\r\n") && str_ends(s, STR("alive\n")) && p.c.fd == -1);
	end(&p);
}

/* What cannot be read for sure ends the connection: nothing behind it is taken for a request (RFC 9112 11.2). */
static void
test_end(void **state)
{
	static const struct {
		const char *bytes, *status;
	} cases[] = {
	    {"GET /health HTTP/1.1\r\n\r\n" GET("/ready"), "HTTP/1.1 400 Bad Request\r\n"},
	    {"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" GET("/ready"), "HTTP/1.1 400 Bad Request\r\n"},
	    {"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\nabcde" GET("/ready"), "HTTP/1.1 400 Bad Request\r\n"},
	    {"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 16385\r\n\r\n", "HTTP/1.1 413 Content Too Large\r\n"},
	    {"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 16385\r\nExpect: 100-continue\r\n\r\n", "HTTP/1.1 413 Content Too Large\r\n"},
	    {"GET / HTTP/2.0\r\nHost: h\r\n\r\n", "HTTP/1.1 505 HTTP Version Not Supported\r\n"},
	    {"\x16\x03\x01\x02\xfc\x01\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct play p;
		struct str s;

		begin(&p);
		s = said(&p, cases[i].bytes);
		if (!str_starts(s, str_c(cases[i].status)) || !has(s, "Connection: close\r\n") || has(s, "ready\n") || p.c.fd != -1)
			fail_msg("%s: %.*s", cases[i].bytes, STR_FMT(s));
		end(&p);
	}
}

static void
test_body(void **state)
{
	static const char xml[] = "<Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006\"><Request>"
				  "<EMailAddress>ann&lt;@example.org</EMailAddress></Request></Autodiscover>";
	struct play p;
	struct buf b = {0};
	struct str s;

	begin(&p);
	assert_true(str_eq(said(&p, "POST /Autodiscover/Autodiscover.xml HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"),
	    STR("HTTP/1.1 100 Continue\r\n\r\n")));
	buf_addf(&b, "%zx\r\n%s\r\n0\r\n\r\n", sizeof(xml) - 1, xml);
	buf_addc(&b, '\0');
	s = said(&p, b.p);
	assert_true(str_starts(s, STR("HTTP/1.1 200 OK\r\n")) && has(s, "<Server>mail.example.org</Server>\n          <Port>993</Port>"));
	/* What was given is text, wherever it is written again. */
	assert_true(has(s, "<LoginName>ann&amp;lt;@example.org</LoginName>") && !has(s, "POP3"));
	s = said(&p, POST("/autodiscover/autodiscover.xml", "4", "abcd") GET("/health"));
	assert_true(str_starts(s, STR("HTTP/1.1 400 Bad Request\r\n")) && has(s, "alive\n"));
	buf_free(&b);
	end(&p);
}

static void
set(const char *assignment)
{
	struct buf why = {0};

	if (config_set(str_c(assignment), &why) != OK)
		fail_msg("%.*s", STR_FMT(buf_str(&why)));
	buf_free(&why);
}

static void
test_setup(void **state)
{
	struct play p;
	struct str s;

	begin(&p);
	set("http.mail_host=imap.example.org");
	set("http.submission=smtp.example.org");
	set("listener.pop3s.address=192.0.2.1:1995");
	set("listener.imap.address=none");
	s = said(&p, GET("/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=ann%40b%26c.org"));
	assert_true(has(s, "Content-Type: text/xml") && has(s, "<domain>b&amp;c.org</domain>"));
	assert_true(has(s, "<incomingServer type=\"imap\">\n      <hostname>imap.example.org</hostname>\n      <port>993</port>\n      <socketType>SSL<") &&
	    has(s, "<port>1995</port>") && !has(s, "STARTTLS"));
	assert_true(has(s, "<outgoingServer type=\"smtp\">\n      <hostname>smtp.example.org</hostname>\n      <port>465</port>\n      <socketType>SSL<"));
	set("http.submission=smtp.example.org:587");
	s = said(&p, GET("/mail/config-v1.1.xml"));
	assert_true(has(s, "<domain>mail.example.org</domain>") && has(s, "<port>587</port>\n      <socketType>STARTTLS<"));
	s = said(&p, GET("/email.mobileconfig?email=ann%40example.org"));
	assert_true(has(s, "application/x-apple-aspen-config") && has(s, "<string>imap.example.org</string>") && has(s, "<integer>993</integer>") &&
	    has(s, "<string>EmailTypeIMAP</string>") && has(s, "<string>ann@example.org</string>"));
	assert_true(str_starts(said(&p, GET("/email.mobileconfig?email=ann")), STR("HTTP/1.1 400 ")));
	assert_true(str_starts(said(&p, GET("/mail/config-v1.1.xml?emailaddress=a%0d%0ab@c")), STR("HTTP/1.1 400 ")));
	s = said(&p, GET("/"));
	assert_true(has(s, "<td>imap.example.org</td><td>993</td><td>TLS</td>") && !has(s, "<script"));
	end(&p);
}

static void
test_metrics(void **state)
{
	struct play p;
	struct str s;

	begin(&p);
	s = said(&p, GET("/metrics"));
	assert_true(has(s, "\nmansio_log_events_total{event=\"login\",level=\"info\"} ") && has(s, "\nmansio_store_sync_seconds_bucket{le=\"+Inf\"} "));
	assert_true(has(s, "\nmansio_connections{listener=\"") && has(s, "# TYPE process_cpu_seconds_total counter\n"));
	set("http.metrics_from=192.0.2.0/24 2001:db8::1");
	assert_true(str_starts(said(&p, GET("/metrics")), STR("HTTP/1.1 404 ")));
	end(&p);
}

static void
test_words(void **state)
{
	static const char *const good[] = {"loopback", "any", "192.0.2.1", "192.0.2.0/24", "0.0.0.0/0", "2001:db8::/32", "::1"};
	static const char *const bad[] = {"", "all", "192.0.2", "192.0.2.0/33", "192.0.2.0/", "2001:db8::/129", "192.0.2.0/-1", "example.org"};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_true(http_peer_word(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(http_peer_word(bad[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_connection), cmocka_unit_test(test_end), cmocka_unit_test(test_body), cmocka_unit_test(test_setup),
	    cmocka_unit_test(test_metrics), cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
