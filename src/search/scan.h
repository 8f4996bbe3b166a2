/* SPDX-License-Identifier: Apache-2.0 */
/* scan: fast searching in bytes. Pure, any thread. */
#ifndef SEARCH_SCAN_H
#define SEARCH_SCAN_H

#include "base/str.h"

/* Does text contain needle (not empty, in ASCII upper case), letters of text compared without regard to ASCII case? */
bool scan_ascii(struct str text, struct str needle);
/* The same, from byte `from` on; where it is, or SIZE_MAX. */
size_t scan_ascii_at(struct str text, struct str needle, size_t from);
/* Writes the upper case of n ASCII bytes. */
void scan_upper(char *to, const char *from, size_t n);
/* Length of the leading part of s that is ASCII. */
size_t scan_ascii_prefix(struct str s);

#endif
