/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client: one connection of a load client: plain, TLS or COMPRESS=DEFLATE, never waiting, one thread, epoll. It looks at nothing but line
 * ends and literals, so that the server is what is measured. The program that uses it provides client_line() and client_closed().
 */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

struct client {
	int fd;              /* -1: not connected */
	SSL *ssl;
	z_stream *inflate, *deflate; /* NULL: not compressed */
	char *out;
	size_t out_n, out_at, out_cap;
	bool polled_out;     /* the poller waits for room too */
	char line[4096];     /* the current line's head, and its last bytes */
	size_t line_n;
	uint64_t literal;    /* bytes of a literal still to come */
	bool rest;           /* the current line goes on behind a literal */
};

extern uint64_t bytes_in;

/* A line's part before its first literal, without its line end, ended by NUL. */
void client_line(struct client *c, char *line);
/* The server closed; c->fd is closed and -1. */
void client_closed(struct client *c);

void clients_init(bool use_tls);
void client_open(struct client *c, int port, bool tls);
void client_close(struct client *c);
void client_compress(struct client *c); /* after the OK to COMPRESS DEFLATE */
void client_put(struct client *c, const void *p, size_t n);
void client_putf(struct client *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void client_flush(struct client *c);
/* Gives an idle client's buffers back. */
void client_trim(struct client *c);
/* Waits at most so long and serves whatever is ready. */
void clients_turn(int timeout_ms);

uint64_t now_us(void);
void fail(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Latencies: kept, sorted by latencies_sort, asked by share (0.5, 0.99, 1). */
struct latencies {
	uint64_t *us;
	size_t n, cap;
};
void latency_note(struct latencies *l, uint64_t us);
void latency_sort(struct latencies *l);
uint64_t latency_at(const struct latencies *l, double share);

/* A message whose runs of "@@@@@@@@" are replaced by a number at each use, so that no two are the same. */
struct message {
	char *p;
	size_t n;
	size_t at[16], places; /* where the runs are */
};
void message_load(struct message *m, const char *path);
void message_put(struct client *c, const struct message *m, uint64_t number);

#endif
