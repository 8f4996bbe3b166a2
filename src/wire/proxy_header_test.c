/* SPDX-License-Identifier: Apache-2.0 */
/* The PROXY protocol's header: the specification's forms, and what is not one of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "wire/proxy_header.h"

#define V2 "\r\n\r\n\0\r\nQUIT\n"
#define LIT(s) str_of(s, sizeof(s) - 1)

static enum proxy_read
what(struct str in, struct proxy_header *h)
{
	size_t used = 0;
	enum proxy_read r = proxy_header(in, h, &used);

	/* What follows is the connection's own. */
	if (r == PROXY_READ_HEADER)
		assert_true(str_eq(str_from(in, used), STR("a NOOP")));
	return r;
}

static void
test_text(void **state)
{
	static const char *const bad[] = {
	    "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
	    "PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n", "PROXY TCP4 ::1 ::2 1 2\r\n",
	    "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n", "PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n",
	    "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n", "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n", "PROXY \r\n", "PROXY TCP4\r\n", "proxy TCP4 1.1.1.1 1.1.1.1 1 1\r\n",
	    "PROXY TCP4 host host 1 2\r\n", "PROXY\r\n", "a LOGIN alice secret\r\n", "\x16\x03\x01", "PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n",
	    "PROXY UNKNOWN ........................................................................................................\r\n",
	};
	struct proxy_header h;

	assert_int_equal(what(STR("PROXY TCP4 192.0.2.1 203.0.113.255 0 65535\r\na NOOP"), &h), PROXY_READ_HEADER);
	assert_true(!h.own && h.port == 0 && memcmp(h.source, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\x02\x01", 16) == 0);
	assert_int_equal(what(STR("PROXY TCP6 2001:db8::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 993\r\na NOOP"), &h), PROXY_READ_HEADER);
	assert_true(h.port == 65535 && memcmp(h.source, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16) == 0);
	assert_int_equal(what(STR("PROXY UNKNOWN ffff::1 whatever 1 2\r\na NOOP"), &h), PROXY_READ_HEADER);
	assert_true(h.own);
	assert_int_equal(what(STR("PROXY UNKNOWN\r\na NOOP"), &h), PROXY_READ_HEADER);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (what(str_c(bad[i]), &h) != PROXY_READ_BAD)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(what(STR("PROX"), &h), PROXY_READ_MORE);
	assert_int_equal(what(STR("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r"), &h), PROXY_READ_MORE);
}

static void
test_binary(void **state)
{
	struct proxy_header h;

	assert_int_equal(what(LIT(V2 "\x21\x11\0\x0c\xc0\0\x02\x01\xcb\0\x71\x01\x04\xd2\x03\xe1" "a NOOP"), &h), PROXY_READ_HEADER);
	assert_true(!h.own && h.port == 1234 && memcmp(h.source + 10, "\xff\xff\xc0\0\x02\x01", 6) == 0);
	/* More behind the addresses: TLVs. */
	assert_int_equal(what(LIT(V2 "\x21\x11\0\x10\xc0\0\x02\x01\xcb\0\x71\x01\x04\xd2\x03\xe1\x04\0\x01x" "a NOOP"), &h), PROXY_READ_HEADER);
	assert_int_equal(what(LIT(V2 "\x20\0\0\0" "a NOOP"), &h), PROXY_READ_HEADER);
	assert_true(h.own);
	assert_int_equal(what(LIT(V2 "\x21\0\0\0" "a NOOP"), &h), PROXY_READ_HEADER);
	assert_true(h.own);
	assert_int_equal(what(LIT(V2 "\x21\x11\0\x0b\xc0\0\x02\x01\xcb\0\x71\x01\x04\xd2\x03"), &h), PROXY_READ_BAD);
	assert_int_equal(what(LIT(V2 "\x21\x12\0\x0c\xc0\0\x02\x01\xcb\0\x71\x01\x04\xd2\x03\xe1"), &h), PROXY_READ_BAD); /* UDP */
	assert_int_equal(what(LIT(V2 "\x31\x11\0\x0c"), &h), PROXY_READ_BAD); /* version 3 */
	assert_int_equal(what(LIT(V2 "\x22\x11\0\x0c"), &h), PROXY_READ_BAD); /* an unknown command */
	assert_int_equal(what(LIT(V2 "\x21\x11\xff\xff"), &h), PROXY_READ_BAD); /* too much */
	assert_int_equal(what(LIT(V2 "\x21\x31\0\x0c\xc0\0\x02\x01\xcb\0\x71\x01\x04\xd2\x03\xe1"), &h), PROXY_READ_BAD);
	assert_int_equal(what(LIT("\r\n\r\n\0\r\nQUIT"), &h), PROXY_READ_MORE);
	assert_int_equal(what(LIT("\r\n\r\n\0\r\nQUIX"), &h), PROXY_READ_BAD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_text), cmocka_unit_test(test_binary)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
