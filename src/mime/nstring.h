/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nstring: strings as they stand inside an ENVELOPE or BODYSTRUCTURE answer (RFC 9051 9: nstring).
 * Quoted where the grammar allows it, else a literal {n} CRLF bytes; NUL never leaves (it becomes
 * U+FFFD or, in a literal of raw bytes, SUB). Pure, any thread.
 */
#ifndef MIME_NSTRING_H
#define MIME_NSTRING_H

#include "base/buf.h"

/*
 * Who reads it. MIME_ASCII: a session that enabled neither IMAP4rev2 nor UTF8=ACCEPT: no 8-bit byte
 * in quoted strings; 8-bit header text is turned into RFC 2047 encoded words. MIME_UTF8: valid
 * UTF-8 may stand raw in quoted strings (RFC 6855 3, RFC 9051 9).
 */
enum mime_text { MIME_ASCII, MIME_UTF8 };
#define MIME_TEXT_COUNT 2

/* A string as it is: quoted if that is legal in the mode, else a literal. Never NIL. */
void mime_string_add(struct buf *out, struct str s, enum mime_text mode);
/* The same, but NIL where s.p is NULL. */
void mime_nstring_add(struct buf *out, struct str s, enum mime_text mode);
/*
 * Header text (subject, display name, description), raw as in the header: unfolded; raw 8-bit
 * bytes are taken as UTF-8 or else as `charset` (may be empty), and leave as UTF-8 (MIME_UTF8) or encoded
 * words (MIME_ASCII). Bytes that are neither are read as windows-1252 for MIME_UTF8 and sent as they are,
 * in a literal, for MIME_ASCII. Encoded words stay as they are. NIL for s.p NULL.
 */
void mime_ntext_add(struct buf *out, struct str s, struct str charset, enum mime_text mode);

#endif
