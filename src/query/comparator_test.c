/* SPDX-License-Identifier: Apache-2.0 */
/* Names, wildcards and directions of comparators (RFC 4790 3.1 to 3.3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "query/comparator.h"
#include "mime/subject.h"

#define ALL 7

static void
names(void **state)
{
	static const struct {
		const char *order;
		enum status st;
		comparator_set set;
		unsigned first;
		bool descending;
	} t[] = {
	    {"i;unicode-casemap", OK, 1, MIME_UNICODE_CASEMAP, false},
	    {"i;octet", OK, 4, MIME_OCTET, false},
	    {"I;Octet", OK, 4, MIME_OCTET, false},
	    {"-i;octet", OK, 4, MIME_OCTET, true},
	    {"+i;ascii-casemap", OK, 2, MIME_ASCII_CASEMAP, false},
	    {"default", OK, 1, MIME_UNICODE_CASEMAP, false},
	    {"-default", OK, 1, MIME_UNICODE_CASEMAP, true},
	    {"*", OK, ALL, MIME_UNICODE_CASEMAP, false},
	    {"i;*", OK, ALL, MIME_UNICODE_CASEMAP, false},
	    {"-*casemap", OK, 3, MIME_UNICODE_CASEMAP, true},
	    {"*i*a*s*e*p*", OK, 3, MIME_UNICODE_CASEMAP, false},
	    {"i;*octet*", OK, 4, MIME_OCTET, false},
	    {"*t*", OK, 4, MIME_OCTET, false},
	    {"cz;*", ERR_NOT_FOUND, 0, 0, false},
	    {"i;basic", ERR_NOT_FOUND, 0, 0, false},
	    {"i;oct", ERR_NOT_FOUND, 0, 0, false},
	    {"i;octets", ERR_NOT_FOUND, 0, 0, false},
	    {"defaul*", ERR_NOT_FOUND, 0, 0, false},
	    {"i;ascii-numeric", ERR_NOT_FOUND, 0, 0, false}, /* has no substring operation */
	    {"", ERR_BAD_INPUT, 0, 0, false},
	    {"+", ERR_BAD_INPUT, 0, 0, false},
	    {"--i;octet", ERR_BAD_INPUT, 0, 0, false},
	    {"**", ERR_BAD_INPUT, 0, 0, false},
	    {"i;**", ERR_BAD_INPUT, 0, 0, false},
	    {";octet", ERR_BAD_INPUT, 0, 0, false},
	    {"1*", ERR_BAD_INPUT, 0, 0, false},
	    {"i octet", ERR_BAD_INPUT, 0, 0, false},
	    {"i;%", ERR_BAD_INPUT, 0, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct comparator first = {0};
		comparator_set set = 0;

		if (comparator_find(str_c(t[i].order), &set, &first) != t[i].st || set != t[i].set ||
		    first.collation != t[i].first || first.descending != t[i].descending)
			fail_msg("\"%s\" gives set %u, first %u", t[i].order, set, first.collation);
	}
}

/* At most 254 characters; a pattern of many stars is no work (S6). */
static void
bounds(void **state)
{
	struct comparator first;
	comparator_set set;
	char order[300];

	(void)state;
	for (size_t i = 0; i < sizeof(order); i++)
		order[i] = i % 2 ? 'a' : '*';
	assert_int_equal(comparator_find(str_of(order, 254), &set, &first), ERR_NOT_FOUND);
	assert_int_equal(comparator_find(str_of(order, 255), &set, &first), ERR_BAD_INPUT);
	for (unsigned c = 0; c <= MIME_OCTET; c++) {
		assert_int_equal(comparator_find(str_c(comparator_id(c)), &set, &first), OK);
		assert_int_equal(first.collation, c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names),
	    cmocka_unit_test(bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
