/* SPDX-License-Identifier: Apache-2.0 */
/* Views: their position and their numbers. Walking is in view_iter.c, moving on in view_sync.c. */
#include "store/others_priv.h"
#include "base/assert.h"
#include "store/view_priv.h"

#include "store/changes_priv.h"

static struct db_sql state = DB_SQL_KEPT("SELECT modseq, oldest_change, uidnext, messages, keywords, uidvalidity,"
    " name IS NULL OR noselect, acl FROM mailbox WHERE id = ?1");

static enum status
read_state(const struct view *v, struct db_txn *txn, struct view_now *now_r, bool *gone_r)
{
	int64_t n[8];
	enum status st = db_get_ints(txn, &state, n, 8, "i", v->grant.mailbox);

	*now_r = (struct view_now){0};
	*gone_r = st == ERR_NOT_FOUND || (st == OK && (n[6] || (uint32_t)n[5] != v->uidvalidity));
	if (st == OK && !*gone_r)
		*now_r = (struct view_now){.modseq = (uint64_t)n[0],
		    .oldest_change = (uint64_t)n[1],
		    .uidnext = (uint32_t)n[2],
		    .messages = (uint32_t)n[3],
		    .keywords = (uint32_t)n[4],
		    .acl = (uint32_t)n[7]};
	return st == ERR_NOT_FOUND ? OK : st;
}

/* Adds what was expunged after seen_modseq of the messages that the view has. */
static enum status
add_ghosts(struct view *v, struct db_txn *txn)
{
	struct change_walk w;
	struct run_pile pile = {0}; /* expunged in any order */
	enum status st;

	change_walk_begin(&w, txn, v->grant.mailbox, v->seen_modseq, true);
	while ((st = change_walk_next(&w)) == OK) {
		/* Without this history the view's numbers are lost: the session ends, the client selects anew. (Tombstones are merged when
		 * more than a million came after them.) */
		if (w.row.damaged || w.row.merged) {
			st = ERR_CORRUPT;
			break;
		}
		run_pile_gather(&pile, &w.row.uids, &v->ghosts);
	}
	change_walk_end(&w);
	run_pile_into(&pile, &v->ghosts, NULL);
	view_only_told(v, &v->ghosts);
	return st == ERR_NOT_FOUND ? OK : st;
}

static enum status
renew(struct view *v, struct db_txn *txn, uint32_t acl)
{
	struct grant g;
	enum status st = grant_renew(&v->grant, txn, acl, &g);

	if (st == OK) {
		v->grant = g;
		st = grant_need(&g, RIGHT_READ);
	}
	if (st == ERR_NO_PERM || st == ERR_NOT_FOUND) {
		v->lost = true;
		v->known = st == ERR_NO_PERM;
	}
	return st;
}

enum status
view_refresh(struct view *v, struct db_txn *txn, struct view_now *now_r)
{
	enum status st;

	if ((st = view_lost(v)) != OK)
		return st;
	others_read(&v->grant.actor, txn, v->grant.owner);
	st = read_state(v, txn, now_r, &v->deleted);
	if (st == OK && !v->deleted && now_r->acl != 0)
		st = renew(v, txn, now_r->acl);
	if (st != OK || v->deleted || now_r->modseq == v->seen_modseq)
		return st;
	if ((st = add_ghosts(v, txn)) == OK)
		v->seen_modseq = now_r->modseq;
	return st;
}

enum status
view_position(int64_t mailbox, struct db_txn *txn, uint64_t *modseq_r)
{
	static struct db_sql find = DB_SQL("SELECT modseq FROM mailbox WHERE id = ?1 AND name IS NOT NULL AND noselect = 0");
	int64_t modseq;
	enum status st = db_get_ints(txn, &find, &modseq, 1, "i", mailbox);

	if (st == OK)
		*modseq_r = (uint64_t)modseq;
	return st;
}

enum status
view_open(struct view *v, const struct actor *actor, struct db_txn *txn, const struct mailbox *mb, bool read_only)
{
	struct view_now now;
	struct grant grant;
	enum status st;

	if ((st = grant_make(actor, txn, mb, &grant)) != OK || (st = grant_need(&grant, RIGHT_READ)) != OK)
		return st;
	*v = (struct view){.grant = grant, .uidvalidity = mb->uidvalidity, .read_only = read_only};
	st = read_state(v, txn, &now, &v->deleted);
	if (st == OK && v->deleted)
		st = ERR_NOT_FOUND;
	v->exists = now.messages;
	v->next_told = now.uidnext;
	v->keywords_told = now.keywords;
	v->flags_told = v->gone_told = v->seen_modseq = now.modseq;
	return st;
}

void
view_close(struct view *v)
{
	runs_free(&v->ghosts);
	runs_free(&v->recent);
	*v = (struct view){0};
}

void
view_told(struct view *v, uint64_t modseq)
{
	if (modseq <= v->flags_told)
		return;
	/* The very next change after all that was told: now it is told, and nothing is to be read for that. The ghosts may be up to a later
	 * snapshot already; it is no expunge. */
	if (modseq == v->flags_told + 1 && v->gone_told == v->flags_told && v->ghosts.n == 0 && !v->keep_own && !v->deleted) {
		v->flags_told = v->gone_told = modseq;
		if (v->seen_modseq < modseq)
			v->seen_modseq = modseq;
		return;
	}
	if (v->own_n > 0 && v->own[v->own_n - 1].last + 1 == modseq) {
		v->own[v->own_n - 1].last = modseq;
		return;
	}
	/* One too many: the oldest is told twice, which does no harm. */
	if (v->own_n == sizeof(v->own) / sizeof(*v->own))
		memmove(v->own, v->own + 1, --v->own_n * sizeof(*v->own));
	v->own[v->own_n++] = (struct modseq_run){modseq, modseq};
}

/* ---- numbers ---- */

enum status
view_seq(struct view *v, struct db_txn *txn, uint32_t uid, uint32_t *seq_r)
{
	struct view_now now;
	struct ranker r;
	uint64_t rank;
	bool there;
	enum status st = view_refresh(v, txn, &now);

	if (st != OK)
		return st;
	*seq_r = 0;
	if (v->deleted || uid == 0 || uid >= v->next_told)
		return OK;
	ranker_init(&r, txn, v->grant.mailbox);
	if ((st = ranker_rank(&r, uid, &rank, &there)) != OK)
		return st;
	if (there || runs_has(&v->ghosts, uid))
		*seq_r = (uint32_t)(rank + runs_below(&v->ghosts, uid)) + 1;
	return OK;
}

enum status
view_below(struct view *v, struct db_txn *txn, uint32_t uid, uint64_t *n_r)
{
	struct ranker r;
	uint64_t rank;
	enum status st;

	ranker_init(&r, txn, v->grant.mailbox);
	if ((st = ranker_rank(&r, uid, &rank, NULL)) == OK)
		*n_r = rank + runs_below(&v->ghosts, uid);
	return st;
}

/* Where the ghosts begin in the view: the number of the first message of ghost run i, less one. */
static enum status
ghost_place(struct view *v, struct ranker *r, size_t i, uint64_t ghosts_before, uint64_t *place_r)
{
	uint64_t rank;
	enum status st = ranker_rank(r, v->ghosts.run[i].first, &rank, NULL);

	if (st == OK)
		*place_r = rank + ghosts_before;
	return st;
}

/* A run of ghosts in the view. */
struct ghost_at {
	size_t run;
	uint64_t before; /* ghosts in the runs before it */
	uint64_t place;  /* UINT64_MAX: there is no such run */
};

/* Goes through the ghosts once for an ascending series of sequence numbers. */
struct seq_walk {
	struct ranker r;
	struct ghost_at ghost; /* the first run of ghosts not passed */
};

static inline uint64_t
run_size(const struct run *run)
{
	return (uint64_t)(run->last - run->first) + 1;
}

/* From one run on to a later one. */
static enum status
ghost_go(struct view *v, struct seq_walk *w, struct ghost_at *at, size_t run)
{
	ensure(at->run <= run); /* it goes forwards only */
	while (at->run < run)
		at->before += run_size(&v->ghosts.run[at->run++]);
	at->place = UINT64_MAX;
	return run < v->ghosts.n ? ghost_place(v, &w->r, run, at->before, &at->place) : OK;
}

static bool
ghost_passed(const struct view *v, const struct ghost_at *at, uint64_t place)
{
	return at->place <= place && place - at->place >= run_size(&v->ghosts.run[at->run]);
}

/*
 * Passes the runs that end before a place: in strides that double and then by halves, as finding one's place is dear and counting is cheap, and each
 * of many keys of a search comes this way.
 */
static enum status
pass_ghosts(struct view *v, struct seq_walk *w, uint64_t place)
{
	struct ghost_at low = w->ghost, at;
	size_t high = v->ghosts.n;
	enum status st;

	if (!ghost_passed(v, &low, place))
		return OK;
	for (size_t stride = 1; high - low.run > 1;) {
		at = low;
		if ((st = ghost_go(v, w, &at, low.run + (stride < high - low.run ? stride : (high - low.run) / 2))) != OK)
			return st;
		if (ghost_passed(v, &at, place)) {
			low = at;
			stride *= 2;
		} else {
			high = at.run;
		}
	}
	w->ghost = low;
	return ghost_go(v, w, &w->ghost, low.run + 1);
}

static enum status
uid_of_seq(struct view *v, struct seq_walk *w, uint32_t seq, uint32_t *uid_r)
{
	uint64_t place = seq - 1;
	enum status st;

	ensure(seq > 0 && seq <= v->exists);
	st = pass_ghosts(v, w, place);

	if (st != OK)
		return st;
	if (w->ghost.place <= place) {
		*uid_r = v->ghosts.run[w->ghost.run].first + (uint32_t)(place - w->ghost.place);
		return OK;
	}
	return ranker_uid(&w->r, place - w->ghost.before, uid_r);
}

enum status
view_uids_of_seqs(struct view *v, struct db_txn *txn, const struct runs *seqs, struct runs *uids_r)
{
	struct runs uids = {0};
	struct seq_walk w = {0};
	struct view_now now;
	enum status st = view_refresh(v, txn, &now);

	if (st != OK || v->deleted)
		return st;
	if (seqs->n > 0 && seqs->run[seqs->n - 1].last > v->exists)
		return ERR_BAD_INPUT;
	ranker_init(&w.r, txn, v->grant.mailbox);
	st = ghost_go(v, &w, &w.ghost, 0);
	for (size_t i = 0; i < seqs->n && st == OK; i++) {
		const struct run *run = &seqs->run[i];
		uint32_t first = 1, last = v->next_told - 1;

		/* The whole view needs no look. */
		if (run->first > 1)
			st = uid_of_seq(v, &w, run->first, &first);
		if (st == OK && run->last == run->first && run->first > 1)
			last = first;
		else if (st == OK && run->last < v->exists)
			st = uid_of_seq(v, &w, run->last, &last);
		if (st == OK)
			runs_add(&uids, first, last);
	}
	if (st == OK)
		runs_add_all(uids_r, &uids);
	runs_free(&uids);
	return st == ERR_NOT_FOUND ? ERR_CORRUPT : st;
}

enum status
view_uids_present(struct view *v, struct db_txn *txn, const struct runs *uids, struct runs *uids_r)
{
	struct view_now now;
	struct ranker r;
	enum status st = view_refresh(v, txn, &now);

	if (st != OK || v->deleted)
		return st;
	ranker_init(&r, txn, v->grant.mailbox);
	for (size_t i = 0; i < uids->n && uids->run[i].first < v->next_told && st == OK; i++) {
		uint32_t first = uids->run[i].first, last = uids->run[i].last;

		if (last >= v->next_told)
			last = v->next_told - 1;
		if ((st = ranker_present(&r, first, last, uids_r)) != OK)
			break;
		for (size_t k = runs_seek(&v->ghosts, first); k < v->ghosts.n && v->ghosts.run[k].first <= last; k++) {
			const struct run *g = &v->ghosts.run[k];

			runs_add(uids_r, g->first > first ? g->first : first, g->last < last ? g->last : last);
		}
	}
	return st;
}

enum status
view_last_uid(struct view *v, struct db_txn *txn, uint32_t *uid_r)
{
	struct view_now now;
	uint32_t uid = 0, ghost;
	enum status st = view_refresh(v, txn, &now);

	if (st != OK)
		return st;
	if (!v->deleted && v->exists > 0) {
		st = dir_last_uid(txn, v->grant.mailbox, v->next_told, &uid);
		if (st != OK && st != ERR_NOT_FOUND)
			return st;
		ghost = v->ghosts.n > 0 ? v->ghosts.run[v->ghosts.n - 1].last : 0;
		uid = ghost > uid ? ghost : uid;
	}
	*uid_r = uid;
	return OK;
}

enum status
view_first_unseen(struct view *v, struct db_txn *txn, uint32_t *seq_r)
{
	uint32_t uid = 0;
	uint64_t rank = 0;
	enum status st = v->deleted ? OK : dir_first_unseen(txn, v->grant.mailbox, &uid, &rank);

	if (st != OK && st != ERR_NOT_FOUND)
		return st;
	*seq_r = uid == 0 || uid >= v->next_told ? 0 : (uint32_t)(rank + runs_below(&v->ghosts, uid)) + 1;
	return OK;
}
