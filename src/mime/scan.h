/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan: looks over body bytes, many at a time: counts line feeds, notes NUL and 8-bit bytes, and stops
 * where a line begins with '-' (it may be a delimiter). Pure, any thread.
 */
#ifndef MIME_SCAN_H
#define MIME_SCAN_H

#include "base/str.h"

struct mime_scan {
	uint64_t lf;
	bool nul, high; /* seen: NUL, bytes of 128 and more */
};

/* Counts and notes the bytes before the first '-' that follows a LF (all of s if there is none, or if
 * dashes is false); returns how many those are. */
size_t mime_scan(struct mime_scan *scan, struct str s, bool dashes);

#endif
