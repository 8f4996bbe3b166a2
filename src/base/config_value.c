/* SPDX-License-Identifier: Apache-2.0 */
/* One function for each type of value, each way. */
#include "base/config_value.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"

struct unit {
	const char *name;
	int64_t factor;
};

/* Each list in order of size; the last has no name. */
static const struct unit size_units[] = {{"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {0}};
static const struct unit second_units[] = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {0}};
static const struct unit milli_units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {0}};

static const struct unit *
units_of(enum config_type type)
{
	return type == CONFIG_SIZE ? size_units : type == CONFIG_SECONDS ? second_units : milli_units;
}

const char *
config_value_wants(enum config_type type)
{
	static const char *const words[] = {"text", "a list of words", "a whole number", "a size such as 500K or 64M",
	    "a time such as 30s, 10m, 4h or 1d", "a time such as 500ms, 10s or 1m", "yes or no"};

	return words[type];
}

/* ---- from text ---- */

/* A number with a unit, or without one where that may be. */
static bool
scaled(struct str s, const struct unit *units, bool needed, int64_t *n_r)
{
	size_t digits = 0;
	int64_t factor = 0, n;
	uint64_t u;

	while (digits < s.n && ascii_digit(s.p[digits]))
		digits++;
	for (const struct unit *unit = units; unit->name != NULL; unit++)
		if (str_caseeq(str_from(s, digits), str_c(unit->name)))
			factor = unit->factor;
	if (digits == s.n)
		factor = 1;
	if (factor == 0 || !str_u64(str_head(s, digits), INT64_MAX, &u) || __builtin_mul_overflow((int64_t)u, factor, &n))
		return false;
	if (digits == s.n && needed && n != 0)
		return false;
	*n_r = n;
	return true;
}

static bool
truth(struct str s, bool *b_r)
{
	static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (str_caseeq(s, str_c(words[i]))) {
			*b_r = i % 2;
			return true;
		}
	}
	return false;
}

/* Nobody breaks out of a greeting, a header line or a line of the log by a setting. */
static bool
printable(struct str value)
{
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] < 0x20 || value.p[i] == 0x7f)
			return false;
	return true;
}

void
config_list_clear(struct config_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->word[i]);
	free(l->word);
	*l = (struct config_list){0};
}

void
config_list_add(struct config_list *l, struct str word)
{
	l->word = x_realloc(l->word, (l->n + 1) * sizeof(*l->word));
	l->word[l->n++] = x_strndup(word);
}

static void
list_parse(struct config_list *l, struct str s)
{
	size_t i = 0;

	config_list_clear(l);
	while (i < s.n) {
		size_t start;

		while (i < s.n && strchr(", \t", s.p[i]) != NULL)
			i++;
		for (start = i; i < s.n && strchr(", \t", s.p[i]) == NULL; i++)
			;
		if (i == start)
			break;
		config_list_add(l, str_of(s.p + start, i - start));
	}
}

bool
config_value_words(struct config_list *l, const struct str *word, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_trim(word[i]).n == 0 || !printable(word[i]))
			return false;
	config_list_clear(l);
	for (size_t i = 0; i < n; i++)
		config_list_add(l, str_trim(word[i]));
	return true;
}

bool
config_value_parse(enum config_type type, struct str s, bool units, void *value)
{
	uint64_t u;

	if (!printable(s))
		return false;
	switch (type) {
	case CONFIG_STR:
		free(*(char **)value);
		*(char **)value = x_strndup(s);
		return true;
	case CONFIG_LIST:
		list_parse(value, s);
		return true;
	case CONFIG_NUMBER:
		if (!str_u64(s, INT64_MAX, &u))
			return false;
		*(int64_t *)value = (int64_t)u;
		return true;
	case CONFIG_SIZE:
	case CONFIG_SECONDS:
	case CONFIG_MILLIS: return scaled(s, units_of(type), units && type != CONFIG_SIZE, value);
	case CONFIG_BOOL: return truth(s, value);
	}
	return false;
}

/* ---- to text ---- */

static void
print_scaled(int64_t n, const struct unit *units, struct buf *out)
{
	const struct unit *largest = NULL;

	for (const struct unit *u = units; u->name != NULL; u++)
		if (n != 0 && n % u->factor == 0)
			largest = u;
	buf_addf(out, "%" PRId64 "%s", largest != NULL ? n / largest->factor : n, largest != NULL ? largest->name : "");
}

void
config_value_print(enum config_type type, const void *value, struct buf *out)
{
	const struct config_list *l = value;

	switch (type) {
	case CONFIG_STR: buf_adds(out, *(char *const *)value); break;
	case CONFIG_LIST:
		for (size_t i = 0; i < l->n; i++)
			buf_addf(out, "%s%s", i > 0 ? " " : "", l->word[i]);
		break;
	case CONFIG_NUMBER: buf_addf(out, "%" PRId64, *(const int64_t *)value); break;
	case CONFIG_BOOL: buf_adds(out, *(const bool *)value ? "yes" : "no"); break;
	default: print_scaled(*(const int64_t *)value, units_of(type), out); break;
	}
}

static bool
same_list(const struct config_list *a, const struct config_list *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->word[i], b->word[i]) != 0)
			return false;
	return true;
}

bool
config_value_same(enum config_type type, const void *a, const void *b)
{
	switch (type) {
	case CONFIG_STR: return strcmp(*(char *const *)a, *(char *const *)b) == 0;
	case CONFIG_LIST: return same_list(a, b);
	case CONFIG_BOOL: return *(const bool *)a == *(const bool *)b;
	default: return *(const int64_t *)a == *(const int64_t *)b;
	}
}

void
config_value_clear(enum config_type type, void *value)
{
	if (type == CONFIG_STR) {
		free(*(char **)value);
		*(char **)value = NULL;
	} else if (type == CONFIG_LIST) {
		config_list_clear(value);
	}
}
