/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the settings: types, the file, what is refused and how it is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/config.h"

static void
set(const char *assignment, enum status want)
{
	struct buf why = {0};

	assert_int_equal(config_set(str_c(assignment), &why), want);
	assert_int_equal(why.n == 0, want == OK);
	buf_free(&why);
}

static void
test_set(void **state)
{
	set("imap.listen=127.0.0.1:1143, [::1]:1143", OK);
	assert_int_equal(config()->imap_listen.n, 2);
	assert_string_equal(config()->imap_listen.word[1], "[::1]:1143");
	set("limits.message=10M", OK);
	assert_int_equal(config()->limits_message, 10 << 20);
	set("store.grace=2d", OK);
	assert_int_equal(config()->store_grace, 172800);
	set("limits.message=ten", ERR_BAD_INPUT);
	set("limits.message=99999999999999999999", ERR_BAD_INPUT);
	set("limits.message=9999999999999G", ERR_BAD_INPUT);
	set("no.such=1", ERR_NOT_FOUND);
	set("imap.listen", ERR_BAD_INPUT);
	set("auth.plaintext=", OK);
	config_reset();
	assert_int_equal(config()->limits_message, 64 << 20);
	assert_string_equal(config()->auth_plaintext, "loopback");
}

static void
test_check(void **state)
{
	static const char *const bad[] = {"auth.plaintext=perhaps", "log.level=loud", "tls.key=/x",
	    "deliver.separator=++", "imap.idle=5m", "imap.line=0", "limits.connections=4294967296", "limits.mailboxes=0",
	    "auth.delay=61"};
	struct buf why = {0};

	assert_int_equal(config_check(&why), OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		set(bad[i], OK);
		assert_int_equal(config_check(&why), ERR_BAD_INPUT);
		config_reset();
	}
	buf_free(&why);
}

static enum status
read_text(const char *text, struct buf *why)
{
	char path[] = "/tmp/mansio-config-XXXXXX";
	int fd = mkstemp(path);
	enum status st;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	st = config_read(path, why);
	unlink(path);
	return st;
}

static void
test_file(void **state)
{
	struct buf why = {0};

	assert_int_equal(read_text("# ours\nimap { listen = {\"*:143\", \"[::1]:144\"} }\n"
				   "limits { message = \"5M\" connections = 7 }\n", &why), OK);
	assert_int_equal(config()->imap_listen.n, 2);
	assert_int_equal(config()->limits_message, 5 << 20);
	assert_int_equal(config()->limits_connections, 7);
	assert_int_equal(read_text("limits {\n mesage = 5\n}\n", &why), ERR_BAD_INPUT);
	/* The message names the line. */
	assert_int_not_equal(str_find(buf_str(&why), STR(":2:"), 0), SIZE_MAX);
	buf_clear(&why);
	assert_int_equal(read_text("limits { message = \"lots\" }", &why), ERR_BAD_INPUT);
	assert_int_not_equal(str_find(buf_str(&why), STR("not \"lots\""), 0), SIZE_MAX);
	assert_int_equal(config_read("/nonexistent/mansio.conf", &why), ERR_NOT_FOUND);
	buf_free(&why);
	config_reset();
}

static void
write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* What is read again is a copy; what was set goes before the file; faults leave nothing behind. */
static void
test_reread(void **state)
{
	char path[] = "/tmp/mansio-config-XXXXXX";
	struct config *fresh = NULL;
	struct buf why = {0};

	close(mkstemp(path));
	write_text(path, "imap { hide = {\"A\"} }\nlimits { message = \"5M\" }\n");
	assert_int_equal(config_read(path, &why), OK);
	set("limits.connections=9", OK);
	write_text(path, "imap { hide = {\"B\", \"C@imaps\"} }\nlimits { connections = 3 }\n");
	assert_int_equal(config_reread(&why, &fresh), OK);
	assert_int_equal(fresh->imap_hide.n, 2);
	assert_string_equal(fresh->imap_hide.word[1], "C@imaps");
	assert_int_equal(fresh->limits_connections, 9);
	assert_int_equal(fresh->limits_message, 64 << 20);
	assert_int_equal(config()->imap_hide.n, 1);
	assert_string_equal(config()->imap_hide.word[0], "A");
	assert_int_equal(config()->limits_message, 5 << 20);
	config_free(fresh);
	fresh = NULL;
	write_text(path, "imap { hide = {\"B\",\n");
	assert_int_equal(config_reread(&why, &fresh), ERR_BAD_INPUT);
	write_text(path, "imap { idle = \"5m\" }\n");
	assert_int_equal(config_reread(&why, &fresh), ERR_BAD_INPUT);
	unlink(path);
	assert_int_equal(config_reread(&why, &fresh), ERR_NOT_FOUND);
	assert_null(fresh);
	assert_true(why.n > 0);
	assert_string_equal(config()->imap_hide.word[0], "A");
	buf_free(&why);
	config_reset();
	/* Without a file: what was set. */
	set("imap.hide=X", OK);
	assert_int_equal(config_reread(&why, &fresh), OK);
	assert_string_equal(fresh->imap_hide.word[0], "X");
	config_free(fresh);
	config_free(NULL);
	config_reset();
}

/* The reader of files needs the rows of a section together; the manual wants them sorted. */
static void
test_table(void **state)
{
	struct config_row row, last = {"", "", "", "", ""};

	for (size_t i = 0; config_row(i, &row); i++) {
		assert_true(strcmp(row.section, last.section) >= 0);
		assert_true(row.text[strlen(row.text) - 1] == '.');
		last = row;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_set), cmocka_unit_test(test_check),
	    cmocka_unit_test(test_file), cmocka_unit_test(test_reread),
	    cmocka_unit_test(test_table)};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
