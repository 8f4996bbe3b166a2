/* SPDX-License-Identifier: Apache-2.0 */
/* Limits in words and back. */
#include "admin/quota_word.h"

#include <inttypes.h>

bool
quota_word(struct str what, struct str how, int64_t quota[QUOTA_RESOURCES])
{
	static const char *const words[QUOTA_RESOURCES] = {
	    [QUOTA_BYTES] = "quota-bytes", [QUOTA_MESSAGES] = "quota-messages", [QUOTA_MAILBOXES] = "quota-mailboxes"};
	uint64_t n;
	size_t i = 0;

	while (i < QUOTA_RESOURCES && !str_eq(what, str_c(words[i])))
		i++;
	if (i == QUOTA_RESOURCES)
		return false;
	if (str_eq(how, STR("none")))
		quota[i] = QUOTA_NONE;
	else if (str_eq(how, STR("default")))
		quota[i] = QUOTA_INHERIT;
	else if (str_u64(how, INT64_C(1) << 50, &n))
		quota[i] = (int64_t)n;
	else
		return false;
	return true;
}

struct str
quota_text(struct arena *arena, int64_t most)
{
	return most >= 0 ? arena_printf(arena, "%" PRId64, most) : most == QUOTA_NONE ? STR("none") : STR("");
}
