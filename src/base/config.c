/* SPDX-License-Identifier: Apache-2.0 */
#include "base/config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/assert.h"
#include "base/config_file.h"
#include "base/config_priv.h"
#include "base/near.h"

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


/* Settings, and where each value came from: a line of the file, FROM_SET, or 0, the default. */
#define FROM_SET UINT_MAX
struct reading {
	struct config config; /* first: what callers see of it */
	unsigned line[ROWS];
};

static struct reading current;
static struct reading *into = &current; /* what is being read */
static bool ready;

/* What was read, so that it can be read again: the file, and what was set after it. */
static char *read_path;
static char **assignments;
static size_t assignments_n;

static void *
field(const struct row *r)
{
	return (char *)&into->config + r->offset;
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

/* Nobody breaks out of a greeting, a header line or a line of the log by a setting. */
static bool
printable(struct str value)
{
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] < 0x20 || value.p[i] == 0x7f)
			return false;
	return true;
}

/* False: the value does not fit the type. */
static bool
assign(const struct row *r, struct str value)
{
	static const int64_t size_factors[] = {1024, 1024 * 1024, 1024 * 1024 * 1024};
	static const int64_t time_factors[] = {1, 60, 3600, 86400};
	uint64_t u;

	if (!printable(value))
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

/* The words of a list one by one: a blank in one of them belongs to it. */
static bool
assign_words(const struct row *r, const struct str *value, size_t n)
{
	struct config_list *l = field(r);

	list_free(l);
	for (size_t i = 0; i < n; i++) {
		struct str word = str_trim(value[i]);

		if (word.n == 0 || !printable(word))
			return false;
		l->word = x_realloc(l->word, (l->n + 1) * sizeof(*l->word));
		l->word[l->n++] = x_strndup(word);
	}
	return true;
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
	return &current.config;
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
	clear(&current.config);
	current = (struct reading){0};
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

/* ---- one setting ---- */

static const struct row *
row_named(struct str section, struct str key)
{
	for (size_t i = 0; i < ROWS; i++)
		if (str_eq(section, str_c(rows[i].row.section)) && str_eq(key, str_c(rows[i].row.key)))
			return &rows[i];
	return NULL;
}

/* The name that was meant: a key of the section that is spelt nearly so, or the same key in another section. */
static void
suggest(struct str section, struct str key, struct buf *why)
{
	struct near of_keys = {.word = key}, of_sections = {.word = section};
	const char *home = NULL;
	size_t homes = 0;

	for (size_t i = 0; i < ROWS; i++) {
		if (str_eq(section, str_c(rows[i].row.section)))
			near_try(&of_keys, rows[i].row.key);
		if (!str_eq(key, str_c(rows[i].row.key)))
			continue;
		near_try(&of_sections, home = rows[i].row.section);
		homes++;
	}
	if (of_keys.best != NULL)
		buf_addf(why, "; did you mean %.*s.%s?", STR_FMT(section), of_keys.best);
	else if (of_sections.best != NULL || homes == 1)
		buf_addf(why, "; did you mean %s.%.*s?", of_sections.best != NULL ? of_sections.best : home, STR_FMT(key));
	else
		buf_adds(why, "; 'mansio config' lists them");
}

/* Finds the row and assigns; from: where it stands. */
static enum status
take(const struct config_entry *e, unsigned from, struct buf *why)
{
	const struct row *r = row_named(e->section, e->key);
	bool fits;

	if (r == NULL) {
		buf_addf(why, "there is no setting %.*s.%.*s", STR_FMT(e->section), STR_FMT(e->key));
		suggest(e->section, e->key, why);
		return ERR_NOT_FOUND;
	}
	if (e->list && r->type != LIST_) {
		buf_addf(why, "%s.%s wants %s, not a list", r->row.section, r->row.key, type_words(r->type));
		return ERR_BAD_INPUT;
	}
	fits = e->list ? assign_words(r, e->value, e->n) : assign(r, str_trim(e->value[0]));
	if (!fits) {
		buf_addf(why, "%s.%s wants %s, not \"%.*s\"", r->row.section, r->row.key, type_words(r->type),
		    STR_FMT(e->n > 0 ? e->value[0] : STR("")));
		return ERR_BAD_INPUT;
	}
	into->line[r - rows] = from;
	return OK;
}

static enum status
set_one(struct str assignment, struct buf *why)
{
	struct config_entry e = {.n = 1};
	struct str name, value;
	struct arena arena = {0};
	enum status st = OK;
	size_t equals = str_chr(assignment, '=');

	if (equals == assignment.n) {
		buf_addf(why, "\"%.*s\" is not of the form section.key=value", STR_FMT(assignment));
		return ERR_BAD_INPUT;
	}
	name = str_trim(str_head(assignment, equals));
	value = str_trim(str_from(assignment, equals + 1));
	/* As in the file: {"A", "B"}, of which a shell may have taken the quotes. */
	if (str_starts(value, STR("{")) && (st = config_file_list(&arena, value, &e, why)) != OK)
		buf_addf(why, " in %.*s", STR_FMT(assignment));
	if (!e.list)
		e.value = &value;
	e.section = str_head(name, str_chr(name, '.'));
	e.key = str_from(name, e.section.n + 1);
	if (st == OK)
		st = take(&e, FROM_SET, why);
	arena_free(&arena);
	return st;
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

/* ---- the file ---- */

static enum status
take_entry(void *arg, const struct config_entry *e, struct buf *why)
{
	const struct row *r = row_named(e->section, e->key);
	unsigned *line = arg;

	if (r != NULL && line[r - rows] != 0) {
		buf_addf(why, "%s.%s is set in line %u already", r->row.section, r->row.key, line[r - rows]);
		return ERR_BAD_INPUT;
	}
	if (take(e, e->line, why) != OK)
		return ERR_BAD_INPUT;
	line[r - rows] = e->line;
	return OK;
}

/* The bytes of a regular file, or of what can be read as one. ERR_NOT_FOUND: it cannot be read, and why says so. */
static enum status
slurp(const char *path, struct buf *out, struct buf *why)
{
	FILE *f = fopen(path, "re");
	struct stat sb;
	size_t n;
	int e = f == NULL ? errno : 0;

	if (f != NULL && fstat(fileno(f), &sb) == 0 && S_ISDIR(sb.st_mode))
		e = EISDIR;
	while (e == 0 && out->n <= CONFIG_FILE_MAX && (n = fread(buf_room(out, 65536), 1, 65536, f)) > 0)
		buf_wrote(out, n);
	if (e == 0 && ferror(f))
		e = errno;
	if (f != NULL)
		fclose(f);
	if (e == 0)
		return OK;
	buf_addf(why, "the configuration file %s cannot be read: %s", path, strerror(e));
	return ERR_NOT_FOUND;
}

static enum status
read_file(const char *path, struct buf *why)
{
	struct buf text = {0}, fault = {0};
	struct arena arena = {0};
	unsigned line = 0, seen[ROWS] = {0};
	enum status st = slurp(path, &text, why);

	if (st == OK && (st = config_file_parse(&arena, buf_str(&text), take_entry, seen, &line, &fault)) != OK)
		buf_addf(why, "%s:%u: %.*s", path, line, STR_FMT(buf_str(&fault)));
	buf_free(&text);
	buf_free(&fault);
	arena_free(&arena);
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

const char *
config_path(void)
{
	return read_path;
}

enum status
config_check(struct buf *why)
{
	return config_check_values(config(), why);
}

enum status
config_reread(struct buf *why, struct config **fresh_r)
{
	struct reading *fresh = x_new(struct reading);
	enum status st = OK;

	into = fresh;
	preset_all();
	if (read_path != NULL)
		st = read_file(read_path, why);
	for (size_t i = 0; i < assignments_n && st == OK; i++)
		st = set_one(str_c(assignments[i]), why);
	into = &current;
	if (st == OK)
		st = config_check_values(&fresh->config, why);
	if (st == OK)
		*fresh_r = &fresh->config;
	else
		config_free(&fresh->config);
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

/* ---- what is asked of the settings ---- */

static const struct row *
row_of(const struct config *c, const void *value)
{
	for (size_t i = 0; i < ROWS; i++)
		if ((const char *)c + rows[i].offset == value)
			return &rows[i];
	return NULL;
}

void
config_blame(const struct config *c, const void *value, struct buf *why)
{
	const struct row *r = row_of(c, value);
	unsigned line = ((const struct reading *)(const void *)c)->line[r - rows];

	if (line == FROM_SET)
		buf_adds(why, "--set: ");
	else if (line > 0)
		buf_addf(why, "%s:%u: ", read_path, line);
}

bool
config_in_file(const struct config *c, const void *value)
{
	unsigned line = ((const struct reading *)(const void *)c)->line[row_of(c, value) - rows];

	return line > 0 && line != FROM_SET;
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
config_same(const struct config *a, const struct config *b, size_t i)
{
	const void *x = (const char *)a + rows[i].offset, *y = (const char *)b + rows[i].offset;

	switch (rows[i].type) {
	case STR_: return strcmp(*(char *const *)x, *(char *const *)y) == 0;
	case LIST_: return same_list(x, y);
	case BOOL_: return *(const bool *)x == *(const bool *)y;
	default: return *(const int64_t *)x == *(const int64_t *)y;
	}
}

struct config *
config_defaults(void)
{
	struct reading *fresh = x_new(struct reading);

	into = fresh;
	preset_all();
	into = &current;
	return &fresh->config;
}

bool
config_row(size_t i, struct config_row *row_r)
{
	if (i >= ROWS)
		return false;
	*row_r = rows[i].row;
	row_r->range = config_range_words(rows[i].offset);
	return true;
}
