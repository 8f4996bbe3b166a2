/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lookup: argument: an address. Records: one a step on the way: what it is ("account", "alias", "group", "catch-all"), its name, the address that led there
 * or nothing, "disabled", "again" or nothing, the mailbox of an account that gets the mail. The status: as LMTP would answer RCPT.
 */
#include "admin/verb_priv.h"
#include "deliver/recipient.h"
#include "wire/esmtp.h"

struct step {
	struct address_step s;
	struct step *next;
};
struct steps {
	struct arena *arena;
	struct step *first, **last;
};

static void
note(void *arg, const struct address_step *s)
{
	struct steps *steps = arg;
	struct step *one = arena_new(steps->arena, struct step);

	one->s = *s;
	one->s.name = arena_str(steps->arena, s->name);
	one->s.through = s->through.p != NULL ? arena_str(steps->arena, s->through) : STR("");
	*steps->last = one;
	steps->last = &one->next;
}

static struct str
mailbox_of(const struct address_step *s, const struct recipient *list, size_t n)
{
	if (s->is != STEP_ACCOUNT || s->disabled || s->again)
		return STR("");
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i].account_name, s->name))
			return list[i].folder;
	return STR("");
}

static void
send(struct call *c, const struct steps *steps, const struct recipient *list, size_t n)
{
	static const char *const words[] = {[STEP_ACCOUNT] = "account", [STEP_ALIAS] = "alias", [STEP_GROUP] = "group", [STEP_CATCH_ALL] = "catch-all"};

	for (const struct step *i = steps->first; i != NULL; i = i->next)
		link_fields(&c->link, FRAME_RECORD, 5, (struct str[]){str_c(words[i->s.is]), i->s.name, i->s.through,
		    i->s.disabled ? STR("disabled") : i->s.again ? STR("again") : STR(""), mailbox_of(&i->s, list, n)});
}

static enum status
say(struct call *c, struct str address, enum status st)
{
	switch (st) {
	case ERR_NOT_FOUND: return call_fail(c, st, "%.*s: nobody gets mail for this address (LMTP: 550 5.1.1)", STR_FMT(address));
	case ERR_UNAVAILABLE: return call_fail(c, ERR_NOT_FOUND, "%.*s: the account is disabled (LMTP: 550 5.2.1)", STR_FMT(address));
	case ERR_LIMIT: return call_fail(c, st, "%.*s stands for too many accounts, see deliver.expansion (LMTP: 550 5.5.3)", STR_FMT(address));
	case ERR_QUOTA: return call_fail(c, ERR_LIMIT, "%.*s: it has no room, or its domain has none (quota; LMTP: 452 4.2.2)", STR_FMT(address));
	default: return st;
	}
}

/* As RCPT takes it, or a name alone. */
static bool
parse(struct call *c, struct str address, struct esmtp_path *path_r)
{
	if (str_chr(address, '@') < address.n)
		return esmtp_address_parse(&c->arena, address, path_r) == OK && !path_r->null;
	*path_r = (struct esmtp_path){.local = address};
	return account_name_ok(address);
}

enum status
verb_lookup(struct call *c)
{
	struct steps steps = {.arena = &c->arena};
	struct recipient *list = NULL;
	struct esmtp_path path;
	struct db_txn *txn;
	size_t n = 0;
	enum status st;

	steps.last = &steps.first;
	if (c->args_n != 1 || !parse(c, c->args[0], &path))
		return call_fail(c, ERR_BAD_INPUT, "lookup: this is not an address");
	if ((st = db_read_begin(store_db(c->store), &txn)) != OK)
		return st;
	st = recipient_resolve(c->store, txn, &c->arena, path.local, path.domain, 0, note, &steps, &list, &n);
	db_read_end(txn);
	send(c, &steps, list, n);
	return say(c, c->args[0], st);
}
