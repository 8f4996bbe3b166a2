/* SPDX-License-Identifier: Apache-2.0 */
/* Turns for heavy reading: see pool.h. */
#include "base/assert.h"
#include "session/pool_priv.h"

/* NONE: not interested. WAITING: in the queue. CALLED: has its turn, does not know yet. INSIDE. */
enum { HEAVY_NONE, HEAVY_WAITING, HEAVY_CALLED, HEAVY_INSIDE };

void
heavy_setup(struct pool *p)
{
	pthread_mutex_init(&p->heavy_lock, NULL);
	p->waiting_tail = &p->waiting;
	if (p->o.heavy == 0)
		p->o.heavy = p->n_threads / 2;
	if (p->o.heavy >= p->n_threads)
		p->o.heavy = p->n_threads - 1;
	if (p->o.heavy == 0)
		p->o.heavy = 1;
	if (p->o.heavy_per_account == 0)
		p->o.heavy_per_account = 2;
}

void
heavy_teardown(struct pool *p)
{
	ensure(p->waiting == NULL && p->heavy_now == 0);
	map_free(&p->heavy_accounts);
	pthread_mutex_destroy(&p->heavy_lock);
}

void
heavy_init(struct heavy *h, struct pool *p, struct conn *c, uint64_t account)
{
	*h = (struct heavy){.pool = p, .conn = c, .account = account};
}

static uintptr_t
inside(struct pool *p, uint64_t account)
{
	return (uintptr_t)map_get(&p->heavy_accounts, MAP_KEY(account));
}

static void
set_inside(struct pool *p, uint64_t account, uintptr_t n)
{
	if (n == 0)
		map_del(&p->heavy_accounts, MAP_KEY(account));
	else
		map_put(&p->heavy_accounts, MAP_KEY(account), (void *)n);
}

static bool
free_for(struct pool *p, uint64_t account)
{
	return p->heavy_now < p->o.heavy && inside(p, account) < p->o.heavy_per_account;
}

static void
admit(struct pool *p, struct heavy *h, unsigned char state)
{
	p->heavy_now++;
	set_inside(p, h->account, inside(p, h->account) + 1);
	h->state = state;
}

/* A place became free: those who wait, in order, as far as there is room for them. */
static void
call_waiting(struct pool *p)
{
	struct heavy **at = &p->waiting, *h;

	while ((h = *at) != NULL && p->heavy_now < p->o.heavy) {
		if (!free_for(p, h->account)) {
			at = &h->next;
			continue;
		}
		if ((*at = h->next) == NULL)
			p->waiting_tail = at;
		admit(p, h, HEAVY_CALLED);
		conn_wake(h->conn, CONN_EV_COMMIT);
	}
}

bool
heavy_enter(struct heavy *h)
{
	struct pool *p = h->pool;
	bool in;

	pthread_mutex_lock(&p->heavy_lock);
	ensure(h->state != HEAVY_INSIDE);
	if (h->state == HEAVY_CALLED) {
		h->state = HEAVY_INSIDE;
	} else if (h->state == HEAVY_NONE && free_for(p, h->account)) {
		/* Those who wait either have no room for their account, or there is none at all. */
		admit(p, h, HEAVY_INSIDE);
	} else if (h->state == HEAVY_NONE) {
		h->state = HEAVY_WAITING;
		h->next = NULL;
		*p->waiting_tail = h;
		p->waiting_tail = &h->next;
	}
	in = h->state == HEAVY_INSIDE;
	pthread_mutex_unlock(&p->heavy_lock);
	return in;
}

static void
forget(struct pool *p, struct heavy *h)
{
	struct heavy **at = &p->waiting;

	while (*at != h)
		at = &(*at)->next;
	if ((*at = h->next) == NULL)
		p->waiting_tail = at;
}

void
heavy_leave(struct heavy *h)
{
	struct pool *p = h->pool;

	if (p == NULL)
		return;
	pthread_mutex_lock(&p->heavy_lock);
	if (h->state == HEAVY_WAITING) {
		forget(p, h);
	} else if (h->state != HEAVY_NONE) {
		p->heavy_now--;
		set_inside(p, h->account, inside(p, h->account) - 1);
		call_waiting(p);
	}
	h->state = HEAVY_NONE;
	pthread_mutex_unlock(&p->heavy_lock);
}
