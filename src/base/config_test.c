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
	/* A folder can be opened, and not read. */
	assert_int_equal(config_read("/tmp", &why), ERR_NOT_FOUND);
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

/* Each fault of a file is told, with its line. */
static void
test_faults(void **state)
{
	static const struct { const char *text, *want; } bad[] = {
	    {"imap {\n  idle = 30m\n", ":1: the section imap, which begins here, has no }"},
	    {"imap {\n  idle = 30m\n\nlimits {\n message = 5M\n}\n", ":4: \"limits\" is not followed by =; the section before it has no }"},
	    {"\n\nimap {\n listen = {\"a\",\n\"b\"\n", ":4: the list has no }"},
	    {"imap {\n  lisen = \"*:143\"\n}\n", ":2: there is no setting imap.lisen; did you mean imap.listen?"},
	    {"limits {\n\n  idle = 30m\n}\n", ":3: there is no setting limits.idle; did you mean imap.idle?"},
	    {"limit {\n  message = 30m\n}\n", ":2: there is no setting limit.message; did you mean limits.message?"},
	    {"server {\n  name = my host\n}\n", ":2: \"host\" is not followed by =; a text with blanks stands in quotes"},
	    {"server {\n  comment = \"no end\n}\n", ":2: the text that begins with \" has no end on its line"},
	    {"imap.idle = 30m\n", ":1: a setting stands in its section"},
	    {"imap {\n  idle 30m\n}\n", ":2: \"idle\" is not followed by ="},
	    {"imap {\n  idle = \n}\n", ":3: a value is missing before \"}\""},
	    {"imap {\n  idle = {30m}\n}\n", ":2: imap.idle wants a time such as 30s, 10m, 4h or 1d, not a list"},
	    {"imap {\n  idle = 30m\n}\nimap {\n idle = 40m\n}\n", ":5: imap.idle is set in line 2 already"},
	    {"imap {\n  idle = 30\\m\n}\n", ":2: the name of a setting was expected, not \"\\\""},
	    {"imap {\n  listen = {\"a\" \"b\"}\n}\n", ":2: a comma or } is missing"},
	    {"imap {\n  listen = {\"\"}\n}\n", ":2: imap.listen wants a list of words"},
	    {"}\n", ":1: the name of a section was expected, not \"}\""},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct buf why = {0};

		assert_int_equal(read_text(bad[i].text, &why), ERR_BAD_INPUT);
		if (str_find(buf_str(&why), str_c(bad[i].want), 0) == SIZE_MAX)
			fail_msg("%s: %.*s", bad[i].text, STR_FMT(buf_str(&why)));
		buf_free(&why);
		config_reset();
	}
}

/* A value that makes no sense names the line that it stands in, or --set. */
static void
test_blame(void **state)
{
	static const struct { const char *text, *want; } bad[] = {
	    {"imap {\n\n idle = 5m\n}\n", ":3: imap.idle is 30m to 7d"},
	    {"log {\n level = wraning\n}\n", ":2: log.level is one of error, warning, info, debug, not \"wraning\"; did you mean warning?"},
	    {"tls {\n key = /x\n}\n", ":2: tls.key is set and tls.certificate is not"},
	    {"tls {\n certificate = etc/x.pem\n key = /x\n}\n", ":2: tls.certificate wants a whole path"},
	    {"server {\n name = \"my host\"\n}\n", ":2: server.name is the name of a machine"},
	    {"server {\n admin = \"postmaster@example.org\"\n}\n", ":2: server.admin is a URI"},
	};
	struct buf why = {0};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(read_text(bad[i].text, &why), OK);
		assert_int_equal(config_check(&why), ERR_BAD_INPUT);
		if (str_find(buf_str(&why), str_c(bad[i].want), 0) == SIZE_MAX)
			fail_msg("%s: %.*s", bad[i].text, STR_FMT(buf_str(&why)));
		buf_clear(&why);
		config_reset();
	}
	set("imap.idle=5m", OK);
	assert_int_equal(config_check(&why), ERR_BAD_INPUT);
	assert_true(str_starts(buf_str(&why), STR("--set: imap.idle")));
	buf_free(&why);
	config_reset();
}

/* A list's words on the command line, in each spelling that a shell leaves of the file's; words with blanks. */
static void
test_lists(void **state)
{
	static const char *const spelt[] = {"imap.hide=A B", "imap.hide=A,B", "imap.hide={A,B}", "imap.hide={\"A\", \"B\"}", "imap.hide = { 'A', B, }"};
	struct buf why = {0};

	for (size_t i = 0; i < sizeof(spelt) / sizeof(*spelt); i++) {
		set(spelt[i], OK);
		assert_int_equal(config()->imap_hide.n, 2);
		assert_string_equal(config()->imap_hide.word[0], "A");
		assert_string_equal(config()->imap_hide.word[1], "B");
	}
	set("imap.hide={\"A\"", ERR_BAD_INPUT);
	set("imap.hide={\"A\"}}", ERR_BAD_INPUT);
	set("limits.message={1M}", ERR_BAD_INPUT);
	set("server.comment=a\nb", ERR_BAD_INPUT);
	assert_int_equal(read_text("imap { hide = {\"QRESYNC/alice smith\"} listen = \"a:1, b:2\" }", &why), OK);
	assert_int_equal(config()->imap_hide.n, 1);
	assert_string_equal(config()->imap_hide.word[0], "QRESYNC/alice smith");
	assert_int_equal(config()->imap_listen.n, 2);
	buf_free(&why);
	config_reset();
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
	    cmocka_unit_test(test_file), cmocka_unit_test(test_faults), cmocka_unit_test(test_blame), cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_reread),
	    cmocka_unit_test(test_table)};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
