/* SPDX-License-Identifier: Apache-2.0 */
/* The table of comparators and their names. */
#include "query/comparator.h"

#include "base/assert.h"
#include "mime/subject.h"

#define ORDER_MAX 254 /* RFC 4790 3.2 */

#define P(id, collation, doc) {id, collation},
static const struct {
	const char *id;
	enum mime_collation collation;
} comparators[] = {
#include "query/comparators.tbl"
};
#undef P
#define COMPARATORS (sizeof(comparators) / sizeof(comparators[0]))

const char *
comparator_id(unsigned collation)
{
	for (size_t i = 0; i < COMPARATORS; i++)
		if (comparators[i].collation == collation)
			return comparators[i].id;
	return "";
}

static bool
collation_char(char c)
{
	return ascii_alpha(c) || ascii_digit(c) || c == '-' || c == ';' || c == '=' || c == '.';
}

/* collation-wild (RFC 4790 3.2): begins with a letter or "*", and no two "*" stand together. */
static bool
valid(struct str wild)
{
	if (wild.n == 0 || wild.n > ORDER_MAX || !(wild.p[0] == '*' || ascii_alpha(wild.p[0])))
		return false;
	for (size_t i = 1; i < wild.n; i++)
		if (!collation_char(wild.p[i]) && (wild.p[i] != '*' || wild.p[i - 1] == '*'))
			return false;
	return true;
}

/* Each "*" in turn takes as little as it can. Both are short, so what that may cost is bounded. */
static bool
matches(struct str wild, struct str id)
{
	size_t w = 0, i = 0, star = SIZE_MAX, from = 0;

	while (i < id.n) {
		if (w < wild.n && wild.p[w] == '*') {
			star = w++;
			from = i;
		} else if (w < wild.n && ascii_lower(wild.p[w]) == ascii_lower(id.p[i])) {
			w++;
			i++;
		} else if (star != SIZE_MAX) {
			w = star + 1;
			i = ++from;
		} else {
			return false;
		}
	}
	while (w < wild.n && wild.p[w] == '*')
		w++;
	return w == wild.n;
}

enum status
comparator_find(struct str order, comparator_set *set_r, struct comparator *first_r)
{
	struct comparator first = {.descending = order.n > 0 && order.p[0] == '-'};
	comparator_set set = 0;

	if (order.n > 0 && (order.p[0] == '+' || order.p[0] == '-'))
		order = str_from(order, 1);
	if (!valid(order))
		return ERR_BAD_INPUT;
	for (size_t i = 0; i < COMPARATORS; i++) {
		bool is_default = i == 0 && str_caseeq(order, STR("default"));

		if (!is_default && !matches(order, str_c(comparators[i].id)))
			continue;
		if (set == 0)
			first.collation = (uint8_t)comparators[i].collation;
		set |= (comparator_set)(1 << comparators[i].collation);
	}
	if (set == 0)
		return ERR_NOT_FOUND;
	ensure(set & (1 << first.collation));
	*set_r = set;
	*first_r = first;
	return OK;
}
