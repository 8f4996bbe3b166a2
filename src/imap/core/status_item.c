/* SPDX-License-Identifier: Apache-2.0 */
/* Items of STATUS, read and told. */
#include "imap/core/objectid.h"
#include "imap/core/status_item.h"

#define I(id, name, doc) name,
static const char *const names[] = {
#include "imap/core/status_items.tbl"
};
#undef I

unsigned
status_item_bit(const char *name)
{
	for (unsigned i = 0; i < STATUS_ITEMS; i++)
		if (str_eq(str_c(names[i]), str_c(name)))
			return 1u << i;
	return 0;
}

enum status
status_items_parse(struct args *a, unsigned *items_r)
{
	unsigned items = 0;
	struct str name;
	enum status st;

	if ((st = arg_open(a)) != OK)
		return st;
	while (arg_more(a)) {
		unsigned i = 0;
		size_t at = a->at;

		if (arg_item(a, &name) != OK)
			return arg_expect(a, EXPECT_STATUS_ITEM);
		while (i < STATUS_ITEMS && !str_eq(name, str_c(names[i])))
			i++;
		if (i == STATUS_ITEMS)
			return arg_expect_at(a, at, EXPECT_STATUS_ITEM);
		items |= 1u << i;
	}
	if (items == 0)
		return arg_expect(a, EXPECT_STATUS_ITEM);
	if ((st = arg_close(a)) != OK)
		return st;
	*items_r = items;
	return OK;
}

/* Messages that no session has been told of as \Recent. */
static enum status
count_recent(struct cmd *cmd, struct db_txn *txn, const struct mailbox *mb, uint64_t *n_r)
{
	struct session *s = cmd->session;
	struct runs new = {0}, there = {0};
	struct watcher w = {0};
	struct view v;
	uint32_t from;
	enum status st;

	*n_r = 0;
	if (mb->recent_from >= mb->uidnext || mb->messages == 0)
		return OK;
	/* The store's mark comes later than that of the session which took them. */
	hub_watch(s->imap->hub, (uint64_t)mb->account, (uint64_t)mb->id, &w, s->conn);
	from = hub_recent_peek(&w, mb->recent_from, mb->uidnext);
	hub_unwatch(s->imap->hub, &w);
	if (from >= mb->uidnext)
		return OK;
	if ((st = view_open(&v, &cmd->session->actor, txn, mb, true)) != OK)
		return st;
	runs_add(&new, from ? from : 1, mb->uidnext - 1);
	st = view_uids_present(&v, txn, &new, &there);
	*n_r = runs_count(&there);
	runs_free(&new);
	runs_free(&there);
	view_close(&v);
	return st;
}

static enum status
value(struct cmd *cmd, struct db_txn *txn, const struct mailbox *mb, enum status_item item, uint64_t *n_r)
{
	switch (item) {
	case STATUS_MESSAGES:
		*n_r = mb->messages;
		break;
	case STATUS_RECENT:
		return count_recent(cmd, txn, mb, n_r);
	case STATUS_UIDNEXT:
		*n_r = mb->uidnext;
		break;
	case STATUS_UIDVALIDITY:
		*n_r = mb->uidvalidity;
		break;
	case STATUS_UNSEEN:
		*n_r = mb->unseen;
		break;
	case STATUS_HIGHESTMODSEQ:
		*n_r = mb->modseq;
		break;
	case STATUS_DELETED:
		*n_r = mb->deleted;
		break;
	case STATUS_DELETED_STORAGE: /* octets, as SIZE */
		*n_r = mb->deleted_size;
		break;
	case STATUS_SIZE:
		*n_r = mb->size;
		break;
	case STATUS_APPENDLIMIT:
		*n_r = session_message_max(cmd->session);
		break;
	case STATUS_MAILBOXID:
	case STATUS_ITEMS:
		break;
	}
	return OK;
}

enum status
status_print(struct cmd *cmd, struct db_txn *txn, const struct mailbox *mb, unsigned items)
{
	struct buf *out = cmd_out(cmd);
	size_t start = out->n;
	bool first = true;
	enum status st = OK;

	buf_add(out, STR("* STATUS "));
	out_mailbox(out, mb->name, session_utf8(cmd->session));
	buf_add(out, STR(" ("));
	for (unsigned i = 0; st == OK && i < STATUS_ITEMS; i++) {
		uint64_t n = 0;

		if (!(items & 1u << i))
			continue;
		out_sep(out, &first);
		if (i == STATUS_MAILBOXID) {
			objectid_add(out, names[i], OBJECTID_MAILBOX, mb->id);
			continue;
		}
		st = value(cmd, txn, mb, i, &n);
		buf_adds(out, names[i]);
		buf_addc(out, ' ');
		buf_addu(out, n);
	}
	buf_add(out, STR(")\r\n"));
	if (st != OK)
		out->n = start;
	return st;
}
