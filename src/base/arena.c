/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks that grow, freed together; under a sanitizer each allocation is one of its own. */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/assert.h"

#define BLOCK_MIN 1024
#define BLOCK_MAX (64 * 1024)
/* What is larger is a block of its own, behind the one that is being filled. */
#define LARGE (BLOCK_MAX / 2)
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

/* A block, in front of *at. */
static struct arena_block *
block_add(struct arena *a, struct arena_block **at, size_t size)
{
	struct arena_block *b = x_malloc(sizeof(*b) + size);

	b->next = *at;
	b->size = size;
	*at = b;
	a->held += sizeof(*b) + size;
	return b;
}

static void *
large(struct arena *a, size_t n)
{
	return block_add(a, a->blocks != NULL ? &a->blocks->next : &a->blocks, n)->data;
}

static size_t
rounded(size_t n)
{
	ensure(n <= SIZE_MAX - ALIGN);
	return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

void *
arena_alloc(struct arena *a, size_t n)
{
	size_t need = rounded(n);
	void *p;

	a->total += need;
#ifdef MANSIO_SANITIZE
	p = large(a, n);
#else
	if (need > LARGE)
		return memset(large(a, need), 0, n);
	if (need > a->left) {
		size_t size = a->blocks ? a->blocks->size * 2 : BLOCK_MIN;

		if (size > BLOCK_MAX)
			size = BLOCK_MAX;
		if (size < need)
			size = need;
		a->at = block_add(a, &a->blocks, size)->data;
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

/* Where the block hangs that is nothing but p. */
static struct arena_block **
find_large(struct arena *a, const void *p)
{
	struct arena_block **at = &a->blocks;

	while (*at != NULL && (*at)->data != p)
		at = &(*at)->next;
	return at;
}

void *
arena_grow(struct arena *a, void *p, size_t n, size_t cap, size_t more, size_t size)
{
	struct arena_block **at;
	bool own = cap > 0;
	size_t bytes;

	ensure(n <= cap && cap <= more);
	ensure(!__builtin_mul_overflow(more, size, &bytes));
#ifndef MANSIO_SANITIZE
	own = rounded(cap * size) > LARGE;
	bytes = rounded(bytes);
#endif
	if (!own)
		return arena_copy(a, p, n, more, size);
	at = find_large(a, p);
	ensure(*at != NULL);
	*at = x_realloc(*at, sizeof(**at) + bytes);
	a->held += bytes - (*at)->size;
	a->total += bytes - (*at)->size;
	(*at)->size = bytes;
	memset((*at)->data + n * size, 0, bytes - n * size);
	return (*at)->data;
}

struct str
arena_str(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);

	if (s.n)
		memcpy(p, s.p, s.n);
	return str_of(p, s.n);
}

struct str
arena_lower(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);

	ascii_lower_copy(p, s);
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

static void
free_blocks(struct arena *a, bool secret)
{
	struct arena_block *b, *next;

	for (b = a->blocks; b != NULL; b = next) {
		next = b->next;
		if (secret)
			explicit_bzero(b->data, b->size);
		free(b);
	}
	*a = (struct arena){0};
}

void
arena_free(struct arena *a)
{
	free_blocks(a, false);
}

void
arena_free_secret(struct arena *a)
{
	free_blocks(a, true);
}
