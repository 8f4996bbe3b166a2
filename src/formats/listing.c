/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of the list of mailboxes, each way. */
#include "formats/listing.h"

#include <inttypes.h>
#include "wire/mutf7.h"

void
listing_add(struct buf *out, const struct listing_row *row)
{
	buf_add(out, row->file);
	buf_addc(out, '\t');
	buf_add(out, row->mailbox);
	buf_addc(out, '\t');
	buf_add(out, row->use);
	buf_addc(out, '\n');
}

bool
listing_next(struct str *text, struct listing_row *row_r)
{
	struct str line, file, mailbox;

	while (text->n > 0 && str_split(text, '\n', &line)) {
		line = str_trim_suffix(line, '\r');
		if (!str_split(&line, '\t', &file) || !str_split(&line, '\t', &mailbox) || file.n == 0 || mailbox.n == 0)
			continue;
		*row_r = (struct listing_row){.file = file, .mailbox = mailbox, .use = line};
		return true;
	}
	return false;
}

/* A level in modified UTF-7, and what the format or the system would trip over encoded likewise. */
static void
add_level(struct buf *out, struct str level)
{
	struct buf coded = {0};

	mutf7_encode(&coded, level);
	for (size_t i = 0; i < coded.n; i++) {
		if (coded.p[i] == '.')
			buf_adds(out, "&AC4-");
		else
			buf_addc(out, coded.p[i]);
	}
	buf_free(&coded);
}

/* FNV-1a: tells names apart that were cut; who looks for two with one hash harms his own export only, and is told. */
static uint64_t
hash(struct str s)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(1099511628211);
	return h;
}

bool
listing_file_name(struct buf *out, struct str mailbox, bool dotted)
{
	struct str rest = mailbox, level;
	size_t begin = out->n, keep = LISTING_NAME_MAX - 20;

	while (str_split(&rest, '/', &level)) {
		if (dotted || level.p != mailbox.p)
			buf_addc(out, '.');
		add_level(out, level);
	}
	if (out->n - begin <= LISTING_NAME_MAX)
		return false;
	/* All is ASCII now; a shift that was opened by '&' is given up. */
	for (size_t i = keep; i > 0 && out->p[begin + i] != '-'; i--)
		if (out->p[begin + i] == '&') {
			keep = i;
			break;
		}
	out->n = begin + keep;
	buf_addf(out, "~%016" PRIx64, hash(mailbox));
	return true;
}
