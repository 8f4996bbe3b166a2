/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/assert.h"

#define BLOCK_MIN 1024
#define BLOCK_MAX (64 * 1024)
#define ALIGN 16

struct arena_block {
	struct arena_block *next;
	size_t size;
	_Alignas(ALIGN) char data[];
};

void *
x_malloc(size_t n)
{
	void *p = malloc(n ? n : 1);

	if (p == NULL)
		die("out of memory");
	return p;
}

void *
x_calloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (p == NULL)
		die("out of memory");
	return p;
}

void *
x_realloc(void *p, size_t n)
{
	void *q = realloc(p, n ? n : 1);

	if (q == NULL)
		die("out of memory");
	return q;
}

char *
x_strndup(struct str s)
{
	char *p = x_malloc(s.n + 1);

	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

char *
x_strdup(const char *z)
{
	return x_strndup(str_c(z));
}

static struct arena_block *
block_add(struct arena *a, size_t size)
{
	struct arena_block *b = x_malloc(sizeof(*b) + size);

	b->next = a->blocks;
	b->size = size;
	a->blocks = b;
	return b;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	size_t need;
	void *p;

	ensure(n <= SIZE_MAX - ALIGN);
	need = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	a->total += need;
#ifdef MANSIO_SANITIZE
	p = block_add(a, n)->data;
#else
	if (need > a->left) {
		size_t size = a->blocks ? a->blocks->size * 2 : BLOCK_MIN;
		struct arena_block *b;

		if (size > BLOCK_MAX)
			size = BLOCK_MAX;
		if (size < need)
			size = need;
		b = block_add(a, size);
		a->at = b->data;
		a->left = size;
	}
	p = a->at;
	a->at += need;
	a->left -= need;
#endif
	return memset(p, 0, n);
}

void *
arena_array(struct arena *a, size_t n, size_t size)
{
	size_t bytes;

	ensure(!__builtin_mul_overflow(n, size, &bytes));
	return arena_alloc(a, bytes);
}

void *
arena_copy(struct arena *a, const void *p, size_t n, size_t cap, size_t size)
{
	void *copy;

	ensure(n <= cap);
	if (cap == 0)
		return NULL;
	copy = arena_array(a, cap, size);
	return n > 0 ? memcpy(copy, p, n * size) : copy;
}

struct str
arena_str(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);

	if (s.n)
		memcpy(p, s.p, s.n);
	return str_of(p, s.n);
}

char *
arena_cstr(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);

	if (s.n)
		memcpy(p, s.p, s.n);
	return p;
}

struct str
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	int n;
	char *p;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	ensure(n >= 0);
	p = arena_alloc(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return str_of(p, (size_t)n);
}

void
arena_free(struct arena *a)
{
	struct arena_block *b, *next;

	for (b = a->blocks; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	*a = (struct arena){0};
}
