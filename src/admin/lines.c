/* SPDX-License-Identifier: Apache-2.0 */
/* Records of a verb that does the same to many, in commits of some tens. */
#include "admin/lines.h"

#define LINES_A_COMMIT 50
#define WORDS_A_COMMIT 500

struct batch {
	struct call *call;
	const struct lines *verb;
	struct arena arena;
	struct line line[LINES_A_COMMIT];
	enum status prepared[LINES_A_COMMIT];
	size_t n, words, done, failed;
};

enum status
line_refused(struct line *line, enum status st, const char *why, struct str about)
{
	switch (st) {
	case OK:
		return OK;
	case ERR_NOT_FOUND:
	case ERR_EXISTS:
	case ERR_CONFLICT:
	case ERR_BAD_INPUT:
	case ERR_LIMIT:
	case ERR_NO_PERM:
		line->status = st;
		line->why = why;
		line->about = about;
		return OK;
	default:
		return st;
	}
}

/* Pure: it may run twice. */
static enum status
run_batch(struct db_txn *txn, void *arg)
{
	struct batch *b = arg;
	enum status st = OK;

	for (size_t i = 0; i < b->n && st == OK; i++) {
		b->line[i].status = b->prepared[i];
		if (b->prepared[i] == OK)
			st = b->verb->run(b->call, txn, &b->line[i], b->verb->arg);
	}
	return st;
}

static void
tell(struct batch *b, const struct line *l)
{
	const char *why = l->why != NULL ? l->why : status_word(l->status);
	struct str about = l->about.p != NULL ? l->about : l->word[0];

	link_text(&b->call->link, "%.*s%s%.*s: %s", STR_FMT(l->where), l->where.n > 0 ? ": " : "", STR_FMT(about), why);
}

static enum status
flush(struct batch *b)
{
	struct db_write w = {.fn = run_batch, .what = b->verb->verb, .arg = b, .reserve = b->verb->reserve};
	enum status st = OK;

	for (size_t i = 0; i < b->n; i++) {
		if (b->verb->prepare != NULL && b->line[i].status == OK)
			b->verb->prepare(b->call, &b->line[i], b->verb->arg);
		b->prepared[i] = b->line[i].status;
	}
	if (b->n > 0)
		st = db_write_and_wait(store_db(b->call->store), &w);
	for (size_t i = 0; i < b->n && st == OK; i++) {
		if (b->line[i].status != OK) {
			b->failed++;
			tell(b, &b->line[i]);
			continue;
		}
		b->done++;
		if (b->verb->done != NULL)
			b->verb->done(b->call, &b->line[i], b->verb->arg);
	}
	b->n = b->words = 0;
	call_progress(b->call, b->done + b->failed, 0);
	arena_free_secret(&b->arena);
	return st;
}

static enum status
take(struct batch *b, struct str payload)
{
	struct line *l = &b->line[b->n];
	struct str *fields;
	size_t n;

	if (frame_fields(&b->arena, payload, &fields, &n) != OK || n < 2)
		return call_fail(b->call, ERR_BAD_INPUT, "%s: not a record", b->verb->verb);
	for (size_t i = 0; i < n; i++)
		fields[i] = arena_str(&b->arena, fields[i]);
	*l = (struct line){.where = fields[0], .word = fields + 1, .n = n - 1, .arena = &b->arena};
	if (l->n < b->verb->words_min || l->n > b->verb->words_max) {
		l->status = ERR_BAD_INPUT;
		l->why = l->n < b->verb->words_min ? "something is missing behind it" : "there is too much behind it";
	}
	b->words += n;
	return ++b->n == LINES_A_COMMIT || b->words >= WORDS_A_COMMIT ? flush(b) : OK;
}

enum status
call_lines(struct call *c, const struct lines *verb)
{
	struct batch *b = arena_new(&c->arena, struct batch);
	enum status st = OK;
	struct frame f;

	b->call = c;
	b->verb = verb;
	while (st == OK && (st = link_next(&c->link, &f)) == OK && f.type == FRAME_RECORD)
		st = take(b, f.payload);
	if (st == OK)
		st = flush(b);
	arena_free_secret(&b->arena);
	if (st != OK)
		return st;
	if (b->failed > 0)
		return call_fail(c, ERR_BAD_INPUT, "%zu %s, %zu not", b->done, verb->past, b->failed);
	return call_fail(c, OK, "%zu %s", b->done, verb->past);
}
