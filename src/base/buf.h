/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf: a growing byte buffer with a limit and a sticky error. Writing past the limit writes
 * nothing and sets failed; callers write freely and test failed once. A buf of zeroes is empty, has
 * no limit and is ready: struct buf b = {0}. One thread at a time.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include "base/str.h"

struct buf {
	char *p;
	size_t n;     /* bytes held */
	size_t cap;
	size_t limit; /* most bytes it may hold; 0: none */
	bool failed;
	bool secret;  /* what it held is overwritten wherever it is left behind: by growing, consuming, clearing, freeing */
};

/* What the inline functions below leave to do: growing, the limit, failure. */
void buf_add_slow(struct buf *b, struct str s);

/* Every byte that is sent goes through here: without a call where there is room. */
static inline void
buf_add(struct buf *b, struct str s)
{
	if (s.n > b->cap - b->n || b->limit != 0 || b->failed) {
		buf_add_slow(b, s);
		return;
	}
	if (s.n > 0)
		memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
}

static inline void
buf_addc(struct buf *b, char c)
{
	if (b->n == b->cap || b->limit != 0 || b->failed) {
		buf_add_slow(b, str_of(&c, 1));
		return;
	}
	b->p[b->n++] = c;
}

static inline void
buf_adds(struct buf *b, const char *z)
{
	buf_add(b, str_c(z));
}

void buf_addu(struct buf *b, uint64_t n); /* decimal */
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same for a function that takes a format itself. */
void buf_vaddf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* Room for n more bytes, to be written in place and counted with buf_wrote; NULL past the limit. */
char *buf_room(struct buf *b, size_t n);
void buf_wrote(struct buf *b, size_t n);
/* Removes the first n bytes. */
void buf_consume(struct buf *b, size_t n);
/* Empty, memory kept; failed is cleared. */
void buf_clear(struct buf *b);
/* Empty, memory given back; the limit is kept. */
void buf_free(struct buf *b);
/* The same for what held a secret: it is overwritten first. What buf_add() left behind when it grew is reached only where secret was
 * set before. */
void buf_free_secret(struct buf *b);

static inline struct str
buf_str(const struct buf *b)
{
	return str_of(b->p, b->n);
}

#endif
