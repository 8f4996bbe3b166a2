/* SPDX-License-Identifier: Apache-2.0 */
/* A message on its way in: bytes into parser and stage, and at the end all that they say into one commit. */
#include "deliver/deliver.h"

#include <stdlib.h>
#include "base/assert.h"
#include "mime/preview.h"
#include "mime/structure.h"
#include "mime/summary.h"

struct delivery {
	struct store *store;
	struct blob_stage *stage;
	struct charge *charge;
	size_t charged;
	struct arena arena; /* the parser's, until all is packed */
	struct mime_parser *parser;
	struct buf summary, structure; /* without prefix, after finish */
	uint64_t message_id_hash;
	uint64_t *references;
	size_t references_n;
	uint64_t max, size;
	enum status status; /* sticky */
	bool finished;
	bool shared;        /* several owners */
	int64_t body;       /* published by a commit that was OK; 0: not yet */
	int64_t candidate;  /* published by the write that runs now */
};

struct delivery *
delivery_new(struct store *store, uint64_t lane, uint64_t max, struct charge *charge)
{
	struct delivery *d = x_new(struct delivery);

	d->store = store;
	d->max = max;
	d->charge = charge;
	d->stage = blob_stage_new(store_blobs(store), lane);
	d->parser = mime_parser_new(&d->arena, NULL);
	return d;
}

/* Counts what it holds now. */
static enum status
count(struct delivery *d)
{
	return charge_part(d->charge, &d->charged,
	    sizeof(*d) + d->arena.held + blob_stage_memory(d->stage) + d->summary.cap + d->structure.cap);
}

enum status
delivery_add(struct delivery *d, struct str bytes)
{
	ensure(!d->finished);
	if (d->status != OK || bytes.n == 0)
		return d->status;
	if (d->max > 0 && bytes.n > d->max - d->size)
		return d->status = ERR_LIMIT;
	d->size += bytes.n;
	mime_parser_add(d->parser, bytes);
	if ((d->status = blob_stage_add(d->stage, bytes)) == OK)
		d->status = count(d);
	return d->status;
}

/* The preview comes from the staged bytes: the parser keeps only where its part lies. */
static enum status
make_preview(struct delivery *d, const struct mime_message *m, struct buf *text)
{
	uint32_t part = mime_preview_part(m);
	struct buf body = {0};
	enum status st = OK;
	uint64_t n;

	if (part == MIME_NO_PART)
		return OK;
	n = m->parts[part].body_end - m->parts[part].body_start;
	if (n > MIME_PREVIEW_BYTES)
		n = MIME_PREVIEW_BYTES;
	st = blob_stage_read(d->stage, m->parts[part].body_start, n, &body);
	if (st == OK)
		mime_preview_add(text, &m->parts[part], buf_str(&body));
	buf_free(&body);
	return st;
}

/* Message-id hashes for the thread id. */
static void
thread_keys(struct delivery *d)
{
	struct mime_summary s;

	if (mime_summary_open(buf_str(&d->summary), &s) != OK)
		return;
	d->message_id_hash = mime_summary_message_id(&s);
	d->references_n = mime_summary_n_refs(&s);
	d->references = x_calloc(d->references_n, sizeof(*d->references));
	for (size_t i = 0; i < d->references_n; i++)
		d->references[i] = mime_summary_ref(&s, i);
}

/* Without the room to grow. */
static void
fit(struct buf *b)
{
	b->p = x_realloc(b->p, b->n);
	b->cap = b->n;
}

static void
pack(struct delivery *d, const struct mime_message *m, struct str preview)
{
	mime_summary_pack(&d->summary, m, preview);
	mime_structure_pack(&d->structure, m);
	fit(&d->summary);
	fit(&d->structure);
	thread_keys(d);
	arena_free(&d->arena);
}

enum status
delivery_finish(struct delivery *d)
{
	const struct mime_message *m;
	struct buf preview = {0};

	if (d->status != OK || d->finished)
		return d->status;
	d->finished = true;
	m = mime_parser_finish(d->parser);
	d->parser = NULL;
	if ((d->status = make_preview(d, m, &preview)) == OK)
		pack(d, m, buf_str(&preview));
	buf_free(&preview);
	if (d->status == OK)
		d->status = blob_stage_finish(d->stage);
	if (d->status == OK)
		d->status = count(d);
	return d->status;
}

uint64_t
delivery_size(const struct delivery *d)
{
	return d->size;
}

size_t
delivery_weight(const struct delivery *d)
{
	return d->summary.n + d->structure.n + blob_stage_memory(d->stage);
}

void
delivery_free(struct delivery *d)
{
	if (d == NULL)
		return;
	blob_stage_free(d->stage);
	arena_free(&d->arena);
	buf_free(&d->summary);
	buf_free(&d->structure);
	free(d->references);
	ensure(charge_part(d->charge, &d->charged, 0) == OK);
	free(d);
}

void
delivery_share(struct delivery *d)
{
	d->shared = true;
}

void
delivery_committed(struct delivery *d)
{
	d->body = d->candidate;
}

static struct str
kept(struct arena *arena, struct buf *b)
{
	struct str s = arena_str(arena, buf_str(b));

	buf_free(b);
	return s;
}

/* The rows of the message with its prefix before it. */
static void
with_prefix(struct message_new *m, struct arena *arena)
{
	struct str prefix = m->prefix;
	struct buf summary = {0}, structure = {0};
	struct mime_summary s;
	uint64_t lines = 0;

	ensure(str_ends(prefix, STR("\r\n")));
	for (size_t i = 0; i < prefix.n; i++)
		lines += prefix.p[i] == '\n';
	ensure(mime_summary_open(m->summary, &s) == OK);
	mime_summary_prefixed(&summary, &s, prefix);
	ensure(mime_structure_prefixed(&structure, m->structure, prefix.n, lines) == OK);
	m->summary = kept(arena, &summary);
	m->structure = kept(arena, &structure);
}

void
delivery_prepare(struct delivery *d, struct delivery_target *t, struct arena *arena)
{
	struct message_new *m = &t->message;

	ensure(d->finished && d->status == OK);
	m->size = m->prefix.n + d->size;
	m->summary = buf_str(&d->summary);
	m->structure = buf_str(&d->structure);
	m->message_id_hash = d->message_id_hash;
	m->references = d->references;
	m->references_n = d->references_n;
	if (m->prefix.n > 0)
		with_prefix(m, arena);
}

/* Is this a refusal of one target, as against a failure of the engine? */
static bool
refusal(enum status st)
{
	return st == ERR_NOT_FOUND || st == ERR_NO_PERM || st == ERR_READ_ONLY || st == ERR_QUOTA ||
	    st == ERR_LIMIT || st == ERR_BAD_INPUT;
}

/* Where the body is. */
static void
set_body(struct delivery *d, struct message_new *m, bool shared)
{
	m->stage = shared ? NULL : d->stage;
	m->body = d->candidate;
	m->shared_body = shared;
}

enum status
delivery_store(struct delivery *d, struct db_txn *txn, struct delivery_target *targets, size_t n)
{
	bool shared = d->shared || n > 1;
	enum status st;

	ensure(d->finished && d->status == OK);
	d->candidate = d->body;
	if (shared && d->body == 0 && (st = blob_publish(d->stage, txn, &d->candidate)) != OK)
		return st;
	for (size_t i = 0; i < n; i++) {
		struct delivery_target *t = &targets[i];

		set_body(d, &t->message, shared);
		t->status = message_append(&t->grant, txn, &t->message, &t->uid, &t->modseq);
		if (t->status != OK && !refusal(t->status))
			return t->status;
	}
	/* A body without any owner must not stay. */
	for (size_t i = 0; i < n; i++)
		if (targets[i].status == OK)
			return OK;
	return n > 0 ? targets[0].status : OK;
}

enum status
delivery_store_all(struct delivery *const *d, struct delivery_target *const *targets, size_t n, struct db_txn *txn)
{
	const struct message_new **messages = x_calloc(n, sizeof(*messages));
	uint32_t first = 0;
	uint64_t modseq = 0;
	enum status st;

	for (size_t i = 0; i < n; i++) {
		ensure(d[i]->finished && d[i]->status == OK && !d[i]->shared);
		d[i]->candidate = 0;
		set_body(d[i], &targets[i]->message, false);
		messages[i] = &targets[i]->message;
	}
	st = message_append_all(&targets[0]->grant, txn, messages, n, &first, &modseq);
	for (size_t i = 0; i < n; i++) {
		targets[i]->status = st;
		targets[i]->uid = first + (uint32_t)i;
		targets[i]->modseq = modseq;
	}
	free(messages);
	return st;
}
