/* SPDX-License-Identifier: Apache-2.0 */
/* The tables: sorted, findable, and each row documented. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/digits.h"
#include "imap/commands.h"
#include "imap/core/capability.h"
#include "imap/core/reply.h"
#include "imap/fetch/fetch.h"

static void
commands_are_found(void **state)
{
	const struct command *row;

	for (unsigned i = 0; (row = command_row(i)) != NULL; i++) {
		assert_ptr_equal(command_find(str_c(row->name)), row);
		assert_non_null(row->run);
		assert_true(row->usage != NULL && row->usage[0] != '\0');
		assert_true(row->states != 0 && row->doc[0] != '\0');
		if (i > 0)
			assert_true(str_cmp(str_c(command_row(i - 1)->name), str_c(row->name)) < 0);
		assert_int_equal(str_starts(str_c(row->name), STR("UID ")), (row->flags & CMDF_UID) != 0);
	}
	assert_null(command_find(STR("")));
	assert_null(command_find(STR("FETCH2")));
	assert_null(command_find(STR("UID")));
	assert_null(command_find(STR("ZZZ")));
}

/* T80: without UID these may not be answered by EXPUNGE. */
static void
no_expunge_where_numbers_count(void **state)
{
	static const char *const names[] = {"FETCH", "STORE", "SEARCH"};

	for (size_t i = 0; i < 3; i++)
		assert_true(command_find(str_c(names[i]))->flags & CMDF_NO_EXPUNGE);
	assert_false(command_find(STR("UID FETCH"))->flags & CMDF_NO_EXPUNGE);
}

static void
every_status_has_a_code(void **state)
{
	for (int st = OK + 1; st < STATUS_COUNT; st++) {
		assert_true(reply_status_code((enum status)st)[0] != '\0');
		assert_true(reply_status_text((enum status)st)[0] != '\0');
	}
}

static void
capabilities_are_documented(void **state)
{
	const struct capability_row *row;

	for (unsigned i = 0; (row = capability_row(i)) != NULL; i++) {
		assert_true(row->rfc[0] != '\0' && row->doc[0] != '\0');
		assert_true(str_chr(str_c(row->name), ' ') == strlen(row->name)); /* T01 */
	}
}

static void
numbers(void **state)
{
	static const uint64_t n[] = {0, 1, 9, 10, 11, 99, 100, 101, 12345, 99999, UINT32_MAX, 1ull << 32, UINT64_MAX};

	for (size_t i = 0; i < sizeof(n) / sizeof(n[0]); i++) {
		char a[32], b[32];
		struct buf want = {0};

		buf_addu(&want, n[i]);
		assert_true(str_eq(str_of(a, (size_t)(put_u64(a, n[i]) - a)), buf_str(&want)));
		if (n[i] <= UINT32_MAX)
			assert_true(str_eq(str_of(b, (size_t)(put_u32(b, (uint32_t)n[i]) - b)), buf_str(&want)));
		buf_free(&want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_found),
		cmocka_unit_test(no_expunge_where_numbers_count),
		cmocka_unit_test(every_status_has_a_code),
		cmocka_unit_test(capabilities_are_documented),
		cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
