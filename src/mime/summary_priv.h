/* SPDX-License-Identifier: Apache-2.0 */
/* What summaries and their slices share: the items. */
#ifndef MIME_SUMMARY_PRIV_H
#define MIME_SUMMARY_PRIV_H

#include "mime/summary.h"

#define SLICED 2 /* the version of a slice */

enum item {
	ITEM_FIXED, /* see enum fixed */
	ITEM_ENVELOPE,
	ITEM_ENVELOPE_UTF8, /* empty: the same */
	ITEM_HEADER,
	ITEM_SUBJECT,
	ITEM_FROM,
	ITEM_TO,
	ITEM_CC,
	ITEM_DISPLAY_FROM,
	ITEM_DISPLAY_TO,
	ITEM_REFS, /* eight bytes each */
	ITEM_PREVIEW,
	ITEM_COUNT,
	ITEM_FOUND = ITEM_COUNT /* of slices only: see mime/find.h */
};

/* Offsets in ITEM_FIXED. */
enum fixed { FIXED_FLAGS, FIXED_ZONE, FIXED_DATE = 3, FIXED_MESSAGE_ID = 11, FIXED_SIZE = 19 };
enum { HAS_DATE = 1, IS_REPLY = 2, HEADER_WHOLE = 4, HEADER_LISTED = 8 };

/* An item of a summary that is no slice; of a slice: empty where it lacks it. Borrowed. */
struct str summary_item(const struct mime_summary *s, enum item i);
struct str slice_item(const struct mime_summary *s, enum item i);

#endif
