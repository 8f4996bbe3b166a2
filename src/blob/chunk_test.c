/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks as they lie on the disk: which method packs what, and that everything ever packed is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <lz4.h>
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>
#include "base/arena.h"
#include "base/codec.h"
#include "base/random.h"
#include "blob/blob_priv.h"

enum { PLAIN, ZSTD, LZ4, BODY = 7, NUMBER = 3 };

enum text { WORDS, BASE64, NOISE };

static char *
make(size_t n, enum text text)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *p = x_malloc(n + 64);

	random_bytes(p, n);
	for (size_t i = 0; i < n && text == BASE64; i++)
		p[i] = letters[p[i] & 63];
	for (size_t i = 0; i < n && text == WORDS; i += 16)
		snprintf(p + i, 64, "%06u words ok\r\n", (unsigned)(i % 999983));
	return p;
}

/* What a chunk must be, by the description in blob_priv.h: written without the code under test. */
static void
seal(struct buf *out, char method, struct str payload)
{
	uint64_t place = (uint64_t)BODY << 16 | NUMBER;
	uint32_t sum = crc32c(crc32c(crc32c(0, str_of(&place, 8)), str_of(&method, 1)), payload);

	buf_clear(out);
	buf_addc(out, method);
	for (int i = 0; i < 4; i++)
		buf_addc(out, (char)(sum >> 8 * i));
	buf_add(out, payload);
}

static enum status
decode(const struct buf *chunk, size_t size, struct buf *out)
{
	buf_clear(out);
	return chunk_decode(BODY, NUMBER, buf_str(chunk), size, out);
}

static void
expect(const struct buf *chunk, struct str plain)
{
	struct buf out = {0};

	assert_int_equal(decode(chunk, plain.n, &out), OK);
	assert_true(str_eq(buf_str(&out), plain));
	/* A size that is not its own. */
	assert_int_equal(decode(chunk, plain.n + 1, &out), ERR_CORRUPT);
	if (plain.n > 0)
		assert_int_equal(decode(chunk, plain.n - 1, &out), ERR_CORRUPT);
	assert_int_equal(out.n, 0);
	buf_free(&out);
}

/* Every level of zstd that was ever used, LZ4, and bytes as they are. */
static void
test_formats(void **state)
{
	static const int levels[] = {1, -1, 3};

	for (size_t n = 0; n < 70000; n = n * 3 + 1) {
		char *p = make(n, WORDS), *packed = x_malloc(2 * n + 1000);
		struct str plain = str_of(p, n);
		struct buf chunk = {0};

		for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
			seal(&chunk, ZSTD, str_of(packed, ZSTD_compress(packed, 2 * n + 1000, p, n, levels[i])));
			expect(&chunk, plain);
		}
		seal(&chunk, LZ4, str_of(packed, (size_t)LZ4_compress_default(p, packed, (int)n, (int)(2 * n + 1000))));
		expect(&chunk, plain);
		seal(&chunk, PLAIN, plain);
		expect(&chunk, plain);
		buf_free(&chunk);
		free(packed);
		free(p);
	}
}

static void
test_choice(void **state)
{
	static const struct {
		size_t n;
		enum text text;
		char method;
	} cases[] = {
	    {0, WORDS, PLAIN}, {63, WORDS, PLAIN}, {64, NOISE, PLAIN}, {200, WORDS, LZ4}, {5000, WORDS, LZ4}, {5000, BASE64, PLAIN},
	    {16384, BASE64, PLAIN}, {16385, BASE64, ZSTD}, {65536, WORDS, LZ4}, {65536, BASE64, ZSTD}, {65536, NOISE, PLAIN},
	    {65537, WORDS, ZSTD}, {BLOB_CHUNK, WORDS, ZSTD}, {BLOB_CHUNK, BASE64, ZSTD}, {BLOB_CHUNK, NOISE, PLAIN},
	};
	struct blob_store bs = {.level = 1};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *p = make(cases[i].n, cases[i].text);
		struct buf chunk = {0};

		chunk_encode(&bs, BODY, NUMBER, str_of(p, cases[i].n), &chunk);
		assert_int_equal(chunk.p[0], cases[i].method);
		assert_true(chunk.n <= CHUNK_HEAD + cases[i].n - (cases[i].method == PLAIN ? 0 : cases[i].n / 8));
		expect(&chunk, str_of(p, cases[i].n));
		buf_free(&chunk);
		free(p);
	}
}

/* What the sum covers, and what is wrong inside with the sum right (S11). */
static void
test_damage(void **state)
{
	char *p = make(5000, WORDS);
	struct blob_store bs = {.level = 1};
	struct buf chunk = {0}, out = {0};

	chunk_encode(&bs, BODY, NUMBER, str_of(p, 5000), &chunk);
	assert_int_equal(chunk_decode(BODY + 1, NUMBER, buf_str(&chunk), 5000, &out), ERR_CORRUPT);
	assert_int_equal(chunk_decode(BODY, NUMBER + 1, buf_str(&chunk), 5000, &out), ERR_CORRUPT);
	for (size_t i = 0; i < chunk.n; i++) {
		assert_int_equal(chunk_decode(BODY, NUMBER, str_head(buf_str(&chunk), i), 5000, &out), ERR_CORRUPT);
		chunk.p[i] ^= 4;
		assert_int_equal(chunk_decode(BODY, NUMBER, buf_str(&chunk), 5000, &out), ERR_CORRUPT);
		chunk.p[i] ^= 4;
	}
	for (int method = 0; method < 256; method++) {
		seal(&chunk, (char)method, STR("\xff\xff\xff\xff no such thing"));
		assert_int_equal(decode(&chunk, 5000, &out), ERR_CORRUPT);
	}
	assert_int_equal(out.n, 0);
	buf_free(&out);
	buf_free(&chunk);
	free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_formats),
	    cmocka_unit_test(test_choice),
	    cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
