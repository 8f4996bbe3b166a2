/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answers: what a read connection was told once, told again while the account that it reads is the same. Most small commands ask what the one before
 * asked: the mailbox's row, its counts, the page of the next message. A statement that is declared with DB_SQL_KEPT keeps its
 * answers here: the same question about an account that did not change is answered without running the statement.
 *
 * When an answer is stale: each bears the version of the account in the snapshot it was read in (db_conn.version), and only those of the running
 * snapshot's version are given. The version is the account's clock (clocks_priv.h), which every write moves for the accounts that it declares
 * (db_write.lane, db_write.accounts). A statement that is kept therefore reads rows of one account only. Builds with fault injection run each
 * statement whose answer they keep all the same and compare, where MANSIO_DISTRUST is set (as all suites do): a write that declares too little, or a
 * clock that tells a commit too late, ends the process.
 *
 * Whose it is: a connection's, hence one thread's, and of one snapshot at a time. The question is the statement with all its
 * parameters. The writer's connection has none: its own changes do not move its version.
 *
 * The bound: ANSWERS places a connection, in each at most ANSWER_CELLS values and ANSWER_BYTES; what does not fit is not kept, or
 * only its first rows. Nothing is kept in an account's first snapshot of a version, so one that is written all the time pays for
 * looking and for nothing else.
 */
#ifndef DB_ANSWERS_PRIV_H
#define DB_ANSWERS_PRIV_H

#include "db/db_priv.h"

#define ANSWERS 32u
#define ANSWER_CELLS 64u
#define ANSWER_BYTES 8192u
#define ANSWER_PARAMS 4

struct answers;

/* A use of a statement that keeps its answers, from db_prepare to db_done. */
struct asking {
	enum { ASKING_NEW, ASKING_KEPT, ASKING_NOTING, ASKING_RUNNING } state;
	struct answer *answer; /* that it reads or writes; pinned */
	unsigned row;          /* of a kept answer: rows given */
};

/* The calls of db.h for a statement with st->asking; stmt.c makes them. */
void asking_begin(struct db_stmt *st);
enum status asking_step(struct db_stmt *st);
void asking_end(struct db_stmt *st);
/* A value of the current row; NULL: the statement itself runs and is to be asked. */
const struct answer_cell *asking_cell(const struct db_stmt *st, int col);

struct answer_cell {
	enum db_kind kind;
	uint32_t len, at; /* of text and blobs, in the answer's bytes */
	int64_t n;
};
struct str asking_str(const struct db_stmt *st, const struct answer_cell *cell);

void answers_free(struct answers *a);

#endif
