/* SPDX-License-Identifier: Apache-2.0 */
/* Frames, all that one process of ours hands to another: whole, byte by byte, in random splits; what is refused (S14). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "admin/frame.h"

static void
build(struct buf *out)
{
	struct buf fields = {0};

	pack_str(&fields, STR("user-add"));
	pack_str(&fields, STR(""));
	pack_str(&fields, STR("a\0b"));
	frame_add(out, FRAME_REQUEST, buf_str(&fields));
	frame_add(out, FRAME_DATA, STR("bytes"));
	frame_add(out, FRAME_END, STR(""));
	buf_free(&fields);
}

static void
expect(const struct frame *f, size_t n)
{
	static const enum frame_type types[] = {FRAME_REQUEST, FRAME_DATA, FRAME_END};
	struct arena a = {0};
	struct str *fields;
	size_t fields_n;

	assert_true(n < 3);
	assert_int_equal(f->type, types[n]);
	if (n == 0) {
		assert_int_equal(frame_fields(&a, f->payload, &fields, &fields_n), OK);
		assert_int_equal(fields_n, 3);
		assert_true(str_eq(fields[2], STR("a\0b")));
	} else if (n == 1) {
		assert_true(str_eq(f->payload, STR("bytes")));
	}
	arena_free(&a);
}

/* Feeds the bytes in pieces of the given sizes; 0: random. */
static void
feed(struct str bytes, size_t piece)
{
	struct buf in = {0};
	size_t n = 0, at = 0;

	while (at < bytes.n) {
		size_t take = piece ? piece : 1 + (size_t)rand() % 7;
		struct frame f;
		struct str rest;

		buf_add(&in, str_head(str_from(bytes, at), take));
		at += take;
		rest = buf_str(&in);
		while (frame_take(&rest, &f) == OK)
			expect(&f, n++);
		buf_consume(&in, in.n - rest.n);
	}
	assert_int_equal(n, 3);
	assert_int_equal(in.n, 0);
	buf_free(&in);
}

static void
test_splits(void **state)
{
	struct buf b = {0};

	build(&b);
	feed(buf_str(&b), b.n);
	feed(buf_str(&b), 1);
	srand(1);
	for (int i = 0; i < 200; i++)
		feed(buf_str(&b), 0);
	buf_free(&b);
}

static void
test_bad(void **state)
{
	static const struct str bad[] = {{"\0\0\0\0Q", 5}, {"\x02\0\0\0?x", 6}, {"\x02\0\x20\0Q", 5}, {"\xff\xff\xff\xffQ", 5}};
	struct arena a = {0};
	struct str *fields;
	size_t n;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct str in = bad[i];
		struct frame f;

		assert_int_equal(frame_take(&in, &f), ERR_BAD_INPUT);
	}
	assert_int_equal(frame_fields(&a, STR("\x05"
					     "abc"),
			     &fields, &n),
	    ERR_BAD_INPUT);
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_splits), cmocka_unit_test(test_bad)};

	return cmocka_run_group_tests_name("admin_frame", tests, NULL, NULL);
}
