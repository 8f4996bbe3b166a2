/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the settings: the file, --set, and both again. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/arena.h"
#include "base/config_file.h"
#include "base/config_priv.h"
#include "base/near.h"

static struct config_reading current;
static bool ready;

/* What was read, so that it can be read again: the file, and what was set after it. */
static char *read_path;
static struct buf read_text;
static char **assignments;
static size_t assignments_n;

static void
presets(void)
{
	if (ready)
		return;
	ready = true;
	config_reading_init(&current);
}

const struct config *
config(void)
{
	presets();
	return &current.config;
}

void
config_reset(void)
{
	config_reading_clear(&current);
	free(read_path);
	read_path = NULL;
	buf_free(&read_text);
	config_give_nothing();
	while (assignments_n > 0)
		free(assignments[--assignments_n]);
	free(assignments);
	assignments = NULL;
	ready = false;
}

const char *
config_path(void)
{
	return read_path;
}

struct str
config_text(void)
{
	return buf_str(&read_text);
}

unsigned
config_version(void)
{
	return current.version;
}

/* ---- one setting ---- */

static const struct config_def *
def_named(struct str section, struct str key)
{
	const struct config_def *d;

	for (size_t i = 0; (d = config_def(i)) != NULL; i++)
		if (str_eq(section, str_c(d->section)) && str_eq(key, str_c(d->key)))
			return d;
	return NULL;
}

static const struct config_former *
former_named(struct str section, struct str key)
{
	const struct config_former *f;

	for (size_t i = 0; (f = config_former(i)) != NULL; i++)
		if (str_eq(section, str_c(f->old.section)) && str_eq(key, str_c(f->old.key)))
			return f;
	return NULL;
}

/* "limits" or "listener imap" */
static void
add_section(const struct config_entry *e, struct buf *out)
{
	buf_addf(out, "%.*s%s%.*s", STR_FMT(e->section), e->name.p != NULL ? " " : "", STR_FMT(e->name));
}

struct suggestion {
	const struct config_entry *e;
	struct near keys, sections;
	const char *home; /* a section that has the key */
	size_t homes;
};

static void
suggest_one(struct suggestion *s, const char *section, const char *key)
{
	if (str_eq(s->e->section, str_c(section)))
		near_try(&s->keys, key);
	if (!str_eq(s->e->key, str_c(key)))
		return;
	near_try(&s->sections, s->home = section);
	s->homes++;
}

/* The name that was meant: a key of the section that is spelt nearly so, or the same key in another section. Former ones only where all is of before. */
static void
suggest(const struct config_entry *e, bool former, struct buf *why)
{
	struct suggestion s = {.e = e, .keys = {.word = e->key}, .sections = {.word = e->section}};
	const struct config_def *d;
	const struct config_former *f;

	for (size_t i = 0; (d = config_def(i)) != NULL; i++)
		suggest_one(&s, d->section, d->key);
	for (size_t i = 0; former && (f = config_former(i)) != NULL; i++)
		suggest_one(&s, f->old.section, f->old.key);
	buf_adds(why, "; ");
	if (s.keys.best != NULL) {
		buf_adds(why, "did you mean ");
		add_section(e, why);
		buf_addf(why, ".%s?", s.keys.best);
	} else if (s.sections.best != NULL || s.homes == 1) {
		const char *section = s.sections.best != NULL ? s.sections.best : s.home;

		buf_addf(why, "did you mean %s%s.%.*s?", section, config_kind_of(str_c(section)) != KIND_PLAIN ? " NAME" : "", STR_FMT(e->key));
	} else {
		buf_adds(why, "'mansio config' lists them");
	}
}

/* A setting that was found: whose it is, and how its value is written. */
struct found {
	const struct config_def *def;
	const struct config_former *former; /* NULL: today's spelling */
	struct str name;                    /* of the section */
	bool units;
};

static bool
find(const struct config_entry *e, bool units, struct found *f_r)
{
	struct found f = {.name = e->name, .units = units};

	/* Today's first: a name that came back with another meaning would otherwise never be reached. */
	f.def = def_named(e->section, e->key);
	if (f.def != NULL && (f.def->kind != KIND_PLAIN) == (e->name.p != NULL)) {
		f.units = units || f.def->type == CONFIG_MILLIS;
		*f_r = f;
		return true;
	}
	if (e->name.p != NULL || (f.former = former_named(e->section, e->key)) == NULL)
		return false;
	f.def = def_named(str_c(f.former->new_section), str_c(f.former->new_key));
	f.name = str_c(f.former->new_of);
	f.units = false;
	*f_r = f;
	return true;
}

/* What stands there in the words of today's setting. */
static struct str
reword(const struct found *f, struct str value, struct buf *scratch)
{
	uint64_t u;

	if (f->former == NULL || f->former->form != FORM_MS || !str_u64(value, UINT64_MAX, &u))
		return value;
	buf_addf(scratch, "%.*sms", STR_FMT(value));
	return buf_str(scratch);
}

static bool
assign(const struct found *f, struct config_object *o, const struct config_entry *e)
{
	struct buf scratch = {0};
	bool fits;

	if (e->list)
		return config_value_words(config_field(o, f->def), e->value, e->n);
	fits = config_value_parse(f->def->type, reword(f, str_trim(e->value[0]), &scratch), f->units, config_field(o, f->def));
	buf_free(&scratch);
	return fits;
}

static void
note_origin(const struct found *f, struct config_object *o, unsigned from)
{
	size_t at = config_def_index(f->def);
	struct buf b = {0};

	o->origin[at] = (struct config_origin){from, f->former};
	if (f->former != NULL)
		buf_adds(&b, f->former->old.name);
	else
		buf_addf(&b, "%s%s%s.%s", f->def->section, o->name != NULL ? " " : "", o->name != NULL ? o->name : "", f->def->key);
	free(o->spelling[at]);
	o->spelling[at] = x_strndup(buf_str(&b));
	buf_free(&b);
}

/* Whether this one leaves alone what is set: the former name of a number that 0 did not set. */
static bool
means_nothing(const struct found *f, const struct config_entry *e)
{
	return f->former != NULL && f->former->form == FORM_UNSET0 && !e->list && str_eq(str_trim(e->value[0]), STR("0"));
}

static enum status
no_such(const struct config_reading *r, const struct config_entry *e, struct buf *why)
{
	buf_adds(why, "there is no setting ");
	add_section(e, why);
	buf_addf(why, ".%.*s", STR_FMT(e->key));
	suggest(e, r->version == 0, why);
	return ERR_NOT_FOUND;
}

/* Assigns; from: where it stands. */
static enum status
take_found(struct config_reading *r, const struct found *f, const struct config_entry *e, unsigned from, struct buf *why)
{
	const char *wants = config_value_wants(f->def->type);
	struct config_object *o;

	if (e->list && f->def->type != CONFIG_LIST) {
		add_section(e, why);
		buf_addf(why, ".%.*s wants %s, not a list", STR_FMT(e->key), wants);
		return ERR_BAD_INPUT;
	}
	if (means_nothing(f, e))
		return OK;
	o = config_object(r, f->def->kind, f->name, true);
	if (!assign(f, o, e)) {
		add_section(e, why);
		buf_addf(why, ".%.*s wants %s, not \"%.*s\"", STR_FMT(e->key), wants, STR_FMT(e->n > 0 ? e->value[0] : STR("")));
		return ERR_BAD_INPUT;
	}
	note_origin(f, o, from);
	return OK;
}

/* Names of sections come into messages, the log and other settings. */
static bool
section_name_ok(struct str name)
{
	if (name.n == 0 || name.n > 255)
		return false;
	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] <= ' ' || name.p[i] == 0x7f || strchr("\"\\@/,{}=#", name.p[i]) != NULL)
			return false;
	return true;
}

static enum status
check_name(const struct config_entry *e, struct buf *why)
{
	enum config_kind kind = config_kind_of(e->section);

	if (kind == KIND_PLAIN && e->name.p != NULL) {
		buf_addf(why, "a section %.*s has no name, such as \"%.*s\"", STR_FMT(e->section), STR_FMT(e->name));
		return ERR_BAD_INPUT;
	}
	if (kind != KIND_PLAIN && e->name.p == NULL) {
		buf_addf(why, "a section %.*s has a name, as in: %.*s NAME { ... }", STR_FMT(e->section), STR_FMT(e->section));
		return ERR_BAD_INPUT;
	}
	if (e->name.p == NULL || section_name_ok(e->name))
		return OK;
	buf_addf(why, "\"%.*s\" is not a name for a section %.*s", STR_FMT(e->name), STR_FMT(e->section));
	return ERR_BAD_INPUT;
}

/* ---- --set ---- */

/* section.key, section.name.key or "section name.key"; a name may have dots in it, a key has none. */
static void
split_name(struct str whole, struct config_entry *e)
{
	size_t dot = whole.n, end = 0;

	while (dot > 0 && whole.p[dot - 1] != '.')
		dot--;
	e->key = str_from(whole, dot);
	whole = str_head(whole, dot > 0 ? dot - 1 : 0);
	while (end < whole.n && whole.p[end] != '.' && whole.p[end] != ' ')
		end++;
	e->section = str_head(whole, end);
	e->name = end < whole.n ? str_trim(str_from(whole, end + 1)) : STR_NONE;
}

static enum status
set_one(struct config_reading *r, struct str assignment, struct buf *why)
{
	struct config_entry e = {.n = 1};
	struct str value;
	struct arena arena = {0};
	struct found f;
	enum status st = OK;
	size_t equals = str_chr(assignment, '=');

	if (equals == assignment.n) {
		buf_addf(why, "\"%.*s\" is not of the form section.key=value", STR_FMT(assignment));
		return ERR_BAD_INPUT;
	}
	value = str_trim(str_from(assignment, equals + 1));
	/* As in the file: {"A", "B"}, of which a shell may have taken the quotes. */
	if (str_starts(value, STR("{")) && (st = config_file_list(&arena, value, &e, why)) != OK)
		buf_addf(why, " in %.*s", STR_FMT(assignment));
	if (!e.list)
		e.value = &value;
	split_name(str_trim(str_head(assignment, equals)), &e);
	if (st == OK && !find(&e, false, &f))
		st = no_such(r, &e, why);
	else if (st == OK && f.former == NULL)
		st = check_name(&e, why);
	if (st == OK)
		st = take_found(r, &f, &e, FROM_SET, why);
	arena_free(&arena);
	return st;
}

enum status
config_set(struct str assignment, struct buf *why)
{
	enum status st;

	presets();
	if ((st = set_one(&current, assignment, why)) != OK)
		return st;
	assignments = x_realloc(assignments, (assignments_n + 1) * sizeof(*assignments));
	assignments[assignments_n++] = x_strndup(assignment);
	return OK;
}

/* ---- the file ---- */

static enum status
take_version(struct config_reading *r, const struct config_entry *e, struct buf *why)
{
	uint64_t version;

	if (r->version != 0) {
		buf_adds(why, "version is set already");
		return ERR_BAD_INPUT;
	}
	if (!str_u64(e->value[0], UINT32_MAX, &version) || version == 0) {
		buf_addf(why, "version wants a number, such as %d, not \"%.*s\"", CONFIG_VERSION, STR_FMT(e->value[0]));
		return ERR_BAD_INPUT;
	}
	if (version > CONFIG_VERSION) {
		buf_addf(why, "the file has version %llu, and this program reads version %d", (unsigned long long)version, CONFIG_VERSION);
		return ERR_BAD_INPUT;
	}
	r->version = (unsigned)version;
	return OK;
}

struct file {
	struct config_reading *reading;
	struct config_reading seen; /* what the file itself has set: its lines */
};

static bool
is_section(struct str section)
{
	const struct config_def *d;
	const struct config_former *f;

	for (size_t i = 0; (d = config_def(i)) != NULL; i++)
		if (str_eq(section, str_c(d->section)))
			return true;
	for (size_t i = 0; (f = config_former(i)) != NULL; i++)
		if (str_eq(section, str_c(f->old.section)))
			return true;
	return false;
}

static enum status
take_section(struct file *f, const struct config_entry *e, struct buf *why)
{
	enum config_kind kind = config_kind_of(e->section);
	struct config_object *o;

	if (check_name(e, why) != OK)
		return ERR_BAD_INPUT;
	if (f->reading->version > 0 && !is_section(e->section)) {
		buf_addf(why, "there is no section %.*s", STR_FMT(e->section));
		return ERR_BAD_INPUT;
	}
	if (kind != KIND_PLAIN) {
		o = config_object(f->reading, kind, e->name, true);
		if (o->line == 0)
			o->line = e->line;
	}
	return OK;
}

/* The line in which this file has set it; 0: none. One that was set by its former name stands beside today's as it did before. */
static enum status
check_twice(struct file *file, const struct found *f, const struct config_entry *e, bool *ignored_r, struct buf *why)
{
	struct config_object *o = config_object(&file->seen, f->def->kind, f->name, true);
	struct config_origin *was = &o->origin[config_def_index(f->def)];
	bool unset0 = (f->former != NULL && f->former->form == FORM_UNSET0) != (was->former != NULL && was->former->form == FORM_UNSET0);

	*ignored_r = was->line != 0 && unset0 && f->former == NULL;
	if (was->line != 0 && !unset0) {
		add_section(e, why);
		buf_addf(why, ".%.*s is set in line %u already", STR_FMT(e->key), was->line);
		if (was->former != f->former)
			buf_addf(why, ", as %s", o->spelling[config_def_index(f->def)]);
		return ERR_BAD_INPUT;
	}
	note_origin(f, o, e->line);
	return OK;
}

static enum status
take_entry(void *arg, const struct config_entry *e, struct buf *why)
{
	struct file *file = arg;
	struct found f;
	bool ignored = false;

	if (e->section.n == 0)
		return take_version(file->reading, e, why);
	if (e->over)
		return OK;
	if (e->key.n == 0)
		return take_section(file, e, why);
	if (!find(e, file->reading->version > 0, &f))
		return no_such(file->reading, e, why) != OK ? ERR_BAD_INPUT : OK;
	if (!means_nothing(&f, e) && check_twice(file, &f, e, &ignored, why) != OK)
		return ERR_BAD_INPUT;
	return ignored ? OK : take_found(file->reading, &f, e, e->line, why);
}

static enum status
read_file(struct config_reading *r, const char *path, struct buf *why, struct buf *text_r)
{
	struct buf text = {0}, fault = {0};
	struct arena arena = {0};
	struct file file = {.reading = r};
	unsigned line = 0;
	enum status st = config_slurp(path, &text, why);

	config_reading_init(&file.seen);
	r->version = 0;
	if (st == OK && (st = config_file_parse(&arena, buf_str(&text), take_entry, &file, &line, &fault)) != OK)
		buf_addf(why, "%s:%u: %.*s", path, line, STR_FMT(buf_str(&fault)));
	config_reading_clear(&file.seen);
	if (text_r != NULL) {
		buf_clear(text_r);
		buf_add(text_r, buf_str(&text));
	}
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
	if ((st = read_file(&current, path, why, &read_text)) != OK)
		return st;
	free(read_path);
	read_path = x_strdup(path);
	return OK;
}

enum status
config_check(struct buf *why)
{
	return config_check_values(config(), why);
}

enum status
config_reread(struct buf *why, struct config **fresh_r)
{
	struct config_reading *fresh = x_new(struct config_reading);
	enum status st = OK;

	config_reading_init(fresh);
	if (read_path != NULL)
		st = read_file(fresh, read_path, why, NULL);
	for (size_t i = 0; i < assignments_n && st == OK; i++)
		st = set_one(fresh, str_c(assignments[i]), why);
	if (st == OK)
		st = config_check_values(&fresh->config, why);
	if (st == OK)
		*fresh_r = &fresh->config;
	else
		config_free(&fresh->config);
	return st;
}

enum status
config_read_copy(const char *path, struct buf *why, struct config **fresh_r)
{
	struct config_reading *fresh = x_new(struct config_reading);
	enum status st;

	config_reading_init(fresh);
	st = read_file(fresh, path, why, NULL);
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
	config_reading_clear((struct config_reading *)(void *)c);
	free(c);
}

void
config_blame(const struct config *c, const void *value, struct buf *why)
{
	const struct config_object *o = NULL;
	const struct config_def *def = NULL;
	unsigned line;

	config_find(c, value, &o, &def);
	line = o->origin[config_def_index(def)].line;
	if (line == 0)
		line = o->line; /* of the section in which it might stand */
	if (line == FROM_SET)
		buf_adds(why, "--set: ");
	else if (line > 0)
		buf_addf(why, "%s:%u: ", read_path, line);
}
