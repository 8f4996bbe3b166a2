/* SPDX-License-Identifier: Apache-2.0 */
/* Which names a new account may have. Those that are there already are found whatever they are called. */
#include "base/utf8.h"
#include "store/account.h"

/* Letters, marks and digits of any script, and the punctuation of mail addresses that no shell, list, file of passwords, path, page or
 * protocol takes for its own. */
static bool
new_char_ok(int32_t c)
{
	return utf8_is_word(c) || c == '.' || c == '_' || c == '-' || c == '+' || c == '\'' || c == '=' || c == '@';
}

/* What is before the '@', and what is behind it: dots stand between, not at the ends. */
static const char *
part_fault(struct str s)
{
	size_t len;

	if (s.n == 0)
		return "nothing stands before or behind the @";
	if (s.p[0] == '.' || s.p[s.n - 1] == '.' || str_find(s, STR(".."), 0) != SIZE_MAX)
		return "a dot stands at an end or beside another";
	if (!utf8_is_letter(utf8_next(s, &len)) && s.p[0] != '_')
		return "it does not begin with a letter or a digit";
	return NULL;
}

static bool
reserved(struct str name)
{
	/* Identifiers of rights (RFC 4314), and what stands for them elsewhere. */
	static const struct str words[] = {{"anyone", 6}, {"anonymous", 9}, {"authenticated", 13}, {"administrators", 14},
	    {"owner", 5}, {"nobody", 6}, {"none", 4}};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (str_caseeq(name, words[i]))
			return true;
	return false;
}

const char *
account_name_fault(struct str name)
{
	size_t at, len;
	const char *why;

	if (!account_name_ok(name))
		return "it is empty, too long, no UTF-8, or has characters that no name may have";
	for (struct str s = name; s.n > 0; s = str_from(s, len))
		if (!new_char_ok(utf8_next(s, &len)))
			return "names are of letters, digits and . _ - + ' = @";
	at = str_chr(name, '@');
	if ((why = part_fault(str_head(name, at))) != NULL || at == name.n)
		return why != NULL ? why : reserved(name) ? "this word has a meaning of its own" : NULL;
	name = str_from(name, at + 1);
	if (str_chr(name, '@') < name.n)
		return "there is more than one @";
	return part_fault(name);
}
