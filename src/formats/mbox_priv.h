/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the mbox reader: From lines by their form, and headers. Pure. */
#ifndef FORMATS_MBOX_PRIV_H
#define FORMATS_MBOX_PRIV_H

#include "formats/mbox.h"

#define MBOX_FROM_MAX 1000 /* bytes of a From line */

enum mbox_form {
	FROM_NONE,
	FROM_WEAK,  /* "From ", "From - ...", "From someone": one only where a header follows */
	FROM_DATED, /* sender and date, nothing else */
};
struct mbox_from {
	int64_t date;
	int16_t zone;
	bool zoned;
};
/* line: without its end. date: of FROM_DATED. */
enum mbox_form mbox_from_parse(struct str line, struct mbox_from *r);
/* Is this a field of a header ("Name: ...")? */
bool mbox_is_field(struct str line);

/* What is known of the file from its messages so far. */
struct mbox_file {
	uint64_t first_uid, last_uid; /* X-UIDs that are believed: above first, up to last; last 0: no X-IMAPbase */
	bool first;                   /* the next message is the first */
};
struct mbox_notes {
	struct buf header;      /* cleaned, with the empty line */
	uint64_t length;        /* Content-Length written by a program; UINT64_MAX: none */
	struct str keywords[MBOX_KEYWORDS_MAX]; /* borrowed from the header that was given */
	size_t keywords_n, keywords_more; /* more: beyond these */
	uint8_t flags;
	bool deleted, internal, quoted, dated;
	int64_t date;
	int16_t zone;
};
/* header: lines up to and with the empty line. Adds to notes->header; the rest of *n is set. */
void mbox_header_read(struct mbox_file *file, struct str header, struct mbox_notes *n);

#endif
