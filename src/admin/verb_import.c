/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import: arguments: account, "only-new" or "". The server first sends the keys of what earlier imports brought, if they were asked for (DATA: keys one
 * after the other; an empty DATA ends them). Then the command line sends
 *
 *	RECORD "folder", name, special-use or "", "ids" or ""    the mailbox of what follows; made and subscribed where missing. With "ids" (the first
 *	                                                         time) the server sends the ids of all that is in it, in DATA, ended by an empty one
 *	RECORD "message", id, key, seconds, zone, flags, label, UIDL, keyword ...    followed by DATA and
 *	RECORD "end"                                                           or "drop", which forgets it
 *
 * and END at last. The server answers RECORD "stored", messages, bytes after each commit, and TEXT for what it cannot take, or not whole.
 *
 * The command line sends what the mailbox had not when it was asked; what comes into the mailbox meanwhile by other ways is looked at in the commit
 * (import_box.h). A message that is refused leaves the others alone.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "admin/import_box.h"
#include "admin/verb_priv.h"
#include "base/clock.h"
#include "deliver/deliver.h"
#include "formats/content.h"
#include "store/imported.h"

#define BATCH 100
#define BATCH_BYTES (16u << 20)
#define KEYS 4096
#define MESSAGE_MAX (UINT64_C(1) << 31) /* bytes: what limits.message can be at most */
#define TRIES 1000                      /* of one batch: each refuses a message, drops keywords, or finds new mail in the mailbox */

struct item {
	struct delivery *delivery;
	struct delivery_target target;
	struct str id, key, label;
	bool seen;          /* it came another way meanwhile */
	bool known_only;    /* only with keywords that the mailbox has: there is no room for others */
	size_t dropped;     /* keywords */
	enum status refused;
};
struct import {
	struct call *call;
	struct actor actor;
	struct arena arena;  /* of the batch */
	struct map boxes;    /* name to struct import_box */
	struct import_box *box;
	struct item item[BATCH];
	size_t n;
	bool open;           /* item[n] takes bytes */
	bool again;          /* the write found something to do otherwise */
	size_t full;         /* of the batch: how many keywords the mailbox had when one had no room; 0: none yet */
	uint64_t bytes;      /* of the batch */
	uint64_t stored, present, refused;
};

static enum status
send_keys(struct import *im, bool wanted)
{
	struct buf keys = {0};
	char last[IMPORT_KEY_SIZE];
	struct str after = STR("");
	struct db_txn *txn;
	enum status st = OK;

	while (wanted) {
		buf_clear(&keys);
		if ((st = db_read_begin(store_db(im->call->store), &txn)) != OK)
			break;
		st = imported_keys(txn, im->actor.account, after, KEYS, &keys);
		db_read_end(txn);
		if (st != OK || keys.n < sizeof(last))
			break;
		link_send(&im->call->link, FRAME_DATA, buf_str(&keys));
		memcpy(last, keys.p + keys.n - sizeof(last), sizeof(last));
		after = str_of(last, sizeof(last));
	}
	buf_free(&keys);
	link_send(&im->call->link, FRAME_DATA, STR(""));
	return st == OK ? link_flush(&im->call->link) : st;
}

/* ---- a batch ---- */

/* Of the message's keywords those that the mailbox knows already, where it has no room for the others. */
static enum status
known_keywords(struct import *im, struct db_txn *txn, struct item *item)
{
	struct str *kept = arena_array(&im->arena, item->target.message.keywords_n, sizeof(*kept));
	struct keywords kw;
	size_t n = 0;
	enum status st = keywords_get(txn, &im->arena, im->box->id, &kw);

	if (st != OK)
		return st;
	for (size_t i = 0; i < item->target.message.keywords_n; i++)
		if (keywords_find(&kw, item->target.message.keywords[i]) >= 0)
			kept[n++] = item->target.message.keywords[i];
	if (kw.n + item->target.message.keywords_n - n <= KEYWORDS_PER_MAILBOX)
		return OK;
	/* None of the batch that brings others can be stored with them. */
	im->full = kw.n;
	item->dropped += item->target.message.keywords_n - n;
	item->target.message.keywords = kept;
	item->target.message.keywords_n = n;
	return OK;
}

/* What is to be done otherwise when a message could not be stored. OK: something; else the store itself fails. */
static enum status
give_way(struct import *im, struct item *item, enum status st)
{
	if (st != ERR_NOT_FOUND && st != ERR_NO_PERM && st != ERR_READ_ONLY && st != ERR_QUOTA && st != ERR_LIMIT && st != ERR_BAD_INPUT)
		return st;
	im->again = true;
	if (st == ERR_LIMIT && item->target.message.keywords_n > 0 && !item->known_only) {
		item->known_only = true;
		return OK;
	}
	/* Without its mailbox none can be stored. */
	for (struct item *i = item; i == item || (st == ERR_NOT_FOUND && i < im->item + im->n); i++)
		i->refused = st;
	return OK;
}

static enum status
store_item(struct import *im, struct db_txn *txn, struct item *item)
{
	enum status st;

	item->seen = import_box_arrived(im->box, item->id);
	if (item->seen)
		return OK;
	if ((item->known_only || im->full > 0) && item->target.message.keywords_n > 0 && item->dropped == 0 && (st = known_keywords(im, txn, item)) != OK)
		return st;
	item->target.grant = im->box->grant;
	if ((st = delivery_store(item->delivery, txn, &item->target, 1)) != OK)
		return st;
	im->box->next = item->target.uid + 1;
	st = imported_mark(txn, im->actor.account, item->key);
	return st == ERR_EXISTS ? OK : st;
}

/* The write may run again: what it finds out about messages it keeps for that. */
static enum status
store_batch(struct db_txn *txn, void *arg)
{
	struct import *im = arg;
	enum status st = import_box_check(im->box, &im->actor, txn);
	size_t left = 0;

	for (size_t i = 0; i < im->n; i++)
		left += im->item[i].refused == OK;
	if (left == 0)
		return OK;
	if (st == ERR_CONFLICT)
		im->again = true;
	if (st == ERR_NOT_FOUND)
		st = give_way(im, &im->item[0], st) == OK ? ERR_CONFLICT : st;
	for (size_t i = 0; i < im->n && st == OK; i++) {
		struct item *item = &im->item[i];

		if (item->refused != OK || (st = store_item(im, txn, item)) == OK)
			continue;
		if ((st = give_way(im, item, st)) == OK)
			st = ERR_CONFLICT; /* nothing of this run counts */
	}
	return st;
}

static void
report_items(struct import *im)
{
	char numbers[2][24];
	uint64_t stored = 0;

	for (size_t i = 0; i < im->n; i++) {
		const struct item *item = &im->item[i];

		if (item->refused != OK) {
			im->refused++;
			link_text(&im->call->link, "%.*s (%" PRIu64 " bytes): not taken: %s", STR_FMT(item->label), delivery_size(item->delivery),
			    status_word(item->refused));
			continue;
		}
		if (item->dropped > 0 && !item->seen)
			link_text(&im->call->link, "%.*s: comes without %zu keywords, the mailbox has as many as it can have", STR_FMT(item->label),
			    item->dropped);
		stored += !item->seen;
		im->present += item->seen;
	}
	im->stored += stored;
	snprintf(numbers[0], 24, "%zu", im->n);
	snprintf(numbers[1], 24, "%" PRIu64, im->bytes);
	link_fields(&im->call->link, FRAME_RECORD, 3, (struct str[]){STR("stored"), str_c(numbers[0]), str_c(numbers[1])});
}

static enum status
flush(struct import *im)
{
	enum status st = OK;
	unsigned tries = 0;

	for (bool again = im->n > 0; again;) {
		im->again = false;
		st = db_write(store_db(im->call->store), store_batch, im);
		again = st == ERR_CONFLICT && im->again && ++tries < TRIES;
		if (again && (st = import_box_refresh(im->box, &im->actor)) == ERR_NOT_FOUND)
			st = OK; /* the mailbox is gone: the write says so */
		if (again && st != OK)
			break;
	}
	if (st == OK && im->n > 0) {
		import_box_settle(im->box);
		report_items(im);
		st = link_flush(&im->call->link);
	}
	for (size_t i = 0; i < im->n; i++)
		delivery_free(im->item[i].delivery);
	im->n = im->full = 0;
	im->bytes = 0;
	arena_free(&im->arena);
	return st;
}

/* ---- mailboxes ---- */

struct folder {
	struct import *im;
	struct str name;
	unsigned special;
	int64_t id;
};

static enum status
folder_tx(struct db_txn *txn, void *arg)
{
	struct folder *f = arg;
	struct actor *actor = &f->im->actor;
	struct arena arena = {0};
	struct mailbox mb;
	enum status st = mailbox_find(actor, txn, &arena, f->name, &mb);

	if (st == OK && !mb.noselect) {
		f->id = mb.id;
	} else if (st == OK || st == ERR_NOT_FOUND) {
		st = mailbox_create(actor, txn, f->name, f->special, &f->id);
		if (st == ERR_CONFLICT && f->special) /* another mailbox has that use already */
			st = mailbox_create(actor, txn, f->name, 0, &f->id);
		if (st == OK)
			st = mailbox_subscribe(actor, txn, f->name, true); /* T28 */
	}
	arena_free(&arena);
	return st;
}

static unsigned
special_of(struct str word)
{
	for (unsigned i = 0; special_use(i) != NULL; i++)
		if (str_caseeq(word, str_c(special_use(i))))
			return SPECIAL_MOVED & 1u << i;
	return 0;
}

static enum status
take_folder(struct import *im, const struct str *fields, size_t n)
{
	struct folder f = {.im = im};
	enum status st;

	if (n != 4 || im->open)
		return ERR_BAD_INPUT;
	if ((st = flush(im)) != OK)
		return st;
	f.name = arena_str(&im->call->arena, fields[1]);
	f.special = special_of(fields[2]);
	if ((st = db_write(store_db(im->call->store), folder_tx, &f)) != OK)
		return call_fail(im->call, st, "mailbox %.*s: %s", STR_FMT(f.name), status_word(st));
	if ((im->box = map_get(&im->boxes, f.name)) == NULL) {
		im->box = import_box_new(&im->call->arena, im->call, f.id);
		map_put(&im->boxes, f.name, im->box);
	}
	im->box->id = f.id;
	return fields[3].n > 0 ? import_box_send_ids(im->box, &im->actor) : OK;
}

/* ---- messages ---- */

static enum status
take_message(struct import *im, const struct str *fields, size_t n)
{
	struct item *item = &im->item[im->n];
	struct str *keywords;
	int64_t date, zone, flags;

	if (n < 8 || im->open || im->box == NULL || fields[1].n != CONTENT_ID_SIZE || fields[2].n != IMPORT_KEY_SIZE ||
	    !str_i64(fields[3], INT64_MAX, &date) || !str_i64(fields[4], 1439, &zone) || !str_i64(fields[5], UINT8_MAX, &flags) || flags < 0)
		return ERR_BAD_INPUT;
	keywords = arena_array(&im->arena, n - 8, sizeof(*keywords));
	for (size_t i = 8; i < n; i++)
		keywords[i - 8] = arena_str(&im->arena, fields[i]);
	*item = (struct item){.id = arena_str(&im->arena, fields[1]), .key = arena_str(&im->arena, fields[2]), .label = arena_str(&im->arena, fields[6])};
	item->target.message = (struct message_new){
	    .flags = (uint8_t)flags,
	    .keywords = keywords,
	    .keywords_n = n - 8,
	    .uidl = arena_str(&im->arena, fields[7]),
	    .internal_date = date > -INT64_MAX ? date : clock_seconds(),
	    .zone = (int16_t)zone,
	};
	item->delivery = delivery_new(im->call->store, (uint64_t)im->actor.account, MESSAGE_MAX, NULL);
	im->open = true;
	return OK;
}

static enum status
take_bytes(struct import *im, struct str bytes)
{
	if (!im->open)
		return ERR_BAD_INPUT;
	/* The delivery keeps its status for take_end(). */
	(void)!delivery_add(im->item[im->n].delivery, bytes);
	return OK;
}

static enum status
take_end(struct import *im, bool drop)
{
	struct item *item = &im->item[im->n];
	enum status st;

	if (!im->open)
		return ERR_BAD_INPUT;
	im->open = false;
	if (drop) {
		delivery_free(item->delivery);
		return OK;
	}
	if ((st = delivery_finish(item->delivery)) != OK) {
		im->refused++;
		link_text(&im->call->link, "%.*s (%" PRIu64 " bytes): not taken: %s", STR_FMT(item->label), delivery_size(item->delivery), status_word(st));
		delivery_free(item->delivery);
		/* A full disk is no matter of this message. */
		return st == ERR_FULL || st == ERR_IO ? st : OK;
	}
	delivery_prepare(item->delivery, &item->target, &im->arena);
	im->bytes += delivery_weight(item->delivery);
	return ++im->n == BATCH || im->bytes >= BATCH_BYTES ? flush(im) : OK;
}

static enum status
take_record(struct import *im, struct str payload)
{
	struct arena arena = {0};
	struct str *fields;
	size_t n;
	enum status st = frame_fields(&arena, payload, &fields, &n);

	if (st == OK && n > 0 && str_eq(fields[0], STR("folder")))
		st = take_folder(im, fields, n);
	else if (st == OK && n > 0 && str_eq(fields[0], STR("message")))
		st = take_message(im, fields, n);
	else if (st == OK && n == 1 && (str_eq(fields[0], STR("end")) || str_eq(fields[0], STR("drop"))))
		st = take_end(im, str_eq(fields[0], STR("drop")));
	else
		st = ERR_BAD_INPUT;
	arena_free(&arena);
	return st;
}

static void
free_all(struct import *im)
{
	struct str name;
	size_t at = 0;
	void *box;

	if (im->open)
		delivery_free(im->item[im->n].delivery);
	for (size_t i = 0; i < im->n; i++)
		delivery_free(im->item[i].delivery);
	while (map_next(&im->boxes, &at, &name, &box))
		import_box_free(box);
	map_free(&im->boxes);
	arena_free(&im->arena);
}

enum status
verb_import(struct call *c)
{
	struct import *im = arena_new(&c->arena, struct import);
	struct account account;
	struct frame f;
	enum status st;

	if (c->args_n != 2)
		return call_fail(c, ERR_BAD_INPUT, "import: into which account?");
	if ((st = call_account(c, c->args[0], &account)) != OK)
		return st;
	im->call = c;
	im->actor = (struct actor){.store = c->store, .account = account.id, .admin = true};
	st = send_keys(im, str_eq(c->args[1], STR("only-new")));
	while (st == OK && (st = link_next(&c->link, &f)) == OK && f.type != FRAME_END)
		st = f.type == FRAME_RECORD ? take_record(im, f.payload)
		    : f.type == FRAME_DATA ? take_bytes(im, f.payload)
					   : ERR_BAD_INPUT;
	/* Also where the command line broke off: what came whole is kept. */
	if (st == OK || st == ERR_NOT_FOUND) {
		bool open = im->open;
		struct delivery *unfinished = open ? im->item[im->n].delivery : NULL;
		enum status last;

		im->open = false;
		last = flush(im);
		delivery_free(unfinished);
		st = st == OK ? last : st;
	}
	free_all(im);
	if (st == OK && im->refused > 0)
		return call_fail(c, ERR_BAD_INPUT, "%" PRIu64 " messages stored, %" PRIu64 " refused", im->stored, im->refused);
	if (st == OK && im->present > 0)
		return call_fail(c, OK, "%" PRIu64 " messages stored, %" PRIu64 " came meanwhile by another way", im->stored, im->present);
	return st == OK ? call_fail(c, OK, "%" PRIu64 " messages stored", im->stored) : st;
}
