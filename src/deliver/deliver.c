/* SPDX-License-Identifier: Apache-2.0 */
#include "deliver/deliver.h"

#include <stdlib.h>
#include "base/assert.h"
#include "deliver/prefix.h"
#include "mime/preview.h"
#include "mime/structure.h"
#include "mime/summary.h"

struct delivery {
	struct store *store;
	struct blob_stage *stage;
	struct arena arena; /* the parser's and what was prepared */
	struct mime_parser *parser;
	const struct mime_message *message; /* after finish */
	struct str preview;
	uint64_t max, size;
	enum status status; /* sticky */
	bool nul;
	bool shared;        /* several owners */
	int64_t body;       /* published by a commit that was OK; 0: not yet */
	int64_t candidate;  /* published by the write that runs now */
};

struct delivery *
delivery_new(struct store *store, uint64_t lane, uint64_t max)
{
	struct delivery *d = x_new(struct delivery);

	d->store = store;
	d->max = max;
	d->stage = blob_stage_new(store_blobs(store), lane);
	d->parser = mime_parser_new(&d->arena, NULL);
	return d;
}

enum status
delivery_add(struct delivery *d, struct str bytes)
{
	ensure(d->message == NULL);
	if (d->status != OK || bytes.n == 0)
		return d->status;
	if (d->max > 0 && bytes.n > d->max - d->size)
		return d->status = ERR_LIMIT;
	d->size += bytes.n;
	if (!d->nul)
		d->nul = memchr(bytes.p, '\0', bytes.n) != NULL;
	mime_parser_add(d->parser, bytes);
	return d->status = blob_stage_add(d->stage, bytes);
}

/* The preview comes from the staged bytes: the parser keeps only where its part lies. */
static enum status
make_preview(struct delivery *d)
{
	uint32_t part = mime_preview_part(d->message);
	struct buf body = {0}, text = {0};
	enum status st = OK;
	uint64_t n;

	if (part == MIME_NO_PART)
		return OK;
	n = d->message->parts[part].body_end - d->message->parts[part].body_start;
	if (n > MIME_PREVIEW_BYTES)
		n = MIME_PREVIEW_BYTES;
	st = blob_stage_read(d->stage, d->message->parts[part].body_start, n, &body);
	if (st == OK) {
		mime_preview_add(&text, &d->message->parts[part], buf_str(&body));
		d->preview = arena_str(&d->arena, buf_str(&text));
	}
	buf_free(&body);
	buf_free(&text);
	return st;
}

enum status
delivery_finish(struct delivery *d)
{
	if (d->status != OK || d->message != NULL)
		return d->status;
	d->message = mime_parser_finish(d->parser);
	d->parser = NULL;
	if ((d->status = blob_stage_finish(d->stage)) == OK)
		d->status = make_preview(d);
	return d->status;
}

uint64_t
delivery_size(const struct delivery *d)
{
	return d->size;
}

bool
delivery_has_nul(const struct delivery *d)
{
	return d->nul;
}

const struct mime_message *
delivery_message(const struct delivery *d)
{
	return d->message;
}

enum status
delivery_read(struct delivery *d, uint64_t at, size_t n, struct buf *out)
{
	return blob_stage_read(d->stage, at, n, out);
}

void
delivery_free(struct delivery *d)
{
	if (d == NULL)
		return;
	blob_stage_free(d->stage);
	arena_free(&d->arena);
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
packed(struct delivery *d, struct buf *b)
{
	struct str s = arena_str(&d->arena, buf_str(b));

	buf_free(b);
	return s;
}

/* Message-id hashes for the thread id, from the summary that was just packed. */
static void
thread_keys(struct delivery *d, struct message_new *m)
{
	struct mime_summary s;
	uint64_t *refs;

	if (mime_summary_open(m->summary, &s) != OK)
		return;
	m->message_id_hash = mime_summary_message_id(&s);
	m->references_n = mime_summary_n_refs(&s);
	refs = arena_array(&d->arena, m->references_n, sizeof(*refs));
	for (size_t i = 0; i < m->references_n; i++)
		refs[i] = mime_summary_ref(&s, i);
	m->references = refs;
}

void
delivery_prepare(struct delivery *d, struct delivery_target *t)
{
	const struct mime_message *m = d->message;
	struct buf summary = {0}, structure = {0};

	ensure(m != NULL);
	if (t->prefix.n > 0)
		m = message_with_prefix(&d->arena, m, t->prefix);
	mime_summary_pack(&summary, m, d->preview);
	mime_structure_pack(&structure, m);
	t->message = (struct message_new){
	    .size = t->prefix.n + d->size,
	    .prefix = t->prefix,
	    .summary = packed(d, &summary),
	    .structure = packed(d, &structure),
	};
	thread_keys(d, &t->message);
}

/* Is this a refusal of one target, as against a failure of the engine? */
static bool
refusal(enum status st)
{
	return st == ERR_NOT_FOUND || st == ERR_NO_PERM || st == ERR_READ_ONLY || st == ERR_QUOTA ||
	    st == ERR_LIMIT || st == ERR_BAD_INPUT;
}

/* What may have changed since delivery_prepare(), and where the body is. */
static void
refresh(struct delivery *d, struct delivery_target *t, bool shared)
{
	t->message.stage = shared ? NULL : d->stage;
	t->message.body = d->candidate;
	t->message.shared_body = shared;
	t->message.flags = t->flags;
	t->message.keywords = t->keywords;
	t->message.keywords_n = t->keywords_n;
	t->message.internal_date = t->internal_date;
	t->message.zone = t->zone;
}

enum status
delivery_store(struct delivery *d, struct db_txn *txn, struct delivery_target *targets, size_t n)
{
	bool shared = d->shared || n > 1;
	enum status st;

	ensure(d->message != NULL && d->status == OK);
	d->candidate = d->body;
	if (shared && d->body == 0 && (st = blob_publish(d->stage, txn, &d->candidate)) != OK)
		return st;
	for (size_t i = 0; i < n; i++) {
		struct delivery_target *t = &targets[i];

		refresh(d, t, shared);
		t->status = message_append(&t->actor, txn, t->mailbox, &t->message, &t->uid, &t->modseq);
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
		ensure(d[i]->message != NULL && d[i]->status == OK && !d[i]->shared);
		d[i]->candidate = 0;
		refresh(d[i], targets[i], false);
		messages[i] = &targets[i]->message;
	}
	st = message_append_all(&targets[0]->actor, txn, targets[0]->mailbox, messages, n, &first, &modseq);
	for (size_t i = 0; i < n; i++) {
		targets[i]->status = st;
		targets[i]->uid = first + (uint32_t)i;
		targets[i]->modseq = modseq;
	}
	free(messages);
	return st;
}
