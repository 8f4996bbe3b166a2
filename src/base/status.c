/* SPDX-License-Identifier: Apache-2.0 */
/* The words of the statuses. */
#include "base/status.h"

#define STATUS_WORD(name, word) [name] = word,
static const char *const words[] = {STATUS_TABLE(STATUS_WORD)};

const char *
status_word(enum status st)
{
	return (unsigned)st < STATUS_COUNT ? words[st] : "unknown status";
}
