/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list_match: patterns of LIST (RFC 9051 6.3.9): '*' matches anything, '%' anything but the separator. The pattern's positions
 * are bits of a word and all are followed at once, so that no pattern takes more than a pass over the name (S6).
 * Immutable once made; one thread at a time.
 */
#ifndef IMAP_CORE_LIST_MATCH_H
#define IMAP_CORE_LIST_MATCH_H

#include "base/arena.h"
#include "base/status.h"

#define LIST_PATTERN_MAX 2000 /* bytes */

struct list_match;
/* In the arena. ERR_LIMIT. */
must_check enum status list_match_new(struct arena *a, struct str pattern, struct list_match **m_r);
bool list_match(struct list_match *m, struct str name);
/* Whether '%' occurs (LSUB, RFC 3501 6.3.9). */
bool list_match_has_percent(const struct list_match *m);

#endif
