/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing with a key of the process's own, so that nobody can choose what collides. */
#include "base/map.h"

#include <pthread.h>
#include <stdlib.h>
#include "base/arena.h"
#include "base/random.h"

struct map_slot {
	uint64_t hash;
	char *key; /* NULL: never used */
	size_t n;
	void *value; /* NULL with a key: deleted */
};

static uint64_t sip_key[2];
static pthread_once_t sip_once = PTHREAD_ONCE_INIT;

static void
sip_fill(void)
{
	random_bytes(sip_key, sizeof(sip_key));
}

static inline uint64_t
rotl(uint64_t x, int b)
{
	return x << b | x >> (64 - b);
}

static inline void
sip_round(uint64_t v[4])
{
	v[0] += v[1], v[1] = rotl(v[1], 13), v[1] ^= v[0], v[0] = rotl(v[0], 32);
	v[2] += v[3], v[3] = rotl(v[3], 16), v[3] ^= v[2];
	v[0] += v[3], v[3] = rotl(v[3], 21), v[3] ^= v[0];
	v[2] += v[1], v[1] = rotl(v[1], 17), v[1] ^= v[2], v[2] = rotl(v[2], 32);
}

uint64_t
hash_keyed(struct str s)
{
	uint64_t v[4], word, tail = (uint64_t)s.n << 56;
	size_t i;

	pthread_once(&sip_once, sip_fill);
	v[0] = sip_key[0] ^ 0x736f6d6570736575u;
	v[1] = sip_key[1] ^ 0x646f72616e646f6du;
	v[2] = sip_key[0] ^ 0x6c7967656e657261u;
	v[3] = sip_key[1] ^ 0x7465646279746573u;
	for (i = 0; i + 8 <= s.n; i += 8) {
		memcpy(&word, s.p + i, 8);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	for (unsigned k = 0; i < s.n; i++, k++)
		tail |= (uint64_t)(unsigned char)s.p[i] << (8 * k);
	v[3] ^= tail;
	sip_round(v);
	v[0] ^= tail;
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* The slot of the key, or the one where it would go. m->cap must not be 0. */
static struct map_slot *
find(const struct map *m, struct str key, uint64_t hash)
{
	struct map_slot *free_slot = NULL;

	for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
		struct map_slot *s = &m->slots[i];

		if (s->key == NULL)
			return free_slot ? free_slot : s;
		if (s->value == NULL) {
			if (free_slot == NULL)
				free_slot = s;
		} else if (s->hash == hash && str_eq(str_of(s->key, s->n), key)) {
			return s;
		}
	}
}

static void
grow(struct map *m)
{
	struct map old = *m;

	m->cap = m->n * 2 < 8 ? 8 : 1;
	while (m->cap < m->n * 2 + 2)
		m->cap *= 2;
	m->slots = x_calloc(m->cap, sizeof(*m->slots));
	m->used = m->n;
	for (size_t i = 0; i < old.cap; i++) {
		struct map_slot *s = &old.slots[i];

		if (s->value != NULL)
			*find(m, str_of(s->key, s->n), s->hash) = *s;
		else
			free(s->key);
	}
	free(old.slots);
}

void *
map_get(const struct map *m, struct str key)
{
	return m->n ? find(m, key, hash_keyed(key))->value : NULL;
}

void *
map_put(struct map *m, struct str key, void *value)
{
	uint64_t hash = hash_keyed(key);
	struct map_slot *s;
	void *old;

	if (m->used * 4 >= m->cap * 3)
		grow(m);
	s = find(m, key, hash);
	old = s->value;
	if (old == NULL) {
		if (s->key == NULL)
			m->used++;
		free(s->key);
		s->key = x_strndup(key);
		s->n = key.n;
		s->hash = hash;
		m->n++;
	}
	s->value = value;
	return old;
}

void *
map_del(struct map *m, struct str key)
{
	struct map_slot *s;
	void *old;

	if (m->n == 0)
		return NULL;
	s = find(m, key, hash_keyed(key));
	if ((old = s->value) != NULL) {
		s->value = NULL;
		m->n--;
	}
	return old;
}

bool
map_next(const struct map *m, size_t *at, struct str *key_r, void **value_r)
{
	for (; *at < m->cap; ++*at) {
		struct map_slot *s = &m->slots[*at];

		if (s->value != NULL) {
			if (key_r)
				*key_r = str_of(s->key, s->n);
			*value_r = s->value;
			++*at;
			return true;
		}
	}
	return false;
}

void
map_free(struct map *m)
{
	for (size_t i = 0; i < m->cap; i++)
		free(m->slots[i].key);
	free(m->slots);
	*m = (struct map){0};
}
