/* SPDX-License-Identifier: Apache-2.0 */
/* The order of a check, its snapshots, and what it tells. */
#include "store/mend/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "store/mend/check_priv.h"
#include "store/store_priv.h"

void (*check_between)(void);

static struct db_sql all_accounts = DB_SQL("SELECT id, name, next_email FROM account");

static void __attribute__((format(printf, 2, 0)))
tell(struct check *c, const char *fmt, va_list ap)
{
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, ap);
	if (c->report->found != NULL)
		c->report->found(c->report->arg, text);
}

void
check_fault(struct check *c, const char *fmt, ...)
{
	va_list ap;

	c->report->faults++;
	va_start(ap, fmt);
	tell(c, fmt, ap);
	va_end(ap);
}

void
check_note(struct check *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(c, fmt, ap);
	va_end(ap);
}

static enum status
snapshot(struct check *c)
{
	enum status st = db_read_begin(c->store->db, &c->txn);

	if (st != OK)
		c->txn = NULL;
	c->began = clock_mono();
	return st;
}

static void
let_go(struct check *c)
{
	if (c->txn != NULL)
		db_read_end(c->txn);
	c->txn = NULL;
}

/* While no snapshot is held. */
static enum status
between(struct check *c)
{
	const struct check_report *r = c->report;

	if (r->pause != NULL)
		r->pause(r->arg);
	return r->stop != NULL && r->stop(r->arg) ? ERR_UNAVAILABLE : OK;
}

enum status
check_breathe(struct check *c, bool *renewed_r)
{
	enum status st;

	if (check_between == NULL && clock_mono() - c->began < CHECK_SNAPSHOT_US)
		return OK;
	let_go(c);
	if (check_between != NULL)
		check_between();
	if ((st = between(c)) != OK)
		return st;
	if (renewed_r != NULL)
		*renewed_r = true;
	return snapshot(c);
}

enum status
check_next(struct check *c, struct db_sql *sql, int64_t *id)
{
	int64_t next;
	enum status st = db_get_ints(c->txn, sql, &next, 1, "i", *id);

	if (st != OK)
		return st;
	if (next <= *id)
		return ERR_CORRUPT;
	*id = next;
	return OK;
}

enum status
check_exists(struct check *c, struct db_sql *sql, int64_t id, bool *yes_r)
{
	int64_t one;
	enum status st = db_get_ints(c->txn, sql, &one, 1, "i", id);

	*yes_r = st == OK;
	return st == ERR_NOT_FOUND ? OK : st;
}

struct check_account *
check_account_of(struct check *c, int64_t id)
{
	return map_get(&c->accounts, MAP_KEY(id));
}

static enum status
gather_accounts(struct check *c)
{
	struct db_stmt *q = db_prepare(c->txn, &all_accounts);
	enum status st;

	while ((st = db_step(q)) == OK) {
		struct check_account *a;

		/* In a damaged tree one row may come up twice. */
		if (check_account_of(c, db_int(q, 0)) != NULL) {
			check_fault(c, "account=%lld: there twice", (long long)db_int(q, 0));
			continue;
		}
		a = arena_new(&c->arena, struct check_account);
		a->id = db_int(q, 0);
		a->name = arena_str(&c->arena, db_text(q, 1));
		a->next_email = (uint64_t)db_int(q, 2);
		if (a->next_email > UINT32_MAX) {
			check_fault(c, "account=%lld: counter of emails out of range", (long long)a->id);
			a->next_email = UINT32_MAX;
		}
		a->named_bytes = a->next_email / 8 + 1;
		a->named = x_calloc(a->named_bytes, 1);
		map_put(&c->accounts, MAP_KEY(a->id), a);
	}
	db_done(q);
	return st == ERR_NOT_FOUND ? OK : st;
}

static void
free_accounts(struct check *c)
{
	struct str key;
	size_t at = 0;
	void *v;

	while (map_next(&c->accounts, &at, &key, &v))
		free(((struct check_account *)v)->named);
	map_free(&c->accounts);
}

void
check_name_email(struct check *c, int64_t email)
{
	struct check_account *a = check_account_of(c, email >> 32);
	uint32_t n = (uint32_t)email;

	if (a != NULL && n / 8 < a->named_bytes)
		a->named[n / 8] |= (uint8_t)(1 << (n & 7));
}

bool
check_email_named(struct check *c, int64_t email)
{
	struct check_account *a = check_account_of(c, email >> 32);
	uint32_t n = (uint32_t)email;

	return a != NULL && n / 8 < a->named_bytes && (a->named[n / 8] & 1 << (n & 7)) != 0;
}

static void
engine_fault(void *arg, const char *text)
{
	check_fault(arg, "database: %s", text);
}

/* A part that stopped at damage has been told of; the others go on. */
static enum status
part(struct check *c, enum status (*fn)(struct check *c))
{
	enum status st;

	if (c->txn == NULL && (st = snapshot(c)) != OK)
		return st;
	st = fn(c);
	if (st == ERR_CORRUPT) {
		check_fault(c, "database: a table cannot be read to its end");
		let_go(c);
		st = OK;
	}
	return st;
}

enum status
store_check(struct store *store, bool deep, struct check_report *report)
{
	static enum status (*const parts[])(struct check *) = {gather_accounts, check_names, check_addresses, check_bodies_gather, check_mailboxes,
	    check_emails, check_bodies, check_subscriptions, check_leftovers, check_threads, check_digests};
	struct check c = {.store = store, .deep = deep, .report = report};
	struct db_stop stop = {.fn = report->stop, .arg = report->arg};
	enum status st;

	st = db_check(store->db, engine_fault, report->stop != NULL ? &stop : NULL, &c);
	if (st == ERR_CORRUPT && report->faults > 0)
		st = OK; /* told */
	if (st == OK)
		st = between(&c);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts) && st == OK; i++)
		st = part(&c, parts[i]);
	let_go(&c);
	free_accounts(&c);
	free(c.bodies);
	arena_free(&c.arena);
	return st;
}
