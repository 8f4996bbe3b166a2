/* SPDX-License-Identifier: Apache-2.0 */
/* config_value: values of settings by their types: from text, to text, compared. Pure, any thread. */
#ifndef BASE_CONFIG_VALUE_H
#define BASE_CONFIG_VALUE_H

#include "base/buf.h"

enum config_type { CONFIG_STR, CONFIG_LIST, CONFIG_NUMBER, CONFIG_SIZE, CONFIG_SECONDS, CONFIG_MILLIS, CONFIG_BOOL };

struct config_list {
	size_t n;
	char **word;
};

#define CONFIG_TYPE_STR char *
#define CONFIG_TYPE_LIST struct config_list
#define CONFIG_TYPE_NUMBER int64_t
#define CONFIG_TYPE_SIZE int64_t
#define CONFIG_TYPE_SECONDS int64_t
#define CONFIG_TYPE_MILLIS int64_t
#define CONFIG_TYPE_BOOL bool

/* Takes a value from text into what holds one of that type already (zeroes are one). units: a time without a unit is refused, but for 0. False: it does
 * not fit, and nothing was changed. */
bool config_value_parse(enum config_type type, struct str text, bool units, void *value);
/* The words of a list one by one: a blank in one of them belongs to it. False: one is empty or not printable. */
bool config_value_words(struct config_list *l, const struct str *word, size_t n);
/* Adds it as it may be written: numbers in the largest unit that has no rest, lists with blanks between the words. */
void config_value_print(enum config_type type, const void *value, struct buf *out);
bool config_value_same(enum config_type type, const void *a, const void *b);
/* Frees what it holds; zeroes it. */
void config_value_clear(enum config_type type, void *value);
void config_list_add(struct config_list *l, struct str word);
void config_list_clear(struct config_list *l);
/* "a size such as 500K or 64M" */
const char *config_value_wants(enum config_type type);

#endif
