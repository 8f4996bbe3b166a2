/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making the schema and bringing an older one up to date. All of it happens in one transaction at start-up: either the
 * store is of this version afterwards or it is as it was.
 */
#include "store/schema.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "store/account_priv.h"
#include "store/changes_priv.h"
#include "store/domain_priv.h"
#include "store/quota_priv.h"
#include "store/reserved_priv.h"
#include "store/store_priv.h"

static struct db_sql meta_get = DB_SQL("SELECT value FROM meta WHERE key = ?1");
static struct db_sql has_meta = DB_SQL("SELECT 1 FROM sqlite_schema WHERE name = 'meta'");
static struct db_sql meta_int = DB_SQL("INSERT INTO meta (key, value) VALUES (?1, ?2)"
    " ON CONFLICT (key) DO UPDATE SET value = ?2");
static struct db_sql meta_blob = DB_SQL("INSERT INTO meta (key, value) VALUES (?1, ?2)");

static struct db_sql mailbox_next = DB_SQL("SELECT id, oldest_change FROM mailbox WHERE id > ?1 ORDER BY id LIMIT 1");

/* 2: tombstones below oldest_change are packed. */
static enum status
pack_tombstones(struct store *store, struct db_txn *txn)
{
	int64_t v[2] = {0};
	enum status st;

	(void)store;
	while ((st = db_get_ints(txn, &mailbox_next, v, 2, "i", v[0])) == OK) {
		if ((st = tombstones_pack(txn, v[0], (uint64_t)v[1], (uint64_t)v[1])) != OK)
			return st;
	}
	return st == ERR_NOT_FOUND ? OK : st;
}

/* What leads from one version to the next, in order: a script, or a function where that is not enough. */
static const struct step {
	int to;
	const char *sql;
	enum status (*run)(struct store *store, struct db_txn *txn);
} steps[] = {
    {2, NULL, pack_tombstones},
    {3, SCHEMA_DIGEST, NULL},
    {4, "ALTER TABLE thread_ref ADD COLUMN idle INTEGER NOT NULL DEFAULT 0;" THREAD_SWEEP_SQL, NULL},
    {5, REPARSE_SQL, NULL},
    {6, NULL, account_names_fold},
    {7, ACCOUNT_SETTING_SQL, reserved_report},
    {8, UIDL_SQL, NULL},
    {9, "DROP TABLE acl;" ACL_SQL "ALTER TABLE mailbox ADD COLUMN acl INTEGER NOT NULL DEFAULT 0;", NULL},
    {10, "ALTER TABLE account ADD COLUMN domain TEXT;" ADDRESS_SQL, domains_fill},
    {11, QUOTA_ADD_SQL, quota_fill},
    {12, EMAIL_OBJECT_SQL "ALTER TABLE staged ADD COLUMN made_for INTEGER NOT NULL DEFAULT 0;", NULL},
    {0, NULL, NULL},
};

static enum status
get_version(struct db_txn *txn, int64_t *version_r)
{
	struct db_stmt *q = db_prepare(txn, &meta_get);
	enum status st;

	db_bind_text(q, 1, STR("version"));
	if ((st = db_step(q)) == OK)
		*version_r = db_int(q, 0);
	db_done(q);
	return st;
}

static enum status
get_secret(struct store *s, struct db_txn *txn)
{
	struct db_stmt *q = db_prepare(txn, &meta_get);
	enum status st;

	db_bind_text(q, 1, STR("secret"));
	if ((st = db_step(q)) == OK) {
		struct str v = db_blob(q, 0);
		if (v.n == sizeof(s->secret))
			memcpy(s->secret, v.p, v.n);
		else
			st = ERR_CORRUPT;
	}
	db_done(q);
	return st;
}

/* A store without a secret (a salvaged one) gets a new one. */
static enum status
make_secret(struct store *s, struct db_txn *txn)
{
	random_bytes(s->secret, sizeof(s->secret));
	return db_exec(txn, &meta_blob, "tb", STR("secret"), store_secret(s));
}

static enum status
create(struct store *s, struct db_txn *txn)
{
	enum status st;

	if ((st = db_script(txn, schema_sql)) != OK || (st = blob_schema(s->blobs, txn)) != OK)
		return st;
	if ((st = db_exec(txn, &meta_int, "ti", STR("version"), (int64_t)SCHEMA_VERSION)) != OK)
		return st;
	return db_exec(txn, &meta_int, "ti", STR("created"), clock_seconds());
}

static enum status
migrate(struct store *s, struct db_txn *txn, int64_t version)
{
	for (const struct step *m = steps; m->to != 0; m++) {
		enum status st = OK;

		if (m->to <= version)
			continue;
		log_event(EV_tool, "what=\"migrating the store\" from=%d to=%d", (int)version, m->to);
		if (m->sql != NULL)
			st = db_script(txn, m->sql);
		if (st == OK && m->run != NULL)
			st = m->run(s, txn);
		if (st == OK)
			st = db_exec(txn, &meta_int, "ti", STR("version"), (int64_t)m->to);
		if (st != OK)
			return st;
		version = m->to;
	}
	return version == SCHEMA_VERSION ? OK : ERR_CONFLICT;
}

enum status
schema_bring_up(struct store *s, struct db_txn *txn)
{
	int64_t version = 0;
	enum status st;

	if ((st = db_script(txn, "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID")) != OK)
		return st;
	st = get_version(txn, &version);
	if (st == ERR_NOT_FOUND)
		st = create(s, txn);
	else if (st == OK && version > SCHEMA_VERSION) {
		log_event(EV_tool, "what=\"the store is of a newer version\" version=%lld known=%d", (long long)version,
		    SCHEMA_VERSION);
		st = ERR_CONFLICT;
	} else if (st == OK && version < SCHEMA_VERSION)
		st = migrate(s, txn, version);
	if (st == OK)
		st = db_script(txn, METADATA_INDEX_SQL);
	if (st == OK)
		st = db_script(txn, CERTIFICATE_INDEX_SQL);
	if (st == OK)
		st = domains_look(s, txn);
	if (st == OK)
		st = quota_look(s, txn);
	if (st != OK)
		return st;
	if ((st = get_secret(s, txn)) == ERR_NOT_FOUND)
		st = make_secret(s, txn);
	return st;
}

enum status
schema_look(struct store *s)
{
	int64_t version = 0;
	struct db_txn *txn;
	enum status st = db_read_begin(s->db, &txn);

	if (st != OK)
		return st;
	st = db_get_ints(txn, &has_meta, &version, 1, "");
	st = st == OK ? get_version(txn, &version) : ERR_BAD_INPUT;
	if (st == OK && version != SCHEMA_VERSION)
		st = version > SCHEMA_VERSION ? ERR_CONFLICT : ERR_LIMIT;
	if (st == OK && (st = get_secret(s, txn)) == ERR_NOT_FOUND)
		st = OK; /* a salvaged one; what reads only needs none */
	db_read_end(txn);
	return st == ERR_NOT_FOUND ? ERR_BAD_INPUT : st;
}
