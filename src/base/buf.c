/* SPDX-License-Identifier: Apache-2.0 */
/* Room that doubles, up to a limit; secrets are overwritten before they are freed. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"
#include "base/assert.h"

/* realloc() would leave a copy. */
static char *
moved(struct buf *b, size_t cap)
{
	char *p = x_malloc(cap);

	if (b->p != NULL) {
		memcpy(p, b->p, b->n);
		explicit_bzero(b->p, b->cap);
		free(b->p);
	}
	return p;
}

char *
buf_room(struct buf *b, size_t n)
{
	size_t need;

	if (b->failed)
		return NULL;
	if (__builtin_add_overflow(b->n, n, &need) || (b->limit && need > b->limit)) {
		b->failed = true;
		return NULL;
	}
	if (need > b->cap || b->p == NULL) {
		size_t cap = b->cap ? b->cap + b->cap / 2 : 128;

		if (cap < need)
			cap = need;
		b->p = b->secret ? moved(b, cap) : x_realloc(b->p, cap);
		b->cap = cap;
	}
	return b->p + b->n;
}

void
buf_wrote(struct buf *b, size_t n)
{
	ensure(n <= b->cap - b->n);
	b->n += n;
}

void
buf_add_slow(struct buf *b, struct str s)
{
	char *p;

	if (s.n == 0 || (p = buf_room(b, s.n)) == NULL)
		return;
	memcpy(p, s.p, s.n);
	b->n += s.n;
}

void
buf_addu(struct buf *b, uint64_t n)
{
	char digits[20];
	size_t i = sizeof(digits);

	do
		digits[--i] = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	buf_add(b, str_of(digits + i, sizeof(digits) - i));
}

void
buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;
	char *p;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	ensure(n >= 0);
	if ((p = buf_room(b, (size_t)n + 1)) != NULL) {
		vsnprintf(p, (size_t)n + 1, fmt, again);
		b->n += (size_t)n;
	}
	va_end(again);
}

void
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(b, fmt, ap);
	va_end(ap);
}

void
buf_consume(struct buf *b, size_t n)
{
	ensure(n <= b->n);
	if (n == 0)
		return;
	b->n -= n;
	if (b->n > 0)
		memmove(b->p, b->p + n, b->n);
	if (b->secret)
		explicit_bzero(b->p + b->n, n);
}

void
buf_clear(struct buf *b)
{
	if (b->secret && b->n > 0)
		explicit_bzero(b->p, b->n);
	b->n = 0;
	b->failed = false;
}

void
buf_free(struct buf *b)
{
	if (b->secret && b->cap > 0)
		explicit_bzero(b->p, b->cap);
	free(b->p);
	*b = (struct buf){.limit = b->limit, .secret = b->secret};
}

void
buf_free_secret(struct buf *b)
{
	if (b->cap > 0)
		explicit_bzero(b->p, b->cap);
	buf_free(b);
}
