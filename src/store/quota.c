/* SPDX-License-Identifier: Apache-2.0 */
/* What accounts hold and may hold: the sums in their rows, limits, and when a warning is due. */
#include "store/quota_priv.h"

#include <limits.h>
#include <string.h>
#include "base/assert.h"
#include "store/feed_priv.h"
#include "store/store_priv.h"

/* What a charge and a question have in common. */
#define STATE "mailboxes, used_messages, used_bytes, coalesce(quota_mailboxes, -2), coalesce(quota_messages, -2), coalesce(quota_bytes, -2), quota_told"
enum { COLUMN_USED = 0, COLUMN_MOST = 3, COLUMN_TOLD = 6, COLUMNS };

static struct db_sql get = DB_SQL_KEPT("SELECT " STATE " FROM account WHERE id = ?1 AND deleted = 0");
static struct db_sql add = DB_SQL("UPDATE account SET used_messages = max(0, used_messages + ?2), used_bytes = max(0, used_bytes + ?3)"
    " WHERE id = ?1 RETURNING " STATE);
static struct db_sql add_emails = DB_SQL("UPDATE account SET used_messages = used_messages + ?2, used_bytes = used_bytes + ?3,"
    " next_email = next_email + ?4 WHERE id = ?1 AND deleted = 0 RETURNING " STATE ", next_email - ?4");
static struct db_sql take_back = DB_SQL("UPDATE account SET used_messages = used_messages - ?2, used_bytes = used_bytes - ?3 WHERE id = ?1");
static struct db_sql of_domain = DB_SQL("SELECT coalesce(d.quota_bytes, -2), coalesce(d.quota_messages, -2), coalesce(d.quota_mailboxes, -2)"
    " FROM account a JOIN domain d ON d.fold = a.domain WHERE a.id = ?1");
static struct db_sql any_of_domain = DB_SQL("SELECT 1 FROM domain WHERE quota_bytes IS NOT NULL OR quota_messages IS NOT NULL"
    " OR quota_mailboxes IS NOT NULL LIMIT 1");
static struct db_sql set[QUOTA_RESOURCES] = {
    [QUOTA_BYTES] = DB_SQL("UPDATE account SET quota_bytes = nullif(?2, -2) WHERE id = ?1 AND deleted = 0"),
    [QUOTA_MESSAGES] = DB_SQL("UPDATE account SET quota_messages = nullif(?2, -2) WHERE id = ?1 AND deleted = 0"),
    [QUOTA_MAILBOXES] = DB_SQL("UPDATE account SET quota_mailboxes = nullif(?2, -2) WHERE id = ?1 AND deleted = 0"),
};
static struct db_sql due_add = DB_SQL("INSERT INTO quota_due (account) VALUES (?1) ON CONFLICT DO NOTHING");
static struct db_sql due_del = DB_SQL("DELETE FROM quota_due WHERE account = ?1");
static struct db_sql due_after = DB_SQL("SELECT account FROM quota_due WHERE account > ?1 ORDER BY account LIMIT ?2");
static struct db_sql told = DB_SQL("UPDATE account SET quota_told = ?2 WHERE id = ?1 AND deleted = 0");
static struct db_sql fill = DB_SQL("UPDATE account SET used_messages = (SELECT coalesce(sum(messages), 0) FROM mailbox m WHERE m.account = account.id"
    " AND m.sort > ''), used_bytes = (SELECT coalesce(sum(size), 0) FROM mailbox m WHERE m.account = account.id AND m.sort > '')");

/* ---- limits ---- */

void
quota_configure(struct store *s, const struct store_options *o)
{
	struct quota_settings *q = &s->quota;

	q->most[QUOTA_BYTES] = o->quota_bytes > 0 ? o->quota_bytes : QUOTA_NONE;
	q->most[QUOTA_MESSAGES] = o->quota_messages > 0 ? o->quota_messages : QUOTA_NONE;
	q->most[QUOTA_MAILBOXES] = o->quota_mailboxes > 0 ? o->quota_mailboxes : QUOTA_NONE;
	q->grace = o->quota_grace;
	memcpy(q->warn, o->quota_warn, sizeof(q->warn));
}

enum status
quota_look(struct store *s, struct db_txn *txn)
{
	int64_t one;
	enum status st = db_get_ints(txn, &any_of_domain, &one, 1, "");

	s->domain_quotas = st == OK;
	return st == ERR_NOT_FOUND ? OK : st;
}

enum status
quota_fill(struct store *s, struct db_txn *txn)
{
	(void)s;
	return db_exec(txn, &fill, "");
}

/* What the row says; limits that are the account's own. */
static void
take_row(const int64_t *v, struct quota *q)
{
	static const enum quota_resource order[] = {QUOTA_MAILBOXES, QUOTA_MESSAGES, QUOTA_BYTES};

	*q = (struct quota){.told = (int)v[COLUMN_TOLD]};
	for (unsigned i = 0; i < QUOTA_RESOURCES; i++) {
		q->used[order[i]] = v[COLUMN_USED + i];
		q->most[order[i]] = v[COLUMN_MOST + i];
		q->source[order[i]] = v[COLUMN_MOST + i] >= 0 ? QUOTA_OF_ACCOUNT : QUOTA_OF_NOBODY;
	}
}

/* Nobody has said anything: no limit is asked. */
static bool
unlimited(const struct store *s, const struct quota *q)
{
	const struct quota_settings *o = &s->quota;

	for (unsigned i = 0; i < QUOTA_RESOURCES; i++)
		if (q->most[i] >= 0 || o->most[i] >= 0)
			return false;
	return !s->domain_quotas && q->told == 0;
}

static enum status
inherit(struct store *s, struct db_txn *txn, int64_t account, struct quota *q)
{
	int64_t d[QUOTA_RESOURCES] = {QUOTA_INHERIT, QUOTA_INHERIT, QUOTA_INHERIT};
	enum status st = s->domain_quotas ? db_get_ints(txn, &of_domain, d, QUOTA_RESOURCES, "i", account) : OK;

	if (st != OK && st != ERR_NOT_FOUND)
		return st;
	for (unsigned i = 0; i < QUOTA_RESOURCES; i++) {
		if (q->most[i] == QUOTA_INHERIT && (q->most[i] = d[i]) >= 0)
			q->source[i] = QUOTA_OF_DOMAIN;
		if (q->most[i] == QUOTA_INHERIT && (q->most[i] = s->quota.most[i]) >= 0)
			q->source[i] = QUOTA_OF_SETTINGS;
	}
	return OK;
}

/* ---- warnings ---- */

int
quota_percent(int64_t used, int64_t most)
{
	unsigned __int128 n;

	ensure(most >= 0);
	if (most == 0)
		return used > 0 ? INT_MAX : 100;
	n = (unsigned __int128)(used > 0 ? used : 0) * 100 / (unsigned __int128)most;
	return n > INT_MAX ? INT_MAX : (int)n;
}

/* The highest of the percentages that are not above that one. */
static int
threshold(const struct quota_settings *o, int percent)
{
	int found = 0;

	for (unsigned i = 0; i < QUOTA_WARN_MAX; i++)
		if (o->warn[i] <= percent && o->warn[i] > found)
			found = o->warn[i];
	return found;
}

/* Of what fills up by mail, the fullest. */
static int
fullest(const struct quota *q)
{
	int most = 0;

	for (unsigned i = QUOTA_BYTES; i <= QUOTA_MESSAGES; i++) {
		int percent = q->most[i] >= 0 ? quota_percent(q->used[i], q->most[i]) : 0;

		most = percent > most ? percent : most;
	}
	return most;
}

/* Upwards at once; downwards where it has fallen some points below what was told, so that what comes and goes at its edge is told once. */
static int
level(const struct store *s, const struct quota *q)
{
	int percent = fullest(q), up = threshold(&s->quota, percent), down;

	if (up >= q->told)
		return up;
	down = threshold(&s->quota, percent < INT_MAX - QUOTA_FALL ? percent + QUOTA_FALL : percent);
	return down < q->told ? up : q->told;
}

static enum status
note_due(struct store *s, struct db_txn *txn, int64_t account, struct quota *q)
{
	enum status st;

	if ((q->level = level(s, q)) == q->told)
		return OK;
	if ((st = db_exec(txn, &due_add, "i", account)) == OK)
		feed_quota(s, txn, account);
	return st;
}

enum status
quota_due(struct db_txn *txn, int64_t after, int64_t *accounts, size_t max, size_t *n_r)
{
	struct db_stmt *q = db_prepare(txn, &due_after);
	size_t n = 0;
	enum status st = OK;

	db_bind_int(q, 1, after);
	db_bind_int(q, 2, (int64_t)max);
	while (n < max && (st = db_step(q)) == OK)
		accounts[n++] = db_int(q, 0);
	db_done(q);
	if (st == OK || st == ERR_NOT_FOUND) {
		*n_r = n;
		return OK;
	}
	return st;
}

enum status
quota_told(struct db_txn *txn, int64_t account, int percent)
{
	enum status st = db_exec(txn, &told, "ii", account, (int64_t)percent);

	return st == OK ? db_exec(txn, &due_del, "i", account) : st;
}

/* ---- what comes in ---- */

/* May it be so, after so much more came? */
static bool
fits(const struct store *s, const struct quota *q, int64_t messages, int64_t bytes)
{
	int64_t most = q->most[QUOTA_BYTES], used = q->used[QUOTA_BYTES];

	if (messages > 0 && q->most[QUOTA_MESSAGES] >= 0 && q->used[QUOTA_MESSAGES] > q->most[QUOTA_MESSAGES])
		return false;
	if (bytes <= 0 || most < 0 || used <= most)
		return true;
	return used - bytes < most && used - most <= s->quota.grace;
}

static enum status
judge(struct store *s, struct db_txn *txn, int64_t account, struct quota *q, struct quota_charge *c)
{
	const struct account_usage *b = c->before;
	enum status st;

	if (unlimited(s, q))
		return OK;
	if ((st = inherit(s, txn, account, q)) != OK)
		return st;
	if (!c->beyond && !s->beyond_quota && !fits(s, q, c->messages, c->bytes) &&
	    (b == NULL || (uint64_t)q->used[QUOTA_BYTES] > b->bytes || (uint64_t)q->used[QUOTA_MESSAGES] > b->messages))
		return ERR_QUOTA;
	c->over = q->most[QUOTA_BYTES] >= 0 && q->used[QUOTA_BYTES] > q->most[QUOTA_BYTES];
	return note_due(s, txn, account, q);
}

enum status
quota_charge(struct store *s, struct db_txn *txn, int64_t account, struct quota_charge *c)
{
	int64_t v[COLUMNS + 1];
	struct quota q;
	enum status st;

	c->over = false;
	if (c->emails > 0)
		st = db_get_ints(txn, &add_emails, v, COLUMNS + 1, "iiii", account, c->messages, c->bytes, c->emails);
	else
		st = db_get_ints(txn, &add, v, COLUMNS, "iii", account, c->messages, c->bytes);
	if (st != OK)
		return st;
	take_row(v, &q);
	if (c->emails > 0 && (c->email = v[COLUMNS]) + c->emails - 1 > UINT32_MAX - 2)
		st = ERR_LIMIT;
	if (st == OK)
		st = judge(s, txn, account, &q, c);
	if (st == ERR_QUOTA || st == ERR_LIMIT) {
		/* Others may go on in this transaction. */
		enum status back = db_exec(txn, &take_back, "iii", account, c->messages, c->bytes);

		st = back == OK ? st : back;
	}
	return st;
}

enum status
quota_mailboxes(struct store *s, struct db_txn *txn, int64_t account, int64_t mailboxes)
{
	int64_t v[COLUMNS];
	struct quota q;
	enum status st = db_get_ints(txn, &get, v, COLUMNS, "i", account);

	if (st != OK || s->beyond_quota)
		return st;
	take_row(v, &q);
	if (unlimited(s, &q) || (st = inherit(s, txn, account, &q)) != OK)
		return st;
	return q.most[QUOTA_MAILBOXES] >= 0 && mailboxes >= q.most[QUOTA_MAILBOXES] ? ERR_QUOTA : OK;
}

/* ---- questions ---- */

enum status
quota_get(struct store *s, struct db_txn *txn, int64_t account, struct quota *quota_r)
{
	int64_t v[COLUMNS];
	struct quota q;
	enum status st = db_get_ints(txn, &get, v, COLUMNS, "i", account);

	if (st != OK)
		return st;
	take_row(v, &q);
	if ((st = inherit(s, txn, account, &q)) != OK)
		return st;
	q.level = level(s, &q);
	if (q.most[QUOTA_MAILBOXES] < 0 || q.most[QUOTA_MAILBOXES] > s->mailboxes_max) {
		q.most[QUOTA_MAILBOXES] = s->mailboxes_max;
		q.source[QUOTA_MAILBOXES] = QUOTA_OF_SETTINGS;
	}
	*quota_r = q;
	return OK;
}

enum status
quota_room(struct store *s, struct db_txn *txn, int64_t account, int64_t messages, int64_t bytes)
{
	int64_t v[COLUMNS];
	struct quota q;
	enum status st = db_get_ints(txn, &get, v, COLUMNS, "i", account);

	if (st != OK)
		return st;
	take_row(v, &q);
	if (unlimited(s, &q) || (st = inherit(s, txn, account, &q)) != OK)
		return st;
	q.used[QUOTA_MESSAGES] += messages;
	if (__builtin_add_overflow(q.used[QUOTA_BYTES], bytes, &q.used[QUOTA_BYTES]))
		return ERR_QUOTA;
	/* Without a size it has room while the limit is not reached. */
	if (bytes == 0 && messages > 0 && q.most[QUOTA_BYTES] >= 0 && q.used[QUOTA_BYTES] >= q.most[QUOTA_BYTES])
		return ERR_QUOTA;
	return fits(s, &q, messages, bytes) ? OK : ERR_QUOTA;
}

enum status
quota_set(struct store *s, struct db_txn *txn, int64_t account, const int64_t most[QUOTA_RESOURCES])
{
	struct quota q;
	enum status st = OK;

	for (unsigned i = 0; i < QUOTA_RESOURCES && st == OK; i++) {
		if (most[i] == QUOTA_KEEP)
			continue;
		if ((st = db_exec(txn, &set[i], "ii", account, most[i])) == OK && db_changed(txn) == 0)
			st = ERR_NOT_FOUND;
	}
	if (st == OK && (st = quota_get(s, txn, account, &q)) == OK)
		st = note_due(s, txn, account, &q);
	return st;
}
