/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config: the settings, from config.tbl: defaults, then the configuration file, then --set. Read once
 * at the start, by one thread; afterwards config() is constant and for any thread, and config_reread() tells what has changed.
 *
 *	config()->imap_listen.n, config()->limits_message, ...
 */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include "base/buf.h"
#include "base/status.h"

struct config_list {
	size_t n;
	char **word;
};

#define CONFIG_TYPE_STR char *
#define CONFIG_TYPE_LIST struct config_list
#define CONFIG_TYPE_NUMBER int64_t
#define CONFIG_TYPE_SIZE int64_t
#define CONFIG_TYPE_SECONDS int64_t
#define CONFIG_TYPE_BOOL bool

struct config {
#define C(section, key, type, preset, text) CONFIG_TYPE_##type section##_##key;
#include "base/config.tbl"
#undef C
};

/* The settings in force; the defaults until something was read. */
const struct config *config(void);
/* Reads a file over what is in force. ERR_NOT_FOUND (it cannot be read), ERR_BAD_INPUT; what is wrong, and where, is added to why. */
must_check enum status config_read(const char *path, struct buf *why);
/* The file that was read last; NULL: none. */
const char *config_path(void);
/* Sets one from "section.key=value". ERR_NOT_FOUND: there is no such setting; ERR_BAD_INPUT. */
must_check enum status config_set(struct str assignment, struct buf *why);
/* Checks choices, ranges and what no single setting can tell. ERR_BAD_INPUT. */
must_check enum status config_check(struct buf *why);
/*
 * The file and what was set since, read again, for what may change while the server runs: *fresh_r is a copy of its own, config() stays as it was.
 * Checked as config_check() does. ERR_NOT_FOUND, ERR_BAD_INPUT. The thread that read the settings.
 */
must_check enum status config_reread(struct buf *why, struct config **fresh_r);
void config_free(struct config *c);
/* Adds where a value came from, "FILE:LINE: " or "--set: ", and nothing for a default. value points into c, which is config() or of config_reread(). */
void config_blame(const struct config *c, const void *value, struct buf *why);
/* Whether it stands in the file. */
bool config_in_file(const struct config *c, const void *value);
/* A copy of the defaults; for config_free(). The thread that read the settings. */
struct config *config_defaults(void);
/* Whether row i has the same value in both. */
bool config_same(const struct config *a, const struct config *b, size_t i);
/* Back to the defaults, memory freed: for tests. */
void config_reset(void);
/* Where the store of a whole machine lies, unless a setting says otherwise: for root, and for the user whose folder it is. */
#define CONFIG_DATA_MACHINE "/var/lib/mansio"
/* The data folder that the settings mean; in static memory of the caller's: at most n bytes. */
must_check enum status config_data_dir(char *out, size_t n);

/* The table, for the manual page and --help: row i, or false. */
struct config_row {
	const char *section, *key, *type, *preset, *text;
	const char *range; /* what a number must be, in words; NULL: anything */
};
bool config_row(size_t i, struct config_row *row_r);

#endif
