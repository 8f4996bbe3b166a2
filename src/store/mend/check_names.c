/* SPDX-License-Identifier: Apache-2.0 */
/* Check of names that are given no more: they are told, and are no fault. */
#include "store/mend/check_priv.h"
#include "store/reserved_priv.h"

static void
name_note(void *arg, struct str account, struct str mailbox, const char *why)
{
	if (mailbox.n > 0)
		check_note(arg, "note: account \"%.*s\" has a mailbox \"%.*s\": the name is reserved; rename it", STR_FMT(account), STR_FMT(mailbox));
	else
		check_note(arg, "note: account \"%.*s\" has a name that is not given any more: %s", STR_FMT(account), why);
}

enum status
check_names(struct check *c)
{
	int64_t account = 0;
	enum status st;

	while ((st = reserved_next(c->txn, &account, name_note, c)) == OK)
		if ((st = check_breathe(c, NULL)) != OK)
			break;
	return st == ERR_NOT_FOUND ? OK : st;
}
