/* SPDX-License-Identifier: Apache-2.0 */
/* message_copy(): COPY and MOVE of sets that one transaction can take. */
#include "base/assert.h"
#include "base/clock.h"
#include "store/domain.h"
#include "store/expunge_priv.h"
#include "store/haul_priv.h"
#include "store/message.h"
#include "store/quota_priv.h"

static enum status
take(const struct grant *from, struct db_txn *txn, const struct runs *uids, bool move, struct haul *h)
{
	struct edit e;
	enum status st = edit_begin(&e, from, txn, move ? RIGHT_READ | RIGHT_DELETE | RIGHT_EXPUNGE : RIGHT_READ);

	if (st != OK)
		return st;
	return edit_end(&e, haul_read(h, &e, uids, 1, SIZE_MAX));
}

/* Puts the haul into the destination under new UIDs. */
static enum status
place(struct edit *e, struct haul *h, int64_t from, struct copy_result *r)
{
	struct runs uids = {0};
	int64_t now = clock_seconds();
	enum status st;

	if (h->n > UINT32_MAX - 1 - e->uidnext)
		return ERR_LIMIT;
	if ((st = haul_marks(h, from, e)) != OK)
		return st;
	ensure(h->n > 0 && runs_count(&h->from) == h->n);
	r->to_first = e->uidnext;
	r->to_n = (uint32_t)h->n;
	for (size_t i = 0; i < h->n; i++) {
		h->e[i].uid = e->uidnext + (uint32_t)i;
		h->e[i].modseq = e->modseq;
		h->e[i].save_date = now;
	}
	runs_add(&uids, r->to_first, r->to_first + r->to_n - 1);
	if ((st = edit_append(e, h->e, h->n)) == OK)
		st = edit_change(e, CHANGE_ADDED, &uids);
	runs_free(&uids);
	return st;
}

static enum status
put(const struct grant *from, struct db_txn *txn, const struct grant *to, struct haul *h, bool move, struct copy_result *r)
{
	struct quota_charge c = {.messages = (int64_t)h->n};
	struct edit e;
	enum status st = edit_begin(&e, to, txn, RIGHT_INSERT);

	if (st != OK)
		return st;
	r->uidvalidity = e.uidvalidity;
	/* An email belongs to one account (docs/why/grants.md). */
	if (to->owner != from->owner)
		st = ERR_NO_PERM;
	/* What only moves takes no more room than before. */
	e.settled = move && to->owner == from->owner;
	for (size_t i = 0; i < h->n; i++)
		c.bytes += (int64_t)h->e[i].size;
	if (st == OK && h->n > 0 && !e.settled && (st = domain_room(to->actor.store, txn, to->owner, (uint64_t)c.bytes)) == OK)
		st = edit_pay(&e, &c);
	r->over = c.over;
	if (st == OK && h->n > 0)
		st = place(&e, h, from->mailbox, r);
	return edit_end(&e, st);
}

static enum status
remove_source(const struct grant *from, struct db_txn *txn, const struct runs *uids, bool settled, uint64_t *modseq_r)
{
	struct expunge x = {.uids = uids, .moved = true, .max = SIZE_MAX};
	struct edit e;
	enum status st = edit_begin(&e, from, txn, RIGHT_EXPUNGE);

	if (st != OK)
		return st;
	*modseq_r = e.modseq;
	e.settled = settled;
	st = edit_end(&e, expunge_run(&e, &x));
	runs_free(&x.gone);
	return st;
}

enum status
message_copy(const struct grant *from, struct db_txn *txn, const struct runs *uids, const struct grant *to, bool move,
    struct copy_result *result_r)
{
	struct copy_result r = {0};
	struct haul h = {0};
	enum status st = take(from, txn, uids, move, &h);

	if (st == OK)
		st = put(from, txn, to, &h, move, &r);
	if (st == OK && !move && h.n > 0)
		st = haul_mark(&h, txn);
	if (st == OK && move && h.n > 0)
		st = remove_source(from, txn, &h.from, to->owner == from->owner, &r.modseq);
	if (st == OK) {
		r.from = h.from;
		h.from = (struct runs){0};
		*result_r = r;
	}
	haul_free(&h);
	return st;
}
