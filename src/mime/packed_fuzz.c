/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes what reads packed bytes: structure rows and summaries, with their CRC set right, so that the damage gets
 * past it; and the making of BODY out of BODYSTRUCTURE. The first byte chooses.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "base/codec.h"
#include "mime/find.h"
#include "mime/bodystructure.h"
#include "mime/grammar_check.h"
#include "mime/structure.h"
#include "mime/summary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
crc_set(char *p, size_t n, size_t at)
{
	uint32_t crc;

	if (n < at + 4)
		return;
	crc = crc32c(0, str_of(p + at + 4, n - at - 4));
	for (size_t i = 0; i < 4; i++)
		p[at + i] = (char)(crc >> 8 * i);
}

static void
structure(struct str s)
{
	struct arena a = {0};
	struct mime_structure st;
	struct mime_range r;

	(void)mime_structure_bodystructure(s, MIME_UTF8);
	if (mime_structure_unpack(&a, s, &st) == OK) {
		for (uint32_t i = 0; i < st.n_parts; i++) {
			const struct mime_spart *p = &st.parts[i];
			size_t steps = 0;

			ensure(p->header_start <= p->body_start && p->body_start <= p->body_end && p->body_end <= st.size);
			for (uint32_t k = i; k != MIME_NO_PART; k = st.parts[k].parent)
				ensure(++steps <= st.n_parts);
			ensure((p->kind >= MIME_MULTIPART) == (p->child != MIME_NO_PART));
		}
		for (uint32_t i = 1; i < 5; i++) {
			uint32_t path[4] = {i, 1, i, 2};

			for (int section = 0; section < 4; section++)
				for (size_t n = 0; n <= 4; n++)
					if (mime_find_section(&st, path, n, (enum mime_section)section, &r, NULL) == OK)
						ensure(r.offset + r.size <= st.size);
		}
	}
	arena_free(&a);
}

static void
summary(struct str s, bool slice)
{
	struct mime_summary su;
	struct str header;
	int64_t utc;
	int zone;
	size_t sum = 0;
	struct str values, value;
	bool decoded;

	if ((slice ? mime_summary_open_slice(s, &su) : mime_summary_open(s, &su)) != OK)
		return;
	ensure(slice || mime_summary_verify(&su) == OK);
	sum += mime_summary_envelope(&su, MIME_ASCII).n + mime_summary_envelope(&su, MIME_UTF8).n;
	if (mime_summary_found(&su, &values))
		while (mime_found_next(&values, &value, &decoded))
			sum += value.n;
	(void)mime_summary_header(&su, &header);
	sum += header.n + mime_summary_preview(&su).n;
	for (int k = 0; k <= MIME_KEY_DISPLAY_TO; k++)
		sum += mime_summary_key(&su, (enum mime_key)k).n;
	for (size_t i = 0; i < mime_summary_n_refs(&su); i++)
		(void)mime_summary_ref(&su, i);
	(void)mime_summary_date(&su, &utc, &zone);
	ensure(sum <= 2 * s.n);
}

static void
body(struct str s)
{
	struct buf out = {0};

	if (mime_body_of_bodystructure(&out, s) == OK)
		ensure(out.n <= s.n);
	else
		ensure(out.n == 0);
	/* What is a BODYSTRUCTURE becomes a BODY. */
	if (grammar_body(s, false, true) && str_find(s, STR("\"text\" {"), 0) == SIZE_MAX) {
		buf_clear(&out);
		(void)!mime_body_of_bodystructure(&out, s);
	}
	(void)grammar_envelope;
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy;

	if (size < 2 || size > 20000)
		return 0;
	copy = x_strndup(str_of(data + 1, size - 1));
	switch (data[0] % 4) {
	case 0:
		crc_set(copy, size - 1, 1);
		structure(str_of(copy, size - 1));
		break;
	case 1:
		crc_set(copy, size - 1, 2);
		summary(str_of(copy, size - 1), false);
		break;
	case 3:
		summary(str_of(copy, size - 1), true);
		break;
	default: body(str_of(copy, size - 1));
	}
	free(copy);
	return 0;
}
