/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the upgrade of configuration files: text by text. That the new text means the same is asked by tests/before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/config_upgrade.h"

static const struct {
	const char *text, *want, *told; /* told: a part of it */
} cases[] = {
    /* Nothing there. */
    {"", "version = 1\n", "1: version = 1"},
    {"# mine\n", "# mine\nversion = 1\n", "version"},
    {"# mine", "# mine\nversion = 1\n", "version"},
    /* The version comes before the first section, behind what is said of the whole file. */
    {"# mine\n\nlimits {\n\tmailboxes = 7000\n}\n", "# mine\n\nversion = 1\n\nlimits {\n\tmailboxes = 7000\n}\n", "3: version = 1"},
    /* In its place: names, units, what stands around. */
    {"version = 1\nimap {\n  idle = 1900   # long\n  login=90\n  progress = 2500\n  keepalive = 60\n}\n",
        "version = 1\nimap {\n  idle_timeout = 1900s   # long\n  login_timeout = 90s\n  progress_interval = 2500ms\n  keepalive = 60s\n}\n",
        "3: imap.idle is called now imap.idle_timeout\n"},
    {"version = 1\nstore { grace = \"3600\" }\nauth { delay = 0 }\n", "version = 1\nstore { grace = 3600s }\nauth { delay = 0 }\n", "2: store.grace has its unit now: s\n"},
    /* Into another section, with the comments above and behind. */
    {"imap {\n  # where\n  # we are\n  listen = {\"*:143\",\n    \"[::1]:144\"} # both\n\n  # stays\n  idle = 30m\n}\n",
        "version = 1\n\nimap {\n\n  # stays\n  idle_timeout = 30m\n}\n\nlistener imap {\n  # where\n  # we are\n  address = {\"*:143\",\n    \"[::1]:144\"} # both\n}\n",
        "4: imap.listen is called now listener imap.address\n"},
    /* A section of which nothing is left goes. */
    {"tls {\n    certificate = /c.pem\n    key = /k.pem\n}\n\nlmtp {\n    listen = /run/x\n}\n",
        "version = 1\n\ncertificate default {\n    file = /c.pem\n    key = /k.pem\n}\n\nlistener lmtp {\n    address = /run/x\n}\n", "2: tls.certificate"},
    {"imap { listen = none idle = 30m } imaps { listen = none }",
        "version = 1\n\nimap {  idle_timeout = 30m }\n\nlistener imap {\n    address = none\n}\n listener imaps {\n    address = none\n}\n", "imaps.listen"},
    {"lmtp { recipients = 500; mode = 0660; }\n", "version = 1\n\nlmtp { recipients = 500; ; }\n\nlistener lmtp {\n    mode = 0660\n}\n", "lmtp.mode"},
    /* What another overrode. */
    {"limits {\n  strangers_per_address = 7\n  connections_per_address = 9\n}\n", "version = 1\n\nlimits {\n  connections_per_address = 7\n}\n", "was overridden"},
    {"limits {\n  strangers_per_address = 0\n  connections_per_address = 9\n}\n", "version = 1\n\nlimits {\n  connections_per_address = 9\n}\n", "set nothing"},
    /* Nothing to do. */
    {"version = 1\n# x\nlistener imap {\n address = none }", "version = 1\n# x\nlistener imap {\n address = none }", ""},
};

static void
test_texts(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf out = {0}, told = {0}, why = {0}, again = {0};

		assert_int_equal(config_upgrade(str_c(cases[i].text), &out, &told, &why), OK);
		if (!str_eq(buf_str(&out), str_c(cases[i].want)) || str_find(buf_str(&told), str_c(cases[i].told), 0) == SIZE_MAX ||
		    (*cases[i].told == '\0' && told.n > 0))
			fail_msg("%s\nis\n%.*s\n%.*s", cases[i].text, STR_FMT(buf_str(&out)), STR_FMT(buf_str(&told)));
		/* Once is enough. */
		buf_clear(&told);
		assert_int_equal(config_upgrade(buf_str(&out), &again, &told, &why), OK);
		assert_true(told.n == 0 && str_eq(buf_str(&again), buf_str(&out)));
		buf_free(&out);
		buf_free(&again);
		buf_free(&told);
		buf_free(&why);
	}
}

static void
test_faults(void **state)
{
	struct buf out = {0}, told = {0}, why = {0};

	assert_int_equal(config_upgrade(STR("imap {\n listen\n}\n"), &out, &told, &why), ERR_BAD_INPUT);
	assert_true(str_starts(buf_str(&why), STR("2: ")));
	buf_free(&out);
	buf_free(&told);
	buf_free(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_texts), cmocka_unit_test(test_faults)};

	return cmocka_run_group_tests_name("config_upgrade", tests, NULL, NULL);
}
