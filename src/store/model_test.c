/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Views and messages against a model of plain arrays: random appends, flag changes, expunges, copies and moves in two mailboxes, while
 * several sessions with views of their own synchronise now and then, with and without expunges, and clients that were away come back and
 * ask for the changes since they left (S12, T45, T81). After each step something is compared; MODEL_SEED and MODEL_STEPS choose the run.
 */
#include "base/random_test.h"
#include "store/grant_test.h"
#include "store/store_test.h"

#include "store/mend/check.h"
#include "store/account.h"
#include "store/copy.h"
#include "store/email.h"
#include "store/message.h"
#include "store/model_msgs_test.h"
#include "store/view.h"

#define VIEWS 4
#define AWAY 3
#define MAILBOXES 2
#define BATCH 500 /* steps in one write transaction */

static const struct str keyword_names[] = {STR("alpha"), STR("Beta"), STR("$Junk")};
#define KEYWORDS 3

struct mbox {
	int64_t id;
	struct msgs now;
};
struct session {
	struct view v;
	int mb;
	struct msgs told;   /* what the client believes, in order of sequence numbers */
	bool *ghost;        /* per step scratch */
};
struct away {
	int mb;
	uint64_t modseq;
	struct msgs known;
};

static struct store *store;
static struct actor alice;
static struct mbox box[MAILBOXES];
static struct session ses[VIEWS];
static struct away away[AWAY];
static int64_t body;
static uint64_t seed;
static unsigned long step_no;
static int64_t reap_no;
static bool reaped; /* ghosts may have lost their entries */

#define check(cond)                                                                                                    \
	do {                                                                                                           \
		if (!(cond)) {                                                                                         \
			fprintf(stderr, "MODEL_SEED=%llu step %lu: %s\n", (unsigned long long)seed, step_no, #cond);   \
			assert_true(cond);                                                                             \
			abort(); /* not reached: says so to the compiler */                                            \
		}                                                                                                      \
	} while (0)

/* A random set of UIDs of the mailbox, some of them not there. */
static void
some_uids(const struct msgs *a, struct runs *out)
{
	unsigned n = 1 + rnd(4), width = rnd(10) == 0 ? 400 : 12;

	for (unsigned i = 0; i < n; i++) {
		uint32_t first = a->n > 0 ? a->m[rnd((uint32_t)a->n)].uid : 1;

		if (rnd(3) == 0)
			first = first > 5 ? first - rnd(5) : 1;
		runs_add(out, first, first + rnd(width));
	}
	if (rnd(40) == 0)
		runs_add(out, 1, UINT32_MAX);
}

/* ---- changes ---- */

static uint8_t
kw_of(struct db_txn *txn, int mb, const struct entry *e)
{
	struct arena arena = {0};
	struct keywords kw;
	uint8_t bits = 0;

	check(keywords_get(txn, &arena, box[mb].id, &kw) == OK);
	for (uint32_t i = 0; i < e->keywords_n; i++) {
		check(keywords_name(&kw, e->keywords[i]).p != NULL && (i == 0 || e->keywords[i] > e->keywords[i - 1]));
		for (int k = 0; k < KEYWORDS; k++)
			if (str_eq(keywords_name(&kw, e->keywords[i]), keyword_names[k]))
				bits |= (uint8_t)(1 << k);
	}
	arena_free(&arena);
	return bits;
}

static size_t
names_of(uint8_t kw, struct str *names)
{
	size_t n = 0;

	for (int k = 0; k < KEYWORDS; k++)
		if (kw & 1 << k)
			names[n++] = keyword_names[k];
	return n;
}

static uint8_t
some_kw(void)
{
	return rnd(3) == 0 ? (uint8_t)rnd(1 << KEYWORDS) : 0;
}

static void
append(struct db_txn *txn, int mb)
{
	uint32_t uid, n = rnd(200) == 0 ? 1 + rnd(300) : 1 + rnd(3);
	uint64_t modseq;

	for (uint32_t i = 0; i < n; i++) {
		struct str names[KEYWORDS];
		struct msg m = {.flags = (uint8_t)rnd(32), .kw = some_kw(), .size = rnd(100000)};
		struct message_new new = {.body = body,
		    .shared_body = true,
		    .size = m.size,
		    .flags = m.flags,
		    .keywords = names,
		    .keywords_n = names_of(m.kw, names),
		    .internal_date = (int64_t)rnd(2000000000) - 100000,
		    .zone = (int16_t)((int)rnd(1400) - 700)};

		check(append_as(&alice, txn, box[mb].id, &new, &uid, &modseq) == OK);
		check(box[mb].now.n == 0 || uid > box[mb].now.m[box[mb].now.n - 1].uid);
		m.uid = uid;
		m.email = -1;
		push(&box[mb].now, m);
	}
}

/* What a session knows of its own STORE: the new flags of what it changed, if it had it. */
static void
told_own(struct session *s, const struct runs *changed, uint64_t modseq)
{
	for (uint32_t uid = runs_next(changed, 1); uid != 0; uid = runs_next(changed, uid + 1)) {
		struct msg *t = get(&s->told, uid), *m = get(&box[s->mb].now, uid);

		if (t != NULL && m != NULL) {
			t->flags = m->flags;
			t->kw = m->kw;
		}
	}
	if (modseq != 0)
		view_told(&s->v, modseq);
}

static void
store_flags(struct db_txn *txn, int mb, struct session *own)
{
	struct str names[KEYWORDS];
	struct flag_result r = {0};
	struct runs uids = {0}, expect = {0};
	uint8_t kw = some_kw();
	struct flag_change c = {.op = (enum flag_op)rnd(3),
	    .flags = (uint8_t)(rnd(32) & rnd(32)),
	    .keywords = names,
	    .keywords_n = names_of(kw, names)};

	some_uids(&box[mb].now, &uids);
	check(flags_as(&alice, txn, box[mb].id, &uids, &c, &r) == OK);
	for (size_t i = 0; i < box[mb].now.n; i++) {
		struct msg *m = &box[mb].now.m[i], was = *m;

		if (!runs_has(&uids, m->uid))
			continue;
		if (c.op == FLAGS_SET)
			m->flags = c.flags, m->kw = kw;
		else if (c.op == FLAGS_ADD)
			m->flags |= c.flags, m->kw |= kw;
		else
			m->flags &= (uint8_t)~c.flags, m->kw &= (uint8_t)~kw;
		if (m->flags != was.flags || m->kw != was.kw)
			runs_add(&expect, m->uid, m->uid);
	}
	check(expect.n == r.changed.n && r.failed.n == 0);
	check(expect.n == 0 || memcmp(expect.run, r.changed.run, expect.n * sizeof(*expect.run)) == 0);
	check((r.modseq != 0) == (expect.n > 0));
	if (own != NULL)
		told_own(own, &r.changed, r.modseq);
	runs_free(&uids);
	runs_free(&expect);
	runs_free(&r.changed);
	runs_free(&r.failed);
}

static void
expunge(struct db_txn *txn, int mb)
{
	struct runs uids = {0}, gone = {0};
	bool all = rnd(20) == 0, more;
	size_t max = rnd(3) == 0 ? 1 + rnd(5) : 1000, n = 0;
	uint64_t modseq;

	some_uids(&box[mb].now, &uids);
	check(expunge_as(&alice, txn, box[mb].id, all ? NULL : &uids, max, &gone, &more, &modseq) == OK);
	for (size_t i = 0; i < box[mb].now.n;) {
		struct msg *m = &box[mb].now.m[i];

		if (!(m->flags & FLAG_DELETED) || (!all && !runs_has(&uids, m->uid))) {
			i++;
			continue;
		}
		if (n == max) {
			check(more);
			break;
		}
		check(runs_has(&gone, m->uid));
		n++;
		drop(&box[mb].now, i);
	}
	check(runs_count(&gone) == n);
	runs_free(&uids);
	runs_free(&gone);
}

static void
place(struct msgs *from, struct msgs *to, struct copy_result *r, bool move)
{
	uint32_t uid = r->to_first;
	size_t n = 0;

	for (uint32_t u = runs_next(&r->from, 1); u != 0; u = runs_next(&r->from, u + 1)) {
		const struct msg *was = get(from, u);
		struct msg m;

		check(was != NULL);
		m = *was;
		m.uid = uid++;
		push(to, m);
		n++;
	}
	check(n == r->to_n);
	if (move)
		for (uint32_t u = runs_next(&r->from, 1); u != 0; u = runs_next(&r->from, u + 1))
			drop(from, seek(from, u));
}

static void
copy(struct db_txn *txn, bool move)
{
	int from = (int)rnd(MAILBOXES), to = (int)rnd(MAILBOXES);
	struct copy_result r = {0};
	struct runs uids = {0};
	size_t n = 0;

	some_uids(&box[from].now, &uids);
	if (!move && box[to].now.n > 3000)
		goto out;
	if (!move && rnd(4) == 0) {
		struct copy_job *job = copy_begin_as(&alice, box[from].id, &uids, box[to].id);
		bool done = false;

		while (copy_more(job)) {
			check(copy_step(txn, job) == OK);
			copy_stepped(job);
		}
		check(copy_publish(txn, job, &r) == OK);
		while (!done)
			check(copy_sweep_step(txn, job, &done) == OK);
		copy_free(job);
	} else {
		check(copy_as(&alice, txn, box[from].id, &uids, box[to].id, move, &r) == OK);
	}
	for (size_t i = 0; i < box[from].now.n; i++)
		n += runs_has(&uids, box[from].now.m[i].uid);
	check(n == runs_count(&r.from));
	place(&box[from].now, &box[to].now, &r, move);
out:
	runs_free(&uids);
	runs_free(&r.from);
}

/* ---- sessions ---- */

/* New ones that are ghosts already, past their grace: they count, and nothing can be read of them. */
static void
learn_lost(struct session *s, uint32_t *from, uint32_t until)
{
	while (reaped && (*from = runs_next(&s->v.ghosts, *from)) != 0 && *from < until)
		push(&s->told, (struct msg){.uid = (*from)++});
}

/* Reads what the client is to learn: the flags of those UIDs. */
static void
learn(struct db_txn *txn, struct session *s, const struct runs *uids, bool new)
{
	struct view_iter it = VIEW_ITER(&s->v, uids);
	uint32_t lost = runs_next(uids, 1);
	const struct entry *e;

	check(view_iter_begin(&it, txn) == OK);
	while ((e = view_iter_next(&it)) != NULL) {
		struct msg m = {.uid = e->uid, .flags = e->flags, .kw = kw_of(txn, s->mb, e), .size = e->size}, *t;

		check(runs_has(uids, e->uid));
		if (new) {
			learn_lost(s, &lost, e->uid);
			lost = e->uid + 1;
			push(&s->told, m);
			check(it.seq == s->told.n);
		} else {
			check((t = get(&s->told, e->uid)) != NULL);
			check(it.seq == (uint32_t)(t - s->told.m) + 1);
			*t = m;
		}
	}
	check(view_iter_end(&it) == OK);
	if (new)
		learn_lost(s, &lost, UINT32_MAX);
}

static void
open_view(struct db_txn *txn, struct session *s)
{
	struct arena arena = {0};
	struct mailbox mb;
	struct run all = {1, UINT32_MAX};

	view_close(&s->v);
	s->mb = (int)rnd(MAILBOXES);
	check(mailbox_get(&alice, txn, &arena, box[s->mb].id, &mb) == OK);
	check(view_open(&s->v, &alice, txn, &mb, false) == OK);
	s->told.n = 0;
	learn(txn, s, &(struct runs){.run = &all, .n = 1}, true);
	check(s->v.exists == s->told.n && s->told.n == box[s->mb].now.n);
	arena_free(&arena);
}

static void
leave(struct session *s, const struct view_update *u)
{
	check(runs_count(&u->gone) == runs_count(&u->gone_seqs));
	for (size_t i = u->gone_seqs.n; i-- > 0;)
		for (uint32_t q = u->gone_seqs.run[i].last; q >= u->gone_seqs.run[i].first; q--) {
			check(q <= s->told.n && runs_has(&u->gone, s->told.m[q - 1].uid));
			drop(&s->told, q - 1);
		}
}

static void
hear(struct db_txn *txn, struct session *s, struct view_update *u)
{
	struct run new = {u->first_new, UINT32_MAX};

	leave(s, u);
	learn(txn, s, &u->changed, false);
	if (u->grown)
		learn(txn, s, &(struct runs){.run = &new, .n = 1}, true);
	check(s->told.n == s->v.exists);
	view_update_free(u);
}

/* Some of what was not told. */
static void
sync_some(struct db_txn *txn, struct session *s)
{
	struct view *v = &s->v;
	bool may_expunge = rnd(2) == 0;
	struct view_update u;
	uint64_t modseq;

	check(view_position(v->grant.mailbox, txn, &modseq) == OK);
	while (v->flags_told < modseq && rnd(8) != 0) {
		uint64_t upto = v->flags_told + 1 + rnd((uint32_t)(modseq - v->flags_told));

		check(view_sync_to(v, txn, may_expunge, upto, &u) == OK);
		check(may_expunge || u.gone.n == 0);
		check(v->flags_told >= upto && v->gone_told <= v->flags_told && (!may_expunge || v->gone_told >= upto));
		hear(txn, s, &u);
	}
}

static void
sync_view(struct db_txn *txn, struct session *s)
{
	bool may_expunge = rnd(2) == 0;
	struct view_update u;

	if (rnd(3) == 0)
		sync_some(txn, s);
	check(view_sync(&s->v, txn, may_expunge, &u) == OK);
	check(may_expunge || u.gone.n == 0);
	hear(txn, s, &u);
	/* Now the client knows all that is there; what is not there any more is only untold where that was not allowed. */
	for (size_t i = 0; i < box[s->mb].now.n; i++) {
		struct msg *m = &box[s->mb].now.m[i], *t = get(&s->told, m->uid);

		check(t != NULL && t->flags == m->flags && t->kw == m->kw && t->size == m->size);
	}
	check(!may_expunge || s->told.n == box[s->mb].now.n);
	check(!may_expunge || s->v.ghosts.n == 0);
}

/* Walks the view, in steps, over a set or all, and compares with what the client was told. */
static void
walk_view(struct db_txn *txn, struct session *s)
{
	struct runs set = {0};
	struct view_iter it = VIEW_ITER(&s->v, NULL);
	const struct entry *e = NULL;
	size_t at = 0, missed = 0;
	unsigned until;

	if (rnd(2) == 0) {
		some_uids(&s->told, &set);
		it.only = &set;
	}
	it.no_seq = rnd(5) == 0;
	do {
		until = rnd(4) == 0 ? 1 + rnd(300) : UINT32_MAX;
		check(view_iter_begin(&it, txn) == OK);
		while (until-- > 0 && (e = view_iter_next(&it)) != NULL) {
			struct msg *m;

			for (; at < s->told.n && s->told.m[at].uid != e->uid; at++)
				missed += it.only == NULL || runs_has(it.only, s->told.m[at].uid);
			check(at < s->told.n);
			check(it.no_seq || it.seq == at + 1);
			check(it.only == NULL || runs_has(it.only, e->uid));
			m = get(&box[s->mb].now, e->uid);
			check(e->expunged == (m == NULL));
			check(m == NULL || (m->flags == e->flags && m->size == e->size));
			at++;
		}
		check(view_iter_end(&it) == OK);
	} while (e != NULL);
	for (; at < s->told.n; at++)
		missed += it.only == NULL || runs_has(it.only, s->told.m[at].uid);
	check(missed == 0 || (reaped && it.missed > 0));
	runs_free(&set);
}

/* The same downwards. */
static void
walk_view_down(struct db_txn *txn, struct session *s)
{
	struct runs set = {0}, taken = {0};
	struct view_iter it = VIEW_WALK(&s->v, NULL, true);
	const struct entry *e = NULL;
	size_t at = s->told.n, missed = 0, living = 0;
	unsigned until;
	bool gone = false;

	if (rnd(2) == 0) {
		some_uids(&s->told, &set);
		it.only = &set;
	}
	it.no_seq = rnd(5) == 0;
	do {
		until = rnd(4) == 0 ? 1 + rnd(30) : UINT32_MAX;
		check(view_iter_begin(&it, txn) == OK);
		while (until-- > 0 && (e = view_iter_next(&it)) != NULL) {
			struct msg *m = get(&box[s->mb].now, e->uid);

			for (; at > 0 && s->told.m[at - 1].uid != e->uid; at--)
				missed += it.only == NULL || runs_has(it.only, s->told.m[at - 1].uid);
			check(at > 0);
			check(it.no_seq || it.seq == at);
			check(it.only == NULL || runs_has(it.only, e->uid));
			check(e->expunged == (m == NULL));
			check(m == NULL || (m->flags == e->flags && m->size == e->size && kw_of(txn, s->mb, e) == m->kw));
			living += !e->expunged;
			at--;
		}
		check(view_iter_end(&it) == OK);
	} while (e != NULL);
	check(view_iter_over(&it));
	for (; at > 0; at--)
		missed += it.only == NULL || runs_has(it.only, s->told.m[at - 1].uid);
	check(missed == 0 || (reaped && it.missed > 0));
	it.next_uid = UINT32_MAX;
	check(view_iter_begin(&it, txn) == OK);
	while (view_iter_take(&it, 7, &taken, &gone) == 7)
		;
	check(view_iter_end(&it) == OK);
	check(runs_count(&taken) == living);
	runs_free(&set);
	runs_free(&taken);
}

static void
look_up(struct db_txn *txn, struct session *s)
{
	struct runs seqs = {0}, uids = {0}, present = {0}, all = {0};
	uint32_t n = s->v.exists, uid, seq;

	check(view_last_uid(&s->v, txn, &uid) == OK);
	check(uid == (n > 0 ? s->told.m[n - 1].uid : 0));
	if (n == 0)
		return;
	for (int i = 0; i < 3; i++) {
		uint32_t first = 1 + rnd(n), last = first + rnd(n - first + 1);

		runs_add(&seqs, first, last);
		check(view_seq(&s->v, txn, s->told.m[first - 1].uid, &seq) == OK && seq == first);
	}
	check(view_uids_of_seqs(&s->v, txn, &seqs, &uids) == OK);
	check(view_uids_present(&s->v, txn, &uids, &present) == OK);
	for (uint32_t i = 1; i <= n; i++)
		check(runs_has(&seqs, i) == runs_has(&present, s->told.m[i - 1].uid));
	check(runs_count(&present) == runs_count(&seqs));
	uid = 1 + rnd(s->told.m[n - 1].uid + 2);
	check(view_seq(&s->v, txn, uid, &seq) == OK);
	check((seq != 0) == (get(&s->told, uid) != NULL));
	runs_clear(&seqs);
	runs_add(&seqs, n, n + 1);
	check(view_uids_of_seqs(&s->v, txn, &seqs, &all) == ERR_BAD_INPUT && all.n == 0);
	runs_free(&seqs);
	runs_free(&uids);
	runs_free(&present);
	runs_free(&all);
}

/* ---- clients that were away ---- */

static void
relearn(struct away *a, const struct runs *uids)
{
	for (uint32_t uid = runs_next(uids, 1); uid != 0; uid = runs_next(uids, uid + 1)) {
		struct msg *m = get(&box[a->mb].now, uid), *k = get(&a->known, uid);

		check(m != NULL);
		if (k != NULL)
			*k = *m;
		else {
			push(&a->known, *m);
			for (size_t i = a->known.n - 1; i > 0 && a->known.m[i].uid < a->known.m[i - 1].uid; i--) {
				struct msg swap = a->known.m[i];

				a->known.m[i] = a->known.m[i - 1];
				a->known.m[i - 1] = swap;
			}
		}
	}
}

static void
come_back(struct db_txn *txn, struct away *a)
{
	struct changes c;
	struct msgs *now = &box[a->mb].now;

	check(changes_as(&alice, txn, box[a->mb].id, a->modseq, NULL, 0, &c) == OK);
	for (uint32_t uid = runs_next(&c.gone, 1); uid != 0; uid = runs_next(&c.gone, uid + 1)) {
		check(get(now, uid) == NULL);
		if (get(&a->known, uid) != NULL)
			drop(&a->known, seek(&a->known, uid));
	}
	relearn(a, &c.added);
	relearn(a, &c.flags);
	check(a->known.n == now->n);
	for (size_t i = 0; i < now->n; i++)
		check(a->known.m[i].uid == now->m[i].uid && a->known.m[i].flags == now->m[i].flags &&
		    a->known.m[i].kw == now->m[i].kw);
	a->modseq = c.modseq;
	changes_free(&c);
}

/* What the account holds is what its mailboxes do. */
static void
usage(struct db_txn *txn)
{
	struct account_usage u;
	uint64_t messages = 0, bytes = 0;

	for (int mb = 0; mb < MAILBOXES; mb++) {
		messages += box[mb].now.n;
		for (size_t i = 0; i < box[mb].now.n; i++)
			bytes += box[mb].now.m[i].size;
	}
	check(account_usage(txn, alice.account, &u) == OK);
	check(u.messages == messages && u.bytes == bytes && u.mailboxes > MAILBOXES);
}

static void
counters(struct db_txn *txn, int mb)
{
	struct arena arena = {0};
	struct mailbox m;
	uint64_t size = 0, deleted_size = 0;
	uint32_t unseen = 0, deleted = 0;

	check(mailbox_get(&alice, txn, &arena, box[mb].id, &m) == OK);
	for (size_t i = 0; i < box[mb].now.n; i++) {
		const struct msg *g = &box[mb].now.m[i];

		size += g->size;
		unseen += !(g->flags & FLAG_SEEN);
		deleted += (g->flags & FLAG_DELETED) != 0;
		deleted_size += g->flags & FLAG_DELETED ? g->size : 0;
	}
	check(m.messages == box[mb].now.n && m.unseen == unseen && m.deleted == deleted);
	check(m.size == size && m.deleted_size == deleted_size);
	usage(txn);
	arena_free(&arena);
}

/* ---- the run ---- */

static void
step(struct db_txn *txn)
{
	int mb = (int)rnd(MAILBOXES);
	struct session *s = &ses[rnd(VIEWS)];
	uint32_t what = rnd(100);

	step_no++;
	if (what < 22)
		append(txn, mb);
	else if (what < 42)
		store_flags(txn, mb, NULL);
	else if (what < 48)
		store_flags(txn, s->mb, s);
	else if (what < 56)
		expunge(txn, mb);
	else if (what < 60)
		copy(txn, box[mb].now.n > 300);
	else if (what < 80)
		sync_view(txn, s);
	else if (what < 88)
		if (rnd(2))
			walk_view(txn, s);
		else
			walk_view_down(txn, s);
	else if (what < 96)
		look_up(txn, s);
	else if (what < 97)
		open_view(txn, s);
	else if (what < 98)
		counters(txn, mb);
	else if (rnd(20) == 0)
		come_back(txn, &away[rnd(AWAY)]);
}

static void
found(void *arg, const char *text)
{
	/* The messages of this test have no real contents. */
	if (strstr(text, "its summary is") || strstr(text, "its structure is") || strstr(text, "its prefix and body"))
		return;
	++*(int *)arg;
	fprintf(stderr, "check: %s\n", text);
}

static int64_t
count_rows(struct db_txn *txn, struct db_sql *sql)
{
	int64_t n = -1;

	check(db_get_ints(txn, sql, &n, 1, "") == OK);
	return n;
}

/* Reaps everything that is expunged: the emails left must be those that are named. */
static void
reap_all(void)
{
	static struct db_sql emails = DB_SQL("SELECT count(*) FROM email");
	static struct db_sql owners = DB_SQL("SELECT count(*) FROM body_owner");
	static struct db_sql structures = DB_SQL("SELECT count(*) FROM structure");
	static struct db_sql rows = DB_SQL("SELECT count(*) FROM reap");
	struct db_txn *txn;
	struct runs named = {0};

	/* Each time so much later that names are swept, too, where that is worth it. */
	check(store_reap(store, clock_seconds() + 1000000 * ++reap_no) == OK);
	reaped = true;
	check(db_read_begin(store_db(store), &txn) == OK);
	for (int mb = 0; mb < MAILBOXES; mb++) {
		struct session s = {.mb = mb};
		struct view_iter it = VIEW_ITER(&s.v, NULL);
		struct arena arena = {0};
		struct mailbox m;
		const struct entry *e;

		check(mailbox_get(&alice, txn, &arena, box[mb].id, &m) == OK);
		check(view_open(&s.v, &alice, txn, &m, true) == OK);
		check(view_iter_begin(&it, txn) == OK);
		while ((e = view_iter_next(&it)) != NULL) {
			struct email email;

			check(email_get(GRANT_OF(alice), txn, &arena, e->email, &email) == OK);
			runs_add(&named, (uint32_t)e->email, (uint32_t)e->email);
		}
		check(view_iter_end(&it) == OK);
		view_close(&s.v);
		arena_free(&arena);
	}
	check(count_rows(txn, &emails) == (int64_t)runs_count(&named));
	check(count_rows(txn, &owners) == (int64_t)runs_count(&named));
	check(count_rows(txn, &structures) == (int64_t)runs_count(&named));
	check(count_rows(txn, &rows) == 0);
	db_read_end(txn);
	runs_free(&named);
}

static void
verify(void)
{
	int faults = 0;
	struct check_report report = {.found = found, .arg = &faults};

	check(store_check(store, false, &report) == OK);
	check(faults == 0);
}

static void
set_up(void)
{
	struct db_txn *w;

	store = test_store();
	alice = test_account(store, "alice");
	for (int i = 0; i < MAILBOXES; i++)
		check(WRITE(store, mailbox_create(&alice, txn, i ? STR("B") : STR("A"), 0, &box[i].id)) == OK);
	body = test_body(store, STR("a body"));
	w = write_begin(store);
	for (int i = 0; i < VIEWS; i++)
		open_view(w, &ses[i]);
	for (int i = 0; i < AWAY; i++) {
		away[i].mb = i % MAILBOXES;
		away[i].known.n = 0;
		away[i].modseq = 1;
	}
	check(write_end(OK) == OK);
}

static void
tear_down(void)
{
	for (int i = 0; i < VIEWS; i++) {
		view_close(&ses[i].v);
		free(ses[i].told.m);
		ses[i] = (struct session){0};
	}
	for (int i = 0; i < AWAY; i++) {
		free(away[i].known.m);
		away[i] = (struct away){0};
	}
	for (int i = 0; i < MAILBOXES; i++) {
		free(box[i].now.m);
		box[i] = (struct mbox){0};
	}
	test_close(store);
}

static void
run(unsigned long steps)
{
	rng = seed * 0x9e3779b97f4a7c15u + 1;
	step_no = 0;
	reaped = false;
	reap_no = 0;
	set_up();
	while (step_no < steps) {
		struct db_txn *txn = write_begin(store);

		for (int i = 0; i < BATCH; i++)
			step(txn);
		check(write_end(OK) == OK);
		if (rnd(8) == 0)
			reap_all();
		if (rnd(4) == 0)
			verify();
	}
	reap_all();
	verify();
	tear_down();
}

static void
model(void **state)
{
	const char *s = getenv("MODEL_SEED"), *n = getenv("MODEL_STEPS");
	unsigned long steps = n ? strtoul(n, NULL, 10) : 12000;

	(void)state;
	for (seed = s ? strtoull(s, NULL, 10) : 1; seed < (s ? strtoull(s, NULL, 10) + 1 : 3); seed++)
		run(steps);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(model)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
