/* SPDX-License-Identifier: Apache-2.0 */
/* Whether names, flags, dates and keywords that come from outside may come in. */
#include "store/admit_priv.h"

#include <inttypes.h>
#include "blob/blob.h"
#include "wire/date.h"
#include "wire/flag.h"
#include "wire/mailbox_name.h"

#define SIZE_MOST (INT64_C(1) << 40) /* bytes of a message: far beyond limits.message, far below what sums may reach */

enum status
admit_keyword(struct str name)
{
	if (name.n > KEYWORD_MAX)
		return ERR_LIMIT;
	return flag_keyword_valid(name) ? OK : ERR_BAD_INPUT;
}

bool
admit_folded(struct str name, struct str fold)
{
	if (name.n != fold.n)
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (ascii_lower(name.p[i]) != fold.p[i])
			return false;
	return true;
}

enum status
admit_mailbox_name(struct str name)
{
	struct arena arena = {0};
	struct str canon;
	enum status st = mailbox_name_check(name);

	if (st == OK && (mailbox_name_canon(&arena, name, true, &canon) != OK || !str_eq(canon, name)))
		st = ERR_BAD_INPUT;
	arena_free(&arena);
	return st;
}

bool
admit_date(int64_t seconds, int16_t zone)
{
	static const int64_t day = 86400;

	return seconds >= (date_days(1, 1, 1) - 1) * day && seconds < (date_days(9999, 12, 31) + 2) * day && zone > -1440 && zone < 1440;
}

bool
admit_flags(unsigned flags)
{
	return (flags & ~(unsigned)(FLAG_ALL | FLAG_RECENT)) == 0;
}

enum status
admit_message(const struct message_new *m)
{
	if (!admit_flags(m->flags) || !admit_date(m->internal_date, m->zone))
		return ERR_BAD_INPUT;
	if (m->size > (uint64_t)SIZE_MOST || m->prefix.n > m->size)
		return ERR_BAD_INPUT;
	if (m->stage != NULL && m->prefix.n + blob_stage_size(m->stage) != m->size)
		return ERR_BAD_INPUT;
	return OK;
}

struct str
admit_stand_in(struct arena *arena, const char *what, int64_t id)
{
	return arena_printf(arena, "%s-%" PRId64, what, id);
}
