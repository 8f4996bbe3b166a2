/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import: arguments: account. The server first sends the keys that it has (DATA: keys one after the other; an empty DATA ends them). Then the
 * command line sends
 *
 *	RECORD "folder", name, special-use or ""         the mailbox of what follows; made and subscribed where missing
 *	RECORD "message", key, seconds, zone, flags, keyword ...    followed by DATA and
 *	RECORD "end"
 *
 * and END at last. The server answers RECORD "stored", messages, bytes after each commit, and TEXT for a message that it cannot take.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "admin/verb_priv.h"
#include "base/clock.h"
#include "deliver/deliver.h"
#include "store/imported.h"

#define BATCH 100
#define BATCH_BYTES (16u << 20)
#define KEYS 4096

struct item {
	struct delivery *delivery;
	struct delivery_target target;
	struct str key;
	bool seen; /* another run brought it meanwhile */
};
struct import {
	struct call *call;
	struct actor actor;
	struct arena arena;  /* of the batch */
	int64_t mailbox;
	struct item item[BATCH];
	size_t n;
	bool open;           /* item[n] takes bytes */
	bool failed;         /* and could not take them */
	uint64_t bytes;      /* of the batch */
	uint64_t stored, refused;
};

static enum status
send_keys(struct import *im)
{
	struct buf keys = {0};
	char last[IMPORT_KEY_SIZE];
	struct str after = STR("");
	struct db_txn *txn;
	enum status st;

	do {
		buf_clear(&keys);
		if ((st = db_read_begin(store_db(im->call->store), &txn)) != OK)
			break;
		st = imported_keys(txn, im->actor.account, after, KEYS, &keys);
		db_read_end(txn);
		if (st == OK)
			link_send(&im->call->link, FRAME_DATA, buf_str(&keys));
		if (keys.n >= sizeof(last)) {
			memcpy(last, keys.p + keys.n - sizeof(last), sizeof(last));
			after = str_of(last, sizeof(last));
		}
	} while (st == OK && keys.n > 0);
	buf_free(&keys);
	return st == OK ? link_flush(&im->call->link) : st;
}

static enum status
store_batch(struct db_txn *txn, void *arg)
{
	struct import *im = arg;

	for (size_t i = 0; i < im->n; i++) {
		struct item *item = &im->item[i];
		enum status st = imported_mark(txn, im->actor.account, item->key);

		item->seen = st == ERR_EXISTS;
		if (item->seen)
			continue;
		if (st == OK)
			st = delivery_store(item->delivery, txn, &item->target, 1);
		if (st != OK)
			return st;
	}
	return OK;
}

static enum status
flush(struct import *im)
{
	enum status st = im->n > 0 ? db_write(store_db(im->call->store), store_batch, im) : OK;
	char numbers[2][24];

	if (st == OK && im->n > 0) {
		im->stored += im->n;
		snprintf(numbers[0], 24, "%zu", im->n);
		snprintf(numbers[1], 24, "%" PRIu64, im->bytes);
		link_fields(&im->call->link, FRAME_RECORD, 3,
		    (struct str[]){STR("stored"), str_c(numbers[0]), str_c(numbers[1])});
		st = link_flush(&im->call->link);
	}
	for (size_t i = 0; i < im->n; i++)
		delivery_free(im->item[i].delivery);
	im->n = 0;
	im->bytes = 0;
	arena_free(&im->arena);
	return st;
}

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
	static const struct {
		const char *word;
		unsigned bit;
	} table[] = {{"archive", SPECIAL_ARCHIVE}, {"drafts", SPECIAL_DRAFTS}, {"junk", SPECIAL_JUNK},
	    {"sent", SPECIAL_SENT}, {"trash", SPECIAL_TRASH}};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (str_caseeq(word, str_c(table[i].word)))
			return table[i].bit;
	return 0;
}

static enum status
take_folder(struct import *im, const struct str *fields, size_t n)
{
	struct folder f = {.im = im};
	enum status st;

	if (n != 3 || im->open)
		return ERR_BAD_INPUT;
	if ((st = flush(im)) != OK)
		return st;
	f.name = arena_str(&im->call->arena, fields[1]);
	f.special = special_of(fields[2]);
	if ((st = db_write(store_db(im->call->store), folder_tx, &f)) != OK)
		return call_fail(im->call, st, "mailbox %.*s: %s", STR_FMT(f.name), status_word(st));
	im->mailbox = f.id;
	return OK;
}

static bool
number(struct str s, int64_t *n_r)
{
	bool minus = s.n > 0 && s.p[0] == '-';
	uint64_t n;

	if (!str_u64(minus ? str_from(s, 1) : s, INT64_MAX, &n))
		return false;
	*n_r = minus ? -(int64_t)n : (int64_t)n;
	return true;
}

static enum status
take_message(struct import *im, const struct str *fields, size_t n)
{
	struct item *item = &im->item[im->n];
	struct str *keywords;
	int64_t date, zone, flags;

	if (n < 5 || im->open || im->mailbox == 0 || fields[1].n != IMPORT_KEY_SIZE || !number(fields[2], &date) ||
	    !number(fields[3], &zone) || !number(fields[4], &flags) || zone < -1440 || zone > 1440)
		return ERR_BAD_INPUT;
	keywords = arena_array(&im->arena, n - 5, sizeof(*keywords));
	for (size_t i = 5; i < n; i++)
		keywords[i - 5] = arena_str(&im->arena, fields[i]);
	*item = (struct item){.key = arena_str(&im->arena, fields[1])};
	item->target = (struct delivery_target){
	    .actor = im->actor,
	    .mailbox = im->mailbox,
	    .flags = (uint8_t)(flags & FLAG_ALL),
	    .keywords = keywords,
	    .keywords_n = n - 5,
	    .internal_date = date ? date : clock_seconds(),
	    .zone = (int16_t)zone,
	};
	item->delivery = delivery_new(im->call->store, (uint64_t)im->actor.account, 0);
	im->open = true;
	im->failed = false;
	return OK;
}

static enum status
take_bytes(struct import *im, struct str bytes)
{
	if (!im->open)
		return ERR_BAD_INPUT;
	if (!im->failed)
		im->failed = delivery_add(im->item[im->n].delivery, bytes) != OK;
	return OK;
}

static enum status
take_end(struct import *im)
{
	struct item *item = &im->item[im->n];
	enum status st;

	if (!im->open)
		return ERR_BAD_INPUT;
	im->open = false;
	if ((st = delivery_finish(item->delivery)) != OK) {
		im->refused++;
		link_text(&im->call->link, "a message of %" PRIu64 " bytes: %s", delivery_size(item->delivery), status_word(st));
		delivery_free(item->delivery);
		/* A full disk is no matter of this message. */
		return st == ERR_FULL || st == ERR_IO ? st : OK;
	}
	delivery_prepare(item->delivery, &item->target);
	im->bytes += delivery_size(item->delivery);
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
	else if (st == OK && n == 1 && str_eq(fields[0], STR("end")))
		st = take_end(im);
	else
		st = ERR_BAD_INPUT;
	arena_free(&arena);
	return st;
}

enum status
verb_import(struct call *c)
{
	struct import *im = arena_new(&c->arena, struct import);
	struct account account;
	struct frame f;
	enum status st;

	if (c->args_n != 1)
		return call_fail(c, ERR_BAD_INPUT, "import: into which account?");
	if ((st = call_account(c, c->args[0], &account)) != OK)
		return st;
	im->call = c;
	im->actor = (struct actor){.store = c->store, .account = account.id, .admin = true};
	st = send_keys(im);
	while (st == OK && (st = link_next(&c->link, &f)) == OK && f.type != FRAME_END)
		st = f.type == FRAME_RECORD ? take_record(im, f.payload)
		    : f.type == FRAME_DATA ? take_bytes(im, f.payload)
					   : ERR_BAD_INPUT;
	if (im->open)
		delivery_free(im->item[im->n].delivery);
	/* Also where the command line broke off: what came whole is kept. */
	if (st == OK || st == ERR_NOT_FOUND) {
		enum status last = flush(im);

		st = st == OK ? last : st;
	}
	for (size_t i = 0; i < im->n; i++)
		delivery_free(im->item[i].delivery);
	arena_free(&im->arena);
	if (st == OK && im->refused > 0)
		return call_fail(c, ERR_BAD_INPUT, "%" PRIu64 " messages stored, %" PRIu64 " refused", im->stored, im->refused);
	return st == OK ? call_fail(c, OK, "%" PRIu64 " messages stored", im->stored) : st;
}
