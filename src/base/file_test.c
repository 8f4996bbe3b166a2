/* SPDX-License-Identifier: Apache-2.0 */
/* Files beside the database: whole or not there, whatever call fails; never through a link (S10). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/file.h"

static char folder[] = "/tmp/mansio-file-XXXXXX";
static char path[64], beside[64];
static int calls, failing; /* the failing-th call fails; 0: none */
static char done[64];      /* a letter an act */

static int
before(enum file_act act, const char *p)
{
	return ++calls == failing ? ENOSPC : 0;
}

static void
after(enum file_act act, const char *p, const char *other, struct str bytes)
{
	size_t n = strlen(done);

	assert_true(n + 1 < sizeof(done));
	done[n] = "CWSDRLFN"[act];
	done[n + 1] = '\0';
}

static void
expect_text(const char *text)
{
	char got[64] = "";
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	(void)!fread(got, 1, sizeof(got) - 1, f);
	fclose(f);
	assert_string_equal(got, text);
}

static void
plan(int nth)
{
	calls = 0;
	failing = nth;
	done[0] = '\0';
}

/* Synced before it gets its name, and the name after that. */
static void
test_replace(void **state)
{
	struct stat sb;
	int n;

	plan(0);
	assert_int_equal(file_replace(path, 0600, STR("old")), OK);
	assert_string_equal(done, "CWSRN");
	for (n = 1; n < 20; n++) {
		plan(n);
		if (file_replace(path, 0640, STR("new")) == OK && calls < n)
			break;
		assert_true(access(beside, F_OK) != 0);
		/* Only the last sync comes after the change. */
		expect_text(strchr(done, 'R') != NULL ? "new" : "old");
		plan(0);
		assert_int_equal(file_replace(path, 0600, STR("old")), OK);
	}
	assert_in_range(n, 6, 8);
	expect_text("new");
	assert_int_equal(stat(path, &sb), 0);
	assert_int_equal(sb.st_mode & 0777, 0640);
}

static void
test_names(void **state)
{
	char sub[64];

	plan(0);
	snprintf(sub, sizeof(sub), "%s/sub", folder);
	assert_int_equal(file_make_folder(sub, 0700), OK);
	assert_string_equal(done, "FN");
	assert_int_equal(file_make_folder(sub, 0700), OK);
	assert_string_equal(done, "FN");
	assert_int_equal(rmdir(sub), 0);
	assert_int_equal(file_create(path, 0600), ERR_EXISTS);
	assert_int_equal(file_link(path, beside), OK);
	assert_int_equal(file_rename(beside, path), OK);
	assert_int_equal(file_remove(beside), OK); /* both were the same file: nothing was renamed */
	assert_int_equal(file_remove(beside), ERR_NOT_FOUND);
	assert_int_equal(file_rename(beside, path), ERR_NOT_FOUND);
	assert_int_equal(file_sync(path), OK);
	assert_int_equal(file_sync(beside), ERR_NOT_FOUND);
}

static void
test_no_links(void **state)
{
	plan(0);
	assert_int_equal(symlink("/tmp/mansio-elsewhere", beside), 0);
	assert_int_equal(file_create(beside, 0600), ERR_EXISTS);
	/* What lies in the way of the new file is removed, not written through. */
	assert_int_equal(file_replace(path, 0600, STR("x")), OK);
	assert_true(access("/tmp/mansio-elsewhere", F_OK) != 0);
	expect_text("x");
}

static int
setup(void **state)
{
	static const struct file_watch watch = {before, after};

	file_watch(&watch);
	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/f", folder);
	snprintf(beside, sizeof(beside), "%s/f.new", folder);
	return 0;
}

static int
clean(void **state)
{
	unlink(path);
	unlink(beside);
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_replace),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_no_links),
	};

	return cmocka_run_group_tests(tests, setup, clean);
}
