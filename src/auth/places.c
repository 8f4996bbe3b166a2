/* SPDX-License-Identifier: Apache-2.0 */
/* The networks of an account's logins: read from its setting, written back lazily. */
#include "auth/places.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "auth/scram.h"
#include "base/clock.h"
#include "base/map.h"
#include "store/account.h"

#define PLACES 32      /* of an account */
#define RECENT 16384   /* a power of two */
#define DAY 86400
#define NAME STR("places")

struct places {
	struct store *store;
	_Atomic uint64_t recent[RECENT]; /* hashes of account, network and day that were seen to */
};

/* A place as it is kept. */
struct place {
	uint64_t hash;
	uint64_t day; /* since 1970, the last one */
};

struct places *
places_new(struct store *store)
{
	struct places *p = x_new(struct places);

	p->store = store;
	return p;
}

void
places_free(struct places *p)
{
	free(p);
}

/* The same after a restart: the store's secret is the key. */
static uint64_t
hash_of(struct places *p, int64_t account, const struct network *where)
{
	struct buf text = {0};
	uint8_t sum[32];
	uint64_t hash;

	buf_add(&text, MAP_KEY(account));
	buf_add(&text, network_str(where));
	scram_hmac(SCRAM_SHA256, sum, store_secret(p->store), buf_str(&text));
	memcpy(&hash, sum, sizeof(hash));
	buf_free(&text);
	return hash;
}

/* "hash:day,hash:day,..."; what is not understood is passed over. */
static size_t
parse(struct str text, struct place list[PLACES])
{
	struct str item, hash;
	struct place p;
	size_t n = 0;

	while (n < PLACES && str_split(&text, ',', &item))
		if (str_split(&item, ':', &hash) && str_u64(hash, UINT64_MAX, &p.hash) && str_u64(item, UINT32_MAX, &p.day))
			list[n++] = p;
	return n;
}

static enum status
load(struct db_txn *txn, int64_t account, struct place list[PLACES], size_t *n_r)
{
	struct arena arena = {0};
	struct str text;
	enum status st = account_setting(txn, &arena, account, NAME, &text);

	*n_r = st == OK ? parse(text, list) : 0;
	arena_free(&arena);
	return st == ERR_NOT_FOUND ? OK : st;
}

static struct place *
find(struct place *list, size_t n, uint64_t hash)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].hash == hash)
			return &list[i];
	return NULL;
}

/* The place as the store has it; false: not at all, or it cannot be read. */
static bool
look(struct places *p, int64_t account, uint64_t hash, struct place *place_r)
{
	struct place list[PLACES], *found = NULL;
	struct db_txn *txn;
	size_t n;

	if (db_read_begin(store_db(p->store), &txn) != OK)
		return false;
	if (load(txn, account, list, &n) == OK && (found = find(list, n, hash)) != NULL)
		*place_r = *found;
	db_read_end(txn);
	return found != NULL;
}

bool
places_has(struct places *p, int64_t account, const struct network *where)
{
	struct place place;

	return look(p, account, hash_of(p, account, where), &place);
}

/* ---- writing ---- */

struct addition {
	struct db_write write;
	int64_t account;
	struct place place;
};

/* The new one first; the oldest falls off. */
static enum status
add_fn(struct db_txn *txn, void *arg)
{
	struct addition *a = arg;
	struct place list[PLACES];
	struct buf text = {0};
	size_t n;
	enum status st = load(txn, a->account, list, &n);

	if (st != OK)
		return st;
	buf_addf(&text, "%llu:%llu", (unsigned long long)a->place.hash, (unsigned long long)a->place.day);
	for (size_t i = 0, kept = 1; i < n && kept < PLACES; i++) {
		if (list[i].hash == a->place.hash)
			continue;
		buf_addf(&text, ",%llu:%llu", (unsigned long long)list[i].hash, (unsigned long long)list[i].day);
		kept++;
	}
	st = account_set_setting(txn, a->account, NAME, buf_str(&text));
	buf_free(&text);
	return st;
}

static void
place_added(struct db_write *w, enum status st)
{
	(void)st; /* the next day tries again */
	free(w->arg);
}

void
places_add(struct places *p, int64_t account, const struct network *where)
{
	uint64_t day = (uint64_t)(clock_seconds() / DAY), hash = hash_of(p, account, where), mark = hash ^ day;
	_Atomic uint64_t *seen = &p->recent[hash & (RECENT - 1)];
	struct place place;
	struct addition *a;

	if (atomic_exchange_explicit(seen, mark, memory_order_relaxed) == mark)
		return;
	if (look(p, account, hash, &place) && place.day == day)
		return;
	a = x_new(struct addition);
	a->account = account;
	a->place = (struct place){hash, day};
	a->write = (struct db_write){.fn = add_fn, .arg = a, .lane = (uint64_t)account, .lazy = true, .done = place_added};
	db_submit(store_db(p->store), &a->write);
}
