/* SPDX-License-Identifier: Apache-2.0 */
/* utf8: RFC 3629, strict (no surrogates, no overlong forms, at most U+10FFFF). Pure, any thread. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/buf.h"
#include "base/status.h"

/* The code point at the start of s and its length in bytes (1 to 4), or -1 with length 1 when the
 * bytes are not UTF-8. s must not be empty. */
int32_t utf8_next(struct str s, size_t *len_r);
bool utf8_valid(struct str s);
/* Is the code point a letter or a digit of any script; or that, or a mark that stands with one? False for -1. */
bool utf8_is_letter(int32_t code_point);
bool utf8_is_word(int32_t code_point);
void utf8_add(struct buf *out, uint32_t code_point);
/* Whether a control character (C0, C1) or what is no UTF-8 stands in s. */
bool utf8_has_control(struct str s);
/* Whether a terminal shows a code point, and does not obey it: no control (C0, C1), no line or paragraph separator, no turning round of the
 * writing direction. */
bool utf8_is_visible(int32_t code_point);
/* Adds s for people: what is not visible, and bytes that are not UTF-8, as \xNN. */
void utf8_visible(struct buf *out, struct str s);
/* Adds the Normalization Form C of s. ERR_BAD_INPUT where s is not UTF-8. */
must_check enum status utf8_nfc(struct buf *out, struct str s);
/* Adds s for comparing without regard to case: Unicode's full case folding, in NFC (so sharp s is ss). ERR_BAD_INPUT as above. */
must_check enum status utf8_casefold(struct buf *out, struct str s);
/* Adds s in lower case, character by character, in NFC (sharp s stays). ERR_BAD_INPUT as above. */
must_check enum status utf8_lower(struct buf *out, struct str s);

#endif
