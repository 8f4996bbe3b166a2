/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD = 2048, TAIL = 64, CHUNK = 1 << 18 };

uint64_t bytes_in;
static int poller;
static SSL_CTX *tls;
static char room[CHUNK], plain[CHUNK];

uint64_t
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

void
fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("load: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

void
clients_init(bool use_tls)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (use_tls) {
		tls = SSL_CTX_new(TLS_client_method());
		SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
		SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	}
	poller = epoll_create1(EPOLL_CLOEXEC);
}

/* -- connections -- */

void
client_open(struct client *c, int port, bool use_tls)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&addr, sizeof(addr)) != 0)
		fail("connect: %s", strerror(errno));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (use_tls) {
		c->ssl = SSL_new(tls);
		SSL_set_fd(c->ssl, c->fd);
		if (SSL_connect(c->ssl) != 1)
			fail("TLS handshake failed");
	}
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	c->line_n = 0;
	c->literal = 0;
	c->rest = c->polled_out = false;
	c->out_n = c->out_at = 0;
	epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &ev);
}

void
client_close(struct client *c)
{
	if (c->ssl) {
		SSL_set_quiet_shutdown(c->ssl, 1);
		SSL_free(c->ssl);
		c->ssl = NULL;
	}
	if (c->inflate) {
		inflateEnd(c->inflate);
		deflateEnd(c->deflate);
		free(c->inflate);
		free(c->deflate);
		c->inflate = c->deflate = NULL;
	}
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->out_n = c->out_at = 0;
}

void
client_compress(struct client *c)
{
	c->inflate = calloc(1, sizeof(*c->inflate));
	c->deflate = calloc(1, sizeof(*c->deflate));
	/* The full window for reading, as any client must; a modest one for writing. */
	if (c->inflate == NULL || c->deflate == NULL || inflateInit2(c->inflate, -15) != Z_OK
	    || deflateInit2(c->deflate, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		fail("zlib");
}

/* -- sending -- */

static void
append(struct client *c, const void *p, size_t n)
{
	if (c->out_n + n > c->out_cap) {
		c->out_cap = (c->out_n + n) * 2;
		if ((c->out = realloc(c->out, c->out_cap)) == NULL)
			fail("out of memory");
	}
	memcpy(c->out + c->out_n, p, n);
	c->out_n += n;
}

void
client_put(struct client *c, const void *p, size_t n)
{
	static unsigned char small[16384];

	if (c->deflate == NULL) {
		append(c, p, n);
		return;
	}
	c->deflate->next_in = (unsigned char *)(uintptr_t)p;
	c->deflate->avail_in = (unsigned)n;
	do {
		c->deflate->next_out = small;
		c->deflate->avail_out = sizeof(small);
		deflate(c->deflate, Z_SYNC_FLUSH);
		append(c, small, sizeof(small) - c->deflate->avail_out);
	} while (c->deflate->avail_out == 0);
}

void
client_putf(struct client *c, const char *fmt, ...)
{
	char text[4096];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	client_put(c, text, (size_t)n);
}

void
client_flush(struct client *c)
{
	bool more;

	while (c->out_at < c->out_n) {
		size_t left = c->out_n - c->out_at;
		ssize_t n = c->ssl ? SSL_write(c->ssl, c->out + c->out_at, (int)left) : write(c->fd, c->out + c->out_at, left);

		if (n <= 0) {
			if (!c->ssl && errno != EAGAIN && errno != EPIPE && errno != ECONNRESET)
				fail("write: %s", strerror(errno));
			break;
		}
		c->out_at += (size_t)n;
	}
	if (c->out_at == c->out_n)
		c->out_at = c->out_n = 0;
	more = c->out_n > 0;
	if (more != c->polled_out) {
		struct epoll_event ev = {.events = EPOLLIN | (more ? (unsigned)EPOLLOUT : 0u), .data.ptr = c};

		c->polled_out = more;
		epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &ev);
	}
}

void
client_trim(struct client *c)
{
	if (c->out_n == 0) {
		free(c->out);
		c->out = NULL;
		c->out_cap = 0;
	}
}

/* -- receiving -- */

static void
end_line(struct client *c)
{
	size_t n = c->line_n;
	char *brace;

	while (n > 0 && (c->line[n - 1] == '\n' || c->line[n - 1] == '\r'))
		n--;
	c->line[n] = '\0';
	c->line_n = 0;
	brace = n > 2 && c->line[n - 1] == '}' ? strrchr(c->line, '{') : NULL;
	if (brace != NULL)
		c->literal = strtoull(brace + 1, NULL, 10);
	if (!c->rest) {
		c->rest = brace != NULL;
		client_line(c, c->line);
	} else {
		c->rest = brace != NULL;
	}
}

/* Of a long line only its head and its last bytes are kept: the end tells of a literal. */
static void
keep(struct client *c, const char *p, size_t n)
{
	if (c->line_n + n < sizeof(c->line)) {
		memcpy(c->line + c->line_n, p, n);
		c->line_n += n;
		return;
	}
	if (c->line_n < HEAD) {
		size_t part = HEAD - c->line_n;

		memcpy(c->line + c->line_n, p, part);
		p += part;
		n -= part;
	}
	if (n > TAIL) {
		p += n - TAIL;
		n = TAIL;
	}
	memcpy(c->line + HEAD, p, n);
	c->line_n = HEAD + n;
}

static void
take(struct client *c, const char *p, size_t n)
{
	while (n > 0 && c->fd >= 0) {
		const char *lf;
		size_t part;

		if (c->literal > 0) {
			part = c->literal < n ? (size_t)c->literal : n;
			c->literal -= part;
			p += part;
			n -= part;
			continue;
		}
		lf = memchr(p, '\n', n);
		part = lf ? (size_t)(lf - p) + 1 : n;
		keep(c, p, part);
		p += part;
		n -= part;
		if (lf)
			end_line(c);
	}
}

/* What came in, inflated; the OK to COMPRESS ends a flight, so nothing plain and packed lies in one read. */
static void
take_packed(struct client *c, char *p, size_t n)
{
	c->inflate->next_in = (unsigned char *)p;
	c->inflate->avail_in = (unsigned)n;
	do {
		c->inflate->next_out = (unsigned char *)plain;
		c->inflate->avail_out = sizeof(plain);
		if (inflate(c->inflate, Z_SYNC_FLUSH) < 0 && c->inflate->avail_in > 0)
			fail("the packed answer is damaged");
		take(c, plain, sizeof(plain) - c->inflate->avail_out);
	} while (c->fd >= 0 && (c->inflate->avail_in > 0 || c->inflate->avail_out == 0));
}

/* False: the server closed. */
static bool
readable(struct client *c)
{
	while (c->fd >= 0) {
		ssize_t n;

		if (c->ssl) {
			n = SSL_read(c->ssl, room, sizeof(room));
			if (n <= 0)
				return SSL_get_error(c->ssl, (int)n) == SSL_ERROR_WANT_READ;
		} else {
			n = read(c->fd, room, sizeof(room));
			if (n == 0 || (n < 0 && errno != EAGAIN))
				return false;
			if (n < 0)
				return true;
		}
		bytes_in += (uint64_t)n;
		if (c->inflate)
			take_packed(c, room, (size_t)n);
		else
			take(c, room, (size_t)n);
		/* What the answers of one read set off goes out together. */
		if (c->fd >= 0)
			client_flush(c);
		if (!c->ssl && (size_t)n < sizeof(room))
			return true;
	}
	return true;
}

void
clients_turn(int timeout_ms)
{
	struct epoll_event ev[256];
	int n = epoll_wait(poller, ev, 256, timeout_ms);

	for (int i = 0; i < n; i++) {
		struct client *c = ev[i].data.ptr;

		if (c->fd >= 0 && ev[i].events & EPOLLOUT)
			client_flush(c);
		if (c->fd >= 0 && ev[i].events & (EPOLLIN | EPOLLHUP) && !readable(c)) {
			client_close(c);
			client_closed(c);
		}
	}
}

/* -- latencies and messages -- */

void
latency_note(struct latencies *l, uint64_t us)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 4096;
		if ((l->us = realloc(l->us, l->cap * sizeof(*l->us))) == NULL)
			fail("out of memory");
	}
	l->us[l->n++] = us;
}

static int
by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void
latency_sort(struct latencies *l)
{
	if (l->n > 0)
		qsort(l->us, l->n, sizeof(*l->us), by_size);
}

uint64_t
latency_at(const struct latencies *l, double share)
{
	size_t at = (size_t)((double)l->n * share);

	return l->n == 0 ? 0 : l->us[at < l->n ? at : l->n - 1];
}

void
message_load(struct message *m, const char *path)
{
	FILE *f = fopen(path, "rb");
	long n;

	if (f == NULL)
		fail("%s: %s", path, strerror(errno));
	fseek(f, 0, SEEK_END);
	n = ftell(f);
	rewind(f);
	if ((m->p = malloc((size_t)n + 1)) == NULL || fread(m->p, 1, (size_t)n, f) != (size_t)n)
		fail("%s: cannot be read", path);
	m->p[n] = '\0';
	m->n = (size_t)n;
	m->places = 0;
	for (char *at = m->p; m->places < 16 && (at = strstr(at, "@@@@@@@@")) != NULL; at += 8)
		m->at[m->places++] = (size_t)(at - m->p);
	fclose(f);
}

void
message_put(struct client *c, const struct message *m, uint64_t number)
{
	static uint64_t base;
	char digits[24];

	/* Another run's messages have other numbers: who was sent one already may not get it again (Cyrus looks at the Message-ID). */
	if (base == 0)
		base = now_us() / 10;
	snprintf(digits, sizeof(digits), "%08llu", (unsigned long long)((base + number) % 100000000));
	for (size_t i = 0; i < m->places; i++)
		memcpy(m->p + m->at[i], digits, 8);
	client_put(c, m->p, m->n);
}
