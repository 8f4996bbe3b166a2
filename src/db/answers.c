/* SPDX-License-Identifier: Apache-2.0 */
/* A small table by hash of the question; one answer a place. */
#include "db/answers_priv.h"

#include <stdlib.h>
#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/log.h"

struct answer {
	uint64_t version; /* 0: nothing, or not yet whole */
	unsigned pins;    /* uses that read or write it: it is not given to another question */
	struct db_sql *sql;
	struct buf key, bytes;
	unsigned rows, cols;
	bool whole;       /* there is no further row */
	struct answer_cell cell[ANSWER_CELLS];
};

struct answers {
	struct answer *at[ANSWERS];
	struct buf key; /* of the question that is looked up */
};

void
answers_free(struct answers *a)
{
	if (a == NULL)
		return;
	for (unsigned i = 0; i < ANSWERS; i++) {
		if (a->at[i] == NULL)
			continue;
		buf_free(&a->at[i]->key);
		buf_free(&a->at[i]->bytes);
		free(a->at[i]);
	}
	buf_free(&a->key);
	free(a);
}

/* ---- the question ---- */

/* Statement and parameters as bytes: each number with its kind, each text with its length. */
static void
key_make(struct buf *key, const struct engine_stmt *e)
{
	buf_clear(key);
	for (int i = 0; i < e->params_n; i++) {
		const struct db_value *p = &e->params[i];
		int64_t n = p->kind == DB_INT ? p->n : (int64_t)p->s.n;

		buf_addc(key, (char)p->kind);
		buf_add(key, str_of(&n, sizeof(n)));
		buf_add(key, p->s);
	}
}

/* FNV-1a over words: ids are small numbers, names are short. */
static unsigned
place_of(const struct db_sql *sql, struct str key)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ (uintptr_t)sql, word;

	while (key.n > 0) {
		size_t n = key.n < sizeof(word) ? key.n : sizeof(word);

		word = 0;
		memcpy(&word, key.p, n);
		h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		key = str_from(key, n);
	}
	return (unsigned)(h >> 40) % ANSWERS;
}

/* ---- running the statement ---- */

static enum status
run_step(struct db_stmt *st)
{
	return st->conn->drv->step(st->e);
}

/* Takes down the row that the statement stands on. False: it does not fit, or cannot be given again. */
static bool
note_row(struct db_stmt *st, struct answer *a)
{
	const struct db_driver *drv = st->conn->drv;
	size_t had = a->bytes.n;

	if (a->rows == 0)
		a->cols = (unsigned)st->e->cols;
	if ((a->rows + 1) * a->cols > ANSWER_CELLS)
		return false;
	for (unsigned i = 0; i < a->cols; i++) {
		struct answer_cell *c = &a->cell[a->rows * a->cols + i];
		struct db_value v;

		c->kind = drv->column(st->e, (int)i, DB_NULL).kind;
		c->at = (uint32_t)a->bytes.n;
		v = drv->column(st->e, (int)i, c->kind);
		c->n = v.n;
		if (c->kind == DB_OTHER || v.s.n > ANSWER_BYTES - a->bytes.n) {
			a->bytes.n = had;
			return false;
		}
		c->len = (uint32_t)v.s.n;
		buf_add(&a->bytes, v.s);
	}
	a->rows++;
	return true;
}

/* From here on other uses may find it. */
static void
publish(struct db_stmt *st, struct answer *a)
{
	a->version = st->conn->version;
	st->asking->state = ASKING_RUNNING;
}

static enum status
step_noting(struct db_stmt *st)
{
	struct answer *a = st->asking->answer;
	enum status status = run_step(st);

	if (status == ERR_NOT_FOUND)
		a->whole = true;
	if (status == ERR_NOT_FOUND || (status == OK && !note_row(st, a)))
		publish(st, a);
	else if (status != OK)
		st->asking->state = ASKING_RUNNING; /* what failed is asked again */
	return status;
}

/* ---- distrust ---- */

#ifdef MANSIO_FAULTS
static bool
distrusted(void)
{
	static atomic_int known; /* 1: no, 2: yes */

	if (known == 0)
		known = getenv("MANSIO_DISTRUST") != NULL ? 2 : 1;
	return known == 2;
}

static bool
same_cell(struct db_stmt *st, const struct answer *a, unsigned row, unsigned col)
{
	const struct db_driver *drv = st->conn->drv;
	const struct answer_cell *c = &a->cell[row * a->cols + col];
	struct db_value v = drv->column(st->e, (int)col, c->kind);

	return drv->column(st->e, (int)col, DB_NULL).kind == c->kind && v.n == c->n && str_eq(v.s, str_of(a->bytes.p + c->at, c->len));
}

/* Runs the statement and looks whether it still says what is kept. */
static void
compare(struct db_stmt *st, const struct answer *a)
{
	enum status status = OK;
	bool same = true;

	for (unsigned row = 0; row < a->rows && same; row++) {
		same = (status = run_step(st)) == OK;
		for (unsigned col = 0; col < a->cols && same; col++)
			same = same_cell(st, a, row, col);
	}
	if (same && a->whole)
		same = (status = run_step(st)) == ERR_NOT_FOUND;
	st->conn->drv->reset(st->e);
	/* A disk that fails in the test tells nothing. */
	if (same || (status != OK && status != ERR_NOT_FOUND))
		return;
	log_event(EV_io_error, "a kept answer is stale: %s", st->sql->text);
	die("a kept answer is stale");
}
#else
static bool
distrusted(void)
{
	return false;
}

static void
compare(struct db_stmt *st, const struct answer *a)
{
	(void)st;
	(void)a;
}
#endif

/* The answer ends before the question does: the statement is run and brought to where the answer ended. */
static enum status
run_on(struct db_stmt *st)
{
	enum status status = OK;

	st->asking->state = ASKING_RUNNING;
	for (unsigned i = 0; i <= st->asking->row && status == OK; i++)
		status = run_step(st);
	return status;
}

static enum status
step_kept(struct db_stmt *st)
{
	struct asking *q = st->asking;

	if (q->row < q->answer->rows) {
		q->row++;
		return OK;
	}
	return q->answer->whole ? ERR_NOT_FOUND : run_on(st);
}

static enum status
step_new(struct db_stmt *st)
{
	struct db_conn *conn = st->conn;
	struct asking *q = st->asking;
	struct answer **place, *a;

	if (conn->answers == NULL)
		conn->answers = x_new(struct answers);
	key_make(&conn->answers->key, st->e);
	place = &conn->answers->at[place_of(st->sql, buf_str(&conn->answers->key))];
	a = *place;
	if (a != NULL && a->version == conn->version && a->sql == st->sql &&
	    str_eq(buf_str(&a->key), buf_str(&conn->answers->key))) {
		if (distrusted())
			compare(st, a);
		a->pins++;
		q->answer = a;
		q->state = ASKING_KEPT;
		return step_kept(st);
	}
	q->state = ASKING_RUNNING;
	if (!conn->steady || (a != NULL && a->pins > 0) || conn->answers->key.n > ANSWER_BYTES)
		return run_step(st);
	if (a == NULL)
		a = *place = x_new(struct answer);
	a->version = 0;
	a->sql = st->sql;
	a->rows = a->cols = 0;
	a->whole = false;
	buf_clear(&a->bytes);
	buf_clear(&a->key);
	buf_add(&a->key, buf_str(&conn->answers->key));
	a->pins++;
	q->answer = a;
	q->state = ASKING_NOTING;
	return step_noting(st);
}

/* ---- the calls ---- */

void
asking_begin(struct db_stmt *st)
{
	st->asking->row = 0;
	st->asking->answer = NULL;
	st->asking->state = ASKING_NEW;
}

enum status
asking_step(struct db_stmt *st)
{
	switch (st->asking->state) {
	case ASKING_NEW: return step_new(st);
	case ASKING_KEPT: return step_kept(st);
	case ASKING_NOTING: return step_noting(st);
	case ASKING_RUNNING: break;
	}
	return run_step(st);
}

void
asking_end(struct db_stmt *st)
{
	struct asking *q = st->asking;

	/* The caller has seen enough: what it saw is the answer to the same question, as far as it goes. */
	if (q->state == ASKING_NOTING)
		publish(st, q->answer);
	if (q->answer != NULL)
		q->answer->pins--;
	if (q->state == ASKING_RUNNING)
		st->conn->drv->reset(st->e);
}

const struct answer_cell *
asking_cell(const struct db_stmt *st, int col)
{
	const struct asking *q = st->asking;
	const struct answer *a = q->answer;

	if (q->state != ASKING_KEPT)
		return NULL;
	ensure(q->row > 0 && q->row <= a->rows && (unsigned)col < a->cols);
	return &a->cell[(q->row - 1) * a->cols + (unsigned)col];
}

struct str
asking_str(const struct db_stmt *st, const struct answer_cell *cell)
{
	ensure(cell->kind != DB_INT);
	return cell->kind == DB_NULL ? STR_NONE : str_of(st->asking->answer->bytes.p + cell->at, cell->len);
}
