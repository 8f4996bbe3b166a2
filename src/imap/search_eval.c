/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"
#include "imap/search.h"
#include "imap/selected.h"
#include "mime/summary.h"

/* ---- sets ---- */

/* The UIDs of a set; "*" is put in beside, so that it can mean another one later. */
static void
resolve_uids(struct search_node *n, uint32_t last)
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
search_star(struct search *s, uint32_t last)
{
	s->last = last;
	for (uint32_t i = 0; i < s->n; i++)
		if (s->nodes[i].op == SEARCH_UIDS && s->nodes[i].uid_set && s->nodes[i].set.star)
			resolve_uids(&s->nodes[i], last);
}

struct view *
search_view(const struct search *s)
{
	return s->elsewhere ? &s->elsewhere->view : &s->session->selected->view;
}

static enum status
resolve(struct search *s, struct search_node *n, struct db_txn *txn)
{
	struct view *v = search_view(s);
	struct runs seqs = {0};
	enum status st;

	/* "$" means messages of the selected mailbox, here as there (RFC 5182 2.1). Of however many keys it is one copy. */
	if (n->set.saved) {
		if (!s->saved_known && s->elsewhere == NULL)
			runs_add_all(&s->saved, &s->session->selected->saved);
		s->saved_known = true;
		return OK;
	}
	resolve_uids(n, n->uid_set ? s->last : v->exists);
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
search_resolve(struct search *s, struct cmd *cmd, struct db_txn *txn)
{
	enum status st = OK;

	s->session = cmd->session;
	if (s->resolved == 0) {
		s->half = 0;
		s->kw_known = false;
		runs_clear(&s->saved);
		s->saved_known = false;
		if (s->star)
			st = view_last_uid(search_view(s), txn, &s->last);
	}
	for (; st == OK && s->resolved < s->n; s->resolved++) {
		if (s->nodes[s->resolved].op != SEARCH_UIDS)
			continue;
		if (cmd_spent(cmd))
			return ERR_AGAIN;
		st = resolve(s, &s->nodes[s->resolved], txn);
	}
	if (st == OK)
		s->resolved = 0;
	return st;
}

const struct runs *
search_only(const struct search *s)
{
	for (uint32_t i = 0; i < s->n_quick; i++) {
		const struct search_node *n = &s->nodes[s->order[i]];

		if (n->op == SEARCH_UIDS && !n->not)
			return search_uids(s, n);
	}
	return NULL;
}

void
search_scope(const struct search *s, struct runs *scope_r)
{
	runs_add(scope_r, 1, UINT32_MAX);
	for (uint32_t i = 0; i < s->n_quick; i++) {
		const struct search_node *n = &s->nodes[s->order[i]];
		struct runs common = {0};

		if (n->op != SEARCH_UIDS || n->not)
			continue;
		runs_add_common(&common, scope_r, search_uids(s, n));
		runs_free(scope_r);
		*scope_r = common;
	}
}

/* ---- steps ---- */

/* Within a large message, or a long program. */
static bool
spent(void *arg)
{
	return cmd_spent(((struct session *)arg)->cmd);
}

static enum status
load_keywords(struct search *s, struct db_txn *txn, const struct keywords **kw_r)
{
	struct search_elsewhere *o = s->elsewhere;
	enum status st = OK;

	*kw_r = o ? &o->keywords : &s->session->selected->keywords;
	if (o == NULL)
		return selected_keywords(s->session, txn);
	if (!o->loaded)
		st = keywords_get(txn, &o->arena, o->view.mailbox, &o->keywords);
	o->loaded = st == OK;
	return st;
}

static struct str
fold(struct arena *arena, struct str name)
{
	char *p = arena_alloc(arena, name.n + 1);

	for (size_t i = 0; i < name.n; i++)
		p[i] = ascii_lower(name.p[i]);
	return str_of(p, name.n);
}

/*
 * The ids of all keywords in the program. They stay what they are while no keyword is added, which takes an id above all others (those that are
 * forgotten are used by nothing): keys × keywords would be too much for each step.
 */
static void
find_keywords(struct search *s, const struct keywords *kw)
{
	struct arena arena = {0};
	struct map ids = {0};

	if (s->kw_known && s->kw_end == keywords_end(kw))
		return;
	for (size_t id = 0; id < kw->n; id++)
		if (kw->name[id].p != NULL)
			(void)map_put(&ids, fold(&arena, kw->name[id]), (void *)(uintptr_t)(id + 1));
	for (uint32_t i = 0; i < s->n; i++)
		if (s->nodes[i].op == SEARCH_KEYWORD)
			s->nodes[i].keyword = (int64_t)(uintptr_t)map_get(&ids, fold(&arena, s->nodes[i].name)) - 1;
	map_free(&ids);
	arena_free(&arena);
	s->kw_known = true;
	s->kw_end = keywords_end(kw);
}

enum status
search_begin(struct search *s, struct db_txn *txn)
{
	const struct keywords *kw = NULL;
	struct session *ses = s->session;
	enum status st = OK;

	s->txn = txn;
	if (s->keywords && (st = load_keywords(s, txn, &kw)) != OK)
		return st;
	if (kw != NULL)
		find_keywords(s, kw);
	if (s->textual && s->matcher == NULL)
		s->matcher = search_matcher_new(&ses->actor, ses->imap->search_cache, spent, ses);
	if (s->textual && (st = search_matcher_begin(s->matcher, txn)) != OK)
		return st;
	if (s->sent && (st = email_cursor_open(&ses->actor, txn, &s->cursor)) != OK && s->textual)
		search_matcher_end(s->matcher);
	return st;
}

void
search_end(struct search *s)
{
	if (s->cursor)
		email_cursor_close(s->cursor);
	s->cursor = NULL;
	if (s->textual)
		search_matcher_end(s->matcher);
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
between(const struct search_node *n, int64_t seconds, int zone)
{
	seconds += (int64_t)zone * 60;
	return seconds >= n->first && seconds <= n->last;
}

/* The Date field; a message without one was sent on no day. A row that is gone or damaged fits nothing. */
static enum status
sent_date(struct search *s, const struct entry *e, bool *there_r, int64_t *utc_r, int *zone_r)
{
	struct mime_summary sum;
	enum status st = email_cursor_slice(s->cursor, e->email, MIME_SLICE_KEYS, &sum);

	*there_r = st == OK && mime_summary_date(&sum, utc_r, zone_r);
	return st == ERR_NOT_FOUND || st == ERR_CORRUPT ? OK : st;
}

static enum status
sent(struct search *s, const struct search_node *n, const struct entry *e, bool *hit_r)
{
	int64_t utc = 0;
	int zone = 0;
	bool there;
	enum status st = sent_date(s, e, &there, &utc, &zone);

	*hit_r = there && between(n, utc, zone);
	return st;
}

/* A row that is gone is in no thread. */
static enum status
in_thread(struct search *s, const struct search_node *n, const struct entry *e, bool *hit_r)
{
	struct email email;
	enum status st = email_cursor_get(s->cursor, e->email, &email);

	*hit_r = st == OK && email.thread == n->id;
	return st == ERR_NOT_FOUND ? OK : st;
}

/* A key that the entry alone answers. */
static bool
of_entry(const struct search *s, const struct search_node *n, const struct entry *e)
{
	switch (n->op) {
	case SEARCH_ALL: return true;
	case SEARCH_FLAG: return (e->flags & n->flags) == n->flags;
	case SEARCH_RECENT: return runs_has(&search_view(s)->recent, e->uid);
	case SEARCH_KEYWORD: return n->keyword >= 0 && has_keyword(e, n->keyword);
	case SEARCH_UIDS: return runs_has(search_uids(s, n), e->uid);
	case SEARCH_MODSEQ: return e->modseq >= n->size;
	case SEARCH_LARGER: return e->size > n->size;
	case SEARCH_SMALLER: return e->size < n->size;
	case SEARCH_DATE: return between(n, e->internal_date, e->zone);
	case SEARCH_OLDER: return e->internal_date <= s->now - (int64_t)n->size;
	case SEARCH_YOUNGER: return e->internal_date >= s->now - (int64_t)n->size;
	case SEARCH_SAVED: return between(n, e->save_date, 0);
	case SEARCH_EMAILID: return e->email == n->id;
	default: return false;
	}
}

/* Does the key hold, without regard to NOT? */
static enum status
exactly(struct search *s, const struct search_node *n, const struct entry *e, bool *hit_r)
{
	switch (n->op) {
	case SEARCH_SENT: return sent(s, n, e, hit_r);
	case SEARCH_THREADID: return in_thread(s, n, e, hit_r);
	case SEARCH_TEXTUAL: return search_match(s->matcher, n->text_key, n->name, n->needle, hit_r);
	default: *hit_r = of_entry(s, n, e); return OK;
	}
}

/* ---- fuzzy keys (RFC 6203 5) ---- */

/* A day too early or too late takes 12 from 100, so that a week is the most. */
static unsigned
date_score(const struct search_node *n, int64_t seconds, int zone)
{
	int32_t day = date_of((struct date_time){.seconds = seconds, .zone = (int16_t)zone});
	int64_t off = day < n->from ? (int64_t)n->from - day : day > n->to ? (int64_t)day - n->to : 0;

	return off > 7 ? 0 : 100 - 12 * (unsigned)off;
}

/* From 95 down, the nearer it is to a fifth away from the size asked for. */
static unsigned
size_score(const struct search_node *n, const struct entry *e)
{
	bool larger = n->op == SEARCH_LARGER;
	uint64_t off, percent;

	if (larger ? e->size > n->size : e->size < n->size)
		return 100;
	off = larger ? n->size - e->size : e->size - n->size;
	percent = off < n->size ? (uint64_t)((unsigned __int128)off * 100 / n->size) : 100;
	return percent >= 20 ? 0 : 95 - (unsigned)percent * 95 / 20;
}

static enum status
fuzzy_score_of(struct search *s, const struct search_node *n, const struct entry *e, unsigned *score_r)
{
	bool hit, there;
	int64_t utc = 0;
	int zone = 0;
	enum status st;

	switch (n->op) {
	case SEARCH_TEXTUAL:
		return search_match_fuzzy(s->matcher, n->text_key, n->name, n->needle, score_r);
	case SEARCH_DATE:
		*score_r = date_score(n, e->internal_date, e->zone);
		return OK;
	case SEARCH_SENT:
		if ((st = sent_date(s, e, &there, &utc, &zone)) == OK)
			*score_r = there ? date_score(n, utc, zone) : 0;
		return st;
	case SEARCH_SAVED:
		*score_r = date_score(n, e->save_date, 0);
		return OK;
	case SEARCH_LARGER:
	case SEARCH_SMALLER:
		*score_r = size_score(n, e);
		return OK;
	default:
		/* Of flags, sets, ids and the like there is no nearly. */
		if ((st = exactly(s, n, e, &hit)) == OK)
			*score_r = hit ? 100 : 0;
		return st;
	}
}

static enum status
fuzzily(struct search *s, uint32_t i, const struct entry *e, bool *hit_r)
{
	const struct search_node *n = &s->nodes[i];
	unsigned score = 0;
	enum status st;

	if ((st = fuzzy_score_of(s, n, e, &score)) != OK)
		return st;
	s->score[i] = (int16_t)score;
	*hit_r = score > 0;
	return OK;
}

static enum status
leaf(struct search *s, uint32_t i, const struct entry *e, bool *hit_r)
{
	const struct search_node *n = &s->nodes[i];
	bool hit = false;
	/* "Not nearly" means something of text only. */
	bool fuzzy = n->fuzzy && (!n->not || n->op == SEARCH_TEXTUAL);
	enum status st = fuzzy ? fuzzily(s, i, e, &hit) : exactly(s, n, e, &hit);

	*hit_r = hit != n->not;
	return st;
}

/* ---- the program ---- */

/* The node is decided: what stands below it does not matter any more. Programs are in order of reading, so that is what follows it up to its end; what was
 * marked before is passed over, so that each node is marked once. */
static void
mark_moot(struct search *s, uint32_t i)
{
	for (uint32_t k = i + 1; k < s->nodes[i].end;) {
		bool done = s->value[k] >= 0; /* a leaf, or marked already */

		s->moot[k] = true;
		k = done ? s->nodes[k].end : k + 1;
	}
}

/* Sets what is known of a node, and what follows for those above it. */
static void
settle(struct search *s, uint32_t i, bool v)
{
	s->value[i] = v;
	while (i != 0 && s->value[s->nodes[i].parent] < 0) {
		uint32_t up = s->nodes[i].parent;
		bool and = s->nodes[up].op == SEARCH_AND;

		if (v == and && --s->open[up] > 0)
			return;
		/* Either this child decides, or it was the last one and all were alike. */
		v = v != s->nodes[up].not;
		s->value[up] = v;
		mark_moot(s, up);
		i = up;
	}
}

/* Before the first of those keys. */
static void
begin_asking(struct search *s)
{
	for (uint32_t i = 0; i < s->n; i++) {
		s->value[i] = -1;
		s->moot[i] = false;
		s->open[i] = s->nodes[i].children;
	}
	s->open[0] -= s->n_quick;
	s->next_key = s->n_quick;
}

/* Keys that the quick ones left open. The clock is looked at between them, and within large messages. */
static enum status
ask(struct search *s, const struct entry *e, bool *hit_r)
{
	enum status st;

	if (s->textual)
		search_matcher_message(s->matcher, e->email);
	for (; s->next_key < s->n_leaves && s->value[0] < 0; s->next_key++) {
		uint32_t i = s->order[s->next_key];
		bool hit;

		if (s->moot[i])
			continue;
		if (spent(s->session))
			return ERR_AGAIN;
		if ((st = leaf(s, i, e, &hit)) != OK)
			return st;
		settle(s, i, hit);
	}
	*hit_r = s->value[0] == 1;
	return OK;
}

/* The keys are asked; an interrupted message is gone on with. */
static enum status
ask_on(struct search *s, const struct entry *e, bool *hit_r)
{
	enum status st = ask(s, e, hit_r);

	s->half = st == ERR_AGAIN ? e->uid : 0;
	return st;
}

enum status
search_message(struct search *s, const struct entry *e, bool *hit_r)
{
	enum status st;

	if (s->half == e->uid && s->half_hit) {
		*hit_r = true; /* its relevancy is to be found out */
		return OK;
	}
	if (s->half == e->uid)
		return ask_on(s, e, hit_r);
	s->half_hit = false;
	for (uint32_t i = 0; s->score && i < s->n; i++)
		s->score[i] = SEARCH_UNSCORED;
	for (uint32_t k = 0; k < s->n_quick; k++) {
		const struct search_node *n = &s->nodes[s->order[k]];

		/* The two that are asked most, without a call. */
		if (n->op == SEARCH_FLAG)
			*hit_r = ((e->flags & n->flags) == n->flags) != n->not;
		else if (n->op == SEARCH_DATE && !n->fuzzy)
			*hit_r = between(n, e->internal_date, e->zone) != n->not;
		else if ((st = leaf(s, s->order[k], e, hit_r)) != OK)
			return st;
		if (!*hit_r)
			return OK;
	}
	*hit_r = true;
	if (s->n_quick == s->n_leaves)
		return OK;
	begin_asking(s);
	return ask_on(s, e, hit_r);
}

/* ---- relevancy ---- */

/* Scores of fuzzy keys that the answer did not need. */
static enum status
score_rest(struct search *s, const struct entry *e)
{
	enum status st;
	bool hit;

	if (s->textual)
		search_matcher_message(s->matcher, e->email);
	for (uint32_t k = 0; k < s->n_leaves; k++) {
		uint32_t i = s->order[k];

		if (!s->nodes[i].fuzzy || s->nodes[i].not || s->score[i] != SEARCH_UNSCORED)
			continue;
		if (spent(s->session))
			return ERR_AGAIN;
		if ((st = leaf(s, i, e, &hit)) != OK)
			return st;
	}
	return OK;
}

/* Scores go up from the last nodes to the root: of AND the mean, of OR the best; what stands behind NOT tells nothing. Non-fuzzy keys do
 * not count. */
enum status
search_relevancy(struct search *s, const struct entry *e, uint8_t *relevancy_r)
{
	uint32_t *sum = s->sum, *n = s->open;
	enum status st;

	st = score_rest(s, e);
	s->half_hit = st == ERR_AGAIN;
	s->half = s->half_hit ? e->uid : 0;
	if (st != OK)
		return st;
	memset(sum, 0, s->n * sizeof(*sum));
	memset(n, 0, s->n * sizeof(*n));
	for (uint32_t i = s->n - 1; i > 0; i--) {
		const struct search_node *node = &s->nodes[i];
		uint32_t up = node->parent, score;

		if (node->op != SEARCH_AND && node->op != SEARCH_OR) {
			n[i] = s->score[i] != SEARCH_UNSCORED;
			sum[i] = n[i] ? (uint32_t)s->score[i] : 0;
		}
		if (n[i] == 0 || node->not)
			continue;
		score = sum[i] / n[i];
		if (s->nodes[up].op != SEARCH_OR) {
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
