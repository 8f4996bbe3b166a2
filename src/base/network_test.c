/* SPDX-License-Identifier: Apache-2.0 */
/* One network, however its addresses are written (S22). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>
#include "base/network.h"
#include "base/range.h"

static void
same(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} t[] = {
	    {"192.0.2.1", "192.0.2.1", true},
	    {"192.0.2.1", "192.0.2.2", false},
	    {"192.0.2.1", "::ffff:192.0.2.1", true},
	    {"::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
	    {"2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true},
	    {"2001:db8:1:2::1", "2001:db8:1:3::1", false},
	    /* Zeros that the text leaves out, before, in and behind the fourth group. */
	    {"2001:db8::1", "2001:db8::2", true},
	    {"2001:db8::1", "2001:db8:0:0:1:2:3:4", true},
	    {"2001:db8::1", "2001:db8:0:1::1", false},
	    {"2001::1:0:0:0:1", "2001:0:0:1::5", true},
	    {"2001::1:0:0:1", "2001:0:0:1::5", false},
	    {"2001:db8:0:1::5", "2001:db8:0:1:2:3:4:5", true},
	    {"2001:0:0:1::5", "2001:0:0:1:2:3:4:5", true},
	    {"2001::5", "2001:0:0:0:2:3:4:5", true},
	    {"1:2:3::", "1:2:3:0:9:9:9:9", true},
	    {"::1", "::2", true},
	    {"fe80::1%eth0", "fe80::2%eth1", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct network a, b;

		assert_true(network_of_text(str_c(t[i].a), &a));
		assert_true(network_of_text(str_c(t[i].b), &b));
		if ((memcmp(&a, &b, sizeof(a)) == 0) != t[i].same)
			fail_msg("%s and %s", t[i].a, t[i].b);
	}
}

static void
none(void **state)
{
	static const char *const t[] = {"", "unix", "1.2.3", "1.2.3.4.5", "%eth0", ":::", "2001:db8",
	    "11111111111111111111111111111111111111111111111111111111"};
	struct network n;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
		assert_false(network_of_text(str_c(t[i]), &n));
}

static void
test_range(void **state)
{
	static const struct {
		const char *range, *in, *out;
	} cases[] = {
	    {"192.0.2.1", "192.0.2.1", "192.0.2.2"}, {"192.0.2.0/24", "192.0.2.255", "192.0.3.0"}, {"192.0.2.128/25", "192.0.2.129", "192.0.2.127"},
	    {"0.0.0.0/0", "203.0.113.9", "::1"}, {"::/0", "203.0.113.9", NULL}, {"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"}, {"::1", "::1", "::2"},
	};
	static const char *const bad[] = {"", "all", "192.0.2", "192.0.2.0/33", "192.0.2.0/", "2001:db8::/129", "192.0.2.0/-1", "example.org", "/8", "192.0.2.1/8/9"};
	uint8_t address[16];
	struct range r;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_true(range_parse(str_c(cases[i].range), &r));
		assert_true(range_address(str_c(cases[i].in), address) && range_has(&r, address));
		assert_true(cases[i].out == NULL || (range_address(str_c(cases[i].out), address) && !range_has(&r, address)));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(range_parse(str_c(bad[i]), &r));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_range), cmocka_unit_test(same), cmocka_unit_test(none)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
