/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords that were right a moment ago, as keyed hashes, so that the next login need not pay for the slow one. */
#include "auth/cache.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdlib.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/assert.h"
#include "base/lock.h"
#include "base/map.h"
#include "base/random.h"

#define SLOTS 16384 /* a power of two */

struct slot {
	int64_t account; /* 0: empty */
	int64_t until;
	uint8_t mac[32]; /* of account, generation and password */
};
struct cache {
	struct lock lock;
	int64_t life; /* microseconds */
	uint8_t key[32];
	struct slot slot[SLOTS];
};

struct cache *
cache_new(unsigned seconds)
{
	struct cache *c = x_calloc(1, sizeof(*c));

	lock_init(&c->lock, LOCK_auth_cache);
	c->life = (int64_t)seconds * 1000000;
	random_bytes(c->key, sizeof(c->key));
	return c;
}

void
cache_free(struct cache *c)
{
	if (c == NULL)
		return;
	lock_fini(&c->lock);
	explicit_bzero(c, sizeof(*c));
	free(c);
}

static struct slot *
slot_of(struct cache *c, int64_t account)
{
	return &c->slot[hash_keyed(MAP_KEY(account)) & (SLOTS - 1)];
}

static void
mac_of(struct cache *c, int64_t account, uint64_t generation, struct str password, uint8_t mac[32])
{
	struct buf b = {0};
	unsigned n = 32;

	buf_add(&b, MAP_KEY(account));
	buf_add(&b, MAP_KEY(generation));
	buf_add(&b, password);
	ensure(HMAC(EVP_sha256(), c->key, sizeof(c->key), (const unsigned char *)b.p, b.n, mac,
		   &n) != NULL);
	buf_free_secret(&b);
}

bool
cache_has(struct cache *c, int64_t account, uint64_t generation, struct str password, int64_t now)
{
	uint8_t mac[32];
	struct slot *s;
	bool has;

	ensure(account != 0); /* 0 is an empty slot */
	if (c->life == 0)
		return false;
	mac_of(c, account, generation, password, mac);
	lock_take(&c->lock);
	s = slot_of(c, account);
	has = s->account == account && now < s->until &&
	      str_eq_secret(str_of(s->mac, 32), str_of(mac, 32));
	lock_give(&c->lock);
	return has;
}

void
cache_put(struct cache *c, int64_t account, uint64_t generation, struct str password, int64_t now)
{
	uint8_t mac[32];
	struct slot *s;

	ensure(account != 0);
	if (c->life == 0)
		return;
	mac_of(c, account, generation, password, mac);
	lock_take(&c->lock);
	s = slot_of(c, account);
	s->account = account;
	s->until = now + c->life;
	memcpy(s->mac, mac, 32);
	lock_give(&c->lock);
}

void
cache_forget(struct cache *c, int64_t account)
{
	struct slot *s;

	lock_take(&c->lock);
	s = slot_of(c, account);
	if (s->account == account)
		*s = (struct slot){0};
	lock_give(&c->lock);
}
