/* SPDX-License-Identifier: Apache-2.0 */
/* Languages: the table is sorted and whole, texts are found, tags are matched as RFC 4647 says. tools/texts looks at what the texts say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/utf8.h"
#include "session/language.h"

static const char *const rows[][LANGUAGES - 1] = {
#define T(english, ...) {english, __VA_ARGS__},
#include "session/language.tbl"
#undef T
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void
table_is_whole(void **state)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (i > 0)
			assert_true(strcmp(rows[i - 1][0], rows[i][0]) < 0);
		for (unsigned l = LANGUAGE_DE; l < LANGUAGES; l++) {
			const char *text = rows[i][l - 1];

			assert_non_null(text);
			assert_true(text[0] != '\0' && text[0] != '[' && utf8_valid(str_c(text)));
			if (strstr(text, "%s") == NULL)
				assert_string_equal(language_translate((enum language)l, rows[i][0]), text);
		}
	}
}

static void
texts_are_found(void **state)
{
	char long_name[600];

	assert_string_equal(language_translate(LANGUAGE_DE, "FETCH completed"), "FETCH ausgeführt");
	assert_string_equal(language_translate(LANGUAGE_PL, "UID EXPUNGE completed"), "Wykonano UID EXPUNGE");
	assert_string_equal(language_translate(LANGUAGE_JA, "NOOP takes nothing"), "NOOP に引数は指定できません");
	/* A row of its own goes before the general one. */
	assert_string_equal(language_translate(LANGUAGE_FR, "FIND completed, there are no bulletin boards"),
	    "FIND terminé, il n’y a pas de forums");
	/* What nobody has translated stays as it is. */
	assert_string_equal(language_translate(LANGUAGE_ES, "completed"), "completed");
	assert_string_equal(language_translate(LANGUAGE_ES, "X completed"), "X completed");
	assert_string_equal(language_translate(LANGUAGE_ES, "UID  completed"), "UID  completed");
	assert_string_equal(language_translate(LANGUAGE_ES, ""), "");
	assert_string_equal(language_translate(LANGUAGE_EN, "No such mailbox"), "No such mailbox");
	assert_string_equal(language_translate(LANGUAGE_I_DEFAULT, "No such mailbox"), "No such mailbox");
	memset(long_name, 'A', sizeof(long_name) - 1);
	memcpy(long_name + 580, " completed", 11);
	assert_true(strlen(language_translate(LANGUAGE_IT, long_name)) < 600);
	assert_string_equal(long_name + 580, " completed");
}

/* RFC 4647 2.1, 3.4 */
static void
tags_are_matched(void **state)
{
	static const struct {
		const char *range;
		int want; /* a language, or -1: none, -2: not a range, -3: any */
	} cases[] = {
	    {"de", LANGUAGE_DE}, {"DE", LANGUAGE_DE}, {"de-CH", LANGUAGE_DE}, {"de-CH-1996", LANGUAGE_DE},
	    {"de-a-foo-x-bar", LANGUAGE_DE}, {"de-x-1", LANGUAGE_DE}, {"ja-Jpan-JP", LANGUAGE_JA},
	    {"en-GB", LANGUAGE_EN}, {"i-default", LANGUAGE_I_DEFAULT}, {"I-Default", LANGUAGE_I_DEFAULT},
	    {"i-default-x-y", LANGUAGE_I_DEFAULT}, {"i-klingon", -1}, {"i", -1}, {"x-de", -1}, {"mul", -1},
	    {"deu", -1}, {"d", -1}, {"zh-de", -1}, {"und", -1}, {"*", -3}, {"", -2}, {"-", -2}, {"de-", -2},
	    {"-de", -2}, {"de--ch", -2}, {"de_DE", -2}, {"de-*", -2}, {"*-de", -2}, {"1de", -2},
	    {"abcdefghi", -2}, {"de-abcdefghi", -2}, {"dé", -2}, {"de en", -2}, {"de\n", -2}, {"c3", -2}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum language l = LANGUAGES;
		enum status st = language_lookup(str_c(cases[i].range), &l);

		if (cases[i].want >= 0) {
			assert_int_equal(st, OK);
			assert_int_equal((int)l, cases[i].want);
		} else {
			assert_int_equal(st, cases[i].want == -1 ? ERR_NOT_FOUND :
				cases[i].want == -2 ? ERR_BAD_INPUT : ERR_AGAIN);
			assert_int_equal(l, LANGUAGES);
		}
	}
}

static void
settings_name_languages(void **state)
{
	uint8_t l = 77;

	assert_true(language_find("pl", &l));
	assert_int_equal(l, LANGUAGE_PL);
	assert_false(language_find("de-CH", &l));
	assert_false(language_find("", &l));
	assert_int_equal(l, LANGUAGE_PL);
	assert_string_equal(language_tag(LANGUAGE_JA), "ja");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(table_is_whole),
	    cmocka_unit_test(texts_are_found),
	    cmocka_unit_test(tags_are_matched),
	    cmocka_unit_test(settings_name_languages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
