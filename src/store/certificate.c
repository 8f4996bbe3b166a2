/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates of clients: noted with an account, found by their fingerprint. */
#include "store/certificate.h"

#include "base/clock.h"
#include "base/utf8.h"

#define HEX 64

/* The index that schema.h makes of these; the same words, or it is not used. */
#define IS_CERTIFICATE "kind >= 'certificate ' AND kind < 'certificate!'"

static struct db_sql owner = DB_SQL("SELECT account FROM credential WHERE kind = ?1 AND " IS_CERTIFICATE);
static struct db_sql add = DB_SQL("INSERT INTO credential (account, kind, value) SELECT id, ?2, ?3 FROM account WHERE id = ?1 AND deleted = 0");
static struct db_sql count = DB_SQL("SELECT count(*) FROM credential WHERE account = ?1 AND " IS_CERTIFICATE);
static struct db_sql list_of = DB_SQL("SELECT kind, value FROM credential WHERE account = ?1 AND " IS_CERTIFICATE " ORDER BY kind LIMIT ?2");

static struct str
kind_of(struct buf *out, struct str fingerprint)
{
	buf_adds(out, "certificate ");
	buf_add(out, fingerprint);
	return buf_str(out);
}

enum status
certificate_fingerprint(struct buf *out, struct str text)
{
	char hex[HEX];
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == ':' && n > 0 && n % 2 == 0 && i + 1 < text.n)
			continue;
		if (n == HEX || ascii_hex(text.p[i]) < 0)
			return ERR_BAD_INPUT;
		hex[n++] = ascii_lower(text.p[i]);
	}
	if (n != HEX)
		return ERR_BAD_INPUT;
	buf_add(out, str_of(hex, HEX));
	return OK;
}

static bool
label_ok(struct str s)
{
	return s.n <= CERTIFICATE_LABEL_MAX && !utf8_has_control(s);
}

enum status
certificate_owner(struct db_txn *txn, struct str fingerprint, int64_t *account_r)
{
	struct buf kind = {0};
	struct db_stmt *q = db_prepare(txn, &owner);
	enum status st;

	db_bind_text(q, 1, kind_of(&kind, fingerprint));
	if ((st = db_step(q)) == OK)
		*account_r = db_int(q, 0);
	db_done(q);
	buf_free(&kind);
	return st;
}

enum status
certificate_add(struct db_txn *txn, int64_t account, struct str fingerprint, struct str label)
{
	struct buf kind = {0}, value = {0};
	int64_t other, n = 0;
	enum status st = label_ok(label) ? certificate_owner(txn, fingerprint, &other) : ERR_BAD_INPUT;

	if (st != ERR_NOT_FOUND)
		return st == OK ? ERR_EXISTS : st;
	if ((st = db_get_ints(txn, &count, &n, 1, "i", account)) != OK)
		return st;
	if (n >= CERTIFICATES_MAX)
		return ERR_LIMIT;
	buf_addf(&value, "%lld %.*s", (long long)clock_seconds(), STR_FMT(label));
	st = db_exec(txn, &add, "itt", account, kind_of(&kind, fingerprint), buf_str(&value));
	if (st == OK && db_changed(txn) == 0)
		st = ERR_NOT_FOUND;
	buf_free(&kind);
	buf_free(&value);
	return st;
}

enum status
certificate_remove(struct store *store, struct db_txn *txn, int64_t account, struct str fingerprint)
{
	struct buf kind = {0};
	int64_t of = 0;
	enum status st = certificate_owner(txn, fingerprint, &of);

	if (st == OK && of != account)
		st = ERR_NOT_FOUND;
	if (st == OK)
		st = account_set_credential(store, txn, account, kind_of(&kind, fingerprint), STR(""));
	buf_free(&kind);
	return st;
}

enum status
certificate_list(struct db_txn *txn, struct arena *arena, int64_t account, struct certificate_row **list_r, size_t *n_r)
{
	struct certificate_row *list = arena_array(arena, CERTIFICATES_MAX, sizeof(*list));
	struct db_stmt *q = db_prepare(txn, &list_of);
	size_t n = 0;
	enum status st = ERR_NOT_FOUND;

	db_bind_int(q, 1, account);
	db_bind_int(q, 2, CERTIFICATES_MAX);
	while (n < CERTIFICATES_MAX && (st = db_step(q)) == OK) {
		struct str value = arena_str(arena, db_text(q, 1)), added;
		struct certificate_row *c = &list[n++];

		*c = (struct certificate_row){.fingerprint = arena_str(arena, str_from(db_text(q, 0), 12))};
		(void)str_split(&value, ' ', &added);
		(void)str_i64(added, INT64_MAX, &c->added);
		c->label = value;
	}
	if (n == CERTIFICATES_MAX)
		st = ERR_NOT_FOUND;
	db_done(q);
	if (st != ERR_NOT_FOUND)
		return st;
	*list_r = list;
	*n_r = n;
	return OK;
}
