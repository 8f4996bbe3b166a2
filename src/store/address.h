/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses beside the accounts' own: aliases, which lead to one or more others; catch-alls ("@example.org": what nobody else in the domain has);
 * groups, whose members are accounts and groups, and which stay where they have none; they are identifiers of rights, too: "group:NAME".
 * All share the names of accounts: what one is called no other is. What an address leads to is kept by id, so an account or a group may be
 * renamed. Circles are refused where they would close, and a chain is ADDRESS_DEPTH_MAX steps long at most.
 *
 * address_resolve() says to whom mail for an address goes. Which account a name means at a login is account_resolve()'s to say; an alias is no
 * name for that unless address_login() is asked.
 *
 * Administration: these calls take no actor but the store. What changes something is part of a write function, and looks at all before it writes:
 * refused is refused whole.
 */
#ifndef STORE_ADDRESS_H
#define STORE_ADDRESS_H

#include "store/account.h"

enum address_kind { ADDRESS_ALIAS = 1, ADDRESS_GROUP = 2 };

#define ADDRESS_TARGETS_MAX 10000 /* of one address */
#define ADDRESS_DEPTH_MAX 10      /* steps from an address to an account */
#define ADDRESS_EXPANSION 1000    /* accounts that one address may stand for, if the options do not say */

struct address {
	int64_t id;
	enum address_kind kind;
	struct str name; /* as created */
};

/* What a change was refused for: a sentence's end, and the name that it is about. */
struct address_fault {
	const char *why;
	struct str what; /* borrowed from the arguments */
};

/*
 * Makes the address where there is none, and adds what it leads to. An alias is made with one target at least. ERR_BAD_INPUT: not a name, or no
 * target; ERR_EXISTS: an account, or an address of the other kind, is called so; ERR_NOT_FOUND: a target is nobody; ERR_CONFLICT: it would lead in
 * a circle; ERR_LIMIT.
 */
must_check enum status address_add(struct store *store, struct db_txn *txn, enum address_kind kind, struct str name, const struct str *targets, size_t n,
    struct address_fault *fault_r);
/* Takes targets away; an alias without any goes as well, and with it what leads to nothing else. ERR_NOT_FOUND: it does not lead there. */
must_check enum status address_remove(struct store *store, struct db_txn *txn, enum address_kind kind, struct str name, const struct str *targets, size_t n,
    struct address_fault *fault_r);
/* The address goes, and aliases that lead to nothing else. ERR_NOT_FOUND. */
must_check enum status address_delete(struct store *store, struct db_txn *txn, enum address_kind kind, struct str name);

/* The address of that name, as account_resolve() reads names. ERR_NOT_FOUND. */
must_check enum status address_find(struct store *store, struct db_txn *txn, struct arena *arena, struct str name, struct address *address_r);
/* The addresses of a kind after the given name in order, at most max. Array in the arena. */
must_check enum status address_list(struct db_txn *txn, struct arena *arena, enum address_kind kind, struct str after, size_t max, struct address **list_r,
    size_t *n_r);

struct address_target {
	enum { TARGET_ACCOUNT, TARGET_ADDRESS } is;
	int64_t id;
	enum address_kind kind; /* of an address */
	bool disabled;          /* of an account */
	struct str name;
};
/* What an address leads to, in one step; those of ids above *after_r (0: from the beginning), at most max. Array in the arena. ERR_NOT_FOUND: no more. */
must_check enum status address_targets(struct db_txn *txn, struct arena *arena, int64_t id, size_t max, struct address_target **list_r, size_t *n_r);

/* ---- where mail goes ---- */

/* How many accounts one address may stand for. */
size_t address_most(const struct store *store);

/* One step of address_resolve(), for who wants to know why. */
struct address_step {
	enum { STEP_ACCOUNT, STEP_ALIAS, STEP_GROUP, STEP_CATCH_ALL } is;
	struct str name;
	struct str through; /* the address that led there; p NULL: the name itself did */
	bool disabled;      /* an account that gets nothing */
	bool again;         /* it was met before: once is enough */
};
typedef void address_tell_fn(void *arg, const struct address_step *step);

struct address_place {
	struct account account;
	bool plain; /* it was not reached through a group or catch-all: a detail is its own */
};
struct address_places {
	struct address_place *place; /* each account once, none of them disabled; in the arena */
	size_t n;
	size_t disabled;   /* accounts that were left out */
	struct str detail; /* what followed the separator in front of the @ (account_resolve()); p NULL: nothing */
};
/*
 * Who gets mail for that address: the account of the name, or an alias or group; else the same without the detail; else the domain's catch-all.
 * tell may be NULL. ERR_NOT_FOUND: nobody (a group without members, too); ERR_UNAVAILABLE: only accounts that are disabled; ERR_LIMIT: more accounts
 * than the options allow, or too long a chain.
 */
must_check enum status address_resolve(struct store *store, struct db_txn *txn, struct arena *arena, struct str name, address_tell_fn *tell, void *arg,
    struct address_places *places_r);
/* The one account that an alias leads to, as a name to log in with; what it costs does not depend on whether there is one (S7). ERR_NOT_FOUND: none, or
 * several, or a group. */
must_check enum status address_login(struct store *store, struct db_txn *txn, struct arena *arena, struct str name, struct account *account_r);

#endif
