/* SPDX-License-Identifier: Apache-2.0 */
/* One network, however its addresses are written (S22). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>
#include "base/network.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(same), cmocka_unit_test(none)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
