/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "server/address.h"

static void
test_parse(void **state)
{
	static const struct {
		const char *text, *host;
		unsigned port;
		bool any, local;
	} good[] = {
		{"127.0.0.1:1143", "127.0.0.1", 1143, false, false},
		{"[::1]:993", "::1", 993, false, false},
		{"*:143", "", 143, true, false},
		{":0", "", 0, true, false},
		{"/run/lmtp.sock", "/run/lmtp.sock", 0, false, true},
		{"./lmtp:24", "./lmtp:24", 0, false, true},
		{"localhost:65535", "localhost", 65535, false, false},
	};
	static const char *const bad[] = {"", "143", "127.0.0.1", "::1:143", "127.0.0.1:", "1.2.3.4:65536",
	    "1.2.3.4:1x", "1.2.3.4:-1",
	    "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	struct address a;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(address_parse(good[i].text, &a), OK);
		assert_string_equal(a.host, good[i].host);
		assert_int_equal(a.port, good[i].port);
		assert_int_equal(a.any, good[i].any);
		assert_int_equal(a.local, good[i].local);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(address_parse(bad[i], &a), ERR_BAD_INPUT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
