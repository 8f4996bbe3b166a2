/* SPDX-License-Identifier: Apache-2.0 */
/* LMTP while the store fails: nothing is said of a delivery whose outcome is unknown, and what was not stored is refused for a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/log.h"
#include "lmtp/lmtp.h"
#include "session/play_test.h"

static struct test_door t;
static struct lmtp_service service = {.max_message = 1 << 20, .max_recipients = 10};

static void *
open_lmtp(const struct door *door)
{
	service.door = door;
	return &service;
}

static const struct test_service kind = {.handler = &lmtp_handler, .open = open_lmtp, .faulty = true};

static const char before[] = "LHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<alice>\r\nRCPT TO:<alice>\r\nDATA\r\n";
static const char mail[] = "Subject: x\r\n\r\nbody\r\n.\r\n";

static void
hears(struct test_client *c, const char *want, bool there)
{
	if ((str_find(buf_str(&c->got), str_c(want), 0) != SIZE_MAX) != there)
		fail_msg("%s%s: %.*s", there ? "no " : "", want, STR_FMT(buf_str(&c->got)));
}

/* What came behind the 354. */
static struct test_client
deliver(const struct fault *plan)
{
	struct test_client c;

	test_client_open(&t, &c);
	test_client_send(&t, &c, str_c(before));
	test_client_run(&t, &c);
	hears(&c, "354 ", true);
	buf_clear(&c.got);
	faultvfs_plan(plan);
	test_client_send(&t, &c, str_c(mail));
	test_client_run(&t, &c);
	return c;
}

static void
refused(void **state)
{
	struct test_client c = deliver(&(struct fault){FAULT_WRITE, 1, FAULT_EIO, true});

	assert_true(faultvfs_hit());
	hears(&c, "451 ", true);
	hears(&c, "250 ", false);
	assert_true(c.fd >= 0);
	faultvfs_plan(NULL);
	buf_clear(&c.got);
	test_client_send(&t, &c, STR("NOOP\r\n"));
	test_client_run(&t, &c);
	hears(&c, "250 ", true);
	assert_true(test_client_end(&t, &c));
	buf_free(&c.got);
}

/* Two recipients of a message are one commit, whose sync fails. */
static void
unknown(void **state)
{
	struct test_client c = deliver(NULL); /* what is reserved for several messages is there then */

	hears(&c, "250 ", true);
	assert_true(test_client_end(&t, &c));
	buf_free(&c.got);
	c = deliver(&(struct fault){FAULT_SYNC, 1, FAULT_EIO, false});

	assert_true(faultvfs_hit() && t.fatal);
	hears(&c, "250 ", false);
	if (c.got.n > 0)
		fail_msg("said: %.*s", STR_FMT(buf_str(&c.got)));
	assert_int_equal(c.fd, -1);
	assert_true(test_client_end(&t, &c));
	buf_free(&c.got);
}

int
main(void)
{
	/* The last one is the store's end. */
	const struct CMUnitTest tests[] = {cmocka_unit_test(refused), cmocka_unit_test(unknown)};
	int failed;

	test_door_cheap();
	test_door_open(&t, &kind);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	test_door_close(&t);
	return failed;
}
