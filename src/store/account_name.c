/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of accounts: their grammar, and the form in which they are compared. In front of the last '@' that is Unicode's case folding; the domain behind
 * it is in lower case, labels in ASCII ("xn--...") as the letters that they stand for (RFC 5890 2.3.2.4), and not folded: sharp s and final sigma
 * make other domains (RFC 5891, RFC 5894 7.2).
 */
#include "base/log.h"
#include "base/punycode.h"
#include "base/utf8.h"
#include "store/account_priv.h"

#define ACCOUNT_NAME_MAX 255

/* What never may be in a name: it would be taken for syntax in a configuration, a pattern, a path or a protocol line (S8, S10). */
static bool
code_point_ok(int32_t c)
{
	if (c < 0x21 || (c >= 0x7f && c < 0xa0))
		return false;
	return c != '/' && c != '%' && c != '*' && c != '"' && c != '\\' && c != 0x2028 && c != 0x2029 && c != 0xfeff &&
	    (c & 0xfffe) != 0xfffe;
}

bool
account_name_ok(struct str name)
{
	if (name.n == 0 || name.n > ACCOUNT_NAME_MAX)
		return false;
	while (name.n > 0) {
		size_t len;
		int32_t c = utf8_next(name, &len);
		if (c < 0 || !code_point_ok(c))
			return false;
		name = str_from(name, len);
	}
	return true;
}

enum status
account_name_nfc(struct buf *nfc, struct str name)
{
	if (!account_name_ok(name) || utf8_nfc(nfc, name) != OK || !account_name_ok(buf_str(nfc)))
		return ERR_BAD_INPUT;
	return OK;
}

/* The letters of an A-label, if it is a true one: what it stands for is in lower case, in NFC, and not ASCII. */
static bool
u_label(struct buf *out, struct str label)
{
	struct buf ascii = {0}, letters = {0}, again = {0};
	bool good;

	/* Case says nothing in it. */
	good = str_case_starts(label, STR("xn--")) && utf8_lower(&ascii, str_from(label, 4)) == OK && punycode_decode(&letters, buf_str(&ascii)) == OK &&
	    !str_is_ascii(buf_str(&letters)) && account_name_ok(buf_str(&letters)) && str_chr(buf_str(&letters), '@') == letters.n &&
	    utf8_lower(&again, buf_str(&letters)) == OK && str_eq(buf_str(&letters), buf_str(&again));
	if (good)
		buf_add(out, buf_str(&letters));
	buf_free(&ascii);
	buf_free(&letters);
	buf_free(&again);
	return good;
}

static enum status
fold_domain(struct buf *out, struct str domain)
{
	struct str label;
	enum status st = OK;
	bool first = true;

	while (st == OK && str_split(&domain, '.', &label)) {
		if (!first)
			buf_addc(out, '.');
		first = false;
		if (!u_label(out, label))
			st = utf8_lower(out, label);
	}
	return st;
}

enum status
account_fold(struct buf *folded, struct str name)
{
	struct buf nfc = {0};
	enum status st = account_name_nfc(&nfc, name);
	size_t at = nfc.n;

	while (at > 0 && nfc.p[at - 1] != '@')
		at--;
	if (st == OK && at == 0)
		st = utf8_casefold(folded, buf_str(&nfc));
	else if (st == OK && (st = utf8_casefold(folded, str_head(buf_str(&nfc), at))) == OK)
		st = fold_domain(folded, str_from(buf_str(&nfc), at));
	buf_free(&nfc);
	return st;
}

enum status
account_fold_ascii(struct buf *folded, struct str name)
{
	size_t start = folded->n;
	enum status st = account_name_nfc(folded, name);

	if (st == OK)
		ascii_lower_copy(folded->p + start, str_from(buf_str(folded), start));
	return st;
}

/* ---- from a store that compared ASCII letters only ---- */

static struct db_sql next = DB_SQL("SELECT id, name, fold FROM account WHERE id > ?1 AND fold IS NOT NULL ORDER BY id LIMIT 1");
static struct db_sql holder = DB_SQL("SELECT name FROM account WHERE fold = ?1");
static struct db_sql set = DB_SQL("UPDATE account SET fold = ?2, local = ?3 WHERE id = ?1");

/* The account keeps the form that it has: it is found by its name as it is spelt. */
static enum status
report(struct db_txn *txn, struct str name, struct str folded)
{
	struct db_stmt *q = db_prepare(txn, &holder);
	enum status st;

	db_bind_text(q, 1, folded);
	if ((st = db_step(q)) == OK)
		log_event(EV_tool, "what=\"two accounts have names that are one now; each is found as it is spelt\" account=\"%.*s\" other=\"%.*s\"",
		    STR_FMT(name), STR_FMT(db_text(q, 0)));
	db_done(q);
	return st;
}

static enum status
fold_one(struct db_txn *txn, int64_t id, struct str name, struct str old)
{
	struct buf folded = {0};
	struct str f;
	enum status st;

	/* A name that is none any more stays what it is. */
	if (account_fold(&folded, name) != OK || str_eq(buf_str(&folded), old)) {
		buf_free(&folded);
		return OK;
	}
	f = buf_str(&folded);
	if ((st = report(txn, name, f)) == ERR_NOT_FOUND)
		st = db_exec(txn, &set, "itt", id, f, str_head(f, str_chr(f, '@')));
	buf_free(&folded);
	return st;
}

enum status
account_names_fold(struct store *store, struct db_txn *txn)
{
	int64_t id = 0;
	enum status st = OK;

	(void)store;
	while (st == OK) {
		struct db_stmt *q = db_prepare(txn, &next);
		struct arena a = {0};
		struct str name, old;

		db_bind_int(q, 1, id);
		if ((st = db_step(q)) == OK) {
			id = db_int(q, 0);
			name = arena_str(&a, db_text(q, 1));
			old = arena_str(&a, db_text(q, 2));
		}
		db_done(q);
		if (st == OK)
			st = fold_one(txn, id, name, old);
		arena_free(&a);
	}
	return st == ERR_NOT_FOUND ? OK : st;
}
