/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address: address lists of a header (RFC 5322 3.4, 4.4; RFC 6532). Reads obsolete syntax (routes,
 * groups, comments anywhere, dots and blanks in phrases) and makes the best of everything else: it
 * never fails and always goes forward. Strings point into the value or, where quoting had to be
 * undone, into the arena. One thread at a time.
 */
#ifndef MIME_ADDRESS_H
#define MIME_ADDRESS_H

#include "base/arena.h"

enum mime_address_kind { MIME_ADDRESS, MIME_GROUP_START, MIME_GROUP_END };

struct mime_address {
	enum mime_address_kind kind;
	struct str name;   /* display name or group name, raw text (encoded words stay), quoting undone;
	                    * a comment stands in where there is no name; p NULL: none */
	struct str route;  /* "@a,@b" of an obsolete route; p NULL: none */
	struct str local;  /* quoting undone; may be empty; p NULL: a group mark */
	struct str domain; /* p NULL: none (a lone word) */
};

struct mime_addresses {
	struct str rest;
	struct arena *arena;
	uint32_t left; /* how many more addresses may come */
	bool in_group;
	bool no_quote; /* a quoted string was open to the end: '"' is a plain character from then on */
};

#define MIME_ADDRESSES_MAX 10000

/* Starts on the raw value of a field, folded or not. */
void mime_addresses_init(struct mime_addresses *list, struct arena *a, struct str raw);
/* The next address or group mark; false at the end. Groups are always closed and never nested. */
bool mime_address_next(struct mime_addresses *list, struct mime_address *address_r);

#endif
