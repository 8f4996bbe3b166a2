/* SPDX-License-Identifier: Apache-2.0 */
#include "base/config.h"

#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/assert.h"

enum type { STR_, LIST_, NUMBER_, SIZE_, SECONDS_, BOOL_ };

static const struct row {
	struct config_row row;
	enum type type;
	size_t offset;
} rows[] = {
#define C(section_, key_, type_, preset_, text_)                                                   \
	{{#section_, #key_, #type_, preset_, text_}, type_##_, offsetof(struct config, section_##_##key_)},
#include "base/config.tbl"
#undef C
};
#define ROWS (sizeof(rows) / sizeof(*rows))

#define DAY 86400
#define CONNECTIONS_MAX 1000000

/* Numbers outside of which a setting makes no sense, or more harm than its owner can have meant. */
static const struct range {
	size_t offset;
	int64_t least, most;
	const char *words;
} ranges[] = {
#define R(name, least, most, words) {offsetof(struct config, name), least, most, words}
	R(auth_cache, 0, 7 * DAY, "0 to 7d"),
	R(auth_delay, 0, 60, "0 to 60s"),
	R(imap_idle, 1800, 7 * DAY, "30m to 7d"),
	R(imap_keepalive, 0, 1800, "0 to 30m"),
	R(imap_login, 1, 600, "1s to 10m"),
	R(imap_line, 8 << 10, 16 << 20, "8K to 16M"),
	R(imap_literals, 4 << 10, 64 << 20, "4K to 64M"),
	R(imap_progress, 0, 3600000, "0 to 3600000"),
	R(limits_connections, 0, CONNECTIONS_MAX, "0 to 1000000"),
	R(limits_connections_per_address, 0, CONNECTIONS_MAX, "0 to 1000000"),
	R(limits_strangers_per_address, 0, CONNECTIONS_MAX, "0 to 1000000"),
	R(limits_connections_per_account, 0, CONNECTIONS_MAX, "0 to 1000000"),
	R(limits_message, 1 << 10, INT64_C(2) << 30, "1K to 2G"),
	R(limits_mailboxes, 10, 1000000, "10 to 1000000"),
	R(lmtp_recipients, 100, 100000, "100 to 100000"), /* RFC 5321 4.5.3.1.8 */
	R(server_threads, 0, 1024, "0 to 1024"),
	R(store_grace, 1, 30 * DAY, "1s to 30d"),
#undef R
};

static struct config current;
static struct config *into = &current; /* what is being read */
static bool ready;

/* What was read, so that it can be read again: the file, and what was set after it. */
static char *read_path;
static char **assignments;
static size_t assignments_n;

static void *
field(const struct row *r)
{
	return (char *)into + r->offset;
}

static void
list_free(struct config_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->word[i]);
	free(l->word);
	*l = (struct config_list){0};
}

static void
list_parse(struct config_list *l, struct str s)
{
	size_t i = 0;

	list_free(l);
	while (i < s.n) {
		size_t start;

		while (i < s.n && strchr(", \t", s.p[i]) != NULL)
			i++;
		for (start = i; i < s.n && strchr(", \t", s.p[i]) == NULL; i++)
			;
		if (i == start)
			break;
		l->word = x_realloc(l->word, (l->n + 1) * sizeof(*l->word));
		l->word[l->n++] = x_strndup(str_of(s.p + start, i - start));
	}
}

/* A number with a unit of the given letters; factors go with the letters. */
static bool
scaled(struct str s, const char *units, const int64_t *factors, int64_t *n_r)
{
	int64_t factor = 1, n;
	uint64_t u;

	if (s.n > 0) {
		const char *unit = strchr(units, ascii_lower(s.p[s.n - 1]));

		if (unit != NULL) {
			factor = factors[unit - units];
			s.n--;
		}
	}
	if (!str_u64(s, INT64_MAX, &u) || __builtin_mul_overflow((int64_t)u, factor, &n))
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

/* False: the value does not fit the type. */
static bool
assign(const struct row *r, struct str value)
{
	static const int64_t size_factors[] = {1024, 1024 * 1024, 1024 * 1024 * 1024};
	static const int64_t time_factors[] = {1, 60, 3600, 86400};
	uint64_t u;

	if (memchr(value.p ? value.p : "", '\0', value.n) != NULL)
		return false;
	switch (r->type) {
	case STR_:
		free(*(char **)field(r));
		*(char **)field(r) = x_strndup(value);
		return true;
	case LIST_:
		list_parse(field(r), value);
		return true;
	case NUMBER_:
		if (!str_u64(value, INT64_MAX, &u))
			return false;
		*(int64_t *)field(r) = (int64_t)u;
		return true;
	case SIZE_: return scaled(value, "kmg", size_factors, field(r));
	case SECONDS_: return scaled(value, "smhd", time_factors, field(r));
	case BOOL_: return truth(value, field(r));
	}
	return false;
}

static void
preset_all(void)
{
	for (size_t i = 0; i < ROWS; i++)
		ensure(assign(&rows[i], str_c(rows[i].row.preset)));
}

static void
presets(void)
{
	if (ready)
		return;
	ready = true;
	preset_all();
}

const struct config *
config(void)
{
	presets();
	return &current;
}

static void
clear(struct config *c)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (rows[i].type == STR_)
			free(*(char **)((char *)c + rows[i].offset));
		else if (rows[i].type == LIST_)
			list_free((struct config_list *)((char *)c + rows[i].offset));
	}
	memset(c, 0, sizeof(*c));
}

void
config_reset(void)
{
	clear(&current);
	free(read_path);
	read_path = NULL;
	while (assignments_n > 0)
		free(assignments[--assignments_n]);
	free(assignments);
	assignments = NULL;
	ready = false;
}

static const char *
type_words(enum type t)
{
	static const char *const words[] = {"text", "a list of words", "a whole number",
	    "a size such as 500K or 64M", "a time such as 30s, 10m, 4h or 1d", "yes or no"};

	return words[t];
}

static enum status
set_one(struct str assignment, struct buf *why)
{
	struct str rest = assignment, section, key;

	if (str_chr(assignment, '=') == assignment.n) {
		buf_addf(why, "\"%.*s\" is not of the form section.key=value", STR_FMT(assignment));
		return ERR_BAD_INPUT;
	}
	(void)str_split(&rest, '=', &key);
	if (rest.p == NULL)
		rest = STR("");
	section = str_head(key, str_chr(key, '.'));
	key = str_from(key, section.n + 1);
	for (size_t i = 0; i < ROWS; i++) {
		if (!str_eq(section, str_c(rows[i].row.section)) || !str_eq(key, str_c(rows[i].row.key)))
			continue;
		if (assign(&rows[i], str_trim(rest)))
			return OK;
		buf_addf(why, "%.*s.%.*s wants %s, not \"%.*s\"", STR_FMT(section), STR_FMT(key),
		    type_words(rows[i].type), STR_FMT(rest));
		return ERR_BAD_INPUT;
	}
	buf_addf(why, "there is no setting %.*s; 'mansio config' lists them", (int)str_chr(assignment, '='), assignment.p);
	return ERR_NOT_FOUND;
}

enum status
config_set(struct str assignment, struct buf *why)
{
	enum status st;

	presets();
	if ((st = set_one(assignment, why)) != OK)
		return st;
	assignments = x_realloc(assignments, (assignments_n + 1) * sizeof(*assignments));
	assignments[assignments_n++] = x_strndup(assignment);
	return OK;
}

/* libconfuse reports errors through a function without an argument of ours. */
static struct buf *parse_why;

static void parse_error(cfg_t *cfg, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

static void
parse_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	char text[512];

	vsnprintf(text, sizeof(text), fmt, ap);
	if (parse_why->n > 0)
		buf_adds(parse_why, "; ");
	buf_addf(parse_why, "%s:%d: %s", cfg->filename ? cfg->filename : "?", cfg->line, text);
}

static struct str
file_value(cfg_t *section, const struct row *r, struct buf *joined)
{
	if (r->type != LIST_)
		return str_c(cfg_getstr(section, r->row.key));
	for (unsigned i = 0; i < cfg_size(section, r->row.key); i++)
		buf_addf(joined, "%s ", cfg_getnstr(section, r->row.key, i));
	return buf_str(joined);
}

/* Every value is text to libconfuse, so that sizes and times have one parser. */
static enum status
take_file(cfg_t *cfg, struct buf *why)
{
	enum status st = OK;

	for (size_t i = 0; i < ROWS && st == OK; i++) {
		/* Asked for a section that is not there, libconfuse tells of a fault. */
		bool there = cfg_size(cfg, rows[i].row.section) > 0;
		cfg_t *section = there ? cfg_getsec(cfg, rows[i].row.section) : NULL;
		struct buf joined = {0};

		if (section != NULL && cfg_size(section, rows[i].row.key) > 0 &&
		    !assign(&rows[i], file_value(section, &rows[i], &joined))) {
			buf_addf(why, "%s: %s.%s wants %s, not \"%s\"", cfg->filename, rows[i].row.section, rows[i].row.key,
			    type_words(rows[i].type), cfg_getstr(section, rows[i].row.key));
			st = ERR_BAD_INPUT;
		}
		buf_free(&joined);
	}
	return st;
}

static enum status
read_file(const char *path, struct buf *why)
{
	cfg_opt_t opts[ROWS][ROWS + 1], top[ROWS + 1];
	size_t n = 0;
	cfg_t *cfg;
	enum status st = ERR_BAD_INPUT;
	int parsed;

	memset(opts, 0, sizeof(opts));
	memset(top, 0, sizeof(top));
	/* The rows of a section stand together: config_test.c checks it. */
	for (size_t i = 0; i < ROWS; n++) {
		size_t k = 0, first = i;

		for (; i < ROWS && strcmp(rows[i].row.section, rows[first].row.section) == 0; i++, k++) {
			if (rows[i].type == LIST_)
				opts[n][k] = (cfg_opt_t)CFG_STR_LIST(rows[i].row.key, NULL, CFGF_NODEFAULT);
			else
				opts[n][k] = (cfg_opt_t)CFG_STR(rows[i].row.key, NULL, CFGF_NODEFAULT);
		}
		opts[n][k] = (cfg_opt_t)CFG_END();
		top[n] = (cfg_opt_t)CFG_SEC(rows[first].row.section, opts[n], CFGF_NODEFAULT);
	}
	top[n] = (cfg_opt_t)CFG_END();
	if ((cfg = cfg_init(top, CFGF_NONE)) == NULL)
		die("out of memory");
	parse_why = why;
	cfg_set_error_function(cfg, parse_error);
	parsed = cfg_parse(cfg, path);
	if (parsed == CFG_FILE_ERROR) {
		buf_addf(why, "%s cannot be read: %s", path, strerror(errno));
		st = ERR_NOT_FOUND;
	} else if (parsed == CFG_SUCCESS) {
		st = take_file(cfg, why);
	} else if (why->n == 0) {
		buf_addf(why, "%s cannot be understood", path);
	}
	cfg_free(cfg);
	return st;
}

enum status
config_read(const char *path, struct buf *why)
{
	enum status st;

	presets();
	if ((st = read_file(path, why)) != OK)
		return st;
	free(read_path);
	read_path = x_strdup(path);
	return OK;
}

static bool
one_of(const char *value, const char *const *choices)
{
	for (; *choices != NULL; choices++)
		if (strcmp(value, *choices) == 0)
			return true;
	return false;
}

static const struct range *
range_of(const struct row *r)
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
		if (ranges[i].offset == r->offset)
			return &ranges[i];
	return NULL;
}

static bool
check_ranges(const struct config *c, struct buf *why)
{
	for (size_t i = 0; i < ROWS; i++) {
		const struct range *range = range_of(&rows[i]);
		int64_t n = range != NULL ? *(const int64_t *)((const char *)c + rows[i].offset) : 0;

		if (range == NULL || (n >= range->least && n <= range->most))
			continue;
		buf_addf(why, "%s.%s is %s", rows[i].row.section, rows[i].row.key, range->words);
		return false;
	}
	return true;
}

static enum status
check(const struct config *c, struct buf *why)
{
	static const char *const plaintext[] = {"no", "loopback", "yes", NULL};
	static const char *const levels[] = {"error", "warning", "info", "debug", NULL};

	if (!one_of(c->auth_plaintext, plaintext))
		buf_addf(why, "auth.plaintext is no, loopback or yes, not \"%s\"", c->auth_plaintext);
	else if (!one_of(c->log_level, levels))
		buf_addf(why, "log.level is error, warning, info or debug, not \"%s\"", c->log_level);
	else if ((*c->tls_certificate == '\0') != (*c->tls_key == '\0'))
		buf_addf(why, "tls.certificate and tls.key go together");
	else if (strlen(c->deliver_separator) > 1)
		buf_addf(why, "deliver.separator is one character or empty");
	else if (check_ranges(c, why))
		return OK;
	return ERR_BAD_INPUT;
}

enum status
config_check(struct buf *why)
{
	return check(config(), why);
}

enum status
config_reread(struct buf *why, struct config **fresh_r)
{
	struct config *fresh = x_new(struct config);
	enum status st = OK;

	into = fresh;
	preset_all();
	if (read_path != NULL)
		st = read_file(read_path, why);
	for (size_t i = 0; i < assignments_n && st == OK; i++)
		st = set_one(str_c(assignments[i]), why);
	into = &current;
	if (st == OK)
		st = check(fresh, why);
	if (st == OK)
		*fresh_r = fresh;
	else
		config_free(fresh);
	return st;
}

void
config_free(struct config *c)
{
	if (c == NULL)
		return;
	clear(c);
	free(c);
}

enum status
config_data_dir(char *out, size_t n)
{
	const char *home = getenv("HOME"), *share = getenv("XDG_DATA_HOME");
	int len;

	if (*config()->server_data != '\0')
		len = snprintf(out, n, "%s", config()->server_data);
	else if (geteuid() == 0)
		len = snprintf(out, n, "/var/lib/mansio");
	else if (share != NULL && *share == '/')
		len = snprintf(out, n, "%s/mansio", share);
	else if (home != NULL && *home == '/')
		len = snprintf(out, n, "%s/.local/share/mansio", home);
	else
		return ERR_NOT_FOUND;
	return len >= 0 && (size_t)len < n ? OK : ERR_LIMIT;
}

bool
config_row(size_t i, struct config_row *row_r)
{
	const struct range *range;

	if (i >= ROWS)
		return false;
	*row_r = rows[i].row;
	row_r->range = (range = range_of(&rows[i])) != NULL ? range->words : NULL;
	return true;
}
