/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modified UTF-7, the encoding of mailbox names outside UTF-8 mode (RFC 3501 5.1.3, RFC 9051 A.1;
 * T23). Decoding is strict: what has two spellings is accepted in the right one only. Pure, any
 * thread.
 */
#ifndef WIRE_MUTF7_H
#define WIRE_MUTF7_H

#include "base/buf.h"
#include "base/status.h"

/* Adds the UTF-8 of s. ERR_BAD_INPUT, with nothing added, on: 8-bit or control characters, an
 * unfinished shift, bad base64 or non-zero left-over bits, lone surrogates, NUL, printable ASCII
 * inside a shift, two shifts in a row. */
must_check enum status mutf7_decode(struct buf *out, struct str s);
/* Adds the modified UTF-7 of s. What is not UTF-8 in s goes out as U+FFFD. */
void mutf7_encode(struct buf *out, struct str utf8);

#endif
