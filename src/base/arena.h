/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena: memory that is given back all at once. One thread at a time. Allocation never returns
 * NULL: what a user can make grow is bounded where it enters the house. In sanitizer builds every
 * allocation is a malloc of its own, so that overruns are seen.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>
#include "base/str.h"

struct arena_block;
struct arena {
	struct arena_block *blocks; /* newest first */
	char *at;                   /* the free part of the newest block */
	size_t left;
	size_t total;               /* bytes given out since the last reset */
	size_t held;                /* bytes taken from the system: what it costs */
};

/* An arena of zeroes is empty and ready: struct arena a = {0}. */

/* Zeroed memory, aligned for any type. */
void *arena_alloc(struct arena *a, size_t n);
/* n objects of size bytes, checked for overflow. */
void *arena_array(struct arena *a, size_t n, size_t size);
/* An array with room for cap objects, whose first n are copied from p: to keep an array, or to let one grow. No room: NULL. */
void *arena_copy(struct arena *a, const void *p, size_t n, size_t cap, size_t size);
/* An array of the arena that grows: cap objects at p, n of them in use, become more of them, whose rest is zeroed. Large ones are blocks of their own: what they
 * leave is given back, and is not wasted until the arena is freed as with arena_copy(). */
void *arena_grow(struct arena *a, void *p, size_t n, size_t cap, size_t more, size_t size);
/* A copy of s, with a NUL after it that s.n does not count. */
struct str arena_str(struct arena *a, struct str s);
/* The same with ASCII letters in lower case. */
struct str arena_lower(struct arena *a, struct str s);
char *arena_cstr(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Gives everything back to the system; the arena can be used again. */
void arena_free(struct arena *a);

/* The same for what held a secret: it is overwritten first. */
void arena_free_secret(struct arena *a);

/* x_malloc and relatives never return NULL. */
void *x_malloc(size_t n);
void *x_calloc(size_t n, size_t size);
void *x_realloc(void *p, size_t n);
char *x_strdup(const char *z);
char *x_strndup(struct str s);

#define arena_new(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define x_new(type) ((type *)x_calloc(1, sizeof(type)))

#endif
