/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map: a hash map from byte strings to pointers, with a random key (SipHash-1-3), so that nobody
 * outside can choose colliding keys (S6). Open addressing. The map copies keys and owns the copies;
 * values are the caller's. One thread at a time. A map of zeroes is empty and ready.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/str.h"

struct map_slot;
struct map {
	struct map_slot *slots;
	size_t cap;  /* a power of two, or 0 */
	size_t used; /* live and deleted slots */
	size_t n;    /* live entries */
};

/* The value, or NULL. */
void *map_get(const struct map *m, struct str key);
/* Sets the value, which must not be NULL; returns the one it replaces, or NULL. */
void *map_put(struct map *m, struct str key, void *value);
/* Removes the key; returns its value, or NULL. */
void *map_del(struct map *m, struct str key);
/* Walks the entries in no order: start with *at = 0; false at the end. The map must not change. */
bool map_next(const struct map *m, size_t *at, struct str *key_r, void **value_r);
void map_free(struct map *m);

/* A number as a key: MAP_KEY(id) is the bytes of the variable id. */
#define MAP_KEY(var) str_of(&(var), sizeof(var))

/* The keyed hash itself, for other tables. */
uint64_t hash_keyed(struct str s);

#endif
