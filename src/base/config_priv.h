/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the settings share: sections as objects, each with the rows of its kind. */
#ifndef BASE_CONFIG_PRIV_H
#define BASE_CONFIG_PRIV_H

#include "base/config.h"

enum config_kind { KIND_PLAIN, KIND_CERTIFICATE, KIND_DIRECTORY, KIND_DOMAIN, KIND_LISTENER, KINDS };

struct config_def {
	const char *section, *key, *type_name, *preset, *text;
	enum config_type type;
	enum config_kind kind;
	size_t offset; /* in struct config, or in that of its kind */
	bool advanced;
};
/* Row i of the table; NULL behind the last. */
const struct config_def *config_def(size_t i);
size_t config_def_index(const struct config_def *def);

/* How a former spelling's value reads. */
enum config_form { FORM_PLAIN, FORM_MS, FORM_UNSET0 };
struct config_former {
	struct config_old old; /* first: what callers see of it */
	enum config_form form;
	const char *new_section, *new_of, *new_key; /* new_of: "" where it has none */
};
const struct config_former *config_former(size_t i);

/* Where a value came from: a line of the file, FROM_SET, or 0, the default. */
#define FROM_SET UINT_MAX
struct config_origin {
	unsigned line;
	const struct config_former *former; /* the spelling; NULL: today's */
};

/* A section with a name, or all the plain ones. */
struct config_object {
	enum config_kind kind;
	char *name;                   /* NULL: the plain ones */
	unsigned line;                /* where the section began first; 0: nowhere */
	void *data;                   /* struct config, or that of its kind */
	struct config_origin *origin; /* by the index of the row */
	char **spelling;              /* config_name() of its rows, made when asked for */
};
struct config_reading {
	struct config config; /* first: what callers see of it */
	struct config_object **object; /* [0]: the plain ones */
	size_t n;
	unsigned version;     /* of the file; 0: it says none */
};

/* Empty but for the defaults. For config_reading_clear(). */
void config_reading_init(struct config_reading *r);
void config_reading_clear(struct config_reading *r);
/* The section; made if there is none and make is set. name: p NULL for the plain ones. */
struct config_object *config_object(struct config_reading *r, enum config_kind kind, struct str name, bool make);
/* The kind of sections so called, which have a name; KIND_PLAIN: none. */
enum config_kind config_kind_of(struct str section);
const char *config_kind_word(enum config_kind kind);
static inline void *
config_field(const struct config_object *o, const struct config_def *def)
{
	return (char *)o->data + def->offset;
}
/* What is being asked for by its address: the object and the row. Both are there. */
void config_find(const struct config *c, const void *value, const struct config_object **o_r, const struct config_def **def_r);

/* What a number must be; NULL: anything. */
const char *config_range_words(const struct config_def *def);
/* See config_check(); of any settings that were read. */
must_check enum status config_check_values(const struct config *c, struct buf *why);

/* config_slurp.c: as before config_give(). */
void config_give_nothing(void);

#endif
