/* SPDX-License-Identifier: Apache-2.0 */
/*
 * structure: what the store keeps to find the parts of a message again without parsing it: a packed,
 * versioned byte string with a CRC ("structure row"): BODYSTRUCTURE in both modes, the part tree, all
 * offsets, and of each part what BINARY and SEARCH need. Pure, any thread.
 *
 * Format 1: u8 version, u32 CRC-32C of all that follows; varint size, varint lines, str BODYSTRUCTURE
 * for MIME_ASCII, str for MIME_UTF8 (empty: the same), varint number of parts, then the parts in
 * depth-first order (see structure.c).
 */
#ifndef MIME_STRUCTURE_H
#define MIME_STRUCTURE_H

#include "mime/nstring.h"
#include "mime/parser.h"

/* One part; the fields mean what they mean in struct mime_part. */
struct mime_spart {
	uint32_t parent, child, next;
	uint32_t number;
	enum mime_kind kind;
	uint32_t flags;
	enum mime_cte cte;
	uint64_t header_start, body_start, body_end;
	uint64_t lines;
	struct str type, subtype; /* in lower case */
	struct str charset;       /* as given, of text parts; empty: not told */
	struct str filename;      /* UTF-8; empty: none */
	bool attachment;          /* Content-Disposition: attachment */
};

/* The strings point into the packed bytes. */
struct mime_structure {
	struct mime_spart *parts;
	uint32_t n_parts; /* at least 1 */
	uint64_t size;    /* of the whole message: RFC822.SIZE */
	uint64_t lines;
	struct str bodystructure[MIME_TEXT_COUNT];
};

/* What this adds is bounded whatever the message: MIME_STRUCTURE_MAX. BODYSTRUCTURE as mime/bodystructure.h has it; where the parts' own names would
 * take more than half a megabyte they are left out. */
#define MIME_STRUCTURE_MAX (5u << 20)
void mime_structure_pack(struct buf *out, const struct mime_message *m);
/*
 * The same of the message with header lines put before it, n bytes, none of which says anything about its structure: what one recipient sees of a body that
 * many share, without parsing or packing anew. ERR_CORRUPT: nothing was added.
 */
must_check enum status mime_structure_prefixed(struct buf *out, struct str packed, uint64_t n, uint64_t lines);
/* Reads it back; the packed bytes must outlive the result. ERR_CORRUPT on any damage: what comes out
 * with OK is a tree without cycles whose ranges lie inside the message. */
must_check enum status mime_structure_unpack(struct arena *a, struct str packed, struct mime_structure *s_r);
/* Only BODYSTRUCTURE, without unpacking parts and without reading the CRC; p NULL on damage. */
struct str mime_structure_bodystructure(struct str packed, enum mime_text mode);

/* The same tree from a parsed message, without packing. Lives in the arena. */
void mime_structure_of(struct arena *a, const struct mime_message *m, struct mime_structure *s_r);

/*
 * The part of an IMAP part number (RFC 9051 6.4.5.1), 2.1.3 as {2, 1, 3}; n 0 is the message itself.
 * MIME_NO_PART where there is none.
 */
uint32_t mime_find_part(const struct mime_structure *s, const uint32_t *path, size_t n);

enum mime_section {
	MIME_SECTION_ALL,    /* BODY[] or BODY[1.2]: the part's body; of n 0: the whole message */
	MIME_SECTION_MIME,   /* BODY[1.2.MIME]: the part's own header with the empty line (T53) */
	MIME_SECTION_HEADER, /* BODY[HEADER], BODY[1.2.HEADER]: header of the message (inside part 1.2) */
	MIME_SECTION_TEXT,   /* BODY[TEXT], BODY[1.2.TEXT] */
};
struct mime_range {
	uint64_t offset, size;
};
/*
 * Where in the message the section lies. ERR_NOT_FOUND where the message has no such part or the part is
 * no message (HEADER, TEXT): the client gets NIL. part_r, if not NULL, is the part found; for HEADER
 * and TEXT the part whose header or body it is.
 */
must_check enum status mime_find_section(const struct mime_structure *s, const uint32_t *path, size_t n,
    enum mime_section section, struct mime_range *range_r, uint32_t *part_r);

#endif
