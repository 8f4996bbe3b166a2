/* SPDX-License-Identifier: Apache-2.0 */
/* Statements: slots, and the short forms that bind, step and end in one call. */
#include "db/answers_priv.h"
#include "db/db_priv.h"

#include <stdarg.h>
#include <stdlib.h>
#include "base/arena.h"
#include "base/assert.h"

static atomic_int last_slot;

/* Two threads may number the same statement at once: the first one's number counts. */
static int
slot_number(struct db_sql *sql)
{
	int slot = atomic_load_explicit(&sql->slot, memory_order_relaxed), none = 0;

	if (__builtin_expect(slot != 0, 1))
		return slot;
	slot = atomic_fetch_add(&last_slot, 1) + 1;
	if (!atomic_compare_exchange_strong(&sql->slot, &none, slot))
		slot = none;
	return slot;
}

static struct db_stmt **
slot_of(struct db_conn *conn, int slot)
{
	if (slot >= conn->stmts_n) {
		int n = slot + 64;

		conn->stmts = x_realloc(conn->stmts, (size_t)n * sizeof(*conn->stmts));
		memset(conn->stmts + conn->stmts_n, 0,
		    (size_t)(n - conn->stmts_n) * sizeof(*conn->stmts));
		conn->stmts_n = n;
	}
	return &conn->stmts[slot];
}

void
stmt_free(struct db_stmt *st)
{
	free(st->e->params);
	st->conn->drv->finalize(st->e);
	free(st->asking);
	free(st);
}

static struct db_stmt *
stmt_new(struct db_conn *conn, struct db_sql *sql)
{
	struct db_stmt *st = x_new(struct db_stmt);

	st->e = conn->drv->prepare(conn->e, str_c(sql->text));
	st->conn = conn;
	st->sql = sql;
	ensure(!sql->kept || st->e->params_n <= ANSWER_PARAMS);
	if (sql->kept && conn->kind == CONN_READER)
		st->asking = x_new(struct asking);
	return st;
}

struct db_stmt *
db_prepare(struct db_txn *txn, struct db_sql *sql)
{
	struct db_conn *conn = txn->conn;
	struct db_stmt **place = slot_of(conn, slot_number(sql)), *st;

	while ((st = *place) != NULL && st->busy)
		place = &st->more;
	if (st == NULL || st->e->failed != OK) {
		struct db_stmt *more = st != NULL ? st->more : NULL;

		if (st != NULL)
			stmt_free(st);
		st = *place = stmt_new(conn, sql);
		st->more = more;
	}
	st->busy = true;
	if (st->asking != NULL)
		asking_begin(st);
	return st;
}

/* A parameter that the statement does not have is a fault of the program, and so is one that comes late. */
static void
bind(struct db_stmt *st, int at, struct db_value v)
{
	if (st->e->failed != OK)
		return;
	ensure(st->busy && !st->e->begun && at >= 1 && at <= st->e->params_n);
	st->e->params[at - 1] = v;
}

void
db_bind_int(struct db_stmt *st, int at, int64_t v)
{
	bind(st, at, (struct db_value){.kind = DB_INT, .n = v});
}

void
db_bind_text(struct db_stmt *st, int at, struct str s)
{
	bind(st, at, (struct db_value){.kind = DB_TEXT, .s = s});
}

void
db_bind_blob(struct db_stmt *st, int at, struct str s)
{
	bind(st, at, (struct db_value){.kind = DB_BLOB, .s = s});
}

void
db_bind_null(struct db_stmt *st, int at)
{
	bind(st, at, (struct db_value){.kind = DB_NULL});
}

enum status
db_step(struct db_stmt *st)
{
	enum status status = st->asking != NULL ? asking_step(st) : st->conn->drv->step(st->e);

	if (status != OK && status != ERR_NOT_FOUND)
		st->conn->last_error = status;
	return status;
}

/* The value of a kept answer, or NULL. */
static const struct answer_cell *
kept(const struct db_stmt *st, int col)
{
	return st->asking != NULL ? asking_cell(st, col) : NULL;
}

static struct db_value
column(struct db_stmt *st, int col, enum db_kind as)
{
	return st->conn->drv->column(st->e, col, as);
}

int64_t
db_int(struct db_stmt *st, int col)
{
	const struct answer_cell *cell = kept(st, col);

	if (cell == NULL)
		return column(st, col, DB_INT).n;
	ensure(cell->kind == DB_INT || cell->kind == DB_NULL);
	return cell->kind == DB_INT ? cell->n : 0;
}

struct str
db_text(struct db_stmt *st, int col)
{
	const struct answer_cell *cell = kept(st, col);

	return cell != NULL ? asking_str(st, cell) : column(st, col, DB_TEXT).s;
}

struct str
db_blob(struct db_stmt *st, int col)
{
	const struct answer_cell *cell = kept(st, col);

	return cell != NULL ? asking_str(st, cell) : column(st, col, DB_BLOB).s;
}

bool
db_is_null(struct db_stmt *st, int col)
{
	const struct answer_cell *cell = kept(st, col);

	return (cell != NULL ? cell->kind : column(st, col, DB_NULL).kind) == DB_NULL;
}

void
db_done(struct db_stmt *st)
{
	if (st == NULL)
		return;
	ensure(st->busy);
	if (st->asking != NULL)
		asking_end(st);
	else
		st->conn->drv->reset(st->e);
	for (int i = 0; i < st->e->params_n; i++)
		st->e->params[i].kind = DB_NULL;
	st->busy = false;
}

static void
bind_all(struct db_stmt *st, const char *types, va_list ap)
{
	for (int at = 1; *types != '\0'; types++, at++) {
		switch (*types) {
		case 'i': db_bind_int(st, at, va_arg(ap, int64_t)); break;
		case 't': db_bind_text(st, at, va_arg(ap, struct str)); break;
		case 'b': db_bind_blob(st, at, va_arg(ap, struct str)); break;
		case 'n': db_bind_null(st, at); break;
		default: die("db_exec: no such type letter");
		}
	}
}

enum status
db_exec(struct db_txn *txn, struct db_sql *sql, const char *types, ...)
{
	struct db_stmt *st = db_prepare(txn, sql);
	enum status status;
	va_list ap;

	va_start(ap, types);
	bind_all(st, types, ap);
	va_end(ap);
	status = db_step(st);
	db_done(st);
	return status == ERR_NOT_FOUND ? OK : status;
}

enum status
db_get_ints(struct db_txn *txn, struct db_sql *sql, int64_t *v_r, int cols, const char *types, ...)
{
	struct db_stmt *st = db_prepare(txn, sql);
	enum status status;
	va_list ap;

	va_start(ap, types);
	bind_all(st, types, ap);
	va_end(ap);
	status = db_step(st);
	if (status == OK) {
		for (int i = 0; i < cols; i++)
			v_r[i] = db_int(st, i);
	}
	db_done(st);
	return status;
}

int64_t
db_changed(struct db_txn *txn)
{
	return txn->conn->drv->effect(txn->conn->e).changed;
}

int64_t
db_last_id(struct db_txn *txn)
{
	return txn->conn->drv->effect(txn->conn->e).last_id;
}

/* ---- scripts ---- */

static enum status
run_once(struct db_conn *conn, struct str text)
{
	struct engine_stmt *e = conn->drv->prepare(conn->e, text);
	enum status st;

	do
		st = conn->drv->step(e);
	while (st == OK);
	conn->drv->reset(e);
	free(e->params);
	conn->drv->finalize(e);
	return st == ERR_NOT_FOUND ? OK : st;
}

/* The length of the statement that text begins with: up to a semicolon that is not quoted. */
static size_t
statement_length(const char *text)
{
	char quote = 0;
	size_t n = 0;

	for (; text[n] != '\0' && (text[n] != ';' || quote != 0); n++) {
		if (text[n] == '\'' || text[n] == '"')
			quote = quote == 0 ? text[n] : quote == text[n] ? 0 : quote;
	}
	return n;
}

enum status
db_script(struct db_txn *txn, const char *sql)
{
	enum status st = OK;

	txn->scripts++;
	while (st == OK && *(sql += strspn(sql, " \t\n;")) != '\0') {
		size_t n = statement_length(sql);

		st = run_once(txn->conn, str_of(sql, n));
		sql += n;
	}
	if (st != OK)
		txn->conn->last_error = st;
	return st;
}
