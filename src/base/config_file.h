/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_file: the syntax of the configuration file, without knowing the settings:
 *
 *	version = 1                                       # before all sections
 *	section { key = value  key = {value, value} }     # a comment, to the end of the line
 *	section name { ... }
 *
 * A value is a bare word or stands in quotes; within double quotes \" and \\ are these characters, and nothing else follows a backslash.
 * Pure, any thread.
 */
#ifndef BASE_CONFIG_FILE_H
#define BASE_CONFIG_FILE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"

#define CONFIG_FILE_MAX (1 << 20)
#define CONFIG_VALUES_MAX 10000 /* in one list */

struct config_entry {
	struct str section;      /* empty: before all sections */
	struct str name;         /* of the section; p NULL: it has none */
	struct str key;          /* empty: the section begins here, and there is no value */
	unsigned line;           /* on which the key stands, or the section begins */
	bool over;               /* the section ends: its } is at */
	size_t at, end;          /* in the text: from the key, or the section's name, to what is behind the value, or behind the { */
	bool list;               /* {...}: any number of values; else one */
	struct str *value;
	size_t n;
};

/* Calls take() for each section, each setting and each end of a section in order, until it fails. ERR_BAD_INPUT, or what take() returned: *line_r is where, and why was added to.
 * Strings lie in the arena or are borrowed from text. */
must_check enum status config_file_parse(struct arena *arena, struct str text,
    enum status (*take)(void *arg, const struct config_entry *e, struct buf *why), void *arg, unsigned *line_r, struct buf *why);
/* A list alone, {value, value}, as --set takes it too. */
must_check enum status config_file_list(struct arena *arena, struct str text, struct config_entry *e_r, struct buf *why);

#endif
