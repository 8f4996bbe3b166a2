/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures that the sessions of an account share. */
#include "imap/news/notify_pictures.h"

#include <pthread.h>
#include <stdlib.h>
#include "base/assert.h"
#include "base/lock.h"
#include "base/map.h"

struct pictures {
	struct lock lock; /* also of users in the pictures */
	struct map newest;    /* account: struct notify_picture */
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
	ensure(ps->newest.n == 0);
	map_free(&ps->newest);
	lock_fini(&ps->lock);
	free(ps);
}

static struct notify_picture *
pictures_find(struct pictures *ps, int64_t account, const struct picture_for *who)
{
	struct notify_picture *p;

	lock_take(&ps->lock);
	p = map_get(&ps->newest, MAP_KEY(account));
	if (p != NULL && p->seen != who->now && !(who->newer && p->seen > who->told))
		p = NULL;
	if (p != NULL)
		p->users++;
	lock_give(&ps->lock);
	return p;
}

/* Two threads may have taken one at the same time: the newest is the one that others find. */
static void
offer(struct pictures *ps, struct notify_picture *p)
{
	struct notify_picture *other;

	lock_take(&ps->lock);
	other = map_get(&ps->newest, MAP_KEY(p->account));
	if (other == NULL || other->seen < p->seen)
		(void)map_put(&ps->newest, MAP_KEY(p->account), p);
	lock_give(&ps->lock);
}

enum status
pictures_get(struct pictures *ps, const struct actor *actor, struct db_txn *txn, const struct picture_for *who, struct notify_picture **p_r)
{
	enum status st;

	if ((*p_r = pictures_find(ps, actor->account, who)) != NULL)
		return OK;
	if ((st = picture_take(actor, txn, p_r)) != OK)
		return st;
	(*p_r)->shared = ps;
	(*p_r)->account = actor->account;
	(*p_r)->seen = who->now;
	(*p_r)->users = 1;
	offer(ps, *p_r);
	return OK;
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
	last = --p->users == 0;
	if (last && map_get(&ps->newest, MAP_KEY(p->account)) == p)
		(void)map_del(&ps->newest, MAP_KEY(p->account));
	lock_give(&ps->lock);
	if (last)
		picture_free(p);
}
