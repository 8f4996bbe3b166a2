/* SPDX-License-Identifier: Apache-2.0 */
/* mailbox list: arguments: account. Records: name, attributes, messages, unseen, bytes, UIDVALIDITY, UIDNEXT. */
#include <inttypes.h>
#include <stdio.h>
#include "admin/verb_priv.h"

const char *
special_use(unsigned bit)
{
	static const char *const names[] = {"all", "archive", "drafts", "flagged", "junk", "sent", "trash", "important"};

	return bit < sizeof(names) / sizeof(*names) ? names[bit] : NULL;
}

static const char *
attributes(const struct mailbox *mb, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (unsigned i = 0; special_use(i) != NULL; i++)
		if (mb->special & 1u << i)
			n += (size_t)snprintf(out + n, size - n, "%s%s", n ? "," : "", special_use(i));
	if (mb->subscribed)
		n += (size_t)snprintf(out + n, size - n, "%ssubscribed", n ? "," : "");
	if (mb->noselect)
		snprintf(out + n, size - n, "%snoselect", n ? "," : "");
	return out;
}

static void
send_row(struct call *c, const struct mailbox *mb)
{
	char attrs[160], numbers[5][24];

	snprintf(numbers[0], 24, "%" PRIu32, mb->messages);
	snprintf(numbers[1], 24, "%" PRIu32, mb->unseen);
	snprintf(numbers[2], 24, "%" PRIu64, mb->size);
	snprintf(numbers[3], 24, "%" PRIu32, mb->uidvalidity);
	snprintf(numbers[4], 24, "%" PRIu32, mb->uidnext);
	link_fields(&c->link, FRAME_RECORD, 7,
	    (struct str[]){mb->name, str_c(attributes(mb, attrs, sizeof(attrs))), str_c(numbers[0]), str_c(numbers[1]),
		str_c(numbers[2]), str_c(numbers[3]), str_c(numbers[4])});
}

enum status
verb_mailbox_list(struct call *c)
{
	struct account account;
	struct mailbox *list;
	struct db_txn *txn;
	size_t n;
	enum status st;

	if (c->args_n != 1)
		return call_fail(c, ERR_BAD_INPUT, "mailbox list: which account?");
	if ((st = call_account(c, c->args[0], &account)) != OK)
		return st;
	if ((st = db_read_begin(store_db(c->store), &txn)) != OK)
		return st;
	st = mailbox_list(&(struct actor){.store = c->store, .account = account.id, .admin = true}, txn, &c->arena,
	    &list, &n);
	db_read_end(txn);
	for (size_t i = 0; st == OK && i < n; i++)
		send_row(c, &list[i]);
	return st;
}
