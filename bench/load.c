/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load: a light client for benchmarks. Opens some connections, logs in, says a prelude, then the same command again and again,
 * pipelined, and counts tagged answers. One thread. Prints one JSON object.
 *
 *   load --port P [--tls] [--compress] [--user u%d --users N --password s] [--prelude LINE]... --command LINE
 *        [--count N] [--seconds S] [--depth D] [--clients C] [--gate]
 *   load ... --append FILE --folder F       APPENDs the bytes of FILE
 *   load ... --list FILE --folder F         APPENDs the files that FILE names, in turn
 *   load ... --lmtp --rcpt NAME --append FILE   delivers it by LMTP
 *   load ... --hold [--idle] [--append FILE]   logs in, says the prelude, appends FILE, IDLEs, prints "ready", holds until standard input ends
 *   load ... --session                      each operation is a connection: connect, login, prelude, logout
 *   load ... --watch --lmtp-port Q --rcpt NAME --append FILE   all clients IDLE; messages are delivered one by one; latency until those
 *                                           who watch hear. NAME with %d: one user after the other; else all watch one mailbox
 *
 * --gate: when all have said the prelude, prints "ready" and waits for a line, so that only the work itself is measured.
 * In LINE %n is a number that runs from --first to --last, and begins again. In user and rcpt %d is the client's number modulo --users.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"

enum stage { GREETING, PRELUDE, READY, WORK, IDLING, DONE };
enum { PRELUDES = 16, PUSH_LIMIT_US = 10000000 };

struct worker {
	struct client c; /* first: the callbacks get its address */
	enum stage stage;
	size_t prelude;      /* next line of the prelude */
	unsigned waiting;    /* commands sent, not answered */
	unsigned tag;
	uint64_t started;    /* of the oldest operation */
	unsigned replies;    /* LMTP: replies to come of this delivery */
	uint64_t number;     /* of the message being delivered */
	bool logged_in, appended, heard;
};

static struct {
	const char *user, *password, *command, *folder, *rcpt;
	const char *prelude[PRELUDES];
	size_t preludes;
	int port, lmtp_port;
	bool tls, compress, lmtp, hold, idle, session, watch, gate;
	unsigned clients, depth, users;
	uint64_t count, first, last;
	double seconds;
	struct message *messages;
	size_t message_n;
} opt = {.user = "u0", .password = "secret", .folder = "INBOX", .clients = 1, .depth = 1, .users = 1000000, .first = 1, .last = 1};

static struct worker *workers;
static uint64_t sent, answered, refused, number, deadline;
static struct latencies latency, last_ones;
static unsigned ready, heard;
static uint64_t push_at;
static bool gate_open;

static bool
more(void)
{
	return sent < opt.count && (deadline == 0 || now_us() < deadline);
}

/* A name with %d, written for client I. */
static void
put_name(struct client *c, const char *name, uint64_t i)
{
	const char *at = strstr(name, "%d");

	if (at == NULL)
		client_putf(c, "%s", name);
	else
		client_putf(c, "%.*s%llu%s", (int)(at - name), name, (unsigned long long)(i % opt.users), at + 2);
}

static uint64_t
next_number(void)
{
	uint64_t n = number;

	if (++number > opt.last)
		number = opt.first;
	return n;
}

static void
put_command(struct worker *w, const char *line)
{
	const char *at = strstr(line, "%n");

	if (at == NULL)
		client_putf(&w->c, "a%u %s\r\n", ++w->tag, line);
	else
		client_putf(&w->c, "a%u %.*s%llu%s\r\n", ++w->tag, (int)(at - line), line, (unsigned long long)next_number(), at + 2);
}

static void
put_operation(struct worker *w)
{
	struct message *m = opt.messages != NULL ? &opt.messages[sent % opt.message_n] : NULL;
	char copy[32] = "";

	w->number = sent++;
	w->waiting++;
	if (w->waiting == 1)
		w->started = now_us();
	if (opt.lmtp) {
		client_putf(&w->c, "MAIL FROM:<bench@example.org>\r\nRCPT TO:<");
		put_name(&w->c, opt.rcpt, w->number);
		client_putf(&w->c, ">\r\nDATA\r\n");
		w->replies = 4;
	} else if (m != NULL) {
		/* Copies of a mail differ, as mails do. */
		if (opt.message_n > 1)
			snprintf(copy, sizeof(copy), "X-Copy: %llu\r\n", (unsigned long long)w->number);
		client_putf(&w->c, "a%u APPEND %s {%zu+}\r\n%s", ++w->tag, opt.folder, m->n + strlen(copy), copy);
		message_put(&w->c, m, w->number);
		client_put(&w->c, "\r\n", 2);
	} else {
		put_command(w, opt.command);
	}
}

static void
work(struct worker *w)
{
	while (w->waiting < (opt.lmtp ? 1 : opt.depth) && more())
		put_operation(w);
	if (w->waiting == 0)
		w->stage = DONE;
}

static void
is_ready(struct worker *w, enum stage stage)
{
	w->stage = stage;
	ready++;
	client_flush(&w->c);
	client_trim(&w->c);
}

/* The next line of login and prelude, or the work itself. */
static void
proceed(struct worker *w)
{
	size_t i = (size_t)(w - workers);

	if (!w->logged_in && !opt.lmtp) {
		w->logged_in = true;
		client_putf(&w->c, "p LOGIN ");
		put_name(&w->c, opt.user, opt.session ? w->number : i);
		client_putf(&w->c, " %s\r\n", opt.password);
	} else if (opt.compress && w->c.inflate == NULL && w->tag == 0) {
		w->tag = 1; /* asked */
		client_putf(&w->c, "p COMPRESS DEFLATE\r\n");
	} else if (w->prelude < opt.preludes) {
		client_putf(&w->c, "%s%s\r\n", opt.lmtp ? "" : "p ", opt.prelude[w->prelude++]);
	} else if (opt.session) {
		client_putf(&w->c, "p LOGOUT\r\n");
		w->stage = DONE;
	} else if (opt.hold && opt.messages && !w->appended) {
		w->appended = true;
		client_putf(&w->c, "p APPEND %s {%zu+}\r\n", opt.folder, opt.messages[0].n);
		message_put(&w->c, &opt.messages[0], i);
		client_put(&w->c, "\r\n", 2);
	} else if (opt.watch || opt.idle) {
		client_putf(&w->c, "p IDLE\r\n");
	} else if (opt.hold) {
		is_ready(w, IDLING);
	} else {
		is_ready(w, READY);
		if (gate_open) {
			w->stage = WORK;
			work(w);
		}
	}
}

static void
refuse(const char *line)
{
	if (refused++ == 0)
		fprintf(stderr, "load: %.300s\n", line);
}

static void
tagged(struct worker *w, const char *line)
{
	const char *space = strchr(line, ' ');

	if (space == NULL || strncmp(space + 1, "OK", 2) != 0)
		refuse(line);
	if (w->stage == PRELUDE) {
		if (w->tag == 1 && opt.compress && w->c.inflate == NULL)
			client_compress(&w->c);
		proceed(w);
	} else if (w->stage == WORK) {
		uint64_t now = now_us();

		w->waiting--;
		answered++;
		latency_note(&latency, now - w->started);
		w->started = now;
		work(w);
	}
}

static void
lmtp_line(struct worker *w, const char *line)
{
	if (strlen(line) > 3 && line[3] == '-')
		return;
	if (line[0] != '2' && line[0] != '3')
		refuse(line);
	if (w->stage == GREETING) {
		w->stage = PRELUDE;
		client_putf(&w->c, "LHLO bench\r\n");
	} else if (w->stage == PRELUDE) {
		proceed(w);
	} else if (line[0] == '3') {
		w->replies = 1;
		message_put(&w->c, &opt.messages[0], w->number);
		client_putf(&w->c, ".\r\n");
	} else if (--w->replies == 0) {
		w->waiting--;
		answered++;
		latency_note(&latency, now_us() - w->started);
		work(w);
	}
}

void
client_line(struct client *c, char *line)
{
	struct worker *w = (struct worker *)c;

	if (opt.lmtp) {
		lmtp_line(w, line);
	} else if (w->stage == GREETING) {
		w->stage = PRELUDE;
		proceed(w);
	} else if (line[0] == '+' && w->stage == PRELUDE) {
		is_ready(w, IDLING);
	} else if (line[0] != '*') {
		tagged(w, line);
	} else if (w->stage == IDLING && !w->heard && push_at != 0 && strstr(line, "EXISTS") != NULL) {
		w->heard = true;
		heard++;
		latency_note(&latency, now_us() - push_at);
	}
}

static void
begin(struct worker *w)
{
	w->stage = GREETING;
	w->prelude = 0;
	w->waiting = w->tag = 0;
	w->logged_in = false;
	w->started = now_us();
	client_open(&w->c, opt.port, opt.tls);
}

void
client_closed(struct client *c)
{
	struct worker *w = (struct worker *)c;

	if (!opt.session)
		fail("the server closed a connection");
	latency_note(&latency, now_us() - w->started);
	answered++;
	if (more()) {
		w->number = sent++;
		begin(w);
	}
}

static void
report(uint64_t wall)
{
	latency_sort(&latency);
	latency_sort(&last_ones);
	printf("{\"operations\": %llu, \"wall_us\": %llu, \"bytes\": %llu, \"refused\": %llu, \"p50_us\": %llu, \"p99_us\": %llu, "
	       "\"max_us\": %llu, \"last_us\": %llu}\n",
	    (unsigned long long)answered, (unsigned long long)wall, (unsigned long long)bytes_in, (unsigned long long)refused,
	    (unsigned long long)latency_at(&latency, 0.5), (unsigned long long)latency_at(&latency, 0.99),
	    (unsigned long long)latency_at(&latency, 1), (unsigned long long)latency_at(&last_ones, 0.5));
}

static void
load_list(const char *path)
{
	FILE *f = fopen(path, "r");
	char name[1024];
	size_t cap = 0;

	if (f == NULL)
		fail("%s: %s", path, strerror(errno));
	while (fgets(name, sizeof(name), f) != NULL) {
		name[strcspn(name, "\n")] = '\0';
		if (opt.message_n == cap) {
			cap = cap ? cap * 2 : 1024;
			if ((opt.messages = realloc(opt.messages, cap * sizeof(*opt.messages))) == NULL)
				fail("out of memory");
		}
		message_load(&opt.messages[opt.message_n++], name);
	}
	fclose(f);
	if (opt.message_n == 0)
		fail("%s: names no file", path);
}

static void
load_one(const char *path)
{
	if ((opt.messages = calloc(1, sizeof(*opt.messages))) == NULL)
		fail("out of memory");
	message_load(opt.messages, path);
	opt.message_n = 1;
}

static const struct {
	const char *name;
	bool *flag;
	const char **text;
	int *number;
	unsigned *count;
	uint64_t *big;
	double *real;
} options[] = {
    {"--tls", .flag = &opt.tls},
    {"--compress", .flag = &opt.compress},
    {"--lmtp", .flag = &opt.lmtp},
    {"--hold", .flag = &opt.hold},
    {"--idle", .flag = &opt.idle},
    {"--session", .flag = &opt.session},
    {"--watch", .flag = &opt.watch},
    {"--gate", .flag = &opt.gate},
    {"--user", .text = &opt.user},
    {"--password", .text = &opt.password},
    {"--command", .text = &opt.command},
    {"--folder", .text = &opt.folder},
    {"--rcpt", .text = &opt.rcpt},
    {"--port", .number = &opt.port},
    {"--lmtp-port", .number = &opt.lmtp_port},
    {"--clients", .count = &opt.clients},
    {"--depth", .count = &opt.depth},
    {"--users", .count = &opt.users},
    {"--count", .big = &opt.count},
    {"--seconds", .real = &opt.seconds},
    {"--first", .big = &opt.first},
    {"--last", .big = &opt.last},
};

/* True when it was one of the table; *i then stands on the last word used. */
static bool
option(int argc, char **argv, int *i)
{
	for (size_t k = 0; k < sizeof(options) / sizeof(options[0]); k++) {
		const char *v = *i + 1 < argc ? argv[*i + 1] : "";

		if (strcmp(argv[*i], options[k].name) != 0)
			continue;
		if (options[k].flag) {
			*options[k].flag = true;
			return true;
		}
		++*i;
		if (options[k].text)
			*options[k].text = v;
		else if (options[k].number)
			*options[k].number = atoi(v);
		else if (options[k].count)
			*options[k].count = (unsigned)atoi(v);
		else if (options[k].real)
			*options[k].real = atof(v);
		else
			*options[k].big = strtoull(v, NULL, 10);
		return true;
	}
	return false;
}

static void
parse(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *v = i + 1 < argc ? argv[i + 1] : "";

		if (option(argc, argv, &i))
			continue;
		i++;
		if (strcmp(argv[i - 1], "--prelude") == 0 && opt.preludes < PRELUDES)
			opt.prelude[opt.preludes++] = v;
		else if (strcmp(argv[i - 1], "--append") == 0)
			load_one(v);
		else if (strcmp(argv[i - 1], "--list") == 0)
			load_list(v);
		else
			fail("unknown option %s", argv[i - 1]);
	}
	if (opt.count == 0)
		opt.count = opt.seconds > 0 ? UINT64_MAX : 1;
	number = opt.first;
}

/* Says "ready" and waits until whoever measures has read the counters. */
static void
gate(void)
{
	char text[64];

	printf("ready\n");
	fflush(stdout);
	(void)!read(0, text, sizeof(text));
}

/* -- watching -- */

/* Blocking: the next reply of the delivering connection. */
static void
await_reply(int fd, char digit)
{
	char back[65536];
	ssize_t n = 0;

	for (;;) {
		ssize_t got = recv(fd, back + n, sizeof(back) - 1 - (size_t)n, 0);

		if (got <= 0)
			fail("LMTP ended");
		n += got;
		back[n] = '\0';
		for (char *line = back; line != NULL; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
			if (line[0] == digit && strlen(line) > 3 && line[3] == ' ' && strchr(line, '\n'))
				return;
		if (back[0] != digit && back[0] != '2')
			fail("LMTP: %.200s", back);
	}
}

static void
send_all(int fd, struct client *c)
{
	while (c->out_at < c->out_n) {
		ssize_t n = write(fd, c->out + c->out_at, c->out_n - c->out_at);

		if (n <= 0)
			fail("LMTP: %s", strerror(errno));
		c->out_at += (size_t)n;
	}
	c->out_at = c->out_n = 0;
}

/* One message to one mailbox; returns when all who watch it have heard, or after ten seconds. */
static void
push_one(int fd, uint64_t i, unsigned expected)
{
	static struct client c = {.fd = -1};
	uint64_t end;

	heard = 0;
	for (unsigned k = 0; k < opt.clients; k++)
		workers[k].heard = false;
	client_putf(&c, "MAIL FROM:<bench@example.org>\r\nRCPT TO:<");
	put_name(&c, opt.rcpt, i);
	client_putf(&c, ">\r\nDATA\r\n");
	send_all(fd, &c);
	await_reply(fd, '3');
	message_put(&c, &opt.messages[0], sent);
	client_putf(&c, ".\r\n");
	push_at = now_us();
	end = push_at + PUSH_LIMIT_US;
	send_all(fd, &c);
	while (heard < expected && now_us() < end)
		clients_turn(100);
	latency_note(&last_ones, now_us() - push_at);
	if (heard < expected) {
		fprintf(stderr, "load: %u of %u watchers did not hear\n", expected - heard, expected);
		refused += expected - heard;
	}
	await_reply(fd, '2');
	answered++;
}

static void
watch(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)opt.lmtp_port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	unsigned expected = strstr(opt.rcpt, "%d") ? 1 : opt.clients;

	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0)
		fail("LMTP: %s", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	await_reply(fd, '2');
	if (write(fd, "LHLO bench\r\n", 12) != 12)
		fail("LMTP: %s", strerror(errno));
	await_reply(fd, '2');
	usleep(300000);
	gate();
	if (opt.seconds > 0)
		deadline = now_us() + (uint64_t)(opt.seconds * 1e6);
	/* Steps through the users so that the same one is not hit again soon. */
	for (uint64_t i = 0; more(); i++) {
		sent++;
		push_one(fd, i * 7 % opt.clients, expected);
		usleep(expected > 1 ? 50000 : 2000);
	}
	close(fd);
}

static void
open_all(void)
{
	for (unsigned i = 0; i < opt.clients; i++) {
		workers[i].c.fd = -1;
		if (opt.session)
			workers[i].number = sent++;
		begin(&workers[i]);
		while (!opt.session && ready + 50 < i)
			clients_turn(1000);
	}
	while (!opt.session && ready < opt.clients)
		clients_turn(1000);
}

int
main(int argc, char **argv)
{
	uint64_t began;

	parse(argc, argv);
	clients_init(opt.tls);
	if ((workers = calloc(opt.clients, sizeof(*workers))) == NULL)
		fail("out of memory");
	if (opt.session && opt.seconds > 0)
		deadline = now_us() + (uint64_t)(opt.seconds * 1e6);
	began = now_us();
	open_all();
	if (opt.watch) {
		watch();
	} else if (opt.hold) {
		gate();
	} else {
		if (opt.gate)
			gate();
		began = now_us();
		if (opt.seconds > 0)
			deadline = began + (uint64_t)(opt.seconds * 1e6);
		gate_open = true;
		for (unsigned i = 0; !opt.session && i < opt.clients; i++) {
			workers[i].stage = WORK;
			work(&workers[i]);
			client_flush(&workers[i].c);
		}
		while (answered < sent || (opt.session && more()))
			clients_turn(10000);
	}
	report(now_us() - began);
	return 0;
}
