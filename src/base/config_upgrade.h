/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_upgrade: a configuration file of before, or one with former spellings, as one of today: version, names, units. What is not touched stays as it is,
 * byte for byte; comments that stand above a setting, or behind it, go with it into another section. Pure, any thread.
 */
#ifndef BASE_CONFIG_UPGRADE_H
#define BASE_CONFIG_UPGRADE_H

#include "base/buf.h"
#include "base/status.h"

/* Adds the new text to out, and what was changed to told, a line each ("3: imap.listen is listener imap.address now"); nothing where there is nothing to
 * change, and out is the text then. ERR_BAD_INPUT: it is no configuration file, and why was added to. */
must_check enum status config_upgrade(struct str text, struct buf *out, struct buf *told, struct buf *why);

#endif
