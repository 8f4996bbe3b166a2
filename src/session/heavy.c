/* SPDX-License-Identifier: Apache-2.0 */
/* Turns for heavy reading: see pool.h. */
#include <stdlib.h>
#include "base/arena.h"
#include "base/assert.h"
#include "base/clock.h"
#include "session/pool_priv.h"

/* NONE: not interested. WAITING: in the queue. CALLED: has its turn, does not know yet. INSIDE. */
enum { HEAVY_NONE, HEAVY_WAITING, HEAVY_CALLED, HEAVY_INSIDE };

/* So long an account keeps its share while it does not ask: between two steps of one search. */
#define KNOWN_US 100000

static void
room_setup(struct heavy_room *r, unsigned max, unsigned max_each)
{
	TAILQ_INIT(&r->asking);
	TAILQ_INIT(&r->known);
	r->max = max > 0 ? max : 1;
	r->max_each = max_each > 0 ? max_each : 1;
}

void
heavy_setup(struct pool *p)
{
	unsigned heavy = p->o.heavy > 0 ? p->o.heavy : p->n_threads / 2;

	lock_init(&p->heavy_lock, LOCK_pool_heavy);
	room_setup(&p->rooms[HEAVY_READING], heavy < p->n_threads ? heavy : p->n_threads - 1,
	    p->o.heavy_per_account > 0 ? p->o.heavy_per_account : 2);
	room_setup(&p->rooms[HEAVY_LOGIN], p->n_threads / 4, p->n_threads / 8);
}

static void
forget_account(struct heavy_room *r, struct heavy_account *a)
{
	ensure(a->inside == 0 && a->waiting == NULL && r->known_n > 0);
	TAILQ_REMOVE(&r->known, a, known);
	r->known_n--;
	map_del(&r->accounts, MAP_KEY(a->id));
	free(a);
}

void
heavy_teardown(struct pool *p)
{
	for (int i = 0; i < HEAVY_KINDS; i++) {
		struct heavy_room *r = &p->rooms[i];

		ensure(TAILQ_EMPTY(&r->asking) && r->now == 0);
		while (!TAILQ_EMPTY(&r->known))
			forget_account(r, TAILQ_FIRST(&r->known));
		map_free(&r->accounts);
	}
	lock_fini(&p->heavy_lock);
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

/* ---- accounts ---- */

/* The account, seen now. */
static struct heavy_account *
see(struct heavy_room *r, uint64_t id)
{
	struct heavy_account *a = map_get(&r->accounts, MAP_KEY(id));

	if (a == NULL) {
		a = x_new(struct heavy_account);
		a->id = id;
		a->tail = &a->waiting;
		(void)map_put(&r->accounts, MAP_KEY(a->id), a);
		r->known_n++;
	} else {
		TAILQ_REMOVE(&r->known, a, known);
	}
	a->seen = clock_mono();
	TAILQ_INSERT_TAIL(&r->known, a, known);
	return a;
}

/* Forgets those that have nothing to do with this room any more. */
static void
forget_old(struct heavy_room *r)
{
	struct heavy_account *a, *next;
	int64_t now = clock_mono();

	for (a = TAILQ_FIRST(&r->known); a != NULL && now - a->seen > KNOWN_US; a = next) {
		next = TAILQ_NEXT(a, known);
		if (a->inside == 0 && a->waiting == NULL)
			forget_account(r, a);
	}
}

/* How many turns each account may have now. */
static unsigned
share(const struct heavy_room *r)
{
	unsigned each = r->known_n > 0 ? r->max / r->known_n : r->max;

	return each == 0 ? 1 : each < r->max_each ? each : r->max_each;
}

/* ---- turns ---- */

static struct heavy *
take_first(struct heavy_room *r, struct heavy_account *a)
{
	struct heavy *h = a->waiting;

	ensure(h != NULL && h->state == HEAVY_WAITING);
	TAILQ_REMOVE(&r->asking, a, asking);
	if ((a->waiting = h->next) == NULL)
		a->tail = &a->waiting;
	else
		TAILQ_INSERT_TAIL(&r->asking, a, asking);
	return h;
}

/* What is kept free for accounts that do not have their share just now. */
static unsigned
reserved(const struct heavy_room *r, unsigned each)
{
	const struct heavy_account *a;
	unsigned sum = 0;

	TAILQ_FOREACH(a, &r->known, known)
		sum += a->inside < each ? each - a->inside : 0;
	return sum;
}

/* The first of those who wait whose account has fewer turns than that, or NULL. */
static struct heavy *
first_below(struct heavy_room *r, unsigned turns)
{
	struct heavy_account *a;

	TAILQ_FOREACH(a, &r->asking, asking) {
		if (a->inside < turns) {
			r->now++;
			a->inside++;
			return take_first(r, a);
		}
	}
	return NULL;
}

/* The next of those who wait, or NULL: first who does not have his share, then who may have more than that of what is left over. */
static struct heavy *
next_waiting(struct heavy_room *r)
{
	unsigned each = share(r);
	struct heavy *h = first_below(r, each);

	if (h == NULL && r->known_n < r->max && r->max - r->now > reserved(r, each))
		h = first_below(r, r->max_each);
	return h;
}

/* Those who wait, in turn, as far as there is room for them. The one that asks this moment comes in itself, the others are called. */
static void
admit(struct heavy_room *r, const struct heavy *asks)
{
	struct heavy *h;

	forget_old(r);
	while (r->now < r->max && (h = next_waiting(r)) != NULL) {
		ensure(r->now <= r->max);
		h->state = h == asks ? HEAVY_INSIDE : HEAVY_CALLED;
		if (h != asks)
			conn_wake(h->conn, CONN_EV_WAKE);
	}
}

bool
heavy_enter(struct heavy *h)
{
	struct pool *p = h->pool;
	struct heavy_room *r = &p->rooms[h->kind];
	bool in;

	lock_take(&p->heavy_lock);
	ensure(h->state != HEAVY_INSIDE);
	if (h->state == HEAVY_CALLED) {
		h->state = HEAVY_INSIDE;
	} else if (h->state == HEAVY_NONE) {
		struct heavy_account *a = see(r, h->account);

		if (a->waiting == NULL)
			TAILQ_INSERT_TAIL(&r->asking, a, asking);
		h->state = HEAVY_WAITING;
		h->next = NULL;
		*a->tail = h;
		a->tail = &h->next;
		admit(r, h);
	}
	in = h->state == HEAVY_INSIDE;
	lock_give(&p->heavy_lock);
	return in;
}

/* It does not wait any more. */
static void
forget(struct heavy_room *r, struct heavy_account *a, struct heavy *h)
{
	struct heavy **at = &a->waiting;

	while (*at != h) {
		ensure(*at != NULL);
		at = &(*at)->next;
	}
	if ((*at = h->next) == NULL)
		a->tail = at;
	if (a->waiting == NULL)
		TAILQ_REMOVE(&r->asking, a, asking);
}

void
heavy_leave(struct heavy *h)
{
	struct pool *p = h->pool;
	struct heavy_room *r;

	if (p == NULL)
		return;
	r = &p->rooms[h->kind];
	lock_take(&p->heavy_lock);
	if (h->state != HEAVY_NONE) {
		struct heavy_account *a = see(r, h->account);

		if (h->state == HEAVY_WAITING) {
			forget(r, a, h);
		} else {
			ensure(r->now > 0 && a->inside > 0);
			r->now--;
			a->inside--;
		}
		h->state = HEAVY_NONE;
		admit(r, NULL);
	}
	lock_give(&p->heavy_lock);
}
