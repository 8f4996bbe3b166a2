/* SPDX-License-Identifier: Apache-2.0 */
/* message_flags(): STORE. */
#include "store/admit_priv.h"
#include "base/assert.h"
#include "store/keyword_priv.h"
#include "store/message.h"

struct flagging {
	struct edit e;
	const struct flag_change *change;
	uint8_t flags, mask;  /* of the change, and those that it may touch */
	bool keywords;        /* it may touch keywords */
	const uint32_t *ids; /* of the change's keywords */
	uint32_t ids_n;
	struct arena *arena; /* new keyword sets */
	bool too_many;
	/* the last set that was changed: its neighbours mostly have the same */
	const uint32_t *was, *is;
	uint32_t was_n, is_n;
	uint64_t keyword_bits; /* the keywords that are in one of the two only */
	uint64_t which;        /* flags that changed so far, as in change_write() */
	/* UNCHANGEDSINCE: the messages whose flags of this change were touched since; read when a message has changed since at all */
	struct runs touched;
	bool touched_read;
	enum status status;
	struct flag_result *result;
};

/*
 * What of the change the grant allows: the rest is left as it is, and as long as something may be changed that is no fault (RFC 4314 4).
 * ERR_NO_PERM: nothing.
 */
static enum status
admit(struct flagging *f)
{
	const struct flag_change *c = f->change;
	const struct grant *g = f->e.grant;
	bool all = c->op == FLAGS_SET || (c->flags == 0 && c->keywords_n == 0);

	f->mask = grant_flags(g, all ? FLAG_ALL : c->flags & FLAG_ALL);
	f->keywords = (g->rights & RIGHT_WRITE) != 0;
	f->flags = c->flags & f->mask;
	if (f->mask != 0 || (f->keywords && c->keywords_n > 0))
		return OK;
	return grant_need(g, RIGHT_WRITE | RIGHT_SEEN | RIGHT_DELETE);
}

static bool
has_id(const uint32_t *ids, uint32_t n, uint32_t id)
{
	for (uint32_t i = 0; i < n; i++)
		if (ids[i] == id)
			return true;
	return false;
}

static uint32_t
apply_ids(struct flagging *f, const struct entry *entry, uint32_t *out)
{
	uint32_t n = 0;

	if (f->change->op != FLAGS_SET)
		for (uint32_t i = 0; i < entry->keywords_n; i++)
			if (f->change->op == FLAGS_ADD || !has_id(f->ids, f->ids_n, entry->keywords[i]))
				out[n++] = entry->keywords[i];
	if (f->change->op != FLAGS_REMOVE)
		for (uint32_t i = 0; i < f->ids_n; i++)
			if (f->change->op == FLAGS_SET || !has_id(entry->keywords, entry->keywords_n, f->ids[i]))
				out[n++] = f->ids[i];
	return keyword_sort(out, n);
}

static uint64_t
bits_of(const uint32_t *ids, uint32_t n)
{
	uint64_t bits = 0;

	for (uint32_t i = 0; i < n; i++)
		bits |= change_keyword_bit(ids[i]);
	return bits;
}

/* Of the keywords that one of two sets has. */
static uint64_t
differing_bits(const uint32_t *a, uint32_t a_n, const uint32_t *b, uint32_t b_n)
{
	uint64_t bits = 0;

	for (uint32_t i = 0; i < a_n; i++)
		if (!has_id(b, b_n, a[i]))
			bits |= change_keyword_bit(a[i]);
	for (uint32_t i = 0; i < b_n; i++)
		if (!has_id(a, a_n, b[i]))
			bits |= change_keyword_bit(b[i]);
	return bits;
}

/* Changes the keywords of the entry; false: they are as they were. */
static bool
set_keywords(struct flagging *f, struct entry *entry)
{
	const uint32_t *was = entry->keywords;
	uint32_t was_n = entry->keywords_n;

	if (!f->keywords || (f->ids_n == 0 && (f->change->op != FLAGS_SET || was_n == 0)))
		return false;
	if (f->is == NULL || was != f->was || was_n != f->was_n) {
		uint32_t *out = arena_array(f->arena, was_n + f->ids_n + 1, sizeof(*out));

		f->is_n = apply_ids(f, entry, out);
		f->is = out;
		f->was = was;
		f->was_n = was_n;
		f->keyword_bits = differing_bits(was, was_n, f->is, f->is_n);
	}
	if (f->is_n == was_n && (was_n == 0 || memcmp(f->is, was, was_n * sizeof(*was)) == 0))
		return false;
	ensure(f->is_n <= was_n + f->ids_n); /* what it has room for */
	f->too_many |= f->is_n > KEYWORDS_PER_MESSAGE;
	f->which |= f->keyword_bits;
	entry->keywords = f->is;
	entry->keywords_n = f->is_n;
	return true;
}

/* The messages whose flags that are to be set or removed were touched since: where another flag was, the condition holds (RFC 7162
 * 3.1.3, 3.1.12). Of the change rows those with other flags are passed over; where the rows do not reach back, all changes count. */
static void
read_touched(struct flagging *f)
{
	uint64_t since = f->change->unchanged_since, wanted = f->flags | bits_of(f->ids, f->ids_n);
	struct change_walk w;
	struct run_pile pile = {0};
	enum status st;

	f->touched_read = true;
	if (f->change->op == FLAGS_SET || since < f->e.oldest_change) {
		runs_add(&f->touched, 1, UINT32_MAX);
		return;
	}
	change_walk_begin(&w, f->e.txn, f->e.mailbox, since, false);
	while ((st = change_walk_next(&w)) == OK) {
		if (w.row.damaged)
			runs_add(&f->touched, 1, UINT32_MAX);
		else if (w.row.kind == CHANGE_ADDED || (w.row.kind == CHANGE_FLAGS && (w.row.which & wanted)))
			run_pile_gather(&pile, &w.row.uids, &f->touched);
	}
	change_walk_end(&w);
	run_pile_into(&pile, &f->touched, NULL);
	if (st != ERR_NOT_FOUND)
		f->status = st;
}

/* Does UNCHANGEDSINCE hold? */
static bool
unchanged(struct flagging *f, const struct entry *entry)
{
	const struct flag_change *c = f->change;

	if (!c->conditional || entry->modseq <= c->unchanged_since)
		return true;
	/* 0 asks whether there is such a keyword; system flags always exist (RFC 7162 3.1.3, example 8). */
	if (c->unchanged_since == 0) {
		if (c->op == FLAGS_SET || c->flags != 0)
			return false;
		for (uint32_t i = 0; i < f->ids_n; i++)
			if (has_id(entry->keywords, entry->keywords_n, f->ids[i]))
				return false;
		return true;
	}
	if (!f->touched_read)
		read_touched(f);
	return !runs_has(&f->touched, entry->uid);
}

/* True when the entry is different now. */
static bool
change_entry(struct flagging *f, struct entry *entry)
{
	const struct flag_change *c = f->change;
	uint8_t flags = entry->flags;
	bool changed;

	if (!unchanged(f, entry)) {
		runs_add(&f->result->failed, entry->uid, entry->uid);
		return false;
	}
	flags = c->op == FLAGS_SET ? (flags & (uint8_t)~f->mask) | f->flags : c->op == FLAGS_ADD ? flags | f->flags : flags & (uint8_t)~f->flags;
	changed = flags != entry->flags;
	f->which |= flags ^ entry->flags;
	entry->flags = flags;
	changed |= set_keywords(f, entry);
	if (changed) {
		entry->modseq = f->e.modseq;
		runs_add(&f->result->changed, entry->uid, entry->uid);
	}
	return changed;
}

/* Notes how the change left it. */
static void
note_after(struct flag_after *after, const struct entry *entry)
{
	struct entry *to = &after->e[after->n++];

	*to = *entry;
	to->keywords = arena_copy(after->arena, entry->keywords, entry->keywords_n, entry->keywords_n, sizeof(*to->keywords));
}

static enum status
change_page(struct flagging *f, const struct runs *uids)
{
	struct page *page = f->e.page;
	enum status st = edit_page(&f->e);
	size_t r;
	bool changed = false;

	if (st != OK)
		return st == ERR_CORRUPT ? OK : st;
	f->is = NULL;
	r = runs_seek(uids, page->e[0].uid);
	for (uint32_t i = 0; i < page->n && r < uids->n; i++) {
		while (r < uids->n && uids->run[r].last < page->e[i].uid)
			r++;
		if (r < uids->n && uids->run[r].first <= page->e[i].uid) {
			if (f->result->there != NULL)
				runs_add(f->result->there, page->e[i].uid, page->e[i].uid);
			changed |= change_entry(f, &page->e[i]);
			if (f->result->after != NULL)
				note_after(f->result->after, &page->e[i]);
		}
	}
	if (f->too_many)
		return ERR_LIMIT;
	if (f->status != OK)
		return f->status;
	return changed ? edit_put(&f->e) : OK;
}

/* The change and its failed messages go to *result only when all went well. */
static enum status
change_all(struct flagging *f, const struct runs *uids)
{
	uint32_t uid = runs_next(uids, 1);
	enum status st = OK;

	while (uid != 0) {
		uint32_t last;

		if ((st = edit_seek(&f->e, uid)) != OK)
			return st == ERR_NOT_FOUND ? OK : st;
		last = edit_sum(&f->e)->last;
		if (runs_next(uids, edit_sum(&f->e)->key) <= last && (st = change_page(f, uids)) != OK)
			return st;
		arena_free(f->arena);
		uid = last == UINT32_MAX ? 0 : runs_next(uids, last + 1);
	}
	return OK;
}

enum status
message_flags(const struct grant *grant, struct db_txn *txn, const struct runs *uids, const struct flag_change *change,
    struct flag_result *result_r)
{
	struct arena ids = {0}, arena = {0};
	struct runs there = {0};
	struct flag_result result = {.there = result_r->there != NULL ? &there : NULL, .after = result_r->after};
	struct flagging f = {.change = change, .arena = &arena, .result = &result};
	enum status st;

	if (!admit_flags(change->flags))
		return ERR_BAD_INPUT;
	if ((st = edit_begin(&f.e, grant, txn, 0)) != OK)
		return st;
	if ((st = admit(&f)) == OK)
		st = keyword_ids(&f.e, &ids, change->keywords, f.keywords ? change->keywords_n : 0, change->op != FLAGS_REMOVE, &f.ids,
		    &f.ids_n);
	if (st == OK)
		st = change_all(&f, uids);
	if (st == OK)
		st = edit_change_flags(&f.e, &result.changed, f.which);
	/* No message has the keyword now: it is not made. */
	if (st == OK && !f.e.changed)
		st = keyword_unmake(&f.e);
	/* Nothing is different: no mod-sequence, no row. */
	result.modseq = f.e.changed ? f.e.modseq : 0;
	st = edit_end(&f.e, st);
	if (st == OK) {
		runs_add_all(&result_r->changed, &result.changed);
		runs_add_all(&result_r->failed, &result.failed);
		result_r->modseq = result.modseq;
		if (result_r->there != NULL)
			runs_add_all(result_r->there, &there);
	}
	runs_free(&result.changed);
	runs_free(&result.failed);
	runs_free(&there);
	runs_free(&f.touched);
	arena_free(&ids);
	arena_free(&arena);
	return st;
}
