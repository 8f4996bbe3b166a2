/* SPDX-License-Identifier: Apache-2.0 */
/* Counts the forms of SCRAM keys over all accounts, and picks one of them for a name that nobody has. */
#include "auth/survey.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "base/assert.h"
#include "base/arena.h"
#include "base/lock.h"
#include "base/log.h"
#include "store/account.h"

#define FORMS 64          /* kinds of keys that are told apart; any more are taken for the last of them */
#define CHANGED_MOST 4096 /* accounts to be looked at again; with more all are */
#define BATCH 500

/* What is noted of an account: nobody can log in to it, or not with SCRAM, or its form + FORM. */
enum { CLOSED, LACKING, FORM };

/* Keys of one kind. */
struct form {
	uint32_t iterations, salt_len;
	int64_t accounts;
	double share; /* of the accounts with keys those up to and with this form (precedes): what false keys go by */
};

struct survey {
	struct store *store;
	enum scram_hash hash;
	uint32_t iterations;
	struct lock lock; /* of what follows; held while the store is read */
	bool counted, told;
	struct form form[FORMS]; /* in the order in which they were met */
	size_t n_forms;
	uint8_t *noted; /* by account id, which are given out by counting */
	size_t noted_n;
	int64_t lacking;
	struct lock changed_lock; /* of what follows; held for a moment */
	int64_t changed[CHANGED_MOST];
	size_t n_changed;
	bool all_changed;
};

struct survey *
survey_new(struct store *store, enum scram_hash hash, uint32_t iterations)
{
	struct survey *v = x_new(struct survey);

	v->store = store;
	v->hash = hash;
	v->iterations = iterations;
	lock_init(&v->lock, LOCK_auth_survey);
	lock_init(&v->changed_lock, LOCK_auth_survey_changed);
	return v;
}

void
survey_free(struct survey *v)
{
	if (v == NULL)
		return;
	lock_fini(&v->lock);
	lock_fini(&v->changed_lock);
	free(v->noted);
	free(v);
}

void
survey_changed(struct survey *v, int64_t account)
{
	lock_take(&v->changed_lock);
	if (v->n_changed == CHANGED_MOST)
		v->all_changed = true;
	else if (v->n_changed == 0 || v->changed[v->n_changed - 1] != account)
		v->changed[v->n_changed++] = account;
	lock_give(&v->changed_lock);
}

/* ---- counting ---- */

static uint8_t
form_of(struct survey *v, const struct scram_keys *k)
{
	size_t i = 0;

	while (i < v->n_forms && (v->form[i].iterations != k->iterations || v->form[i].salt_len != k->salt_len))
		i++;
	if (i == FORMS)
		i--;
	else if (i == v->n_forms)
		v->form[v->n_forms++] = (struct form){k->iterations, (uint32_t)k->salt_len, 0, 1};
	return (uint8_t)(FORM + i);
}

static void
count(struct survey *v, uint8_t what, int n)
{
	if (what == LACKING)
		v->lacking += n;
	else if (what >= FORM)
		v->form[what - FORM].accounts += n;
	/* What is taken away was noted. */
	ensure(v->lacking >= 0 && (what < FORM || v->form[what - FORM].accounts >= 0));
}

static void
note(struct survey *v, int64_t account, uint8_t what)
{
	size_t at = (size_t)account;

	if (at >= v->noted_n) {
		size_t n = at + at / 4 + 64;

		if (what == CLOSED)
			return;
		v->noted = x_realloc(v->noted, n);
		memset(v->noted + v->noted_n, CLOSED, n - v->noted_n);
		v->noted_n = n;
	}
	count(v, v->noted[at], -1);
	count(v, v->noted[at] = what, 1);
}

static void
note_keys(struct survey *v, const struct account_keys *a)
{
	struct scram_keys k;
	uint8_t what = a->password ? LACKING : CLOSED;

	if (a->scram.p != NULL && scram_parse(v->hash, a->scram, &k) == OK)
		what = form_of(v, &k);
	note(v, a->id, what);
}

static enum status
count_all(struct survey *v, struct db_txn *txn)
{
	struct arena arena = {0};
	struct account_keys *list;
	int64_t after = 0;
	size_t n = BATCH;
	enum status st = OK;

	if (v->noted_n > 0)
		memset(v->noted, CLOSED, v->noted_n);
	for (size_t i = 0; i < v->n_forms; i++)
		v->form[i].accounts = 0;
	v->lacking = 0;
	while (n == BATCH && (st = account_keys(txn, &arena, scram_kind(v->hash), after, BATCH, &list, &n)) == OK) {
		for (size_t i = 0; i < n; i++)
			note_keys(v, &list[i]);
		if (n > 0)
			after = list[n - 1].id;
		arena_free(&arena);
	}
	arena_free(&arena);
	return st;
}

static enum status
count_one(struct survey *v, struct db_txn *txn, int64_t account)
{
	struct arena arena = {0};
	struct account_keys *list;
	size_t n;
	enum status st = account_keys(txn, &arena, scram_kind(v->hash), account - 1, 1, &list, &n);

	if (st == OK && n == 1 && list[0].id == account)
		note_keys(v, &list[0]);
	else if (st == OK)
		note(v, account, CLOSED);
	arena_free(&arena);
	return st;
}

/* Does a come before b? The form of new keys is where all are going, and the last. */
static bool
precedes(const struct survey *v, const struct form *a, const struct form *b)
{
	bool a_new = a->iterations == v->iterations, b_new = b->iterations == v->iterations;

	if (a_new != b_new)
		return b_new;
	return a->iterations < b->iterations || (a->iterations == b->iterations && a->salt_len < b->salt_len);
}

/* Where false keys stop being of a form: never further on than before, see survey.h. */
static void
share(struct survey *v)
{
	int64_t all = 0, upto;

	for (size_t i = 0; i < v->n_forms; i++)
		all += v->form[i].accounts;
	for (size_t i = 0; i < v->n_forms && all > 0; i++) {
		struct form *f = &v->form[i];
		double s;

		upto = 0;
		for (size_t k = 0; k < v->n_forms; k++)
			if (!precedes(v, f, &v->form[k]))
				upto += v->form[k].accounts;
		s = (double)upto / (double)all;
		if (s < f->share)
			f->share = s;
	}
}

static enum status
bring_up(struct survey *v, const int64_t *changed, size_t n, bool all)
{
	struct db_txn *txn;
	enum status st = db_read_begin(store_db(v->store), &txn);

	if (st != OK)
		return st;
	if (all)
		st = count_all(v, txn);
	for (size_t i = 0; i < n && !all && st == OK; i++)
		st = count_one(v, txn, changed[i]);
	db_read_end(txn);
	return st;
}

/* With the lock held. False: the store cannot be read, and what was counted is to be counted anew. */
static bool
current(struct survey *v)
{
	int64_t *changed = NULL;
	size_t n;
	bool all;

	lock_take(&v->changed_lock);
	n = v->n_changed;
	all = v->all_changed || !v->counted;
	if (n > 0) {
		changed = x_calloc(n, sizeof(*changed));
		memcpy(changed, v->changed, n * sizeof(*changed));
	}
	v->n_changed = 0;
	v->all_changed = false;
	lock_give(&v->changed_lock);
	if (n > 0 || all) {
		v->counted = bring_up(v, changed, n, all) == OK;
		if (v->counted)
			share(v);
	}
	free(changed);
	return v->counted;
}

static void
tell(struct survey *v)
{
	if (v->told == (v->lacking > 0))
		return;
	v->told = v->lacking > 0;
	if (v->told)
		log_event(EV_tool, "%.*s is not offered: accounts=%lld that can log in have no keys for it; they get them at their next login with a password",
		    STR_FMT(scram_mechanism(v->hash)), (long long)v->lacking);
	else
		log_event(EV_tool, "%.*s is offered: all accounts that can log in have keys for it", STR_FMT(scram_mechanism(v->hash)));
}

bool
survey_complete(struct survey *v)
{
	bool complete;

	lock_take(&v->lock);
	complete = current(v) && v->lacking == 0;
	if (v->counted)
		tell(v);
	lock_give(&v->lock);
	return complete;
}

/* ---- false keys ---- */

/* The first form whose share is above x. */
static const struct form *
pick(const struct survey *v, double x)
{
	const struct form *best = NULL;

	for (size_t i = 0; i < v->n_forms; i++) {
		const struct form *f = &v->form[i];

		if (x >= f->share)
			continue;
		if (best == NULL || precedes(v, f, best))
			best = f;
	}
	return best;
}

void
survey_fake(struct survey *v, struct str user, struct scram_keys *keys_r)
{
	struct form form = {v->iterations, 16, 0, 1};
	const struct form *f;
	uint8_t seed[32], where[32];
	uint64_t n;

	scram_seed(seed, v->hash, store_secret(v->store), user);
	scram_hmac(SCRAM_SHA256, where, str_of(seed, sizeof(seed)), STR("form"));
	memcpy(&n, where, sizeof(n));
	lock_take(&v->lock);
	(void)current(v); /* what was counted before will do */
	if ((f = pick(v, (double)(n >> 11) / (double)(UINT64_C(1) << 53))) != NULL)
		form = *f;
	lock_give(&v->lock);
	scram_fake(keys_r, v->hash, seed, form.iterations, form.salt_len);
}
