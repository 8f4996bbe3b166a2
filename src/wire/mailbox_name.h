/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mailbox names: from what a client wrote to the one canonical form that the store keys on.
 * Canonical is UTF-8 in Normalization Form C, '/' between levels, and a first level that is INBOX
 * in any case spelt "INBOX" (T22). Pure, any thread.
 */
#ifndef WIRE_MAILBOX_NAME_H
#define WIRE_MAILBOX_NAME_H

#include "base/arena.h"
#include "base/status.h"

#define MAILBOX_NAME_MAX 1000 /* bytes of a whole canonical name */
#define MAILBOX_LEVEL_MAX 255 /* bytes of one level */
#define MAILBOX_LEVELS_MAX 64 /* levels */

/*
 * The canonical form of raw, in the arena. utf8: the session is in UTF-8 mode (RFC 6855, rev2)
 * and raw is UTF-8; otherwise raw is modified UTF-7 (plain UTF-8 is taken too where it holds
 * 8-bit bytes and no shift). Separators are left as they are. ERR_BAD_INPUT: neither. ERR_LIMIT:
 * longer than 4 * MAILBOX_NAME_MAX.
 */
must_check enum status mailbox_name_canon(
    struct arena *a, struct str raw, bool utf8, struct str *name_r);
/*
 * May a mailbox be created under this canonical name? ERR_BAD_INPUT: empty, empty level (leading,
 * trailing or double '/'), control characters, U+2028/2029, U+FFFD-class noncharacters,
 * INBOX/INBOX (T22). ERR_LIMIT: too long or deep.
 */
must_check enum status mailbox_name_check(struct str name);
/* Is its first level kept for namespaces (RFC 2342, RFC 5258): "Shared", "Other Users", or one that begins with '#'? No new name begins so;
 * mailboxes from before keep theirs. */
bool mailbox_name_reserved(struct str name);
/* Is it a name below that of an account in "Other Users"? */
bool mailbox_name_others(struct str name);
/* The name one level up; empty at the top. */
struct str mailbox_name_parent(struct str name);
/* True for "INBOX" itself. */
bool mailbox_name_is_inbox(struct str name);

#endif
