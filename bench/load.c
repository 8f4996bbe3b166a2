/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load: a light client for benchmarks. Opens some connections, logs in, says a prelude, then the same command again and again,
 * pipelined, and counts tagged answers. It looks at nothing but line ends, literals and tags, so that the server is what is
 * measured. One thread, epoll. Prints one JSON object.
 *
 *   load --port P [--tls] [--user u%d --password s] [--prelude LINE]... --command LINE --count N [--depth D] [--clients C]
 *   load ... --append FILE --folder F       APPENDs the bytes of FILE
 *   load ... --lmtp --rcpt NAME --append FILE   delivers it by LMTP
 *   load ... --hold                         logs in, says the prelude, prints "ready", holds until standard input ends
 *   load ... --session                      each operation is a connection: connect, login, logout
 *   load ... --watch --writer-user U --append FILE --count N   all clients IDLE; N messages are appended; latency until each one hears
 *
 * In LINE %n is a number that runs from --first to --last, and begins again.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum stage { GREETING, PRELUDE, WORK, IDLING, DONE };

struct client {
	int fd;
	SSL *ssl;
	enum stage stage;
	size_t prelude;      /* next line of the prelude */
	unsigned waiting;    /* commands sent, not answered */
	unsigned tag;
	char *out;
	size_t out_n, out_at, out_cap;
	size_t was_waiting;  /* out_n when the poller was told last */
	char line[4096];     /* the beginning of the current line */
	size_t line_n;
	uint64_t literal;    /* bytes of a literal still to come */
	uint64_t started;    /* of the oldest operation */
	unsigned replies;    /* LMTP: replies to come of this delivery */
	bool heard;
	bool rest;           /* the current line goes on behind a literal, or lost its beginning for length */
};

static struct {
	const char *user, *password, *command, *folder, *rcpt, *writer;
	const char *prelude[16];
	size_t preludes;
	int port;
	bool tls, lmtp, hold, session, watch;
	unsigned clients, depth;
	uint64_t count, first, last;
	char *message;
	size_t message_n;
} opt = {.user = "u0", .password = "secret", .folder = "INBOX", .clients = 1, .depth = 1, .count = 1, .first = 1, .last = 1};

static struct client *clients;
static int poller;
static SSL_CTX *tls;
static uint64_t sent, answered, bytes_in, refused, number;
static uint64_t *latency;
static size_t latencies, latency_cap;
static unsigned idling, heard;
static uint64_t push_at;

static uint64_t
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void __attribute__((noreturn, format(printf, 1, 2)))
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

static void
note_latency(uint64_t us)
{
	if (latencies == latency_cap) {
		latency_cap = latency_cap ? latency_cap * 2 : 4096;
		latency = realloc(latency, latency_cap * sizeof(*latency));
		if (latency == NULL)
			fail("out of memory");
	}
	latency[latencies++] = us;
}

static void
put(struct client *c, const void *p, size_t n)
{
	if (c->out_n + n > c->out_cap) {
		c->out_cap = (c->out_n + n) * 2;
		if ((c->out = realloc(c->out, c->out_cap)) == NULL)
			fail("out of memory");
	}
	memcpy(c->out + c->out_n, p, n);
	c->out_n += n;
}

static void __attribute__((format(printf, 2, 3)))
putf(struct client *c, const char *fmt, ...)
{
	char text[4096];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put(c, text, (size_t)n);
}

static void
interest(struct client *c)
{
	struct epoll_event ev = {.events = EPOLLIN | (c->out_n > c->out_at ? (unsigned)EPOLLOUT : 0u), .data.ptr = c};

	epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &ev);
}

static void
flush(struct client *c)
{
	while (c->out_at < c->out_n) {
		ssize_t n;

		if (c->ssl) {
			n = SSL_write(c->ssl, c->out + c->out_at, (int)(c->out_n - c->out_at));
			if (n <= 0)
				break;
		} else {
			n = write(c->fd, c->out + c->out_at, c->out_n - c->out_at);
			if (n < 0) {
				if (errno == EAGAIN)
					break;
				fail("write: %s", strerror(errno));
			}
		}
		c->out_at += (size_t)n;
	}
	if (c->out_at == c->out_n) {
		c->out_at = c->out_n = 0;
		if (opt.hold) {
			free(c->out);
			c->out = NULL;
			c->out_cap = 0;
		}
	}
	if (c->out_n != c->was_waiting) {
		c->was_waiting = c->out_n;
		interest(c);
	}
}

static void
open_client(struct client *c)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
	int one = 1;

	/* More than one loopback address, so that ten thousand connections do not run out of ports. */
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&addr, sizeof(addr)) != 0)
		fail("connect: %s", strerror(errno));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (opt.tls) {
		c->ssl = SSL_new(tls);
		SSL_set_fd(c->ssl, c->fd);
		if (SSL_connect(c->ssl) != 1)
			fail("TLS handshake failed");
	}
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	c->stage = GREETING;
	c->prelude = 0;
	c->waiting = 0;
	c->line_n = 0;
	c->literal = 0;
	c->started = now_us();
	epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &ev);
}

static void
close_client(struct client *c)
{
	if (c->ssl) {
		SSL_set_quiet_shutdown(c->ssl, 1);
		SSL_free(c->ssl);
		c->ssl = NULL;
	}
	close(c->fd);
	c->out_n = c->out_at = 0;
}

/* The command with %n replaced. */
static void
put_command(struct client *c, const char *line)
{
	char text[4096];
	const char *at = strstr(line, "%n");

	if (at == NULL) {
		putf(c, "%s\r\n", line);
		return;
	}
	snprintf(text, sizeof(text), "%.*s%llu%s", (int)(at - line), line, (unsigned long long)number, at + 2);
	if (++number > opt.last)
		number = opt.first;
	putf(c, "%s\r\n", text);
}

static void
put_operation(struct client *c)
{
	sent++;
	c->waiting++;
	if (c->waiting == 1)
		c->started = now_us();
	if (opt.lmtp) {
		putf(c, "MAIL FROM:<bench@example.org>\r\nRCPT TO:<");
		putf(c, opt.rcpt, (int)(c - clients));
		putf(c, ">\r\nBDAT %zu LAST\r\n", opt.message_n);
		put(c, opt.message, opt.message_n);
		c->replies = 3;
	} else if (opt.message != NULL && !opt.watch) {
		putf(c, "a%u APPEND %s {%zu+}\r\n", ++c->tag, opt.folder, opt.message_n);
		put(c, opt.message, opt.message_n);
		putf(c, "\r\n");
	} else {
		putf(c, "a%u ", ++c->tag);
		put_command(c, opt.command);
	}
}

static void
work(struct client *c)
{
	if (opt.lmtp) {
		if (c->waiting == 0 && sent < opt.count)
			put_operation(c);
	} else {
		while (c->waiting < opt.depth && sent < opt.count)
			put_operation(c);
	}
	if (c->waiting == 0)
		c->stage = DONE;
}

/* The next line of login and prelude, or the work itself. */
static void
proceed(struct client *c)
{
	if (c->prelude == 0 && !opt.lmtp) {
		c->prelude = 1;
		putf(c, "p LOGIN ");
		putf(c, opt.user, (int)(c - clients));
		putf(c, " %s\r\n", opt.password);
	} else if (!opt.session && c->prelude - !opt.lmtp < opt.preludes) {
		putf(c, "%s%s\r\n", opt.lmtp ? "" : "p ", opt.prelude[c->prelude++ - !opt.lmtp]);
	} else if (opt.session) {
		putf(c, "p LOGOUT\r\n");
		c->stage = DONE;
	} else if (opt.watch) {
		putf(c, "p IDLE\r\n");
	} else if (opt.hold) {
		c->stage = IDLING;
		idling++;
	} else {
		c->stage = WORK;
		work(c);
	}
}

static void
tagged(struct client *c, const char *line)
{
	const char *space = strchr(line, ' ');

	if (space == NULL || strncmp(space + 1, "OK", 2) != 0) {
		if (refused++ == 0)
			fprintf(stderr, "load: %.200s\n", line);
	}
	if (c->stage == PRELUDE) {
		proceed(c);
	} else if (c->stage == WORK) {
		c->waiting--;
		answered++;
		note_latency(now_us() - c->started);
		c->started = now_us();
		work(c);
	}
}

static void
lmtp_line(struct client *c, const char *line)
{
	if (strlen(line) > 3 && line[3] == '-')
		return;
	if (line[0] != '2' && line[0] != '3' && refused++ == 0)
		fprintf(stderr, "load: %.200s\n", line);
	if (c->stage == GREETING) {
		c->stage = PRELUDE;
		putf(c, "LHLO bench\r\n");
	} else if (c->stage == PRELUDE) {
		proceed(c);
	} else if (--c->replies == 0) {
		c->waiting--;
		answered++;
		note_latency(now_us() - c->started);
		work(c);
	}
}

static void
take_line(struct client *c)
{
	char *line = c->line;
	size_t n = c->line_n;

	while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		n--;
	line[n] = '\0';
	if (opt.lmtp) {
		lmtp_line(c, line);
		return;
	}
	if (n > 2 && line[n - 1] == '}') {
		char *brace = strrchr(line, '{');

		if (brace != NULL)
			c->literal = strtoull(brace + 1, NULL, 10);
		c->rest = true;
		return;
	}
	if (c->rest) {
		c->rest = false;
		return;
	}
	if (c->stage == GREETING) {
		c->stage = PRELUDE;
		proceed(c);
	} else if (line[0] == '+' && c->stage == PRELUDE) {
		c->stage = IDLING;
		idling++;
	} else if (line[0] == '*') {
		if (c->stage == IDLING && !c->heard && strstr(line, "EXISTS") != NULL) {
			c->heard = true;
			heard++;
			note_latency(now_us() - push_at);
		}
	} else {
		tagged(c, line);
	}
}

/* Lines end in LF; only a line's last 4 kB are kept, its end is what tells of a literal. */
static void
take(struct client *c, const char *p, size_t n)
{
	while (n > 0) {
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
		if (part > sizeof(c->line) - 1) {
			memcpy(c->line, p + part - 2048, 2048);
			c->line_n = 2048;
			c->rest = true;
		} else {
			if (c->line_n + part > sizeof(c->line) - 1) {
				c->line_n = 0;
				c->rest = true;
			}
			memcpy(c->line + c->line_n, p, part);
			c->line_n += part;
		}
		p += part;
		n -= part;
		if (lf) {
			take_line(c);
			c->line_n = 0;
		}
	}
}

static char room[1 << 18];

/* False: the server closed. */
static bool
readable(struct client *c)
{
	for (;;) {
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
		take(c, room, (size_t)n);
		/* What the answers of one read set off goes out together. */
		flush(c);
		if (!c->ssl && (size_t)n < sizeof(room))
			return true;
	}
}

static void
closed(struct client *c)
{
	if (!opt.session)
		fail("the server closed a connection");
	note_latency(now_us() - c->started);
	answered++;
	close_client(c);
	if (sent < opt.count) {
		sent++;
		open_client(c);
	}
}

static void
turn(int timeout_ms)
{
	struct epoll_event ev[256];
	int n = epoll_wait(poller, ev, 256, timeout_ms);

	for (int i = 0; i < n; i++) {
		struct client *c = ev[i].data.ptr;

		if (ev[i].events & EPOLLOUT)
			flush(c);
		if (ev[i].events & (EPOLLIN | EPOLLHUP) && !readable(c))
			closed(c);
	}
}

static int
by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void
report(uint64_t wall)
{
	qsort(latency, latencies, sizeof(*latency), by_size);
	printf("{\"operations\": %llu, \"wall_us\": %llu, \"bytes\": %llu, \"refused\": %llu, \"p50_us\": %llu, \"p99_us\": %llu, "
	       "\"max_us\": %llu}\n",
	    (unsigned long long)answered, (unsigned long long)wall, (unsigned long long)bytes_in, (unsigned long long)refused,
	    latencies ? (unsigned long long)latency[latencies / 2] : 0ull,
	    latencies ? (unsigned long long)latency[latencies * 99 / 100] : 0ull,
	    latencies ? (unsigned long long)latency[latencies - 1] : 0ull);
}

static void
load_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	long n;

	if (f == NULL)
		fail("%s: %s", path, strerror(errno));
	fseek(f, 0, SEEK_END);
	n = ftell(f);
	rewind(f);
	if ((opt.message = malloc((size_t)n + 1)) == NULL || fread(opt.message, 1, (size_t)n, f) != (size_t)n)
		fail("%s: cannot be read", path);
	opt.message_n = (size_t)n;
	fclose(f);
}

static void
parse(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *o = argv[i], *v = i + 1 < argc ? argv[i + 1] : "";

		if (strcmp(o, "--tls") == 0)
			opt.tls = true;
		else if (strcmp(o, "--lmtp") == 0)
			opt.lmtp = true;
		else if (strcmp(o, "--hold") == 0)
			opt.hold = true;
		else if (strcmp(o, "--session") == 0)
			opt.session = true;
		else if (strcmp(o, "--watch") == 0)
			opt.watch = true;
		else {
			i++;
			if (strcmp(o, "--port") == 0)
				opt.port = atoi(v);
			else if (strcmp(o, "--user") == 0)
				opt.user = v;
			else if (strcmp(o, "--password") == 0)
				opt.password = v;
			else if (strcmp(o, "--command") == 0)
				opt.command = v;
			else if (strcmp(o, "--folder") == 0)
				opt.folder = v;
			else if (strcmp(o, "--rcpt") == 0)
				opt.rcpt = v;
			else if (strcmp(o, "--writer-user") == 0)
				opt.writer = v;
			else if (strcmp(o, "--prelude") == 0 && opt.preludes < 16)
				opt.prelude[opt.preludes++] = v;
			else if (strcmp(o, "--append") == 0)
				load_file(v);
			else if (strcmp(o, "--clients") == 0)
				opt.clients = (unsigned)atoi(v);
			else if (strcmp(o, "--depth") == 0)
				opt.depth = (unsigned)atoi(v);
			else if (strcmp(o, "--count") == 0)
				opt.count = strtoull(v, NULL, 10);
			else if (strcmp(o, "--first") == 0)
				opt.first = strtoull(v, NULL, 10);
			else if (strcmp(o, "--last") == 0)
				opt.last = strtoull(v, NULL, 10);
			else
				fail("unknown option %s", o);
		}
	}
	number = opt.first;
}

/* Blocking: one APPEND on a connection of its own. */
static void
push_one(int fd, unsigned n)
{
	char text[256], back[65536];
	int len = snprintf(text, sizeof(text), "w%u APPEND %s {%zu+}\r\n", n, opt.folder, opt.message_n);

	push_at = now_us();
	if (write(fd, text, (size_t)len) < 0 || write(fd, opt.message, opt.message_n) < 0 || write(fd, "\r\n", 2) < 0)
		fail("writer: %s", strerror(errno));
	/* The answer is read later: the watchers are what counts. */
	(void)!recv(fd, back, sizeof(back), MSG_DONTWAIT);
}

static void
watch(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	char text[1024];
	int len;

	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0)
		fail("writer: %s", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	len = snprintf(text, sizeof(text), "w0 LOGIN %s %s\r\n", opt.writer ? opt.writer : opt.user, opt.password);
	if (write(fd, text, (size_t)len) < 0)
		fail("writer: %s", strerror(errno));
	usleep(300000);
	printf("ready\n");
	fflush(stdout);
	(void)!read(0, text, 1);
	for (uint64_t i = 0; i < opt.count; i++) {
		uint64_t deadline = now_us() + 10000000;

		heard = 0;
		for (unsigned k = 0; k < opt.clients; k++)
			clients[k].heard = false;
		push_one(fd, (unsigned)i + 1);
		while (heard < opt.clients && now_us() < deadline)
			turn(100);
		if (heard < opt.clients)
			refused += opt.clients - heard;
		answered++;
		usleep(50000);
	}
	close(fd);
}

int
main(int argc, char **argv)
{
	struct rlimit limit;
	uint64_t began;
	char end;

	parse(argc, argv);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (opt.tls) {
		tls = SSL_CTX_new(TLS_client_method());
		SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
	}
	poller = epoll_create1(EPOLL_CLOEXEC);
	clients = calloc(opt.clients, sizeof(*clients));
	if (clients == NULL)
		fail("out of memory");
	began = now_us();
	for (unsigned i = 0; i < opt.clients; i++) {
		open_client(&clients[i]);
		if (opt.session)
			sent++;
		if (opt.hold || opt.watch)
			while (idling + 50 < i)
				turn(1000);
	}
	if (opt.hold || opt.watch) {
		while (idling < opt.clients)
			turn(1000);
		if (opt.watch) {
			began = now_us();
			watch();
			report(now_us() - began);
			return 0;
		}
		printf("ready\n");
		fflush(stdout);
		(void)!read(0, &end, 1);
		report(now_us() - began);
		return 0;
	}
	while (answered < opt.count)
		turn(10000);
	report(now_us() - began);
	return 0;
}
