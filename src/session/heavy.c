/* SPDX-License-Identifier: Apache-2.0 */
/* Turns for heavy reading: see pool.h. */
#include "base/assert.h"
#include "session/pool_priv.h"

/* NONE: not interested. WAITING: in the queue. CALLED: has its turn, does not know yet. INSIDE. */
enum { HEAVY_NONE, HEAVY_WAITING, HEAVY_CALLED, HEAVY_INSIDE };

static void
room_setup(struct heavy_room *r, unsigned max, unsigned max_each)
{
	r->waiting_tail = &r->waiting;
	r->max = max > 0 ? max : 1;
	r->max_each = max_each > 0 ? max_each : 1;
}

void
heavy_setup(struct pool *p)
{
	unsigned heavy = p->o.heavy > 0 ? p->o.heavy : p->n_threads / 2;

	pthread_mutex_init(&p->heavy_lock, NULL);
	room_setup(&p->rooms[HEAVY_READING], heavy < p->n_threads ? heavy : p->n_threads - 1,
	    p->o.heavy_per_account > 0 ? p->o.heavy_per_account : 2);
	room_setup(&p->rooms[HEAVY_LOGIN], p->n_threads / 4, p->n_threads / 8);
}

void
heavy_teardown(struct pool *p)
{
	for (int i = 0; i < HEAVY_KINDS; i++) {
		ensure(p->rooms[i].waiting == NULL && p->rooms[i].now == 0);
		map_free(&p->rooms[i].accounts);
	}
	pthread_mutex_destroy(&p->heavy_lock);
}

void
heavy_init(struct heavy *h, struct pool *p, struct conn *c, uint64_t account)
{
	*h = (struct heavy){.pool = p, .conn = c, .account = account, .kind = HEAVY_READING};
}

void
heavy_init_login(struct heavy *h, struct pool *p, struct conn *c, uint64_t account)
{
	*h = (struct heavy){.pool = p, .conn = c, .account = account, .kind = HEAVY_LOGIN};
}

static uintptr_t
inside(struct heavy_room *r, uint64_t account)
{
	return (uintptr_t)map_get(&r->accounts, MAP_KEY(account));
}

static void
set_inside(struct heavy_room *r, uint64_t account, uintptr_t n)
{
	if (n == 0)
		map_del(&r->accounts, MAP_KEY(account));
	else
		map_put(&r->accounts, MAP_KEY(account), (void *)n);
}

static bool
free_for(struct heavy_room *r, uint64_t account)
{
	return r->now < r->max && inside(r, account) < r->max_each;
}

static void
admit(struct heavy_room *r, struct heavy *h, unsigned char state)
{
	r->now++;
	set_inside(r, h->account, inside(r, h->account) + 1);
	h->state = state;
}

/* A place became free: those who wait, in order, as far as there is room for them. */
static void
call_waiting(struct heavy_room *r)
{
	struct heavy **at = &r->waiting, *h;

	while ((h = *at) != NULL && r->now < r->max) {
		if (!free_for(r, h->account)) {
			at = &h->next;
			continue;
		}
		if ((*at = h->next) == NULL)
			r->waiting_tail = at;
		admit(r, h, HEAVY_CALLED);
		conn_wake(h->conn, CONN_EV_COMMIT);
	}
}

bool
heavy_enter(struct heavy *h)
{
	struct pool *p = h->pool;
	struct heavy_room *r = &p->rooms[h->kind];
	bool in;

	pthread_mutex_lock(&p->heavy_lock);
	ensure(h->state != HEAVY_INSIDE);
	if (h->state == HEAVY_CALLED) {
		h->state = HEAVY_INSIDE;
	} else if (h->state == HEAVY_NONE && free_for(r, h->account)) {
		/* Those who wait either have no room for their account, or there is none at all. */
		admit(r, h, HEAVY_INSIDE);
	} else if (h->state == HEAVY_NONE) {
		h->state = HEAVY_WAITING;
		h->next = NULL;
		*r->waiting_tail = h;
		r->waiting_tail = &h->next;
	}
	in = h->state == HEAVY_INSIDE;
	pthread_mutex_unlock(&p->heavy_lock);
	return in;
}

static void
forget(struct heavy_room *r, struct heavy *h)
{
	struct heavy **at = &r->waiting;

	while (*at != h)
		at = &(*at)->next;
	if ((*at = h->next) == NULL)
		r->waiting_tail = at;
}

void
heavy_leave(struct heavy *h)
{
	struct pool *p = h->pool;
	struct heavy_room *r;

	if (p == NULL)
		return;
	r = &p->rooms[h->kind];
	pthread_mutex_lock(&p->heavy_lock);
	if (h->state == HEAVY_WAITING) {
		forget(r, h);
	} else if (h->state != HEAVY_NONE) {
		r->now--;
		set_inside(r, h->account, inside(r, h->account) - 1);
		call_waiting(r);
	}
	h->state = HEAVY_NONE;
	pthread_mutex_unlock(&p->heavy_lock);
}
