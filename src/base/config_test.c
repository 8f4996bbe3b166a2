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

static const struct config_listener *
listener(const char *name)
{
	static const struct config_listener none;
	const struct config_listener *l;

	for (size_t i = 0; (l = config_listener(config(), i)) != NULL; i++)
		if (strcmp(l->name, name) == 0)
			return l;
	fail();
	return &none;
}

static void
test_set(void **state)
{
	set("imap.listen=127.0.0.1:1143, [::1]:1143", OK);
	assert_int_equal(listener("imap")->address.n, 2);
	assert_string_equal(listener("imap")->address.word[1], "[::1]:1143");
	set("limits.message=10M", OK);
	assert_int_equal(config()->limits_message_bytes, 10 << 20);
	set("store.grace=2d", OK);
	assert_int_equal(config()->store_grace, 172800);
	set("limits.message=ten", ERR_BAD_INPUT);
	set("limits.message=99999999999999999999", ERR_BAD_INPUT);
	set("limits.message=9999999999999G", ERR_BAD_INPUT);
	set("no.such=1", ERR_NOT_FOUND);
	set("imap.listen", ERR_BAD_INPUT);
	set("auth.plaintext=", OK);
	config_reset();
	assert_int_equal(config()->limits_message_bytes, 64 << 20);
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
	assert_int_equal(listener("imap")->address.n, 2);
	assert_int_equal(config()->limits_message_bytes, 5 << 20);
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
	    {"auth {\n tls_mechanisms = {PLAIN, LOGIN, CRAM-MD5}\n}\n", ":2: auth.tls_mechanisms has words of EXTERNAL, PLAIN, LOGIN, SCRAM-SHA-1, SCRAM-SHA-256, SCRAM-SHA-512, these with -PLUS, not \"CRAM-MD5\""},
	    {"auth {\n tls_mechanisms = {plain, LOGIN, PLAIN}\n}\n", ":2: auth.tls_mechanisms has PLAIN twice"},
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
	assert_int_equal(listener("imap")->address.n, 2);
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
	assert_int_equal(fresh->limits_message_bytes, 64 << 20);
	assert_int_equal(config()->imap_hide.n, 1);
	assert_string_equal(config()->imap_hide.word[0], "A");
	assert_int_equal(config()->limits_message_bytes, 5 << 20);
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

/* Values of one section with a name, by file and by --set; the former names mean the same. */
static void
test_named(void **state)
{
	const struct config_listener *l;
	struct buf why = {0};

	assert_int_equal(read_text("version = 1\nlistener imaps { address = \"*:994\" }\nlistener \"inner\" {\n service = imap login_timeout = 20s\n}\n"
				   "certificate default { file = /c key = /k }\ndomain example.org { separator = - }\n", &why), OK);
	set("listener.inner.address={127.0.0.1:1, 127.0.0.1:2}", OK);
	set("listener inner.plaintext=yes", OK);
	set("domain.mail.example.org.separator=", OK);
	set("lmtp.mode=0660", OK);
	assert_int_equal(config_check(&why), OK);
	assert_int_equal(config_version(), 1);
	assert_non_null(listener("imaps"));
	assert_string_equal(listener("imaps")->address.word[0], "*:994");
	assert_string_equal(listener("lmtp")->mode, "0660");
	assert_non_null(l = config_listener(config(), 7));
	assert_string_equal(l->name, "inner");
	assert_int_equal(l->address.n, 2);
	assert_int_equal(l->login_timeout, 20);
	assert_string_equal(l->plaintext, "yes");
	assert_string_equal(config_name(config(), &l->plaintext), "listener inner.plaintext");
	assert_string_equal(config_name(config(), &listener("lmtp")->mode), "lmtp.mode");
	assert_null(config_listener(config(), 8));
	assert_string_equal(config_certificate(config(), 0)->key, "/k");
	assert_string_equal(config_domain(config(), 0)->separator, "-");
	assert_string_equal(config_domain(config(), 1)->name, "mail.example.org");
	config_blame(config(), &l->mode, &why);
	assert_true(str_ends(buf_str(&why), STR(":3: ")));
	buf_free(&why);
	config_reset();
}

/* A file with a version: units, and what only such files are told. */
static void
test_version(void **state)
{
	static const struct { const char *text, *want; } bad[] = {
	    {"version = 1\nimap {\n idle_timeout = 1800\n}\n", ":3: imap.idle_timeout wants a time such as 30s"},
	    {"version = 1\nimap {\n progress_interval = 10\n}\n", ":3: imap.progress_interval wants a time such as 500ms"},
	    {"version = 1\nversion = 1\n", ":2: version is set already"},
	    {"version = 2\n", ":1: the file has version 2, and this program reads version 1"},
	    {"version = new\n", ":1: version wants a number, such as 1, not \"new\""},
	    {"imap { idle = 30m }\nversion = 1\n", ":2: version stands before all sections"},
	    {"version = 1\nlimits { x = 1 }\n", ":2: there is no setting limits.x"},
	    {"version = 1\n\nlimit { }\n", ":3: there is no section limit"},
	    {"version = 1\nlistener { address = none }\n", ":2: a section listener has a name, as in: listener NAME"},
	    {"version = 1\nlimits mine {\n}\n", ":2: a section limits has no name, such as \"mine\""},
	    {"version = 1\nlistener \"a b\" {\n}\n", ":2: \"a b\" is not a name for a section listener"},
	    {"version = 1\nlistener imap {\n addres = none\n}\n", ":3: there is no setting listener imap.addres; did you mean listener imap.address?"},
	    {"version = 1\nlistener imap { address = none }\nimap { listen = none }\n", ":3: imap.listen is set in line 2 already, as listener imap.address"},
	    {"version = 1\nlimits { address = none }\n", "did you mean listener NAME.address?"},
	};
	struct buf why = {0};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(read_text(bad[i].text, &why), ERR_BAD_INPUT);
		if (str_find(buf_str(&why), str_c(bad[i].want), 0) == SIZE_MAX)
			fail_msg("%s: %.*s", bad[i].text, STR_FMT(buf_str(&why)));
		buf_clear(&why);
		config_reset();
	}
	/* A time of nothing needs no unit. */
	assert_int_equal(read_text("version = 1\nimap { progress_interval = 0 keepalive = 0 }\n", &why), OK);
	assert_int_equal(config()->imap_progress_interval, 0);
	config_reset();
	buf_free(&why);
}

/* Each former name sets what it did, in a file of before, in one of today and in --set; it is told. */
static void
test_former(void **state)
{
	struct config_item item;
	struct buf why = {0};
	unsigned former = 0;

	assert_int_equal(read_text("imap {\n progress = 2500\n idle = 1900\n}\nlimits { strangers_per_address = 7 connections_per_address = 9 }\n", &why), OK);
	assert_int_equal(config()->imap_progress_interval, 2500);
	assert_int_equal(config()->imap_idle_timeout, 1900);
	assert_int_equal(config()->limits_connections_per_address, 7);
	assert_int_equal(config_version(), 0);
	for (size_t i = 0; config_item(config(), i, &item); i++)
		former += item.spelt != NULL;
	assert_int_equal(former, 3);
	config_reset();
	set("limits.connections_per_address=9", OK);
	set("limits.strangers_per_address=0", OK);
	assert_int_equal(config()->limits_connections_per_address, 9);
	assert_int_equal(read_text("version = 1\nimap { progress = 2500 }\ntls { certificate = /c key = /k }", &why), OK);
	assert_int_equal(config()->imap_progress_interval, 2500);
	assert_string_equal(config_certificate(config(), 0)->file, "/c");
	config_reset();
	buf_free(&why);
}

/* What a section has that the other has not is told too. */
static void
test_differences(void **state)
{
	char path[] = "/tmp/mansio-config-XXXXXX";
	struct config *fresh = NULL;
	struct buf why = {0}, names = {0};

	close(mkstemp(path));
	write_text(path, "version = 1\nlistener a { address = \"*:1\" }\nlimits { message_bytes = 5M }\n");
	assert_int_equal(config_read(path, &why), OK);
	write_text(path, "version = 1\nlistener b { address = \"*:1\" }\nlimits { message_bytes = 6M }\nimap { hide = X }\n");
	assert_int_equal(config_reread(&why, &fresh), OK);
	config_differences(fresh, config(), "hide", &names);
	assert_true(str_eq(buf_str(&names), STR("limits.message_bytes,listener b.address,listener a.address")));
	config_free(fresh);
	unlink(path);
	buf_free(&names);
	buf_free(&why);
	config_reset();
}

/* The reader of files needs the rows of a section together; the manual wants them sorted. Names say what a value is (times, sizes), and few are for everybody. */
static void
test_table(void **state)
{
	struct config_row row, last = {"", "", "", "", ""};
	struct config_old old;
	unsigned basic = 0;

	for (size_t i = 0; config_row(i, &row); i++) {
		assert_true(strcmp(row.section, last.section) >= 0);
		assert_true(row.text[strlen(row.text) - 1] == '.');
		if (str_ends(str_c(row.key), STR("_bytes")))
			assert_string_equal(row.type, "SIZE");
		if (str_ends(str_c(row.key), STR("_timeout")) || str_ends(str_c(row.key), STR("_interval")))
			assert_true(strcmp(row.type, "SECONDS") == 0 || strcmp(row.type, "MILLIS") == 0);
		basic += !row.advanced;
		last = row;
	}
	assert_true(basic < 60);
	/* A former name leads somewhere, and is nothing today. */
	for (size_t i = 0; config_old(i, &old); i++)
		for (size_t k = 0; config_row(k, &row); k++)
			assert_false(strcmp(old.section, row.section) == 0 && strcmp(old.key, row.key) == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_set), cmocka_unit_test(test_check),
	    cmocka_unit_test(test_file), cmocka_unit_test(test_faults), cmocka_unit_test(test_blame), cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_reread), cmocka_unit_test(test_named), cmocka_unit_test(test_version), cmocka_unit_test(test_former),
	    cmocka_unit_test(test_differences),
	    cmocka_unit_test(test_table)};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
