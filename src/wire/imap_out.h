/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap_out: what a server sends, written onto a buf (RFC 9051 section 9). Everything that is
 * written is well formed whatever the bytes given; nothing here looks at a store. The buf's
 * failed mark tells of the limit. One thread at a time.
 */
#ifndef WIRE_IMAP_OUT_H
#define WIRE_IMAP_OUT_H

#include "base/buf.h"
#include "base/runs.h"
#include "wire/date.h"
#include "wire/flag.h"
#include "wire/imap_args.h"

/*
 * Status lines: "a1 OK [CODE] text". cond is OK, NO, BAD, BYE or PREAUTH; code is what stands
 * between the brackets and may be NULL or ""; text must not be empty (T02) and is one line:
 * control characters leave as spaces (T05).
 */
void out_tagged(
    struct buf *out, struct str tag, const char *cond, const char *code, const char *text);
void out_untagged(struct buf *out, const char *cond, const char *code, const char *text);
/* For codes made of parts: "* OK [", the caller writes the code, then out_code_end() writes "]
 * text CRLF". tag empty: "*". */
void out_code_begin(struct buf *out, struct str tag, const char *cond);
void out_code_end(struct buf *out, const char *text);
/* "+ text CRLF"; the space is there even without text (T03). */
void out_continue(struct buf *out, struct str text);

/* Between the elements of a list: a space before each but the first; *first is kept up to date. What was written before is never read back to
 * find that out: it may be the text of a message, which then decides about syntax (S23). */
static inline void
out_sep(struct buf *out, bool *first)
{
	if (!*first)
		buf_addc(out, ' ');
	*first = false;
}

/* "* n WORD CRLF": EXISTS, RECENT, EXPUNGE. */
void out_number_line(struct buf *out, uint64_t n, const char *word);

/* string: quoted where it may be, else a literal. 8-bit bytes stand in quotes in UTF-8 mode only,
 * and only valid UTF-8 (T58). NUL cannot be sent in a string: it leaves as 0x80 (as a literal),
 * except through out_literal8. */
void out_string(struct buf *out, struct str s, bool utf8);
/* The same, or NIL when s.p is NULL. */
void out_nstring(struct buf *out, struct str s, bool utf8);
/* An atom where it may be (never NIL), else a string. */
void out_astring(struct buf *out, struct str s, bool utf8);
/* Always in quotes; bytes that may not stand there are dropped or, 8-bit outside UTF-8 mode,
 * replaced by '?'. For texts of our own such as ID values. */
void out_quoted(struct buf *out, struct str s, bool utf8);
/* "{n} CRLF" and "~{n} CRLF"; the caller writes n bytes. */
void out_literal_header(struct buf *out, uint64_t n);
void out_literal8_header(struct buf *out, uint64_t n);
void out_literal8(struct buf *out, struct str s);

/* A canonical name: modified UTF-7, or UTF-8 in UTF-8 mode; atom or quoted; "NIL" is quoted
 * (T24). */
void out_mailbox(struct buf *out, struct str name, bool utf8);
/* "(\Seen kw1 kw2)". */
void out_flags(struct buf *out, unsigned system, const struct str *keywords, size_t n);
/* The same without parentheses, for lists that go on. A space before each but the first; *first
 * is kept up to date. */
void out_flags_bare(
    struct buf *out, unsigned system, const struct str *keywords, size_t n, bool *first);
/* "[1.HEADER.FIELDS (From)]<o>" as FETCH echoes it (T51): only the origin of a partial is echoed. */
void out_section(struct buf *out, const struct section *sec);

#endif
