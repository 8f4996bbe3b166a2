/* SPDX-License-Identifier: Apache-2.0 */
/* One connection: requests one after the other, the table of pages, and their answers. */
#include "http/session_priv.h"

#include <stdlib.h>
#include "base/assert.h"
#include "base/clock.h"
#include "base/watchdog.h"
#include "net/net.h"

#define IDLE_SECONDS 60     /* between two requests */
#define REQUEST_SECONDS 10  /* from its first byte to its last */
#define REQUESTS_MAX 1000   /* of a connection */
#define TURN_US 5000        /* then others have their turn */
#define INPUT_MAX (HTTP_HEAD_MAX + HTTP_BODY_LIMIT + 4096)

void
http_page_text(struct http_page *page, unsigned status, const char *text)
{
	page->status = status;
	page->type = "text/plain; charset=utf-8";
	buf_clear(&page->text);
	buf_addf(&page->text, "%s\n", text);
}

/* ---- pages ---- */

enum { READS = 1, TAKES = 2 };

static const struct {
	const char *path; /* compared without regard to case: Outlook writes it in more than one way */
	unsigned methods;
	http_page_fn *fn;
} pages[] = {
    {"/", READS, http_start},
    {"/metrics", READS, http_metrics},
    {"/health", READS, http_health},
    {"/ready", READS, http_ready},
    {"/mail/config-v1.1.xml", READS, http_autoconfig},
    {"/.well-known/autoconfig/mail/config-v1.1.xml", READS, http_autoconfig},
    {"/autodiscover/autodiscover.xml", TAKES, http_autodiscover},
    {"/email.mobileconfig", READS, http_profile},
};
#define PAGES (sizeof(pages) / sizeof(*pages))

static void
find_page(struct http_session *s, struct http_page *page)
{
	struct buf path = {0};
	enum http_method method = s->request->method;
	size_t i = 0;

	if (http_path(s->request->path, &path))
		while (i < PAGES && !str_caseeq(buf_str(&path), str_c(pages[i].path)))
			i++;
	else
		i = PAGES;
	buf_free(&path);
	if (i == PAGES) {
		http_page_text(page, 404, "There is no such page");
	} else if (pages[i].methods == READS ? method != HTTP_GET && method != HTTP_HEAD : method != HTTP_POST) {
		http_page_text(page, 405, "This page is not for that method");
		page->fields = pages[i].methods == READS ? "Allow: GET, HEAD\r\n" : "Allow: POST\r\n";
	} else {
		watchdog_place("HTTP", pages[i].path);
		pages[i].fn(s, page);
	}
}

/* Nothing here is run, framed, guessed at or remembered by a browser. */
static const char guards[] = "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nX-Frame-Options: DENY\r\n"
			     "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'\r\n";

static void
send_page(struct http_session *s, struct http_page *page, bool body, bool keep)
{
	struct buf *out = conn_out(s->conn);

	http_answer_begin(out, page->status, clock_seconds(), page->type, page->text.n, keep);
	buf_adds(out, guards);
	buf_adds(out, page->fields);
	buf_adds(out, "\r\n");
	if (body)
		buf_add(out, buf_str(&page->text));
	buf_free(&page->text);
}

/* What is wrong with a request may be where the next begins: the connection ends (RFC 9112 9.6). */
static enum conn_next
refuse(struct http_session *s, unsigned status)
{
	struct http_page page = {.fields = ""};

	http_page_text(&page, status, http_reason(status));
	send_page(s, &page, s->request == NULL || s->request->method != HTTP_HEAD, false);
	return CONN_CLOSE;
}

/* ---- requests ---- */

static void
forget(struct http_session *s)
{
	free(s->request);
	s->request = NULL;
	buf_free(&s->head);
	buf_free(&s->content);
	s->asked = false;
}

static enum conn_next
answer(struct http_session *s)
{
	struct http_page page = {.fields = ""};
	bool keep = s->request->keep && ++s->requests < REQUESTS_MAX && !s->stopping;

	find_page(s, &page);
	send_page(s, &page, s->request->method != HTTP_HEAD, keep);
	forget(s);
	conn_deadline(s->conn, 0);
	return keep ? CONN_AGAIN : CONN_CLOSE;
}

/* The rest of a request is waited for, unless the server goes. */
static enum conn_next
more(struct http_session *s)
{
	return s->stopping ? refuse(s, 503) : CONN_INPUT;
}

static enum conn_next
read_body(struct http_session *s)
{
	struct str in = conn_in(s->conn);
	size_t had = in.n;
	enum status st = s->request->framing == HTTP_NO_BODY ? OK : http_body_take(&s->body, &in, &s->content, HTTP_BODY_LIMIT);

	conn_eat(s->conn, had - in.n);
	switch (st) {
	case OK: return answer(s);
	case ERR_LIMIT: return refuse(s, 413);
	case ERR_AGAIN: return more(s);
	default: return refuse(s, 400);
	}
}

/* The head has come: it is kept where it stays, for the input moves. */
static enum conn_next
take_head(struct http_session *s, size_t used)
{
	struct http_reader again = {0};
	struct str in = str_head(conn_in(s->conn), used);
	unsigned status;

	s->request = x_new(struct http_request);
	buf_add(&s->head, in);
	ensure(http_head(&again, buf_str(&s->head), s->request, &used, &status) == HTTP_READ_HEAD);
	conn_eat(s->conn, in.n);
	http_body_begin(&s->body, s->request);
	if (s->request->framing == HTTP_LENGTH && s->request->length > HTTP_BODY_LIMIT)
		return refuse(s, 413);
	if (s->request->waits)
		buf_adds(conn_out(s->conn), "HTTP/1.1 100 Continue\r\n\r\n");
	return CONN_AGAIN;
}

static enum conn_next
read_head(struct http_session *s)
{
	struct str in = conn_in(s->conn);
	struct http_request *req;
	enum http_read what;
	unsigned status = 0;
	size_t used = 0;

	if (in.n == 0)
		return s->stopping ? CONN_CLOSE : CONN_INPUT;
	/* However slowly it comes, and whatever the timeout for input is. */
	if (!s->asked)
		conn_deadline(s->conn, REQUEST_SECONDS);
	s->asked = true;
	req = x_new(struct http_request);
	what = http_head(&s->reader, in, req, &used, &status);
	free(req);
	switch (what) {
	case HTTP_READ_MORE: return more(s);
	case HTTP_READ_HEAD: return take_head(s, used);
	case HTTP_READ_BAD: break;
	}
	return refuse(s, status);
}

static enum conn_next
go_on(struct http_session *s)
{
	enum conn_next next = CONN_AGAIN;
	int64_t start = clock_mono();

	for (bool first = true; next == CONN_AGAIN; first = false) {
		if (conn_out_full(s->conn))
			return CONN_OUTPUT;
		if (!first && clock_mono() - start > TURN_US)
			return CONN_AGAIN;
		next = s->request != NULL ? read_body(s) : read_head(s);
	}
	return next;
}

static enum conn_next
http_run(struct conn *c, unsigned events)
{
	struct http_session *s = conn_user(c);
	enum conn_next next;

	watchdog_place("HTTP", "request");
	if (events & CONN_EV_STOP)
		s->stopping = true;
	/* Who has begun a request is told; who has not has nothing to wait for. */
	if (events & CONN_EV_TIMEOUT)
		return s->asked ? refuse(s, 408) : CONN_CLOSE;
	next = go_on(s);
	if (next == CONN_INPUT && (events & CONN_EV_EOF))
		return CONN_CLOSE;
	if (next == CONN_INPUT && !s->asked)
		conn_timeout(c, IDLE_SECONDS);
	return next;
}

static enum status
http_open(struct conn *c)
{
	struct http_session *s = x_new(struct http_session);

	s->conn = c;
	s->service = conn_arg(c);
	conn_set_user(c, s);
	conn_in_limit(c, INPUT_MAX);
	conn_timeout(c, IDLE_SECONDS);
	return OK;
}

static void
http_closed(struct conn *c)
{
	struct http_session *s = conn_user(c);

	if (s == NULL)
		return;
	forget(s);
	free(s);
}

const struct conn_handler http_handler = {
    .name = "http",
    .open = http_open,
    .run = http_run,
    .closed = http_closed,
    .refused = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
};
