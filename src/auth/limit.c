/* SPDX-License-Identifier: Apache-2.0 */
/* Counts failures in leaking buckets, a fixed table of them. */
#include "auth/limit.h"

#include <pthread.h>
#include <stdlib.h>
#include "base/assert.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/lock.h"
#include "base/map.h"

#define SLOTS 32768 /* a power of two */
#define WAYS 8      /* slots that a key may take */

enum kind { PAIR, ADDRESS, USER, KINDS };
static const struct {
	uint32_t most; /* failures... */
	uint32_t leak; /* ...of which one is forgotten in so many seconds */
} rules[KINDS] = {
    [PAIR] = {10, 30},
    [ADDRESS] = {200, 2},
    [USER] = {100, 10},
};

/* level counts failures in thousandths, as of the time at. */
struct slot {
	uint64_t key;
	int64_t at;
	uint32_t level;
	uint32_t leak; /* seconds a failure */
};
struct limit {
	struct lock lock;
	struct slot slot[SLOTS];
};

struct limit *
limit_new(void)
{
	struct limit *l = x_calloc(1, sizeof(*l));

	lock_init(&l->lock, LOCK_auth_limit);
	return l;
}

void
limit_free(struct limit *l)
{
	if (l == NULL)
		return;
	lock_fini(&l->lock);
	free(l);
}

static uint64_t
key_of(const struct limit_who *who, enum kind kind)
{
	struct buf b = {0};
	uint64_t key;

	buf_addc(&b, (char)kind);
	if (kind != USER)
		buf_add(&b, network_str(who->where));
	if (kind != ADDRESS)
		buf_add(&b, who->user);
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
	s->at += gone * 1000 * (int64_t)s->leak;
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

	ensure(key != 0 && leak_seconds > 0); /* 0 is an empty slot; what never leaks would shut somebody out for ever */
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

static bool
concerns(const struct limit_who *who, enum kind kind)
{
	return kind != USER || !who->known;
}

static enum limit_verdict
ask(struct limit *l, const struct limit_who *who, int64_t now)
{
	enum limit_verdict v = LIMIT_OK;

	for (enum kind k = 0; k < KINDS; k++) {
		struct slot *s = concerns(who, k) ? find(l, key_of(who, k), now) : NULL;

		if (s == NULL || s->level + 1000 <= rules[k].most * 1000)
			continue;
		if (k != USER)
			return LIMIT_PLACE;
		v = LIMIT_USER;
	}
	return v;
}

enum limit_verdict
limit_ask(struct limit *l, const struct limit_who *who, int64_t now)
{
	enum limit_verdict v;

	if (who->where == NULL)
		return LIMIT_OK;
	lock_take(&l->lock);
	v = ask(l, who, now);
	lock_give(&l->lock);
	return v;
}

enum limit_verdict
limit_take(struct limit *l, const struct limit_who *who, int64_t now)
{
	enum limit_verdict v;

	if (who->where == NULL)
		return LIMIT_OK;
	lock_take(&l->lock);
	v = ask(l, who, now);
	for (enum kind k = 0; k < KINDS && v == LIMIT_OK; k++)
		if (concerns(who, k)) {
			struct slot *s = take(l, key_of(who, k), rules[k].leak, now);

			s->level += 1000;
			ensure(s->level <= rules[k].most * 1000); /* asked under the same lock */
		}
	lock_give(&l->lock);
	return v;
}

void
limit_succeeded(struct limit *l, const struct limit_who *who, int64_t now)
{
	if (who->where == NULL)
		return;
	lock_take(&l->lock);
	for (enum kind k = 0; k < KINDS; k++) {
		struct slot *s = concerns(who, k) ? find(l, key_of(who, k), now) : NULL;

		if (s != NULL)
			s->level = k == PAIR || s->level < 1000 ? 0 : s->level - 1000;
	}
	lock_give(&l->lock);
}
