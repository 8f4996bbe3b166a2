/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the settings share. */
#ifndef BASE_CONFIG_PRIV_H
#define BASE_CONFIG_PRIV_H

#include "base/config.h"

/* What a number must be, by the offset of its setting; NULL: anything. */
const char *config_range_words(size_t offset);
/* See config_check(); of any settings that were read. */
must_check enum status config_check_values(const struct config *c, struct buf *why);

#endif
