// SPDX-License-Identifier: Apache-2.0
/* line: takes every packet from a TUN device and gives it back after a delay, at a rate, some not at all; counts what each connection costs.
 *
 * Both ends are on this host (link.py routes 127.0.0.1 over the device), so a packet is given back as it came. Each direction has a queue of
 * its own: a packet leaves when those before it have left at the rate, and arrives half a round trip later. Which are lost is a function of
 * the seed, the direction and the packet's number since the counters were last read, so that a run can be repeated.
 *
 * Lines on standard input: "read SEED\n" writes the connections since the last one as one line of JSON, forgets them, and loses by SEED from then on.
 *
 * A flight is a step in the longest chain of packets of which each waited for the one before: what the client sends carries one more than the
 * highest that has reached it, what the server sends carries the highest that has reached it. SYN, the handshake's last ACK and new data
 * carry; other acknowledgements, FIN and what is sent again do not raise. So a connection's flights times the round trip is the least that it takes. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { MTU = 1500, QUEUE = 1 << 14, CONNS = 1 << 14, UP = 0, DOWN = 1 };

struct side {				/* one direction of a connection */
	uint32_t next;			/* the sequence number after the highest that was sent */
	bool begun;
	unsigned level, arrived;	/* what was sent last carries; the highest that reached this direction's sender */
	uint64_t bytes, packets, with_data, again, lost, wire;
};

struct conn {
	uint16_t client, server;	/* ports */
	uint32_t isn;
	struct side side[2];
	bool opened;			/* the handshake is over */
	unsigned flights;
	uint64_t began, ended;
};

struct packet {
	uint64_t due;
	int conn, dir;
	unsigned level, len;
	unsigned char data[MTU];
};

static struct queue {
	struct packet p[QUEUE];
	unsigned head, tail;
	uint64_t free, index;		/* when the line is free; packets since the last reading */
} queues[2];

static struct conn conns[CONNS];
static int n_conns, tun;
static uint64_t delay_ns, rate, buffer, loss_ppm, seed;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "line: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* splitmix64: a number in 0 .. 999,999 for each packet */
static uint64_t chance(uint64_t index, int dir)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15u + index * 2 + dir + 0x632be59bd9b4e019u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return (x ^ x >> 31) % 1000000;
}

static int conn_new(uint16_t from, uint16_t to, uint64_t now)
{
	if (n_conns == CONNS) {
		fprintf(stderr, "line: more than %d connections\n", CONNS);
		exit(1);
	}
	conns[n_conns] = (struct conn){.client = from, .server = to, .began = now, .ended = now};
	return n_conns++;
}

/* The newest connection of these ports; a SYN with another number begins the next. Who is seen first is the client. */
static int conn_of(const struct tcphdr *t, uint64_t now, int *dir_r)
{
	uint16_t from = ntohs(t->source), to = ntohs(t->dest);
	bool fresh = t->syn && !t->ack;

	for (int i = n_conns - 1; i >= 0; i--) {
		struct conn *c = &conns[i];

		if (c->client == from && c->server == to && !(fresh && c->isn != t->seq)) {
			*dir_r = UP;
			return i;
		}
		if (c->client == to && c->server == from && !fresh) {
			*dir_r = DOWN;
			return i;
		}
	}
	*dir_r = UP;
	int i = conn_new(from, to, now);
	conns[i].isn = t->seq;
	return i;
}

/* Counts a packet as it is sent; returns what it carries, 0 for nothing. */
static unsigned account(struct conn *c, int dir, const struct tcphdr *t, unsigned payload, unsigned wire)
{
	struct side *s = &c->side[dir];
	uint32_t seq = ntohl(t->seq), end = seq + payload + t->syn;
	bool opens = dir == UP && t->ack && !c->opened;
	int32_t fresh = !payload && !t->syn ? 0 : s->begun ? (int32_t)(end - s->next) : (int32_t)(end - seq);

	c->opened |= opens;
	s->packets++;
	s->wire += wire;
	s->with_data += payload != 0;
	if (fresh > 0) {
		s->bytes += (unsigned)fresh > payload ? payload : (unsigned)fresh;
		s->next = end;
		s->begun = true;
	} else {
		s->again += payload != 0;
	}
	if (fresh > 0 || opens)
		s->level = dir == UP ? s->arrived + 1 : s->arrived;
	if (dir == UP && (fresh > 0 || opens) && s->level > c->flights)
		c->flights = s->level;
	return payload || t->syn || opens ? s->level : 0;
}

static void take(const unsigned char *data, unsigned len, uint64_t now)
{
	const struct iphdr *ip = (const void *)data;
	unsigned at = ip->ihl * 4u;

	if (len < sizeof *ip || ip->version != 4 || ip->protocol != IPPROTO_TCP || len < at + sizeof(struct tcphdr))
		return;		/* nothing else is routed here but what a kernel says of itself */
	const struct tcphdr *t = (const void *)(data + at);
	int dir, i = conn_of(t, now, &dir);
	unsigned level = account(&conns[i], dir, t, len - at - t->doff * 4u, len);
	struct queue *q = &queues[dir];
	uint64_t starts = q->free > now ? q->free : now;

	conns[i].ended = now;
	if (chance(q->index++, dir) < loss_ppm || (starts - now) * rate / 8000000000u + len > buffer || q->tail - q->head == QUEUE) {
		conns[i].side[dir].lost++;
		return;
	}
	struct packet *p = &q->p[q->tail++ % QUEUE];
	q->free = starts + len * 8000000000u / rate;
	p->due = q->free + delay_ns;
	p->conn = i;
	p->dir = dir;
	p->level = level;
	p->len = len;
	memcpy(p->data, data, len);
}

static void give(struct packet *p)
{
	if (p->conn < n_conns) {
		struct side *to = &conns[p->conn].side[!p->dir];

		if (p->level > to->arrived)
			to->arrived = p->level;
	}
	if (write(tun, p->data, p->len) < 0 && errno != EAGAIN && errno != ENOBUFS && errno != EINVAL)
		die("write");
}

/* Gives what is due; returns when the next is, 0 if nothing waits. */
static uint64_t deliver(void)
{
	uint64_t next = 0;

	for (int d = 0; d < 2; d++) {
		struct queue *q = &queues[d];

		while (q->head != q->tail && q->p[q->head % QUEUE].due <= now_ns())
			give(&q->p[q->head++ % QUEUE]);
		if (q->head != q->tail && (!next || q->p[q->head % QUEUE].due < next))
			next = q->p[q->head % QUEUE].due;
	}
	return next;
}

static void report(void)
{
	const char *comma = "";

	putchar('[');
	for (int i = 0; i < n_conns; i++) {
		struct conn *c = &conns[i];

		if (!c->side[UP].packets && !c->side[DOWN].packets)
			continue;
		printf("%s{\"client\": %u, \"port\": %u, \"flights\": %u, \"seconds\": %.6f", comma, c->client, c->server, c->flights,
		       (double)(c->ended - c->began) / 1e9);
		comma = ", ";
		for (int d = 0; d < 2; d++) {
			struct side *s = &c->side[d];

			printf(", \"%s\": {\"bytes\": %ju, \"packets\": %ju, \"with_data\": %ju, \"again\": %ju, \"lost\": %ju, \"wire\": %ju}",
			       d == UP ? "up" : "down", (uintmax_t)s->bytes, (uintmax_t)s->packets, (uintmax_t)s->with_data, (uintmax_t)s->again,
			       (uintmax_t)s->lost, (uintmax_t)s->wire);
		}
		putchar('}');
	}
	puts("]");
	fflush(stdout);
}

/* Connections that go on are counted from here on as if they began here: what a client sends then is flight 1. */
static void forget(uint64_t now)
{
	int kept = 0;

	for (int i = 0; i < n_conns; i++) {
		if (now - conns[i].ended > 300000000000u)
			continue;
		struct conn c = conns[i];

		for (int d = 0; d < 2; d++)
			c.side[d] = (struct side){.next = c.side[d].next, .begun = c.side[d].begun};
		c.opened = true;
		c.flights = 0;
		c.began = c.ended = now;
		conns[kept++] = c;
	}
	n_conns = kept;
	for (int d = 0; d < 2; d++) {
		queues[d].index = 0;
		for (unsigned k = queues[d].head; k != queues[d].tail; k++)
			queues[d].p[k % QUEUE].conn = CONNS;	/* of before: told to nobody */
	}
}

static bool command(void)
{
	char line[64];

	if (!fgets(line, sizeof line, stdin))
		return false;
	if (sscanf(line, "read %ju", &seed) == 1) {
		report();
		forget(now_ns());
	}
	return true;
}

static void open_tun(const char *name)
{
	struct ifreq r = {.ifr_flags = IFF_TUN | IFF_NO_PI};

	tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tun < 0)
		die("/dev/net/tun");
	snprintf(r.ifr_name, sizeof r.ifr_name, "%s", name);
	if (ioctl(tun, TUNSETIFF, &r))
		die("TUNSETIFF");
}

int main(int argc, char **argv)
{
	unsigned char data[MTU + 1];

	if (argc != 7) {
		fputs("usage: line DEVICE RTT_US BITS_PER_SECOND BUFFER_BYTES LOSS_PPM SEED\n", stderr);
		return 2;
	}
	delay_ns = strtoull(argv[2], NULL, 10) * 500;
	rate = strtoull(argv[3], NULL, 10);
	buffer = strtoull(argv[4], NULL, 10);
	loss_ppm = strtoull(argv[5], NULL, 10);
	seed = strtoull(argv[6], NULL, 10);
	open_tun(argv[1]);
	setvbuf(stdin, NULL, _IONBF, 0);
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct pollfd fds[2] = {{.fd = tun, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
		uint64_t next = deliver(), now = now_ns(), wait = next > now ? next - now : 0;
		struct timespec t = {.tv_sec = (time_t)(wait / 1000000000u), .tv_nsec = (long)(wait % 1000000000u)};

		if (ppoll(fds, 2, next ? &t : NULL, NULL) < 0 && errno != EINTR)
			die("poll");
		for (ssize_t n; (n = read(tun, data, sizeof data)) > 0;)
			if (n <= MTU)
				take(data, (unsigned)n, now_ns());
		if (fds[1].revents && !command())
			return 0;
	}
}
