/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config: the settings, from config.tbl: defaults, then the configuration file, then --set. Read once
 * at the start, by one thread; afterwards config() is constant and for any thread, and config_reread() tells what has changed.
 *
 *	config()->limits_message_bytes, config()->imap_hide.n, ...
 *	for (i = 0; (l = config_listener(config(), i)) != NULL; i++) ... l->name, l->address, l->mode
 *
 * A file that begins with "version = 1" has units behind its times. One without a version is one of before, and read as it was then. Former spellings
 * (config_old.tbl) are understood in both and in --set, and config_item() tells which were used.
 */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include "base/buf.h"
#include "base/config_value.h"
#include "base/status.h"

#define CONFIG_VERSION 1
#define CONFIG_DEFAULT_PATH "/etc/mansio/mansio.conf"

struct config {
#define C(section, key, type, preset, level, text) CONFIG_TYPE_##type section##_##key;
#define N(section, key, type, preset, level, text)
#include "base/config.tbl"
#undef N
#undef C
};

/* One section that has a name. Listeners http, https, imap, imaps, lmtp, pop3 and pop3s, the certificate default and the directory store are always there. */
#define C(section, key, type, preset, level, text)
#define N(section, ...) N_##section(__VA_ARGS__)
#define FIELD(key, type, preset, level, text) CONFIG_TYPE_##type key;
#define NOT(key, type, preset, level, text)
#define N_listener FIELD
#define N_certificate NOT
#define N_domain NOT
#define N_directory NOT
struct config_listener {
	const char *name;
#include "base/config.tbl"
};
#undef N_listener
#undef N_certificate
#define N_listener NOT
#define N_certificate FIELD
struct config_certificate {
	const char *name;
#include "base/config.tbl"
};
#undef N_certificate
#undef N_domain
#define N_certificate NOT
#define N_domain FIELD
struct config_domain {
	const char *name;
#include "base/config.tbl"
};
#undef N_domain
#undef N_directory
#define N_domain NOT
#define N_directory FIELD
struct config_directory {
	const char *name;
#include "base/config.tbl"
};
#undef N_listener
#undef N_certificate
#undef N_domain
#undef N_directory
#undef FIELD
#undef NOT
#undef N
#undef C

/* Those of c, which is config() or of config_reread(), in the order in which they came up; NULL behind the last. */
const struct config_listener *config_listener(const struct config *c, size_t i);
const struct config_certificate *config_certificate(const struct config *c, size_t i);
const struct config_domain *config_domain(const struct config *c, size_t i);
const struct config_directory *config_directory(const struct config *c, size_t i);

/* The settings in force; the defaults until something was read. */
const struct config *config(void);
/* Reads a file over what is in force. ERR_NOT_FOUND (it cannot be read), ERR_BAD_INPUT; what is wrong, and where, is added to why. */
must_check enum status config_read(const char *path, struct buf *why);
/* The file that was read last; NULL: none. */
const char *config_path(void);
/* The bytes of it. */
struct str config_text(void);
/*
 * Another process reads the file: from now on these are its bytes, copied, whatever stands at the path, which is its name in messages; there false: there is no
 * file. For the thread that reads the settings.
 */
void config_give(bool there, struct str text);
/* Whether a file was given; path: where it would stand otherwise. */
bool config_there(const char *path);
/* The version that it said; 0: none. */
unsigned config_version(void);
/* Sets one from "section.key=value" or "section.name.key=value". ERR_NOT_FOUND: there is no such setting; ERR_BAD_INPUT. */
must_check enum status config_set(struct str assignment, struct buf *why);
/* Checks choices, ranges and what no single setting can tell. ERR_BAD_INPUT. */
must_check enum status config_check(struct buf *why);
/*
 * The file and what was set since, read again, for what may change while the server runs: *fresh_r is a copy of its own, config() stays as it was.
 * Checked as config_check() does. ERR_NOT_FOUND, ERR_BAD_INPUT. The thread that read the settings.
 */
must_check enum status config_reread(struct buf *why, struct config **fresh_r);
/* The file alone, over the defaults; for config_free(). ERR_NOT_FOUND, ERR_BAD_INPUT. */
must_check enum status config_read_copy(const char *path, struct buf *why, struct config **fresh_r);
/* The bytes of a configuration file. ERR_NOT_FOUND. */
must_check enum status config_slurp(const char *path, struct buf *out, struct buf *why);
void config_free(struct config *c);
/* Adds where a value came from, "FILE:LINE: " or "--set: ", and nothing for a default. value points into c, which is config() or of config_reread(), or
 * into one of its sections. */
void config_blame(const struct config *c, const void *value, struct buf *why);
/* Its name as it was spelt there: "imap.hide", "listener imaps.address", or the former "imaps.listen". In memory of c's own. */
const char *config_name(const struct config *c, const void *value);
/* Whether it stands in the file. */
bool config_in_file(const struct config *c, const void *value);
/* Back to the defaults, memory freed: for tests. */
void config_reset(void);
/* Where the store of a whole machine lies, unless a setting says otherwise: for root, and for the user whose folder it is. */
#define CONFIG_DATA_MACHINE "/var/lib/mansio"
/* The data folder that the settings mean; in static memory of the caller's: at most n bytes. */
must_check enum status config_data_dir(char *out, size_t n);

/* The table, for the manual page and --help: row i, or false. */
struct config_row {
	const char *section, *key, *type, *preset, *text;
	bool named;        /* of a section that has a name */
	bool advanced;
	const char *range; /* what a number must be, in words; NULL: anything */
};
bool config_row(size_t i, struct config_row *row_r);
/* A former spelling, and what it is called now: row i, or false. */
struct config_old {
	const char *section, *key, *name; /* name: "imap.idle" */
	const char *now; /* "imap.idle_timeout" or "listener imap.address" */
};
bool config_old(size_t i, struct config_old *old_r);

/* What is in force: item i of c in the order of the table, or false. */
struct config_item {
	const char *section, *of, *key; /* of: the name of the section; NULL: it has none */
	const char *name;    /* "imap.hide", "listener imaps.address" */
	const char *spelt;   /* the former spelling by which it was set; NULL: it was not */
	bool odd;            /* that was a former one in the files of before already */
	const struct config_old *former; /* what files of before call it; NULL: the same */
	const char *text, *preset, *range;
	const void *value;
	enum config_type type;
	bool changed;        /* it is not the default */
	bool advanced;
};
bool config_item(const struct config *c, size_t i, struct config_item *item_r);
/* Adds the names of what is not the same in both, separated by commas: what a wants, what b has. but: settings with this key are left out, "": none. */
void config_differences(const struct config *a, const struct config *b, const char *but, struct buf *out);

#endif
