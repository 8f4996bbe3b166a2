/* SPDX-License-Identifier: Apache-2.0 */
/* What a mailbox has already, by content and by key, asked before each message of an import. */
#include "admin/import_box.h"

#include "formats/content.h"
#include "store/email.h"
#include "store/view.h"

#define STEP_MESSAGES 1000
#define STEP_BYTES (8u << 20)
#define CHUNK (256 * 1024)

struct arrived {
	uint64_t n, matched; /* matched by writes that are done, and by the present one */
	uint64_t now;
};

struct import_box *
import_box_new(struct arena *arena, struct call *call, int64_t id)
{
	struct import_box *box = arena_new(arena, struct import_box);

	box->call = call;
	box->id = id;
	box->known = box->next = 1;
	return box;
}

void
import_box_free(struct import_box *box)
{
	map_free(&box->arrived);
	arena_free(&box->arena);
}

static bool
next_arrived(struct import_box *box, size_t *at, struct arrived **a_r)
{
	struct str key;
	void *a;

	if (!map_next(&box->arrived, at, &key, &a))
		return false;
	*a_r = a;
	return true;
}

/* A write may run again: what it had matched counts for nothing. */
static void
rewind_box(struct import_box *box)
{
	struct arrived *a;

	for (size_t at = 0; next_arrived(box, &at, &a);)
		a->now = 0;
	box->next = box->known;
}

void
import_box_settle(struct import_box *box)
{
	struct arrived *a;

	for (size_t at = 0; next_arrived(box, &at, &a); a->now = 0)
		a->matched += a->now;
	box->known = box->next;
}

bool
import_box_arrived(struct import_box *box, struct str id)
{
	struct arrived *a = map_get(&box->arrived, id);

	if (a == NULL || a->matched + a->now == a->n)
		return false;
	a->now++;
	return true;
}

enum status
import_box_check(struct import_box *box, const struct actor *actor, struct db_txn *txn)
{
	struct mailbox mb;
	enum status st = mailbox_get(actor, txn, NULL, box->id, &mb);

	if (st == OK)
		st = grant_make(actor, txn, &mb, &box->grant);
	rewind_box(box);
	return st == OK && mb.uidnext != box->known ? ERR_CONFLICT : st;
}

/* ---- contents ---- */

struct reading {
	struct import_box *box;
	const struct actor *actor;
	struct view view;
	struct view_iter iter;
	struct content *content;
	struct buf chunk;
	uint64_t bytes;      /* of the step */
	struct buf ids;      /* to be sent, or noted */
	bool more;
};

/* The content of one message. ERR_CORRUPT, ERR_NOT_FOUND: it cannot be read. */
static enum status
id_of(struct reading *r, struct db_txn *txn, const struct entry *e, unsigned char id[CONTENT_ID_SIZE])
{
	struct arena arena = {0};
	struct email email;
	enum status st = email_get(&r->view.grant, txn, &arena, e->email, &email);

	for (uint64_t at = 0; st == OK && at < e->size; at += r->chunk.n) {
		buf_clear(&r->chunk);
		st = email_read(&r->view.grant, txn, &email, at, CHUNK, &r->chunk);
		if (st == OK && r->chunk.n == 0)
			st = ERR_CORRUPT;
		if (st == OK)
			content_add(r->content, buf_str(&r->chunk));
	}
	content_id(r->content, id);
	r->bytes += e->size;
	arena_free(&arena);
	return st;
}

/* Some messages, in a snapshot of their own. */
static enum status
step(struct reading *r)
{
	const struct entry *e = NULL;
	struct db_txn *txn;
	enum status st = db_read_begin(store_db(r->box->call->store), &txn);

	if (st != OK)
		return st;
	if ((st = view_iter_begin(&r->iter, txn)) == OK) {
		r->bytes = 0;
		for (size_t n = 0; n < STEP_MESSAGES && r->bytes < STEP_BYTES && (e = view_iter_next(&r->iter)) != NULL; n++) {
			unsigned char id[CONTENT_ID_SIZE];

			if (id_of(r, txn, e, id) == OK)
				buf_add(&r->ids, str_of(id, sizeof(id)));
		}
		r->more = e != NULL;
		st = view_iter_end(&r->iter);
	}
	db_read_end(txn);
	return st;
}

static enum status
open_view(struct reading *r)
{
	struct arena arena = {0};
	struct mailbox mb;
	struct db_txn *txn;
	enum status st = db_read_begin(store_db(r->box->call->store), &txn);

	if (st != OK)
		return st;
	if ((st = mailbox_get(r->actor, txn, &arena, r->box->id, &mb)) == OK)
		st = view_open(&r->view, r->actor, txn, &mb, true);
	db_read_end(txn);
	arena_free(&arena);
	return st;
}

static void
note_ids(struct reading *r)
{
	struct import_box *box = r->box;

	for (size_t i = 0; i + CONTENT_ID_SIZE <= r->ids.n; i += CONTENT_ID_SIZE) {
		struct str id = str_of(r->ids.p + i, CONTENT_ID_SIZE);
		struct arrived *a = map_get(&box->arrived, id);

		if (a == NULL) {
			a = arena_new(&box->arena, struct arrived);
			map_put(&box->arrived, id, a);
		}
		a->n++;
	}
}

/* The contents of the messages from known on: sent, or noted as arrived. */
static enum status
read_contents(struct import_box *box, const struct actor *actor, bool sent)
{
	struct reading r = {.box = box, .actor = actor, .more = true};
	struct runs uids = {0};
	enum status st = open_view(&r);

	if (st != OK)
		return st;
	r.content = content_new();
	runs_add(&uids, box->known, UINT32_MAX);
	r.iter = (struct view_iter)VIEW_ITER(&r.view, &uids);
	r.iter.no_seq = true;
	while (st == OK && r.more && (st = step(&r)) == OK) {
		if (!sent)
			note_ids(&r);
		else if (r.ids.n > 0)
			link_send(&box->call->link, FRAME_DATA, buf_str(&r.ids));
		buf_clear(&r.ids);
		if (sent)
			st = link_flush(&box->call->link);
	}
	if (st == OK)
		box->known = box->next = r.view.next_told;
	view_close(&r.view);
	runs_free(&uids);
	content_free(r.content);
	buf_free(&r.chunk);
	buf_free(&r.ids);
	return st;
}

enum status
import_box_send_ids(struct import_box *box, const struct actor *actor)
{
	enum status st = read_contents(box, actor, true);

	if (st != OK)
		return st;
	link_send(&box->call->link, FRAME_DATA, STR(""));
	return link_flush(&box->call->link);
}

enum status
import_box_refresh(struct import_box *box, const struct actor *actor)
{
	return read_contents(box, actor, false);
}
