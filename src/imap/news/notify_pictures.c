/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures that the sessions of an account share. */
#include "imap/news/notify_pictures.h"

#include <pthread.h>
#include <stdlib.h>
#include "base/assert.h"
#include "base/lock.h"
#include "base/map.h"

struct pictures {
	struct lock lock;   /* also of users in the pictures, and of all in the takings but steps */
	struct map newest;  /* account: struct notify_picture */
	struct map takings; /* account: struct picture_taking, that others may join */
};

struct picture_taking {
	struct pictures *ps;
	int64_t account;
	uint64_t seen;
	unsigned users;
	bool busy;                   /* a thread is at its next step */
	struct picture_steps *steps; /* of the thread that made it busy; NULL once they are over */
	size_t memory;               /* of the steps */
	struct notify_picture *done; /* this holds it, too */
	enum status failed;
};

struct pictures *
pictures_new(void)
{
	struct pictures *ps = x_new(struct pictures);

	lock_init(&ps->lock, LOCK_notify_pictures);
	return ps;
}

void
pictures_free(struct pictures *ps)
{
	if (ps == NULL)
		return;
	ensure(ps->newest.n == 0 && ps->takings.n == 0);
	map_free(&ps->newest);
	map_free(&ps->takings);
	lock_fini(&ps->lock);
	free(ps);
}

static bool
fits(uint64_t seen, const struct picture_for *who)
{
	return seen == who->now || (who->newer && seen > who->told);
}

/* The newest picture, where that will do, or the taking that is joined or begun. Under the lock. */
static struct notify_picture *
find(struct pictures *ps, int64_t account, const struct picture_for *who, struct picture_taking **t)
{
	struct notify_picture *p = map_get(&ps->newest, MAP_KEY(account));
	struct picture_taking *other = map_get(&ps->takings, MAP_KEY(account));

	if (p != NULL && fits(p->seen, who)) {
		p->users++;
		return p;
	}
	if (other != NULL && fits(other->seen, who)) {
		*t = other;
	} else {
		*t = x_new(struct picture_taking);
		**t = (struct picture_taking){.ps = ps, .account = account, .seen = who->now, .steps = picture_steps_new()};
		if (other == NULL)
			(void)map_put(&ps->takings, MAP_KEY(account), *t);
	}
	(*t)->users++;
	return NULL;
}

/* It is over: nobody joins any more. */
static void
leave_takings(struct picture_taking *t)
{
	if (map_get(&t->ps->takings, MAP_KEY(t->account)) == t)
		(void)map_del(&t->ps->takings, MAP_KEY(t->account));
}

/* Two may have been taken at the same time: the newest is the one that others find. */
static void
finish(struct picture_taking *t, struct notify_picture *p)
{
	struct notify_picture *other = map_get(&t->ps->newest, MAP_KEY(t->account));

	ensure(t->done == NULL && p->shared == NULL); /* it is taken once */
	p->shared = t->ps;
	p->account = t->account;
	p->seen = t->seen;
	p->users = 1;
	t->done = p;
	if (other == NULL || other->seen < p->seen)
		(void)map_put(&t->ps->newest, MAP_KEY(t->account), p);
}

/* The next step, without the lock. */
static enum status
take_step(struct picture_taking *t, const struct actor *actor, struct db_txn *txn)
{
	struct notify_picture *p = NULL;
	enum status st = picture_step(t->steps, actor, txn, &p);

	lock_take(&t->ps->lock);
	t->busy = false;
	if (st == ERR_AGAIN) {
		t->memory = picture_steps_memory(t->steps);
	} else if (st == OK) {
		t->steps = NULL;
		finish(t, p);
		leave_takings(t);
	} else {
		t->failed = st;
		leave_takings(t);
	}
	lock_give(&t->ps->lock);
	return st;
}

enum status
pictures_get(struct pictures *ps, const struct actor *actor, struct db_txn *txn, const struct picture_for *who, struct picture_taking **t,
    struct notify_picture **p_r)
{
	struct notify_picture *p = NULL;
	bool mine = false;
	enum status st = OK;

	lock_take(&ps->lock);
	if (*t == NULL)
		p = find(ps, actor->account, who, t);
	if (p == NULL && (*t)->done == NULL && (st = (*t)->failed) == OK) {
		mine = !(*t)->busy;
		(*t)->busy = true;
		st = mine ? OK : ERR_CONFLICT;
	}
	lock_give(&ps->lock);
	if (mine)
		st = take_step(*t, actor, txn);
	if (st == ERR_AGAIN || st == ERR_CONFLICT)
		return st;
	if (p == NULL && st == OK) {
		lock_take(&ps->lock);
		p = (*t)->done;
		p->users++;
		lock_give(&ps->lock);
	}
	picture_taking_release(*t);
	*t = NULL;
	*p_r = p;
	return st;
}

size_t
picture_taking_memory(struct picture_taking *t)
{
	size_t n;

	if (t == NULL)
		return 0;
	lock_take(&t->ps->lock);
	n = t->memory;
	lock_give(&t->ps->lock);
	return n;
}

void
picture_taking_release(struct picture_taking *t)
{
	bool last;

	if (t == NULL)
		return;
	lock_take(&t->ps->lock);
	ensure(t->users > 0);
	last = --t->users == 0;
	if (last)
		leave_takings(t);
	lock_give(&t->ps->lock);
	if (!last)
		return;
	ensure(!t->busy);
	picture_steps_free(t->steps);
	picture_release(t->done);
	free(t);
}

void
picture_release(struct notify_picture *p)
{
	struct pictures *ps;
	bool last;

	if (p == NULL)
		return;
	ps = p->shared;
	lock_take(&ps->lock);
	ensure(p->users > 0);
	last = --p->users == 0;
	if (last && map_get(&ps->newest, MAP_KEY(p->account)) == p)
		(void)map_del(&ps->newest, MAP_KEY(p->account));
	lock_give(&ps->lock);
	if (last)
		picture_free(p);
}
