/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes fields, encoded words, parameters, message ids, dates, subjects and headers that are downgraded: the first byte chooses. */
#include "base/assert.h"
#include "base/utf8.h"
#include "mime/date.h"
#include "mime/downgrade.h"
#include "mime/header.h"
#include "mime/parser.h"
#include "mime/subject.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Fields cover the header without a gap; the selected and the others are all of it. */
static void
fields(struct str s)
{
	const struct str names[] = {STR("from"), STR("Subject"), STR("x")};
	struct str rest = s, header = str_head(s, mime_header_size(s));
	struct mime_names set;
	struct mime_field f;
	struct buf in = {0}, out = {0};
	size_t total = 0;

	while (mime_field_next(&rest, &f)) {
		ensure(f.full.p == s.p + total && f.full.n > 0 && f.name.n + f.value.n <= f.full.n);
		total += f.full.n;
	}
	ensure(total <= header.n && header.n - total <= 2);
	mime_names_init(&set, names, 3);
	mime_header_select(&in, s, &set, false);
	mime_header_select(&out, s, &set, true);
	ensure(in.n + out.n >= total + 4 && in.n + out.n <= total + 8);
	buf_free(&in), buf_free(&out);
}

/* A client without UTF-8 gets ASCII, one with it UTF-8, whatever the cuts. */
static void
downgraded(struct str s, size_t piece, bool utf8)
{
	struct str in = str_head(s, mime_header_size(s));
	struct mime_downgrade d = {.utf8 = utf8};
	struct buf out = {0};

	while (in.n > 0) {
		struct str now = str_head(in, piece < in.n ? piece : in.n);
		size_t n = mime_downgrade(&d, now, now.n == in.n, &out);

		ensure(n > 0 && n <= now.n);
		in = str_from(in, n);
	}
	for (size_t i = 0; i < out.n && !utf8; i++)
		ensure((unsigned char)out.p[i] < 0x80);
	ensure(utf8_valid(buf_str(&out)));
	buf_free(&out);
}

static void
words(struct str s)
{
	struct buf text = {0}, again = {0}, coded = {0};

	mime_header_text(&text, s, STR("koi8-r"));
	ensure(utf8_valid(buf_str(&text)));
	for (size_t i = 0; i < text.n; i++)
		ensure(text.p[i] != '\0' && text.p[i] != '\r' && text.p[i] != '\n');
	/* Encoded, it reads the same. */
	mime_encode_words(&coded, buf_str(&text));
	mime_header_text(&again, buf_str(&coded), STR_NONE);
	ensure(str_eq(buf_str(&text), buf_str(&again)));
	buf_free(&text), buf_free(&again), buf_free(&coded);
}

static void
params(struct str s)
{
	struct arena a = {0};
	struct mime_param *list;
	struct buf text = {0};
	uint32_t n;

	mime_params_parse(&a, s, 20, &list, &n);
	ensure(n <= 20);
	for (uint32_t i = 0; i < n; i++) {
		buf_clear(&text);
		ensure(list[i].name.n > 0);
		mime_param_text(&text, list, n, list[i].name);
		mime_param_text(&text, list, n, str_head(list[i].name, str_chr(list[i].name, '*')));
		ensure(utf8_valid(buf_str(&text)));
	}
	buf_free(&text);
	arena_free(&a);
}

static void
ids(struct str s)
{
	struct arena a = {0};
	struct str id;

	while (mime_msgid_next(&a, &s, &id))
		ensure(id.n > 0 && mime_msgid_hash(id) != 0);
	arena_free(&a);
}

static void
dates(struct str s)
{
	int64_t utc;
	int zone;

	if (mime_date_parse(s, &utc, &zone))
		ensure(zone >= -1500 && zone <= 1500 && utc > -63000000000 && utc < 260000000000);
}

static void
subjects(struct str s)
{
	struct buf text = {0}, base = {0}, again = {0}, octets = {0}, key = {0};
	bool reply;

	mime_header_text(&text, s, STR_NONE);
	mime_base_subject(&base, buf_str(&text), &reply);
	ensure(base.n <= text.n && utf8_valid(buf_str(&base)));
	mime_casemap(&key, buf_str(&base));
	ensure(utf8_valid(buf_str(&key)));
	/* Strict decoding gives the same wherever it gives text. */
	if (mime_header_strict(&again, &octets, s, STR_NONE))
		ensure(str_eq(buf_str(&again), buf_str(&text)));
	mime_subject_key(&key, MIME_OCTET, s, STR_NONE, &reply);
	mime_address_key(&key, MIME_UNICODE_CASEMAP, s);
	mime_display_key(&key, MIME_ASCII_CASEMAP, s, STR_NONE);
	buf_free(&text), buf_free(&base), buf_free(&again), buf_free(&octets), buf_free(&key);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const what[])(struct str) = {fields, words, params, ids, dates, subjects};
	struct str s = str_of(data, size);

	if (size == 0)
		return 0;
	if (data[0] == 'D' && size > 1) {
		downgraded(str_from(s, 2), 1 + data[1], false);
		downgraded(str_from(s, 2), 1 + data[1], true);
		return 0;
	}
	what[data[0] % 6](str_from(s, 1));
	return 0;
}
