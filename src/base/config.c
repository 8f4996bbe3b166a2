/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the settings, and what is in force of them. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"
#include "base/assert.h"
#include "base/config_priv.h"

#define KIND_certificate KIND_CERTIFICATE
#define KIND_directory KIND_DIRECTORY
#define KIND_domain KIND_DOMAIN
#define KIND_listener KIND_LISTENER

#define BASIC false
#define ADVANCED true
static const struct config_def defs[] = {
#define C(section, key, type, preset, level, text) {#section, #key, #type, preset, text, CONFIG_##type, KIND_PLAIN, offsetof(struct config, section##_##key), level},
#define N(section, key, type, preset, level, text) {#section, #key, #type, preset, text, CONFIG_##type, KIND_##section, offsetof(struct config_##section, key), level},
#include "base/config.tbl"
#undef N
#undef C
};
#define DEFS (sizeof(defs) / sizeof(*defs))

static const struct config_former formers[] = {
#define O(section, key, form, new_section, new_of, new_key) \
	{{#section, #key, #section "." #key, sizeof(new_of) > 1 ? #new_section " " new_of "." #new_key : #new_section "." #new_key}, FORM_##form, #new_section, new_of, #new_key},
#include "base/config_old.tbl"
#undef O
};

static const struct {
	const char *word;
	size_t size;
} kinds[KINDS] = {
    [KIND_PLAIN] = {"", sizeof(struct config)},
    [KIND_CERTIFICATE] = {"certificate", sizeof(struct config_certificate)},
    [KIND_DIRECTORY] = {"directory", sizeof(struct config_directory)},
    [KIND_DOMAIN] = {"domain", sizeof(struct config_domain)},
    [KIND_LISTENER] = {"listener", sizeof(struct config_listener)},
};

const struct config_def *
config_def(size_t i)
{
	return i < DEFS ? &defs[i] : NULL;
}

size_t
config_def_index(const struct config_def *def)
{
	return (size_t)(def - defs);
}

const struct config_former *
config_former(size_t i)
{
	return i < sizeof(formers) / sizeof(*formers) ? &formers[i] : NULL;
}

enum config_kind
config_kind_of(struct str section)
{
	for (int k = KIND_PLAIN + 1; k < KINDS; k++)
		if (str_eq(section, str_c(kinds[k].word)))
			return (enum config_kind)k;
	return KIND_PLAIN;
}

const char *
config_kind_word(enum config_kind kind)
{
	return kinds[kind].word;
}

/* ---- sections as objects ---- */

static char *
full_name(const struct config_object *o, const struct config_def *def)
{
	struct buf b = {0};
	char *name;

	buf_addf(&b, "%s%s%s.%s", def->section, o->name != NULL ? " " : "", o->name != NULL ? o->name : "", def->key);
	name = x_strndup(buf_str(&b));
	buf_free(&b);
	return name;
}

/* data: where its values lie, zeroes; NULL: it gets room of its own. */
static struct config_object *
object_new(struct config_reading *r, enum config_kind kind, struct str name, void *data)
{
	struct config_object *o = x_new(struct config_object);

	o->kind = kind;
	o->name = name.p != NULL ? x_strndup(name) : NULL;
	o->data = data != NULL ? data : x_calloc(1, kinds[kind].size);
	if (kind != KIND_PLAIN)
		*(const char **)o->data = o->name;
	o->origin = x_calloc(DEFS, sizeof(*o->origin));
	o->spelling = x_calloc(DEFS, sizeof(*o->spelling));
	for (size_t i = 0; i < DEFS; i++) {
		if (defs[i].kind != kind)
			continue;
		ensure(config_value_parse(defs[i].type, str_c(defs[i].preset), true, config_field(o, &defs[i])));
		o->spelling[i] = full_name(o, &defs[i]);
	}
	r->object = x_realloc(r->object, (r->n + 1) * sizeof(struct config_object *));
	r->object[r->n++] = o;
	return o;
}

static void
object_free(struct config_object *o)
{
	for (size_t i = 0; i < DEFS; i++) {
		if (defs[i].kind == o->kind)
			config_value_clear(defs[i].type, config_field(o, &defs[i]));
		free(o->spelling[i]);
	}
	if (o->kind != KIND_PLAIN)
		free(o->data);
	free(o->spelling);
	free(o->origin);
	free(o->name);
	free(o);
}

struct config_object *
config_object(struct config_reading *r, enum config_kind kind, struct str name, bool make)
{
	if (kind == KIND_PLAIN)
		return r->object[0];
	for (size_t i = 1; i < r->n; i++)
		if (r->object[i]->kind == kind && str_eq(str_c(r->object[i]->name), name))
			return r->object[i];
	return make ? object_new(r, kind, name, NULL) : NULL;
}

/* Those that are there without being named. */
static const struct {
	enum config_kind kind;
	struct str name;
} always[] = {
    {KIND_CERTIFICATE, {"default", 7}},
    {KIND_DIRECTORY, {"store", 5}},
#define S(name, protocol, mode, port, instead, login, when, text) {KIND_LISTENER, {#name, sizeof(#name) - 1}},
#include "base/services.tbl"
#undef S
};

void
config_reading_init(struct config_reading *r)
{
	*r = (struct config_reading){0};
	(void)object_new(r, KIND_PLAIN, STR_NONE, &r->config);
	for (size_t i = 0; i < sizeof(always) / sizeof(*always); i++)
		(void)object_new(r, always[i].kind, always[i].name, NULL);
}

void
config_reading_clear(struct config_reading *r)
{
	while (r->n > 0)
		object_free(r->object[--r->n]);
	free(r->object);
	*r = (struct config_reading){0};
}

/* ---- what is asked of them ---- */

static const struct config_reading *
reading_of(const struct config *c)
{
	return (const struct config_reading *)(const void *)c;
}

static const void *
nth(const struct config *c, enum config_kind kind, size_t i)
{
	const struct config_reading *r = reading_of(c);

	for (size_t k = 1; k < r->n; k++)
		if (r->object[k]->kind == kind && i-- == 0)
			return r->object[k]->data;
	return NULL;
}

const struct config_listener *
config_listener(const struct config *c, size_t i)
{
	return nth(c, KIND_LISTENER, i);
}

const struct config_certificate *
config_certificate(const struct config *c, size_t i)
{
	return nth(c, KIND_CERTIFICATE, i);
}

const struct config_domain *
config_domain(const struct config *c, size_t i)
{
	return nth(c, KIND_DOMAIN, i);
}

const struct config_directory *
config_directory(const struct config *c, size_t i)
{
	return nth(c, KIND_DIRECTORY, i);
}

void
config_find(const struct config *c, const void *value, const struct config_object **o_r, const struct config_def **def_r)
{
	const struct config_reading *r = reading_of(c);

	for (size_t k = 0; k < r->n; k++)
		for (size_t i = 0; i < DEFS; i++)
			if (defs[i].kind == r->object[k]->kind && config_field(r->object[k], &defs[i]) == value) {
				*o_r = r->object[k];
				*def_r = &defs[i];
				return;
			}
	ensure(false);
}

const char *
config_name(const struct config *c, const void *value)
{
	const struct config_object *o = NULL;
	const struct config_def *def = NULL;

	config_find(c, value, &o, &def);
	return o->spelling[config_def_index(def)];
}

bool
config_in_file(const struct config *c, const void *value)
{
	const struct config_object *o = NULL;
	const struct config_def *def = NULL;
	unsigned line;

	config_find(c, value, &o, &def);
	line = o->origin[config_def_index(def)].line;
	return line > 0 && line != FROM_SET;
}

/* ---- the table and what is in force, row by row ---- */

bool
config_row(size_t i, struct config_row *row_r)
{
	const struct config_def *d = config_def(i);

	if (d == NULL)
		return false;
	*row_r = (struct config_row){.section = d->section, .key = d->key, .type = d->type_name, .preset = d->preset, .text = d->text,
	    .named = d->kind != KIND_PLAIN, .advanced = d->advanced, .range = config_range_words(d)};
	return true;
}

bool
config_old(size_t i, struct config_old *old_r)
{
	const struct config_former *f = config_former(i);

	if (f == NULL)
		return false;
	*old_r = f->old;
	return true;
}

/* Whether the value is another than the default. */
static bool
is_changed(const struct config_def *d, const void *value)
{
	union {
		CONFIG_TYPE_STR str;
		CONFIG_TYPE_LIST list;
		CONFIG_TYPE_NUMBER number;
		CONFIG_TYPE_BOOL yes;
	} preset = {0};
	bool same;

	ensure(config_value_parse(d->type, str_c(d->preset), true, &preset));
	same = config_value_same(d->type, &preset, value);
	config_value_clear(d->type, &preset);
	return !same;
}

/* What the setting was called in files of before. */
static const struct config_old *
former_of(const struct config_object *o, const struct config_def *d)
{
	for (size_t i = 0; i < sizeof(formers) / sizeof(*formers); i++)
		if (formers[i].form != FORM_UNSET0 && strcmp(formers[i].new_section, d->section) == 0 && strcmp(formers[i].new_key, d->key) == 0 &&
		    strcmp(formers[i].new_of, o->name != NULL ? o->name : "") == 0)
			return &formers[i].old;
	return NULL;
}

static void
fill(const struct config_object *o, const struct config_def *d, struct config_item *item)
{
	size_t at = config_def_index(d);
	const struct config_former *former = o->origin[at].former;

	*item = (struct config_item){.section = d->section, .of = o->name, .key = d->key, .name = o->spelling[at],
	    .spelt = former != NULL ? o->spelling[at] : NULL, .odd = former != NULL && former->form == FORM_UNSET0, .former = former_of(o, d), .text = d->text, .preset = d->preset, .range = config_range_words(d),
	    .value = config_field(o, d), .type = d->type, .changed = is_changed(d, config_field(o, d)), .advanced = d->advanced};
	if (former != NULL)
		item->name = former->old.now;
}

/* The rows of a section follow one another; where it has a name, all of its kind with one name do. */
bool
config_item(const struct config *c, size_t i, struct config_item *item_r)
{
	const struct config_reading *r = reading_of(c);

	for (size_t first = 0, end; first < DEFS; first = end) {
		for (end = first; end < DEFS && strcmp(defs[end].section, defs[first].section) == 0;)
			end++;
		for (size_t k = 0; k < r->n; k++) {
			if (r->object[k]->kind != defs[first].kind)
				continue;
			if (i < end - first) {
				fill(r->object[k], &defs[first + i], item_r);
				return true;
			}
			i -= end - first;
		}
	}
	return false;
}

/* Adds the name of each item of a which b has not, or (values) has with another value. */
static void
differ(const struct config *a, const struct config *b, const char *but, bool values, struct buf *out)
{
	struct config_item x, y;

	for (size_t i = 0; config_item(a, i, &x); i++) {
		bool there = false, same = false;

		for (size_t k = 0; !there && config_item(b, k, &y); k++)
			if ((there = strcmp(x.name, y.name) == 0))
				same = config_value_same(x.type, x.value, y.value);
		/* A section that came or went counts by what is set in it. */
		if ((there ? values && !same : x.changed) && strcmp(x.key, but) != 0)
			buf_addf(out, "%s%s", out->n > 0 ? "," : "", x.spelt != NULL ? x.spelt : x.name);
	}
}

void
config_differences(const struct config *a, const struct config *b, const char *but, struct buf *out)
{
	differ(a, b, but, true, out);
	differ(b, a, but, false, out);
}
