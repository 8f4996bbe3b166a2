/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The birth of an email: where and how it came in, kept in its row for mansio repair. Packed: u8 version (1), mailbox, UID,
 * internal date (signed), zone (signed), flags, number of keywords as varints, the keywords' names, CRC-32C.
 */
#ifndef STORE_BIRTH_PRIV_H
#define STORE_BIRTH_PRIV_H

#include "store/entry.h"

struct birth {
	int64_t mailbox;
	uint32_t uid;
	int64_t internal_date;
	int16_t zone;
	uint8_t flags;
	const struct str *keywords;
	size_t keywords_n;
};
void birth_pack(struct buf *out, const struct birth *birth);
/* Strings are borrowed from blob, the array is in the arena. ERR_CORRUPT. */
must_check enum status birth_unpack(struct arena *arena, struct str blob, struct birth *birth_r);

#endif
