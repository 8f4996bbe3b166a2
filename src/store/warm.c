/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the first commands of a session would find missing: the thread's connection, the schema in it, prepared statements, the
 * memory that they take. The questions of login, SELECT, STATUS and FETCH of flags are asked once about what cannot exist, so nobody's data are read.
 */
#include <stdlib.h>

#include "store/account.h"
#include "store/dir_priv.h"
#include "store/message.h"
#include "store/view.h"

#define NOBODY INT64_MAX

static void
ask_account(struct db_txn *txn, struct arena *arena)
{
	struct account account;
	struct str value;

	(void)!account_find(txn, arena, STR("?"), &account);
	(void)!account_get(txn, arena, NOBODY, &account);
	(void)!account_credential(txn, arena, NOBODY, STR("?"), &value);
}

/* No mailbox has the number 0. */
static void
ask_mailbox(struct store *store, struct db_txn *txn, struct arena *arena)
{
	struct actor actor = {.store = store, .account = NOBODY};
	struct view view = {0};
	struct keywords keywords;
	struct mailbox mb;
	struct dir *dir = x_new(struct dir);
	uint64_t n;
	uint32_t uid;

	(void)!mailbox_find(&actor, txn, arena, STR("INBOX"), &mb);
	(void)!mailbox_get(&actor, txn, arena, 0, &mb);
	(void)!view_seq(&view, txn, 1, &uid);
	(void)!keywords_get(txn, arena, 0, &keywords);
	(void)!dir_load(txn, 0, 1, dir);
	(void)!dir_messages_before(txn, 0, 1, &n);
	(void)!dir_first_unseen(txn, 0, &uid, &n);
	(void)!dir_last_uid(txn, 0, UINT32_MAX, &uid);
	page_load_ready(txn);
	free(dir);
}

void
store_warm(struct store *store)
{
	struct arena arena = {0};
	struct db_txn *txn;

	if (db_read_begin(store_db(store), &txn) != OK)
		return;
	ask_account(txn, &arena);
	ask_mailbox(store, txn, &arena);
	db_read_end(txn);
	arena_free(&arena);
}
