/* SPDX-License-Identifier: Apache-2.0 */
/* message_copy(): COPY and MOVE of sets that one transaction can take. */
#include "base/assert.h"
#include "base/clock.h"
#include "store/across_priv.h"
#include "store/domain.h"
#include "store/expunge_priv.h"
#include "store/message.h"
#include "store/quota_priv.h"

/* One copy of messages on its way: what its parts share. */
struct copying {
	const struct grant *from, *to;
	bool move, across; /* across: into another account */
	struct haul haul;
};

static enum status
take(struct copying *c, struct db_txn *txn, const struct runs *uids)
{
	struct edit e;
	enum status st = edit_begin(&e, c->from, txn, c->move ? RIGHT_READ | RIGHT_DELETE | RIGHT_EXPUNGE : RIGHT_READ);

	if (st != OK)
		return st;
	st = edit_end(&e, haul_read(&c->haul, &e, uids, 1, c->across ? ACROSS_BATCH : SIZE_MAX));
	return st == OK && c->across ? across_fit(&c->haul, txn) : st;
}

/* Puts the haul into the destination under new UIDs. */
static enum status
place(struct copying *c, struct edit *e, struct copy_result *r)
{
	struct haul *h = &c->haul;
	struct runs uids = {0};
	int64_t now = clock_seconds();
	enum status st;

	if (h->n > UINT32_MAX - 1 - e->uidnext)
		return ERR_LIMIT;
	if ((st = haul_marks(h, c->from->mailbox, e)) != OK || (c->across && (st = across_make(h, e, e->uidnext)) != OK))
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
put(struct copying *c, struct db_txn *txn, struct copy_result *r)
{
	const struct haul *h = &c->haul;
	struct quota_charge charge = {.messages = (int64_t)h->n};
	struct edit e;
	enum status st = edit_begin(&e, c->to, txn, RIGHT_INSERT);

	if (st != OK)
		return st;
	r->uidvalidity = e.uidvalidity;
	/* What moves within an account takes no more room than before. */
	e.settled = c->move && !c->across;
	for (size_t i = 0; i < h->n; i++)
		charge.bytes += (int64_t)h->e[i].size;
	if (h->n > 0 && !e.settled && (st = domain_room(c->to->actor.store, txn, c->to->owner, (uint64_t)charge.bytes)) == OK)
		st = edit_pay(&e, &charge);
	r->over = charge.over;
	if (st == OK && h->n > 0)
		st = place(c, &e, r);
	return edit_end(&e, st);
}

/* The emails live on where they went, or not at all: those of another account are others. */
static enum status
remove_source(struct copying *c, struct db_txn *txn, uint64_t *modseq_r)
{
	struct expunge x = {.uids = &c->haul.from, .moved = !c->across, .max = SIZE_MAX};
	struct edit e;
	enum status st = edit_begin(&e, c->from, txn, RIGHT_EXPUNGE);

	if (st != OK)
		return st;
	*modseq_r = e.modseq;
	e.settled = !c->across;
	st = edit_end(&e, expunge_run(&e, &x));
	runs_free(&x.gone);
	return st;
}

static enum status
run(struct copying *c, struct db_txn *txn, const struct runs *uids, struct copy_result *r)
{
	struct haul *h = &c->haul;
	enum status st = take(c, txn, uids);

	r->next = h->next;
	/* All or nothing: it takes more than one transaction. */
	if (st == OK && !c->move && h->next != 0)
		return OK;
	if (st == OK)
		st = put(c, txn, r);
	if (st == OK && !c->move && !c->across && h->n > 0)
		st = haul_mark(h, txn);
	if (st == OK && c->move && h->n > 0)
		st = remove_source(c, txn, &r->modseq);
	if (st == OK) {
		r->from = h->from;
		h->from = (struct runs){0};
	}
	return st;
}

enum status
message_copy(const struct grant *from, struct db_txn *txn, const struct runs *uids, const struct grant *to, bool move,
    struct copy_result *result_r)
{
	struct copying c = {.from = from, .to = to, .move = move, .across = from->owner != to->owner};
	struct copy_result r = {0};
	enum status st = run(&c, txn, uids, &r);

	if (st == OK)
		*result_r = r;
	haul_free(&c.haul);
	return st;
}
