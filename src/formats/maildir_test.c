/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "formats/maildir.h"
#include "wire/flag.h"

static void
names(void **state)
{
	static const struct {
		const char *file, *base;
		uint8_t flags;
		bool forwarded;
		uint32_t letters;
	} table[] = {{"1.M1.h:2,FRSab", "1.M1.h", FLAG_FLAGGED | FLAG_ANSWERED | FLAG_SEEN, false, 3}, {"1.h;2,DT", "1.h", FLAG_DRAFT | FLAG_DELETED, false, 0},
	    {"1.h!2,PS", "1.h", FLAG_SEEN, true, 0}, {"1.h,S=5,W=6:2,S", "1.h,S=5,W=6", FLAG_SEEN, false, 0}, {"1.h", "1.h", 0, false, 0},
	    {"1.h:1,x", "1.h", 0, false, 0}, {"1!2,h:2,", "1!2,h", 0, false, 0}, {":2,", "", 0, false, 0}, {"", "", 0, false, 0}};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct maildir_name n;

		maildir_name_parse(str_c(table[i].file), &n);
		assert_true(str_eq(n.base, str_c(table[i].base)));
		assert_int_equal(n.flags, table[i].flags);
		assert_int_equal(n.forwarded, table[i].forwarded);
		assert_int_equal(n.letters, table[i].letters);
	}
}

static void
keywords(void **state)
{
	struct arena a = {0};
	struct maildir_letters l;
	struct maildir_list list = {0};
	struct maildir_keywords *kw;

	maildir_letters_parse(&a, STR("0 $Label1\n25 Last\n26 no\nx y\n1 two words\r\n"), &l);
	assert_true(str_eq(l.keyword[0], STR("$Label1")) && str_eq(l.keyword[25], STR("Last")) && str_eq(l.keyword[1], STR("two words")));
	maildir_list_parse(&a, STR("A\nB\nC\n\n1.M1.h:0 2\n2.h,S=3:1\nbad\n3.h:9 1 x\n"), &list);
	kw = map_get(&list.messages, STR("1.M1.h"));
	assert_true(kw != NULL && kw->n == 2 && str_eq(kw->name[1], STR("C")));
	kw = map_get(&list.messages, STR("3.h"));
	assert_true(kw != NULL && kw->n == 1 && str_eq(kw->name[0], STR("B")));
	assert_null(map_get(&list.messages, STR("bad")));
	map_free(&list.messages);
	arena_free(&a);
}

static void
uidl_is(struct maildir_uidls *r, const char *base, const char *want)
{
	const struct str *got = map_get(&r->messages, str_c(base));

	if ((got == NULL) != (want == NULL) || (got != NULL && !str_eq(*got, str_c(want))))
		fail_msg("%s: %.*s, not %s", base, got != NULL ? (int)got->n : 4, got != NULL ? got->p : "none", want != NULL ? want : "none");
}

static void
uidls(void **state)
{
	struct arena a = {0};
	struct maildir_uidls r = {0};

	maildir_dovecot_uidls(&a, STR("3 V1300000000 N9 Gabc\n1 :1.M1.h,S=5\n2 Pmine W300 :2.h:2,S\n10 W3 Pother :3 x\nbad\n11 P\nx :4.h\n"), &r);
	uidl_is(&r, "1.M1.h,S=5", "000000014d7c6d00");
	uidl_is(&r, "2.h", "mine");
	uidl_is(&r, "3 x", "other");
	uidl_is(&r, "4.h", NULL);
	map_free(&r.messages);
	maildir_dovecot_uidls(&a, STR("1 17 9\n4 1.h\n"), &r);
	uidl_is(&r, "1.h", "0000000400000011");
	map_free(&r.messages);
	maildir_dovecot_uidls(&a, STR("3 N9\n1 :1.h\n"), &r);
	maildir_dovecot_uidls(&a, STR("9 V1 N9\n1 :1.h\n"), &r);
	maildir_dovecot_uidls(&a, STR(""), &r);
	maildir_courier_uidls(&a, STR("/1 3 5\n1.h 10 7:8\n"), &r);
	uidl_is(&r, "1.h", NULL);
	maildir_courier_uidls(&a, STR("/3 9 1300000000\n1.M1.h,S=5:2,S 100 7:1300000000:0\n2 x.h 100 8:0:1\n3.'+\"h:2, 100 0:5:0\nbad\n 1 2:3\n4.h x\n"), &r);
	uidl_is(&r, "1.M1.h,S=5", "UID7-1300000000");
	uidl_is(&r, "2 x.h", "UID8");
	uidl_is(&r, "3.'+\"h", "3.+27+2B+22h");
	uidl_is(&r, "4.h", NULL);
	maildir_courier_uidls(&a, STR("/2 9 5\n5.h 100 7:6"), &r);
	uidl_is(&r, "5.h", "UID7-6");
	map_free(&r.messages);
	arena_free(&a);
}

static void
folders(void **state)
{
	static const struct {
		const char *folder, *mailbox;
		bool dotted, changed;
	} table[] = {{".Sent.2020", "Sent/2020", true, false}, {".Entw&APw-rfe", "Entw\xc3\xbcrfe", true, false}, {".a\\2eb", "a.b", true, false},
	    {"a.b", "a.b", false, false}, {".a\\2fb", "a_b", true, true}, {"\xc3\xbc", "\xc3\xbc", false, false}, {".a\\zz\\41", "a\\zz\\41", true, false},
	    {".a&b", "a&b", true, false}, {".a&AC4-b.&AC4-&AC4-", "a.b/..", true, false}};
	struct arena a = {0};
	bool changed;

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct str got = maildir_folder_name(&a, str_c(table[i].folder), table[i].dotted, &changed);

		if (!str_eq(got, str_c(table[i].mailbox)))
			fail_msg("%s: %.*s", table[i].folder, STR_FMT(got));
		assert_int_equal(changed, table[i].changed);
	}
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(names), cmocka_unit_test(keywords), cmocka_unit_test(uidls), cmocka_unit_test(folders)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
