/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of charsets. They compare by letters and digits only, in the way of Unicode's TR 22 1.4: "iso8859_15", "ISO-8859-15" and "windows1252" are
 * all meant as what they look like.
 */
#include <stdlib.h>

#include "mime/charset_priv.h"

#define PAGE_DIGITS 5 /* of the longest number of a code page */

#define CHARSET(name, kind, ours) {name, ours, KIND_##kind},
static const struct row {
	const char *name, *ours;
	enum charset_kind kind;
} rows[] = {
#include "mime/charset.tbl"
};
#undef CHARSET

static int
by_name(const void *key, const void *row)
{
	return strcmp(key, ((const struct row *)row)->name);
}

static const struct row *
find(const char *key)
{
	return bsearch(key, rows, sizeof(rows) / sizeof(*rows), sizeof(*rows), by_name);
}

/* The name as it is compared. */
static void
flatten(struct str name, char key[CHARSET_NAME_MAX + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < name.n; i++)
		if (ascii_alpha(name.p[i]) || ascii_digit(name.p[i]))
			key[n++] = ascii_lower(name.p[i]);
	key[n] = '\0';
}

/* "windows-1251", "cp1251", "win1251", "x-cp-1251": the number of a code page. NULL: it is none. */
static const char *
page_number(const char *key)
{
	static const char *const before[] = {"windows", "win", "cp", "ms", "ibm", "codepage", "ansi", "dos", "oem", "x"};

	for (size_t i = 0; i < sizeof(before) / sizeof(*before); i++) {
		size_t n = strlen(before[i]);

		if (strncmp(key, before[i], n) == 0 && ascii_digit(key[n]) && strspn(key + n, "0123456789") == strlen(key + n))
			return key + n;
	}
	return NULL;
}

static const struct row *
find_loosely(const char *key)
{
	const struct row *row = find(key);
	const char *number;

	if (row == NULL && key[0] == 'x')
		row = find(++key);
	if (row == NULL && (number = page_number(key)) != NULL)
		row = find(number);
	return row;
}

/* As it stands, for iconv. No slash: it would read options behind it. */
static bool
as_it_is(struct str name, const char *key, char *ours)
{
	const char *number = page_number(key);

	if (number != NULL) {
		if (strlen(number) > PAGE_DIGITS)
			return false;
		memcpy(ours, "CP", 2);
		memcpy(ours + 2, number, strlen(number) + 1);
		return true;
	}
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!ascii_alpha(c) && !ascii_digit(c) && strchr("-_.:+", c) == NULL)
			return false;
		ours[i] = ascii_upper(c);
	}
	ours[name.n] = '\0';
	return true;
}

bool
charset_lookup(struct str name, enum charset_kind *kind_r, char *ours)
{
	char key[CHARSET_NAME_MAX + 1];
	const struct row *row;

	/* RFC 2231 5: a language may follow. */
	name = str_trim(str_head(name, str_chr(name, '*')));
	while (name.n > 0 && (name.p[0] == '\'' || name.p[0] == '"'))
		name = str_from(name, 1);
	while (name.n > 0 && strchr("'\";,", name.p[name.n - 1]) != NULL && name.p[name.n - 1] != '\0')
		name.n--;
	ours[0] = '\0';
	*kind_r = KIND_ASCII;
	if (name.n == 0)
		return true;
	if (name.n > CHARSET_NAME_MAX || memchr(name.p, '/', name.n) != NULL)
		return false;
	flatten(name, key);
	if ((row = find_loosely(key)) != NULL) {
		*kind_r = row->kind;
		memcpy(ours, row->ours, strlen(row->ours) + 1);
		return true;
	}
	*kind_r = KIND_ICONV;
	return as_it_is(name, key, ours);
}

const char *
charset_of_table(size_t i)
{
	return i < sizeof(rows) / sizeof(*rows) ? rows[i].ours : NULL;
}
