/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The change feed. Each announcement is a hook of its write (db_after_commit). All write functions of a group run before
 * the first hook is called, so when as many hooks were called or dropped as were set, the group is over: the events gathered
 * meanwhile are then told, one for each mailbox and kind, in the order in which they first came.
 */
#include "store/feed_priv.h"

#include <stdatomic.h>
#include <stdlib.h>
#include "base/assert.h"
#include "store/store_priv.h"

#define BUCKETS 256

struct pending {
	struct store_event ev;
	size_t next; /* in its bucket; index + 1 */
};

/* Everything but the subscribers is the committer's thread's alone. */
struct feed {
	_Atomic(struct store_subscriber *) subs[STORE_SUBSCRIBERS];
	size_t open; /* hooks set, neither called nor dropped */
	struct pending *pending;
	size_t n, cap;
	size_t bucket[BUCKETS]; /* index + 1 */
};

struct hook {
	struct feed *feed;
	struct store_event ev;
};

struct feed *
feed_new(void)
{
	return x_new(struct feed);
}

void
feed_free(struct feed *f)
{
	if (f == NULL)
		return;
	ensure(f->open == 0 && f->n == 0);
	free(f->pending);
	free(f);
}

void
store_subscribe(struct store *s, struct store_subscriber *sub)
{
	for (size_t i = 0; i < STORE_SUBSCRIBERS; i++) {
		struct store_subscriber *none = NULL;

		if (atomic_compare_exchange_strong(&s->feed->subs[i], &none, sub))
			return;
	}
	die("the change feed has no room for a subscriber");
}

void
store_unsubscribe(struct store *s, struct store_subscriber *sub)
{
	for (size_t i = 0; i < STORE_SUBSCRIBERS; i++) {
		struct store_subscriber *it = sub;

		if (atomic_compare_exchange_strong(&s->feed->subs[i], &it, NULL))
			return;
	}
}

static size_t *
bucket_of(struct feed *f, const struct store_event *ev)
{
	uint64_t h = ((uint64_t)ev->mailbox * 4 + ev->kind + (uint64_t)ev->account * 7) * 0x9e3779b97f4a7c15u;
	return &f->bucket[h >> 56];
}

/* Adds an event, or brings the one of the same mailbox and kind up to date. */
static void
gather(struct feed *f, const struct store_event *ev)
{
	size_t *b = bucket_of(f, ev);

	for (size_t i = *b; i != 0; i = f->pending[i - 1].next) {
		struct store_event *old = &f->pending[i - 1].ev;
		if (old->mailbox != ev->mailbox || old->kind != ev->kind || old->account != ev->account)
			continue;
		if (ev->modseq > old->modseq)
			old->modseq = ev->modseq;
		if (ev->uidnext > old->uidnext)
			old->uidnext = ev->uidnext;
		return;
	}
	if (f->n == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 64;
		f->pending = x_realloc(f->pending, f->cap * sizeof(*f->pending));
	}
	ensure(*b <= f->n);
	f->pending[f->n] = (struct pending){*ev, *b};
	*b = ++f->n;
}

static void
tell(struct feed *f, const struct store_event *ev)
{
	for (size_t i = 0; i < STORE_SUBSCRIBERS; i++) {
		struct store_subscriber *sub = atomic_load(&f->subs[i]);

		if (sub != NULL)
			sub->fn(sub->arg, ev);
	}
}

static void
flush(struct feed *f)
{
	for (size_t i = 0; i < f->n; i++) {
		tell(f, &f->pending[i].ev);
		*bucket_of(f, &f->pending[i].ev) = 0;
	}
	f->n = 0;
}

static void
closed(struct hook *h)
{
	struct feed *f = h->feed;

	free(h);
	ensure(f->open > 0);
	if (--f->open == 0)
		flush(f);
}

static void
hook_committed(void *arg)
{
	struct hook *h = arg;

	gather(h->feed, &h->ev);
	closed(h);
}

static void
hook_dropped(void *arg)
{
	closed(arg);
}

static void
announce(struct store *s, struct db_txn *txn, struct store_event ev)
{
	struct hook *h = x_new(struct hook);

	h->feed = s->feed;
	h->ev = ev;
	s->feed->open++;
	db_after_commit(txn, hook_committed, hook_dropped, h);
}

void
feed_messages(struct store *s, struct db_txn *txn, int64_t account, int64_t mailbox, uint64_t modseq, uint32_t uidnext)
{
	announce(s, txn, (struct store_event){EVENT_MESSAGES, account, mailbox, modseq, uidnext});
}

void
feed_mailbox(struct store *s, struct db_txn *txn, enum store_event_kind kind, int64_t account, int64_t mailbox)
{
	announce(s, txn, (struct store_event){.kind = kind, .account = account, .mailbox = mailbox});
}

void
feed_account(struct store *s, struct db_txn *txn, int64_t account, enum account_event what)
{
	announce(s, txn, (struct store_event){.kind = EVENT_ACCOUNT, .account = account, .modseq = what});
}

void
feed_quota(struct store *s, struct db_txn *txn, int64_t account)
{
	announce(s, txn, (struct store_event){.kind = EVENT_QUOTA, .account = account});
}
