/* SPDX-License-Identifier: Apache-2.0 */
/* A program is asked about messages, key by key. */
#include "base/map.h"
#include "base/assert.h"
#include "query/query.h"

static bool
spent(const struct query *q)
{
	return q->env.spent != NULL && q->env.spent(q->env.arg);
}

/* ---- sets ---- */

/* The UIDs of a set; "*" is put in beside, so that it can mean another one later. */
static void
resolve_uids(struct query_node *n, uint32_t last)
{
	struct arg_set star = n->set;

	star.runs = (struct runs){0};
	arg_set_resolve(&star, last);
	runs_clear(&n->uids);
	runs_add_all(&n->uids, &n->set.runs);
	runs_add_all(&n->uids, &star.runs);
	runs_free(&star.runs);
}

void
query_star(struct query *q, uint32_t last)
{
	q->last = last;
	for (uint32_t i = 0; i < q->n; i++)
		if (q->nodes[i].op == QUERY_UIDS && q->nodes[i].uid_set && q->nodes[i].set.star)
			resolve_uids(&q->nodes[i], last);
}

static enum status
resolve(struct query *q, struct query_node *n, struct db_txn *txn)
{
	struct view *v = q->env.view;
	struct runs seqs = {0};
	enum status st;

	/* Of however many keys it is one copy. */
	if (n->set.saved) {
		if (!q->saved_known && q->env.saved != NULL)
			runs_add_all(&q->saved, q->env.saved);
		q->saved_known = true;
		return OK;
	}
	resolve_uids(n, n->uid_set ? q->last : v->exists);
	if (n->uid_set)
		return OK;
	seqs = n->uids;
	n->uids = (struct runs){0};
	if (v->exists < UINT32_MAX)
		runs_remove(&seqs, v->exists + 1, UINT32_MAX);
	st = view_uids_of_seqs(v, txn, &seqs, &n->uids);
	runs_free(&seqs);
	return st;
}

enum status
query_resolve(struct query *q, struct db_txn *txn)
{
	enum status st = OK;

	if (q->resolved == 0) {
		q->half = 0;
		q->kw_known = false;
		runs_clear(&q->saved);
		q->saved_known = false;
		if (q->star)
			st = view_last_uid(q->env.view, txn, &q->last);
	}
	for (; st == OK && q->resolved < q->n; q->resolved++) {
		if (q->nodes[q->resolved].op != QUERY_UIDS)
			continue;
		if (spent(q))
			return ERR_AGAIN;
		st = resolve(q, &q->nodes[q->resolved], txn);
	}
	if (st == OK)
		q->resolved = 0;
	return st;
}

const struct runs *
query_only(const struct query *q)
{
	for (uint32_t i = 0; i < q->n_quick; i++) {
		const struct query_node *n = &q->nodes[q->order[i]];

		if (n->op == QUERY_UIDS && !n->not)
			return query_uids(q, n);
	}
	return NULL;
}

void
query_scope(const struct query *q, struct runs *scope_r)
{
	runs_add(scope_r, 1, UINT32_MAX);
	for (uint32_t i = 0; i < q->n_quick; i++) {
		const struct query_node *n = &q->nodes[q->order[i]];
		struct runs common = {0};

		if (n->op != QUERY_UIDS || n->not)
			continue;
		runs_add_common(&common, scope_r, query_uids(q, n));
		runs_free(scope_r);
		*scope_r = common;
	}
}

/* ---- steps ---- */

/*
 * The ids of all keywords in the program. They stay what they are while no keyword is added, which takes an id above all others (those that are
 * forgotten are used by nothing): keys × keywords would be too much for each step.
 */
static void
find_keywords(struct query *q, const struct keywords *kw)
{
	struct arena arena = {0};
	struct map ids = {0};

	if (q->kw_known && q->kw_end == keywords_end(kw))
		return;
	for (size_t id = 0; id < kw->n; id++)
		if (kw->name[id].p != NULL)
			(void)map_put(&ids, arena_lower(&arena, kw->name[id]), (void *)(uintptr_t)(id + 1));
	for (uint32_t i = 0; i < q->n; i++)
		if (q->nodes[i].op == QUERY_KEYWORD)
			q->nodes[i].keyword = (int64_t)(uintptr_t)map_get(&ids, arena_lower(&arena, q->nodes[i].name)) - 1;
	map_free(&ids);
	arena_free(&arena);
	q->kw_known = true;
	q->kw_end = keywords_end(kw);
}

enum status
query_begin(struct query *q, struct db_txn *txn)
{
	const struct keywords *kw = NULL;
	const struct query_env *env = &q->env;
	enum status st = OK;

	/* Whole, resolved, and the step before has ended: its cursor was of another snapshot. */
	ensure(q->order != NULL && q->resolved == 0 && q->cursor == NULL);
	if (q->keywords && (st = env->keywords(env->mailbox, txn, &kw)) != OK)
		return st;
	if (kw != NULL)
		find_keywords(q, kw);
	if (q->textual && q->matcher == NULL)
		q->matcher = search_matcher_new(env->cache, env->spent, env->arg);
	if (q->textual && (st = search_matcher_begin(q->matcher, &env->view->grant, txn)) != OK)
		return st;
	if (q->sent && (st = email_cursor_open(&env->view->grant, txn, &q->cursor)) != OK && q->textual)
		search_matcher_end(q->matcher);
	return st;
}

void
query_end(struct query *q)
{
	if (q->cursor)
		email_cursor_close(q->cursor);
	q->cursor = NULL;
	if (q->textual)
		search_matcher_end(q->matcher);
}

/* ---- keys ---- */

static bool
has_keyword(const struct entry *e, int64_t id)
{
	for (uint32_t i = 0; i < e->keywords_n; i++)
		if (e->keywords[i] == id)
			return true;
	return false;
}

static bool
between(const struct query_node *n, int64_t seconds, int zone)
{
	seconds += (int64_t)zone * 60;
	return seconds >= n->first && seconds <= n->last;
}

/* The Date field; a message without one was sent on no day. A row that is gone or damaged fits nothing. */
static enum status
sent_date(struct query *q, const struct entry *e, bool *there_r, int64_t *utc_r, int *zone_r)
{
	struct mime_summary sum;
	enum status st = email_cursor_slice(q->cursor, e->email, MIME_SLICE_KEYS, &sum);

	*there_r = st == OK && mime_summary_date(&sum, utc_r, zone_r);
	return st == ERR_NOT_FOUND || st == ERR_CORRUPT ? OK : st;
}

static enum status
sent(struct query *q, const struct query_node *n, const struct entry *e, bool *hit_r)
{
	int64_t utc = 0;
	int zone = 0;
	bool there;
	enum status st = sent_date(q, e, &there, &utc, &zone);

	*hit_r = there && between(n, utc, zone);
	return st;
}

/* A row that is gone is in no thread. */
static enum status
in_thread(struct query *q, const struct query_node *n, const struct entry *e, bool *hit_r)
{
	struct email email;
	enum status st = email_cursor_get(q->cursor, e->email, &email);

	*hit_r = st == OK && email.thread == n->id;
	return st == ERR_NOT_FOUND ? OK : st;
}

static enum status
is_object(struct query *q, const struct query_node *n, const struct entry *e, bool *hit_r)
{
	int64_t object = 0;
	enum status st = email_cursor_object(q->cursor, e->email, &object);

	*hit_r = st == OK && object == n->id;
	return st;
}

/* A key that the entry alone answers. */
static bool
of_entry(const struct query *q, const struct query_node *n, const struct entry *e)
{
	switch (n->op) {
	case QUERY_ALL: return true;
	case QUERY_FLAG: return (e->flags & n->flags) == n->flags;
	case QUERY_RECENT: return runs_has(&q->env.view->recent, e->uid);
	case QUERY_KEYWORD: return n->keyword >= 0 && has_keyword(e, n->keyword);
	case QUERY_UIDS: return runs_has(query_uids(q, n), e->uid);
	case QUERY_MODSEQ: return e->modseq >= n->size;
	case QUERY_LARGER: return e->size > n->size;
	case QUERY_SMALLER: return e->size < n->size;
	case QUERY_DATE: return between(n, e->internal_date, e->zone);
	case QUERY_OLDER: return e->internal_date <= q->now - (int64_t)n->size;
	case QUERY_YOUNGER: return e->internal_date >= q->now - (int64_t)n->size;
	case QUERY_SAVED: return between(n, e->save_date, 0);
	default: return false;
	}
}

/* Does the key hold, without regard to NOT? */
static enum status
exactly(struct query *q, const struct query_node *n, const struct entry *e, bool *hit_r)
{
	switch (n->op) {
	case QUERY_SENT: return sent(q, n, e, hit_r);
	case QUERY_THREADID: return in_thread(q, n, e, hit_r);
	case QUERY_EMAILID: return is_object(q, n, e, hit_r);
	case QUERY_TEXTUAL: return search_match(q->matcher, n->text_key, n->name, n->needle, hit_r);
	default: *hit_r = of_entry(q, n, e); return OK;
	}
}

/* ---- fuzzy keys (RFC 6203 5) ---- */

/* A day too early or too late takes 12 from 100, so that a week is the most. */
static unsigned
date_score(const struct query_node *n, int64_t seconds, int zone)
{
	int32_t day = date_of((struct date_time){.seconds = seconds, .zone = (int16_t)zone});
	int64_t off = day < n->from ? (int64_t)n->from - day : day > n->to ? (int64_t)day - n->to : 0;

	return off > 7 ? 0 : 100 - 12 * (unsigned)off;
}

/* From 95 down, the nearer it is to a fifth away from the size asked for. */
static unsigned
size_score(const struct query_node *n, const struct entry *e)
{
	bool larger = n->op == QUERY_LARGER;
	uint64_t off, percent;

	if (larger ? e->size > n->size : e->size < n->size)
		return 100;
	off = larger ? n->size - e->size : e->size - n->size;
	percent = off < n->size ? (uint64_t)((unsigned __int128)off * 100 / n->size) : 100;
	return percent >= 20 ? 0 : 95 - (unsigned)percent * 95 / 20;
}

static enum status
fuzzy_score_of(struct query *q, const struct query_node *n, const struct entry *e, unsigned *score_r)
{
	bool hit, there;
	int64_t utc = 0;
	int zone = 0;
	enum status st;

	switch (n->op) {
	case QUERY_TEXTUAL:
		return search_match_fuzzy(q->matcher, n->text_key, n->name, n->needle, score_r);
	case QUERY_DATE:
		*score_r = date_score(n, e->internal_date, e->zone);
		return OK;
	case QUERY_SENT:
		if ((st = sent_date(q, e, &there, &utc, &zone)) == OK)
			*score_r = there ? date_score(n, utc, zone) : 0;
		return st;
	case QUERY_SAVED:
		*score_r = date_score(n, e->save_date, 0);
		return OK;
	case QUERY_LARGER:
	case QUERY_SMALLER:
		*score_r = size_score(n, e);
		return OK;
	default:
		/* Of flags, sets, ids and the like there is no nearly. */
		if ((st = exactly(q, n, e, &hit)) == OK)
			*score_r = hit ? 100 : 0;
		return st;
	}
}

static enum status
fuzzily(struct query *q, uint32_t i, const struct entry *e, bool *hit_r)
{
	const struct query_node *n = &q->nodes[i];
	unsigned score = 0;
	enum status st;

	if ((st = fuzzy_score_of(q, n, e, &score)) != OK)
		return st;
	ensure(score <= 100);
	q->score[i] = (int16_t)score;
	*hit_r = score > 0;
	return OK;
}

static enum status
leaf(struct query *q, uint32_t i, const struct entry *e, bool *hit_r)
{
	const struct query_node *n = &q->nodes[i];
	bool hit = false;
	/* "Not nearly" means something of text only. */
	bool fuzzy = n->fuzzy && (!n->not || n->op == QUERY_TEXTUAL);
	enum status st = fuzzy ? fuzzily(q, i, e, &hit) : exactly(q, n, e, &hit);

	*hit_r = hit != n->not;
	return st;
}

/* ---- the program ---- */

/* The node is decided: what stands below it does not matter any more. Programs are in order of reading, so that is what follows it up to its end; what was
 * marked before is passed over, so that each node is marked once. */
static void
mark_moot(struct query *q, uint32_t i)
{
	for (uint32_t k = i + 1; k < q->nodes[i].end;) {
		bool done = q->value[k] >= 0; /* a leaf, or marked already */

		q->moot[k] = true;
		k = done ? q->nodes[k].end : k + 1;
	}
}

/* Sets what is known of a node, and what follows for those above it. */
static void
settle(struct query *q, uint32_t i, bool v)
{
	/* Once a message; of those above it the first to decide. */
	ensure(q->value[i] < 0);
	q->value[i] = v;
	while (i != 0 && q->value[q->nodes[i].parent] < 0) {
		uint32_t up = q->nodes[i].parent;
		bool and = q->nodes[up].op == QUERY_AND;

		if (v == and && --q->open[up] > 0)
			return;
		/* Either this child decides, or it was the last one and all were alike. */
		v = v != q->nodes[up].not;
		q->value[up] = v;
		mark_moot(q, up);
		i = up;
	}
}

/* Before the first of those keys. */
static void
begin_asking(struct query *q)
{
	for (uint32_t i = 0; i < q->n; i++) {
		q->value[i] = -1;
		q->moot[i] = false;
		q->open[i] = q->nodes[i].children;
	}
	ensure(q->open[0] > q->n_quick); /* or all was answered by the quick ones */
	q->open[0] -= q->n_quick;
	q->next_key = q->n_quick;
}

/* Keys that the quick ones left open. The clock is looked at between them, and within large messages. */
static enum status
ask(struct query *q, const struct entry *e, bool *hit_r)
{
	enum status st;

	if (q->textual)
		search_matcher_message(q->matcher, e->email);
	for (; q->next_key < q->n_leaves && q->value[0] < 0; q->next_key++) {
		uint32_t i = q->order[q->next_key];
		bool hit;

		if (q->moot[i])
			continue;
		if (spent(q))
			return ERR_AGAIN;
		if ((st = leaf(q, i, e, &hit)) != OK)
			return st;
		settle(q, i, hit);
	}
	/* All leaves together always decide: one that was passed over stands below what is decided. */
	ensure(q->value[0] >= 0);
	*hit_r = q->value[0] == 1;
	return OK;
}

/* The keys are asked; an interrupted message is gone on with. */
static enum status
ask_on(struct query *q, const struct entry *e, bool *hit_r)
{
	enum status st = ask(q, e, hit_r);

	q->half = st == ERR_AGAIN ? e->uid : 0;
	return st;
}

enum status
query_message(struct query *q, const struct entry *e, bool *hit_r)
{
	enum status st;

	if (q->half == e->uid && q->half_hit) {
		*hit_r = true; /* its relevancy is to be found out */
		return OK;
	}
	if (q->half == e->uid)
		return ask_on(q, e, hit_r);
	q->half_hit = false;
	for (uint32_t i = 0; q->score && i < q->n; i++)
		q->score[i] = QUERY_UNSCORED;
	for (uint32_t k = 0; k < q->n_quick; k++) {
		const struct query_node *n = &q->nodes[q->order[k]];

		/* The two that are asked most, without a call. */
		if (n->op == QUERY_FLAG)
			*hit_r = ((e->flags & n->flags) == n->flags) != n->not;
		else if (n->op == QUERY_DATE && !n->fuzzy)
			*hit_r = between(n, e->internal_date, e->zone) != n->not;
		else if ((st = leaf(q, q->order[k], e, hit_r)) != OK)
			return st;
		if (!*hit_r)
			return OK;
	}
	*hit_r = true;
	if (q->n_quick == q->n_leaves)
		return OK;
	begin_asking(q);
	return ask_on(q, e, hit_r);
}

/* ---- relevancy ---- */

/* Scores of fuzzy keys that the answer did not need. */
static enum status
score_rest(struct query *q, const struct entry *e)
{
	enum status st;
	bool hit;

	if (q->textual)
		search_matcher_message(q->matcher, e->email);
	for (uint32_t k = 0; k < q->n_leaves; k++) {
		uint32_t i = q->order[k];

		if (!q->nodes[i].fuzzy || q->nodes[i].not || q->score[i] != QUERY_UNSCORED)
			continue;
		if (spent(q))
			return ERR_AGAIN;
		if ((st = leaf(q, i, e, &hit)) != OK)
			return st;
	}
	return OK;
}

/* Scores go up from the last nodes to the root: of AND the mean, of OR the best; what stands behind NOT tells nothing. Non-fuzzy keys do
 * not count. */
enum status
query_relevancy(struct query *q, const struct entry *e, uint8_t *relevancy_r)
{
	uint32_t *sum = q->sum, *n = q->open;
	enum status st;

	st = score_rest(q, e);
	q->half_hit = st == ERR_AGAIN;
	q->half = q->half_hit ? e->uid : 0;
	if (st != OK)
		return st;
	memset(sum, 0, q->n * sizeof(*sum));
	memset(n, 0, q->n * sizeof(*n));
	for (uint32_t i = q->n - 1; i > 0; i--) {
		const struct query_node *node = &q->nodes[i];
		uint32_t up = node->parent, score;

		if (query_is_leaf(node)) {
			n[i] = q->score[i] != QUERY_UNSCORED;
			sum[i] = n[i] ? (uint32_t)q->score[i] : 0;
		}
		if (n[i] == 0 || node->not)
			continue;
		score = sum[i] / n[i];
		if (q->nodes[up].op != QUERY_OR) {
			sum[up] += score;
			n[up]++;
		} else if (n[up] == 0 || score > sum[up]) {
			sum[up] = score;
			n[up] = 1;
		}
	}
	*relevancy_r = n[0] == 0 ? 100 : sum[0] / n[0] == 0 ? 1 : (uint8_t)(sum[0] / n[0]);
	return OK;
}
