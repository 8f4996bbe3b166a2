/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mix: many users at work. Sessions come and go: log in, look at the newest messages, read, file, delete, wait in IDLE, go, with or
 * without LOGOUT; messages arrive by LMTP all the while. What each session does is drawn from --seed, so that every server gets the same.
 *
 *   mix --port P --lmtp-port Q --append FILE --users N --clients C --receivers R --operations N | --seconds S
 *       [--rate N] [--seed N] [--report S] [--gate]
 *
 * A client has one session at a time, and a user at most one session: nobody else removes what a session works on. --rate is the operations a
 * second; without it each client goes on at once. --report prints a line of JSON every so many seconds, of what happened since the last.
 * About as much is delivered as is deleted; sessions that find more than KEEP messages remove the older half.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"

enum state { FREE, CONNECTING, LOGIN, SELECTING, LISTING, WORKING, TIDYING, IDLING, LEAVING, RECEIVING };
enum kind { OP_LOGIN, OP_SELECT, OP_LIST, OP_READ, OP_FILE, OP_DELETE, OP_POLL, OP_IDLE, OP_TIDY, OP_LOGOUT, OP_RECEIVE, OPS };
enum { SHOWN = 20, KEEP = 60, RECEIVED_PERCENT = 10 };

static const char *const op_names[OPS] = {"login", "select", "list", "read", "file", "delete", "poll", "idle", "tidy", "logout", "receive"};

struct session {
	struct client c; /* first: the callbacks get its address */
	enum state state;
	enum kind op;
	unsigned user;
	unsigned steps;      /* actions still to do */
	unsigned waiting;    /* tagged answers to come */
	unsigned tag;
	unsigned exists;
	unsigned uids[SHOWN], uid_n;
	unsigned replies;    /* LMTP */
	uint64_t number;     /* of the message being delivered */
	uint64_t started;
	bool lmtp, archive, queued;
};

static struct {
	int port, lmtp_port;
	unsigned users, clients, receivers;
	uint64_t operations, seconds, rate, seed, report;
	struct message message;
	bool gate;
} opt = {.users = 1000, .clients = 200, .receivers = 4, .seed = 1};

static struct session *sessions;
static bool *busy;           /* user has a session */
static struct session **queue;
static size_t queue_at, queue_n, queue_cap;
static uint64_t started_ops, done_ops, received, refused, delivery;
static int64_t live;         /* messages delivered, less those removed */
static struct latencies total, window;
static uint64_t per_op[OPS];
static uint64_t random_state;

static unsigned
draw(unsigned below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)((random_state >> 11) % below);
}

/* Receivers stand in no queue: they are taken when it is their turn. */
static void
enqueue(struct session *s)
{
	if (s->queued || s->lmtp)
		return;
	s->queued = true;
	queue[(queue_at + queue_n++) % queue_cap] = s;
}

static void
op_begin(struct session *s, enum kind op, unsigned answers)
{
	s->op = op;
	s->waiting = answers;
	s->started = now_us();
}

static void
op_end(struct session *s)
{
	uint64_t us = now_us() - s->started;

	latency_note(&total, us);
	if (opt.report)
		latency_note(&window, us);
	per_op[s->op]++;
	done_ops++;
	enqueue(s);
}

static void
refuse(const struct session *s, const char *line)
{
	if (refused++ < 5)
		fprintf(stderr, "load: %s: %.200s\n", op_names[s->op], line);
}

/* -- what a session does next -- */

static void
connect_one(struct session *s)
{
	unsigned user = draw(opt.users);

	while (busy[user])
		user = (user + 1) % opt.users;
	busy[user] = true;
	s->user = user;
	s->tag = s->exists = s->uid_n = 0;
	s->archive = draw(8) == 0;
	s->steps = 4 + draw(9);
	op_begin(s, OP_LOGIN, 1);
	s->state = CONNECTING;
	client_open(&s->c, opt.port, false);
}

static void
free_session(struct session *s)
{
	client_close(&s->c);
	busy[s->user] = false;
	s->state = FREE;
}

static void
leave(struct session *s)
{
	op_begin(s, OP_LOGOUT, 1);
	if (draw(5) == 0) { /* gone without a word */
		free_session(s);
		op_end(s);
		return;
	}
	s->state = LEAVING;
	client_putf(&s->c, "a%u LOGOUT\r\n", ++s->tag);
}

static void
list(struct session *s)
{
	s->state = LISTING;
	op_begin(s, OP_LIST, 1);
	client_putf(&s->c, "a%u FETCH %u:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)\r\n", ++s->tag, s->exists > SHOWN ? s->exists - SHOWN + 1 : 1);
}

static unsigned
take_uid(struct session *s)
{
	unsigned at = draw(s->uid_n), uid = s->uids[at];

	s->uids[at] = s->uids[--s->uid_n];
	return uid;
}

static void
tidy(struct session *s)
{
	s->state = TIDYING;
	op_begin(s, OP_TIDY, 2);
	client_putf(&s->c, "a%u STORE 1:%u +FLAGS.SILENT (\\Deleted)\r\na%u EXPUNGE\r\n", s->tag + 1, s->exists / 2, s->tag + 2);
	s->tag += 2;
	s->steps = 0;
	live -= s->exists / 2;
}

static void
act(struct session *s)
{
	unsigned dice = draw(100), uid;

	s->state = WORKING;
	s->steps--;
	if (s->uid_n == 0 || dice >= 90) {
		s->state = IDLING;
		op_begin(s, OP_IDLE, 1);
		client_putf(&s->c, "a%u IDLE\r\n", ++s->tag);
	} else if (dice < 50) {
		uid = s->uids[draw(s->uid_n)];
		op_begin(s, OP_READ, 2);
		client_putf(&s->c, "a%u UID FETCH %u (BODY.PEEK[])\r\na%u UID STORE %u +FLAGS.SILENT (\\Seen)\r\n", s->tag + 1, uid, s->tag + 2, uid);
		s->tag += 2;
	} else if (dice < 62) {
		op_begin(s, OP_FILE, 1);
		client_putf(&s->c, "a%u UID MOVE %u Filed\r\n", ++s->tag, take_uid(s));
	} else if (dice < 80) {
		uid = take_uid(s);
		live--;
		op_begin(s, OP_DELETE, 2);
		client_putf(&s->c, "a%u UID STORE %u +FLAGS.SILENT (\\Deleted)\r\na%u UID EXPUNGE %u\r\n", s->tag + 1, uid, s->tag + 2, uid);
		s->tag += 2;
	} else {
		op_begin(s, OP_POLL, 1);
		client_putf(&s->c, "a%u NOOP\r\n", ++s->tag);
	}
}

static void
next(struct session *s)
{
	switch (s->state) {
	case FREE:
		connect_one(s);
		break;
	case LOGIN:
		s->state = SELECTING;
		op_begin(s, OP_SELECT, 1);
		client_putf(&s->c, "a%u SELECT %s\r\n", ++s->tag, s->archive ? "Filed" : "INBOX");
		break;
	case SELECTING:
		if (s->exists > KEEP)
			tidy(s);
		else if (s->exists == 0 || s->archive)
			leave(s);
		else
			list(s);
		break;
	case IDLING:
		op_begin(s, OP_IDLE, 1);
		s->state = WORKING;
		client_putf(&s->c, "DONE\r\n");
		break;
	case LISTING:
	case WORKING:
		if (s->steps > 0)
			act(s);
		else
			leave(s);
		break;
	case TIDYING:
		leave(s);
		break;
	default:
		fail("a session in state %d stands in the queue", (int)s->state);
	}
	if (s->c.fd >= 0)
		client_flush(&s->c);
}

static void
deliver(struct session *s)
{
	received++;
	live++;
	s->number = ++delivery;
	s->replies = 2;
	op_begin(s, OP_RECEIVE, 1);
	client_putf(&s->c, "MAIL FROM:<bench@example.org>\r\nRCPT TO:<u%u>\r\nDATA\r\n", draw(opt.users));
	client_flush(&s->c);
}

/* -- what comes back -- */

static void
lmtp_line(struct session *s, const char *line)
{
	if (strlen(line) > 3 && line[3] == '-')
		return;
	if (line[0] != '2' && line[0] != '3')
		refuse(s, line);
	if (s->state == CONNECTING) {
		s->state = LOGIN;
		client_putf(&s->c, "LHLO bench\r\n");
	} else if (s->state == LOGIN) {
		s->state = RECEIVING;
		s->waiting = 0;
	} else if (line[0] == '3') {
		s->replies = 1;
		message_put(&s->c, &opt.message, s->number);
		client_putf(&s->c, ".\r\n");
	} else if (s->replies == 1) {
		s->waiting = s->replies = 0;
		op_end(s);
	}
}

static void
untagged(struct session *s, const char *line)
{
	const char *at;
	unsigned n = (unsigned)strtoul(line + 2, NULL, 10);

	if (strstr(line, " EXISTS") != NULL && strstr(line, "FETCH") == NULL) {
		s->exists = n;
	} else if (strstr(line, " EXPUNGE") != NULL && s->exists > 0) {
		s->exists--;
	} else if (s->state == LISTING && (at = strstr(line, "UID ")) != NULL && s->uid_n < SHOWN) {
		s->uids[s->uid_n++] = (unsigned)strtoul(at + 4, NULL, 10);
	}
}

static void
tagged(struct session *s, const char *line)
{
	const char *space = strchr(line, ' ');

	if (space == NULL || strncmp(space + 1, "OK", 2) != 0)
		refuse(s, line);
	if (s->waiting > 0 && --s->waiting > 0)
		return;
	if (s->state == LEAVING) {
		free_session(s);
		op_end(s);
		return;
	}
	op_end(s);
}

void
client_line(struct client *c, char *line)
{
	struct session *s = (struct session *)c;

	if (s->lmtp) {
		lmtp_line(s, line);
	} else if (s->state == CONNECTING) {
		s->state = LOGIN;
		client_putf(c, "a%u LOGIN u%u secret\r\n", ++s->tag, s->user);
	} else if (line[0] == '+') {
		op_end(s); /* in IDLE */
	} else if (line[0] == '*') {
		untagged(s, line);
	} else {
		tagged(s, line);
	}
}

void
client_closed(struct client *c)
{
	struct session *s = (struct session *)c;

	if (s->lmtp)
		fail("the server closed an LMTP connection");
	if (s->state != LEAVING)
		refuse(s, "the server closed the connection");
	if (s->waiting == 0 && s->queued)
		fail("the server closed the connection of a session that waited its turn");
	free_session(s);
	op_end(s);
}

/* -- the course of the whole -- */

/* A receiver that is free, each in its turn: a connection on which nothing is ever said is closed in the end. */
static struct session *
free_receiver(void)
{
	static unsigned turn;

	for (unsigned i = 0; i < opt.receivers; i++) {
		struct session *s = &sessions[opt.clients + turn++ % opt.receivers];

		if (s->state == RECEIVING && s->waiting == 0)
			return s;
	}
	return NULL;
}

static bool
start_one(void)
{
	struct session *receiver = NULL;

	if (received * 100 < started_ops * RECEIVED_PERCENT)
		receiver = free_receiver();
	if (receiver != NULL) {
		started_ops++;
		deliver(receiver);
		return true;
	}
	if (queue_n == 0)
		return false;
	started_ops++;
	queue[queue_at]->queued = false;
	queue_n--;
	queue_at = (queue_at + 1) % queue_cap;
	next(queue[(queue_at + queue_cap - 1) % queue_cap]);
	return true;
}

static void
window_report(uint64_t at_us)
{
	latency_sort(&window);
	printf("{\"t\": %.1f, \"operations\": %llu, \"refused\": %llu, \"p50_us\": %llu, \"p99_us\": %llu, \"max_us\": %llu, \"live\": %lld}\n", (double)at_us / 1e6,
	    (unsigned long long)window.n, (unsigned long long)refused, (unsigned long long)latency_at(&window, 0.5),
	    (unsigned long long)latency_at(&window, 0.99), (unsigned long long)latency_at(&window, 1), (long long)live);
	fflush(stdout);
	window.n = 0;
}

static void
report(uint64_t wall)
{
	latency_sort(&total);
	printf("{\"operations\": %llu, \"wall_us\": %llu, \"bytes\": %llu, \"refused\": %llu, \"p50_us\": %llu, \"p99_us\": %llu, \"max_us\": %llu",
	    (unsigned long long)done_ops, (unsigned long long)wall, (unsigned long long)bytes_in, (unsigned long long)refused,
	    (unsigned long long)latency_at(&total, 0.5), (unsigned long long)latency_at(&total, 0.99), (unsigned long long)latency_at(&total, 1));
	for (int i = 0; i < OPS; i++)
		printf(", \"%s\": %llu", op_names[i], (unsigned long long)per_op[i]);
	printf("}\n");
}

static void
run(void)
{
	uint64_t began = now_us(), next_report = opt.report * 1000000;

	for (;;) {
		uint64_t at = now_us() - began;
		bool over = (opt.seconds && at > opt.seconds * 1000000) || (opt.operations && started_ops >= opt.operations);
		uint64_t allowed = opt.rate ? opt.rate * at / 1000000 + 1 : UINT64_MAX;

		if (opt.report && at >= next_report) {
			window_report(at);
			next_report += opt.report * 1000000;
		}
		while (!over && started_ops < allowed && (!opt.operations || started_ops < opt.operations) && start_one())
			;
		if (over && done_ops >= started_ops)
			break;
		clients_turn(opt.rate ? 5 : 100);
	}
	report(now_us() - began);
}

static void
prepare(void)
{
	unsigned all = opt.clients + opt.receivers;
	char text[64];

	sessions = calloc(all, sizeof(*sessions));
	busy = calloc(opt.users, sizeof(*busy));
	queue_cap = opt.clients + 1;
	queue = calloc(queue_cap, sizeof(struct session *));
	if (sessions == NULL || busy == NULL || queue == NULL)
		fail("out of memory");
	for (unsigned i = 0; i < all; i++) {
		sessions[i].c.fd = -1;
		sessions[i].lmtp = i >= opt.clients;
		if (!sessions[i].lmtp) {
			enqueue(&sessions[i]);
			continue;
		}
		sessions[i].state = CONNECTING;
		client_open(&sessions[i].c, opt.lmtp_port, false);
		while (sessions[i].state != RECEIVING)
			clients_turn(1000);
	}
	if (opt.gate) {
		printf("ready\n");
		fflush(stdout);
		(void)!read(0, text, sizeof(text));
	}
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *o = argv[i], *v = i + 1 < argc ? argv[i + 1] : "";
		unsigned long long n = strtoull(v, NULL, 10);

		if (strcmp(o, "--gate") == 0) {
			opt.gate = true;
			continue;
		}
		i++;
		if (strcmp(o, "--port") == 0)
			opt.port = (int)n;
		else if (strcmp(o, "--lmtp-port") == 0)
			opt.lmtp_port = (int)n;
		else if (strcmp(o, "--users") == 0)
			opt.users = (unsigned)n;
		else if (strcmp(o, "--clients") == 0)
			opt.clients = (unsigned)n;
		else if (strcmp(o, "--receivers") == 0)
			opt.receivers = (unsigned)n;
		else if (strcmp(o, "--operations") == 0)
			opt.operations = n;
		else if (strcmp(o, "--seconds") == 0)
			opt.seconds = n;
		else if (strcmp(o, "--rate") == 0)
			opt.rate = n;
		else if (strcmp(o, "--seed") == 0)
			opt.seed = n;
		else if (strcmp(o, "--report") == 0)
			opt.report = n;
		else if (strcmp(o, "--append") == 0)
			message_load(&opt.message, v);
		else
			fail("unknown option %s", o);
	}
	if (opt.message.p == NULL || opt.clients >= opt.users || (opt.operations == 0 && opt.seconds == 0))
		fail("mix wants --append, more users than clients, and --operations or --seconds");
	random_state = opt.seed * 0x9e3779b97f4a7c15u + 1;
	clients_init(false);
	prepare();
	run();
	return 0;
}
