/* SPDX-License-Identifier: Apache-2.0 */
/*
 * summary: what the store keeps of a message for list views, SORT and THREAD, in one packed, versioned byte
 * string, so that no list ever opens a body: both envelopes, the header fields that clients list, sort
 * keys, message ids as hashes, the preview. Reading single items copies nothing. Pure, any thread.
 *
 * Format 1: u8 version, u8 number of items, u32 CRC-32C of all that follows, then for each item its end as
 * u32 counted from the end of this table, then the items one after the other.
 */
#ifndef MIME_SUMMARY_H
#define MIME_SUMMARY_H

#include "mime/header.h"
#include "mime/nstring.h"
#include "mime/parser.h"
#include "mime/subject.h"

/* preview: what mime_preview_add made, or empty. */
void mime_summary_pack(struct buf *out, const struct mime_message *m, struct str preview);

struct mime_summary;
/* Adds the same as of the message with header lines put before it, CRLF-ended, that no list shows and no key is made of (Return-Path, Delivered-To): what one recipient
 * sees of a message that many get. */
void mime_summary_prefixed(struct buf *out, const struct mime_summary *s, struct str prefix);

/* A view of packed bytes, which must outlive it and all that it gives. */
struct mime_summary {
	struct str packed;
};
/* Looks at version and table only, in constant time; ERR_CORRUPT. Damage inside the items gives wrong
 * but harmless values: mime_summary_verify tells. */
must_check enum status mime_summary_open(struct str packed, struct mime_summary *s_r);
/* Reads the CRC; ERR_CORRUPT. */
must_check enum status mime_summary_verify(const struct mime_summary *s);

/* ENVELOPE, ready to send. */
struct str mime_summary_envelope(const struct mime_summary *s, enum mime_text mode);
/* Raw header fields, without the empty line. True: it is the whole header of the message. Otherwise
 * only fields for which mime_summary_lists() is true, or {NULL, 0} where even those were too long. */
bool mime_summary_header(const struct mime_summary *s, struct str *header_r);
/* Whether a name is among the fields that every summary holds (if the message has them). */
bool mime_summary_lists(struct str name);
/* Whether it is among those of them that list views ask for often, or that hardly any message has. */
bool mime_summary_often(struct str name);
/* Adds BODY[HEADER.FIELDS (set)] or its NOT; ERR_NOT_FOUND where the stored fields cannot tell and the body
 * has to be opened. */
must_check enum status mime_summary_select(const struct mime_summary *s, struct buf *out,
    const struct mime_names *set, bool not);

/* The Date field: UTC seconds and minutes east; false: none or unreadable (RFC 5256 2.2 then takes the
 * internal date). */
bool mime_summary_date(const struct mime_summary *s, int64_t *utc_r, int *zone_r);

/* Sort keys under i;unicode-casemap, to be compared as bytes; empty where the field is missing. Keys of what could not be decoded begin with
 * MIME_KEY_OCTETS (mime/subject.h). */
enum mime_key {
	MIME_KEY_SUBJECT,      /* base subject */
	MIME_KEY_FROM,         /* mailbox of the first address */
	MIME_KEY_TO,
	MIME_KEY_CC,
	MIME_KEY_DISPLAY_FROM, /* RFC 5957 */
	MIME_KEY_DISPLAY_TO,
};
struct str mime_summary_key(const struct mime_summary *s, enum mime_key key);
/* Adds the same under any collation, made from header fields (all of them, or those of mime_summary_header()). */
void mime_header_key(struct buf *out, struct str header, enum mime_key key, enum mime_collation c);
/* Whether the subject was one of a reply or forward (RFC 5256 3, step 5). */
bool mime_summary_is_reply(const struct mime_summary *s);

/* For THREAD: hash of Message-ID (0: none), then of the References in their order, or of the first id in
 * In-Reply-To where there are none (RFC 5256 3). At most MIME_REFS_MAX: the first and the newest. */
#define MIME_REFS_MAX 100
uint64_t mime_summary_message_id(const struct mime_summary *s);
size_t mime_summary_n_refs(const struct mime_summary *s);
uint64_t mime_summary_ref(const struct mime_summary *s, size_t i);

/* UTF-8, may be empty (RFC 8970 then says "" or NIL as the caller knows). */
struct str mime_summary_preview(const struct mime_summary *s);

/*
 * A slice: what one kind of walk asks for, cut out of a summary. It is read by the functions above; what it lacks is empty.
 *
 * Format 2: u8 version, u8 slice, then for each item that the slice has its end as u16 counted from the end of this table, then the items.
 */
enum mime_slice {
	MIME_SLICE_ENVELOPE, /* mime_summary_envelope() */
	MIME_SLICE_HEADER,   /* mime_summary_select(), of fields for which mime_summary_often() is true */
	MIME_SLICE_KEYS,     /* mime_summary_date(), _key(), _is_reply(), _message_id(), _ref() */
	/* What searches look for in the values of one field each: mime_summary_found(). */
	MIME_SLICE_SUBJECT,
	MIME_SLICE_FROM,
	MIME_SLICE_TO,
	MIME_SLICE_CC,
	MIME_SLICE_BCC,
	MIME_SLICE_MESSAGE_ID,
	MIME_SLICES
};
#define MIME_SLICE_MAX 4096
/* Adds the slice. False, and nothing is added: it would be longer than MIME_SLICE_MAX. */
bool mime_summary_cut(struct buf *out, const struct mime_summary *s, enum mime_slice slice);
/* Looks at version and table; ERR_CORRUPT. A slice has no checksum of its own. */
must_check enum status mime_summary_open_slice(struct str packed, struct mime_summary *s_r);

/* The strings of a slice of one field, for mime_found_next() (mime/find.h); false: s is no such slice. */
bool mime_summary_found(const struct mime_summary *s, struct str *values_r);

#endif
