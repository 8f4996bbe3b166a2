/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/limit.h"

#include <pthread.h>
#include <stdlib.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "store/account.h"

#define SLOTS 16384 /* a power of two */
#define WAYS 4      /* slots that a key may take */

#define PAIR_MAX 10  /* failures of one user from one address... */
#define PAIR_LEAK 30 /* ...of which one is forgotten in so many seconds */
#define ADDRESS_MAX 200
#define ADDRESS_LEAK 2

/* level counts failures in thousandths, as of the time at. */
struct slot {
	uint64_t key;
	int64_t at;
	uint32_t level;
	uint32_t leak; /* seconds a failure */
};
struct limit {
	pthread_mutex_t lock;
	struct slot slot[SLOTS];
};

struct limit *
limit_new(void)
{
	struct limit *l = x_calloc(1, sizeof(*l));

	pthread_mutex_init(&l->lock, NULL);
	return l;
}

void
limit_free(struct limit *l)
{
	if (l == NULL)
		return;
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/* The first four groups of an IPv6 address: whoever has one address has its /64. */
static struct str
network(struct str address)
{
	size_t colons = 0;

	if (str_find(address, STR("::"), 0) < 5)
		return address;
	for (size_t i = 0; i < address.n; i++)
		if (address.p[i] == ':' && ++colons == 4)
			return str_head(address, i);
	return address;
}

static uint64_t
key_of(struct str address, struct str user)
{
	struct buf b = {0};
	uint64_t key;

	buf_add(&b, network(address));
	buf_addc(&b, '\0');
	/* Another spelling is the same user. */
	if (account_fold(&b, user) != OK)
		for (size_t i = 0; i < user.n; i++)
			buf_addc(&b, ascii_lower(user.p[i]));
	key = hash_keyed(buf_str(&b));
	buf_free(&b);
	return key ? key : 1;
}

static void
leak(struct slot *s, int64_t now)
{
	int64_t gone = s->leak ? (now - s->at) / (1000 * (int64_t)s->leak) : 0;

	if (gone <= 0)
		return;
	s->level = gone >= s->level ? 0 : s->level - (uint32_t)gone;
	s->at = now;
}

/* The key's slot, or NULL. */
static struct slot *
find(struct limit *l, uint64_t key, int64_t now)
{
	for (unsigned i = 0; i < WAYS; i++) {
		struct slot *s = &l->slot[(key + i) & (SLOTS - 1)];

		if (s->key == key) {
			leak(s, now);
			return s;
		}
	}
	return NULL;
}

/* The key's slot; if it has none, the one that counts least. */
static struct slot *
take(struct limit *l, uint64_t key, uint32_t leak_seconds, int64_t now)
{
	struct slot *best = find(l, key, now);

	if (best != NULL)
		return best;
	for (unsigned i = 0; i < WAYS; i++) {
		struct slot *s = &l->slot[(key + i) & (SLOTS - 1)];

		leak(s, now);
		if (best == NULL || s->level < best->level)
			best = s;
	}
	*best = (struct slot){.key = key, .at = now, .leak = leak_seconds};
	return best;
}

bool
limit_allows(struct limit *l, struct str address, struct str user, int64_t now)
{
	struct slot *pair, *all;
	bool ok;

	if (address.n == 0)
		return true;
	pthread_mutex_lock(&l->lock);
	pair = find(l, key_of(address, user), now);
	all = find(l, key_of(address, STR("")), now);
	ok = (pair == NULL || pair->level < PAIR_MAX * 1000) &&
	     (all == NULL || all->level < ADDRESS_MAX * 1000);
	pthread_mutex_unlock(&l->lock);
	return ok;
}

void
limit_failed(struct limit *l, struct str address, struct str user, int64_t now)
{
	if (address.n == 0)
		return;
	pthread_mutex_lock(&l->lock);
	take(l, key_of(address, user), PAIR_LEAK, now)->level += 1000;
	if (user.n > 0)
		take(l, key_of(address, STR("")), ADDRESS_LEAK, now)->level += 1000;
	pthread_mutex_unlock(&l->lock);
}

void
limit_succeeded(struct limit *l, struct str address, struct str user)
{
	struct slot *s;

	if (address.n == 0 || user.n == 0)
		return;
	pthread_mutex_lock(&l->lock);
	if ((s = find(l, key_of(address, user), 0)) != NULL)
		s->level = 0;
	pthread_mutex_unlock(&l->lock);
}
