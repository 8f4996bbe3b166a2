/* SPDX-License-Identifier: Apache-2.0 */
/* quota_word: limits as verbs have them: "quota-bytes", "quota-messages", "quota-mailboxes", each a number, "none" or "default". */
#ifndef ADMIN_QUOTA_WORD_H
#define ADMIN_QUOTA_WORD_H

#include "base/arena.h"
#include "store/quota.h"

/* Sets the limit that is meant, QUOTA_NONE or QUOTA_INHERIT among them. False: there is no such limit, or value. */
bool quota_word(struct str what, struct str how, int64_t quota[QUOTA_RESOURCES]);
/* The number, "none", or nothing where it is inherited. */
struct str quota_text(struct arena *arena, int64_t most);

#endif
