/* SPDX-License-Identifier: Apache-2.0 */
/* Shards by hash of the mailbox, each with a lock; lists of watchers. */
#include "session/hub.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/queue.h>
#include "base/arena.h"
#include "base/assert.h"
#include "base/lock.h"
#include "base/map.h"

#define SHARDS 64u

struct key {
	uint64_t account, mailbox;
};

/* How many mailboxes that nobody watches any more a shard remembers. */
#define RETIRED_MOST 64u

/*
 * One watched mailbox (or account: mailbox 0). It lives while it has watchers, and for a while after, because the store's own mark is written lazily: who selects the mailbox the moment after must not be
 * told the same messages to be recent again.
 */
struct live {
	enum magic magic;
	STAILQ_ENTRY(live) retired; /* while n is 0 */
	struct key key;
	struct shard *shard;
	_Atomic uint64_t modseq;
	uint32_t recent;            /* the first UID that no session was told to be \Recent */
	unsigned n;
	struct watcher *watchers;
};

STAILQ_HEAD(live_queue, live);

/* Its lock guards the map, the lists of its live objects and their recent marks. */
struct shard {
	struct lock lock;
	struct map lives;
	struct live_queue retired; /* oldest first */
	unsigned n_retired;
} __attribute__((aligned(64)));

struct hub {
	struct shard shards[SHARDS];
};

struct hub *
hub_new(void)
{
	struct hub *hub = aligned_alloc(64, sizeof(*hub));

	if (hub == NULL)
		die("out of memory");
	memset(hub, 0, sizeof(*hub));
	for (unsigned i = 0; i < SHARDS; i++) {
		lock_init(&hub->shards[i].lock, LOCK_hub);
		STAILQ_INIT(&hub->shards[i].retired);
	}
	return hub;
}

/* Forgets the live object that retired first. */
static void
forget_oldest(struct shard *s)
{
	struct live *l = STAILQ_FIRST(&s->retired);

	ensure(l->magic == MAGIC_LIVE && l->n == 0 && l->watchers == NULL);
	l->magic = MAGIC_DEAD;
	STAILQ_REMOVE_HEAD(&s->retired, retired);
	s->n_retired--;
	map_del(&s->lives, MAP_KEY(l->key));
	free(l);
}

void
hub_free(struct hub *hub)
{
	if (hub == NULL)
		return;
	for (unsigned i = 0; i < SHARDS; i++) {
		while (hub->shards[i].n_retired > 0)
			forget_oldest(&hub->shards[i]);
		ensure(hub->shards[i].lives.n == 0);
		map_free(&hub->shards[i].lives);
		lock_fini(&hub->shards[i].lock);
	}
	free(hub);
}

/* Ids are our own, made by counting: no key is needed here. */
static struct shard *
shard_of(struct hub *hub, struct key k)
{
	uint64_t h = (k.account * UINT64_C(0x9e3779b97f4a7c15)) ^ (k.mailbox * UINT64_C(0xc2b2ae3d27d4eb4f));

	return &hub->shards[(h >> 40) % SHARDS];
}

void
hub_watch(struct hub *hub, uint64_t account, uint64_t mailbox, struct watcher *w, struct conn *c)
{
	struct key k = {account, mailbox};
	struct shard *s = shard_of(hub, k);
	struct live *l;

	ensure(w->live == NULL && w->magic != MAGIC_WATCHER && c != NULL);
	w->magic = MAGIC_WATCHER;
	w->conn = c;
	atomic_store(&w->push, false);
	lock_take(&s->lock);
	if ((l = map_get(&s->lives, MAP_KEY(k))) == NULL) {
		l = x_new(struct live);
		l->magic = MAGIC_LIVE;
		l->key = k;
		l->shard = s;
		map_put(&s->lives, MAP_KEY(k), l);
	} else if (l->n == 0) {
		ensure(s->n_retired > 0);
		STAILQ_REMOVE(&s->retired, l, live, retired);
		s->n_retired--;
	}
	if ((w->next = l->watchers) != NULL)
		w->next->prev = &w->next;
	w->prev = &l->watchers;
	l->watchers = w;
	l->n++;
	w->live = l;
	lock_give(&s->lock);
}

void
hub_unwatch(struct hub *hub, struct watcher *w)
{
	struct live *l = w->live;
	struct shard *s;

	(void)hub;
	if (l == NULL)
		return;
	s = l->shard;
	lock_take(&s->lock);
	ensure(w->magic == MAGIC_WATCHER && l->magic == MAGIC_LIVE && l->n > 0 && *w->prev == w);
	if ((*w->prev = w->next) != NULL)
		w->next->prev = w->prev;
	if (--l->n == 0) {
		STAILQ_INSERT_TAIL(&s->retired, l, retired);
		if (++s->n_retired > RETIRED_MOST)
			forget_oldest(s);
	}
	lock_give(&s->lock);
	*w = (struct watcher){0};
}

void
watcher_push(struct watcher *w, bool on)
{
	/* Sequentially consistent, as are the stores and loads of modseq: either the watcher sees
	 * the new mod-sequence, or hub_changed() sees push. */
	atomic_store(&w->push, on);
}

bool
watcher_watches(const struct watcher *w)
{
	return w->live != NULL;
}

uint64_t
hub_modseq(const struct watcher *w)
{
	return w->live == NULL ? 0 : atomic_load(&w->live->modseq);
}

static void
tell(struct hub *hub, struct key k, uint64_t modseq)
{
	struct shard *s = shard_of(hub, k);
	struct live *l;

	lock_take(&s->lock);
	if ((l = map_get(&s->lives, MAP_KEY(k))) != NULL) {
		/* Commits may be told out of order; the account's object counts. */
		if (k.mailbox == 0 || k.mailbox == HUB_LOGINS)
			atomic_fetch_add(&l->modseq, 1);
		else if (modseq > atomic_load(&l->modseq))
			atomic_store(&l->modseq, modseq);
		for (struct watcher *w = l->watchers; w != NULL; w = w->next) {
			ensure(w->magic == MAGIC_WATCHER && w->live == l);
			if (atomic_load(&w->push))
				conn_wake(w->conn, k.mailbox == HUB_LOGINS ? CONN_EV_CHANGE | CONN_EV_USER : CONN_EV_CHANGE);
		}
	}
	lock_give(&s->lock);
}

void
hub_changed(struct hub *hub, uint64_t account, uint64_t mailbox, uint64_t modseq)
{
	if (mailbox != 0)
		tell(hub, (struct key){account, mailbox}, modseq);
	if (mailbox != HUB_LOGINS)
		tell(hub, (struct key){account, 0}, modseq);
}

static uint32_t
recent(struct watcher *w, uint32_t stored, uint32_t uidnext, bool take)
{
	struct live *l = w->live;
	uint32_t first;

	ensure(l != NULL && l->magic == MAGIC_LIVE);
	lock_take(&l->shard->lock);
	/* The store's mark may lag behind (it is written lazily), or be ahead after a restart of ours. */
	first = l->recent > stored ? l->recent : stored;
	if (first > uidnext)
		first = uidnext;
	if (take && uidnext > l->recent)
		l->recent = uidnext;
	lock_give(&l->shard->lock);
	return first;
}

uint32_t
hub_recent_claim(struct watcher *w, uint32_t stored, uint32_t uidnext)
{
	return recent(w, stored, uidnext, true);
}

uint32_t
hub_recent_peek(struct watcher *w, uint32_t stored, uint32_t uidnext)
{
	return recent(w, stored, uidnext, false);
}

unsigned
hub_watchers(struct hub *hub, uint64_t account, uint64_t mailbox)
{
	struct key k = {account, mailbox};
	struct shard *s = shard_of(hub, k);
	struct live *l;
	unsigned n;

	lock_take(&s->lock);
	l = map_get(&s->lives, MAP_KEY(k));
	n = l == NULL ? 0 : l->n;
	lock_give(&s->lock);
	return n;
}
