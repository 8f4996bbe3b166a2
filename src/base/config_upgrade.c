/* SPDX-License-Identifier: Apache-2.0 */
/* A settings file of an older version, rewritten with the names and units of this one. */
#include "base/config_upgrade.h"

#include <stdlib.h>
#include <string.h>
#include "base/arena.h"
#include "base/config_file.h"
#include "base/config_priv.h"

/* What stands in the file, in order: a section's beginning, its settings, its end. */
struct item {
	struct config_entry e;
	const struct config_former *former; /* of a setting; NULL: its name is today's */
	const struct config_def *def;       /* NULL: none is so called */
	size_t from, to;                    /* of a setting: with its lines and comments, where these are its own; else at and end */
	bool whole;                         /* from and to are of whole lines */
	bool gone;                          /* not in its section any more */
};

/* A section that is made: where its text comes to stand, what it is called, what is in it. */
struct made {
	const struct config_former *as;
	size_t after; /* the end of the section from which the first of it came */
	struct buf text;
	struct made *next;
};

struct upgrade {
	struct arena arena;
	struct str text;
	struct item *item;
	size_t n, cap;
	bool version;
	struct made *made, **last;
	struct buf *told;
};

static const struct config_def *
def_of(struct str section, struct str key)
{
	const struct config_def *d;

	for (size_t i = 0; (d = config_def(i)) != NULL; i++)
		if (str_eq(section, str_c(d->section)) && str_eq(key, str_c(d->key)))
			return d;
	return NULL;
}

static enum status
line_take(void *arg, const struct config_entry *e, struct buf *why)
{
	struct upgrade *u = arg;
	const struct config_former *f;
	struct item *it;

	if (e->section.n == 0) {
		u->version = true;
		return OK;
	}
	if (u->n == u->cap) {
		size_t more = u->cap ? 2 * u->cap : 64;

		u->item = arena_grow(&u->arena, u->item, u->n, u->cap, more, sizeof(*u->item));
		u->cap = more;
	}
	it = &u->item[u->n++];
	*it = (struct item){.e = *e, .from = e->at, .to = e->end, .def = def_of(e->section, e->key)};
	for (size_t i = 0; it->def == NULL && e->name.p == NULL && (f = config_former(i)) != NULL; i++)
		if (str_eq(e->section, str_c(f->old.section)) && str_eq(e->key, str_c(f->old.key)))
			it->former = f;
	if (it->former != NULL)
		it->def = def_of(str_c(it->former->new_section), str_c(it->former->new_key));
	return OK;
}

/* ---- lines ---- */

static size_t
line_start(struct str text, size_t at)
{
	while (at > 0 && text.p[at - 1] != '\n')
		at--;
	return at;
}

/* Behind the line end, or the end of the text. */
static size_t
line_end(struct str text, size_t at)
{
	size_t n = str_chr(str_from(text, at), '\n');

	return at + n < text.n ? at + n + 1 : text.n;
}

/* Nothing but blanks, or (comments) a comment behind them. */
static bool
is_blank(struct str s, bool comments)
{
	s = str_trim(s);
	return s.n == 0 || (comments && s.p[0] == '#');
}

static bool
is_comment(struct str line)
{
	line = str_trim(line);
	return line.n > 0 && line.p[0] == '#';
}

static struct str
between(struct str text, size_t from, size_t to)
{
	return str_of(text.p + from, to - from);
}

/* The lines of a setting, where it has them for itself, and the comments directly above. */
static void
find_lines(struct upgrade *u, struct item *it)
{
	size_t from = line_start(u->text, it->e.at), to = line_end(u->text, it->e.end), above;

	it->whole = is_blank(between(u->text, from, it->e.at), false) && is_blank(between(u->text, it->e.end, to), !it->gone);
	if (!it->whole)
		return;
	/* The comments of one that is left out stay. */
	while (!it->gone && from > 0 && is_comment(between(u->text, above = line_start(u->text, from - 1), from)))
		from = above;
	it->from = from;
	it->to = to;
}

/* ---- values ---- */

/* A bare number of seconds or milliseconds, but for 0, gets its unit. */
static const char *
unit_for(const struct item *it)
{
	bool number = it->def != NULL && !it->e.list && it->e.n == 1;
	struct str v = number ? str_trim(it->e.value[0]) : STR("");

	if (v.n == 0 || strspn(v.p, "0123456789") < v.n || strspn(v.p, "0") >= v.n)
		return "";
	if (it->former != NULL && it->former->form == FORM_MS)
		return "ms";
	return it->def->type == CONFIG_SECONDS ? "s" : "";
}

/* The setting by today's name and with its unit: what stands between stays. */
static void
add_setting(struct upgrade *u, const struct item *it, struct buf *out)
{
	const char *unit = unit_for(it);
	struct str old = between(u->text, it->e.at + it->e.key.n, it->e.end);

	if (it->former != NULL)
		buf_adds(out, it->former->new_key);
	else
		buf_add(out, it->e.key);
	if (*unit != '\0') {
		buf_addf(out, " = %.*s%s", STR_FMT(str_trim(it->e.value[0])), unit);
		return;
	}
	buf_add(out, old);
}

static void
tell(struct upgrade *u, const struct item *it, const char *what, const char *rest)
{
	buf_addf(u->told, "%u: %.*s.%.*s %s%s\n", it->e.line, STR_FMT(it->e.section), STR_FMT(it->e.key), what, rest);
}

/* ---- settings that go elsewhere ---- */

static bool
moves(const struct item *it)
{
	return it->former != NULL && (*it->former->new_of != '\0' || strcmp(it->former->new_section, it->former->old.section) != 0);
}

static struct made *
made_for(struct upgrade *u, const struct config_former *f, size_t after)
{
	struct made *m;

	for (m = u->made; m != NULL; m = m->next)
		if (strcmp(m->as->new_section, f->new_section) == 0 && strcmp(m->as->new_of, f->new_of) == 0)
			return m;
	m = arena_new(&u->arena, struct made);
	*m = (struct made){.as = f, .after = after};
	*u->last = m;
	u->last = &m->next;
	return m;
}

/* With its comments, into the section that is made for it. */
static void
move_setting(struct upgrade *u, struct item *it, size_t after)
{
	struct made *m = made_for(u, it->former, after);

	if (it->whole)
		buf_add(&m->text, between(u->text, it->from, it->e.at));
	else
		buf_adds(&m->text, "    ");
	add_setting(u, it, &m->text);
	if (it->whole)
		buf_add(&m->text, between(u->text, it->e.end, it->to));
	if (!it->whole || m->text.p[m->text.n - 1] != '\n')
		buf_addc(&m->text, '\n');
	it->gone = true;
	tell(u, it, "is called now ", it->former->old.now);
}

/* One that was overridden by its own former name, or a former name that said 0, which set nothing. */
static void
drop_unset(struct upgrade *u)
{
	for (size_t i = 0; i < u->n; i++) {
		struct item *it = &u->item[i];
		bool zero;

		if (it->former == NULL || it->former->form != FORM_UNSET0 || it->e.list)
			continue;
		zero = str_eq(str_trim(it->e.value[0]), STR("0"));
		if (zero) {
			it->gone = true;
			tell(u, it, "set nothing, and is left out", "");
		}
		for (size_t k = 0; k < u->n && !zero; k++)
			if (u->item[k].former == NULL && u->item[k].def == it->def && u->item[k].e.key.n > 0) {
				u->item[k].gone = true;
				tell(u, &u->item[k], "was overridden, and is left out", "");
			}
	}
}

static size_t
end_of_section(const struct upgrade *u, size_t i)
{
	while (i < u->n && !u->item[i].e.over)
		i++;
	return i;
}

static void
move_all(struct upgrade *u)
{
	for (size_t i = 0; i < u->n; i++) {
		struct item *it = &u->item[i];

		if (it->e.key.n == 0)
			continue;
		find_lines(u, it);
		if (!it->gone && moves(it))
			move_setting(u, it, end_of_section(u, i));
	}
}

/* ---- the new text ---- */

/* Blanks, and the semicolons that may stand between settings. */
static bool
is_nothing(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr(" \t\r\n;", s.p[i]) == NULL)
			return false;
	return true;
}

/* Nothing is left in the section that begins with item i. */
static bool
is_empty(const struct upgrade *u, size_t i)
{
	size_t end = end_of_section(u, i), at = u->item[i].e.end;

	if (end == i + 1)
		return false; /* it was before */
	for (size_t k = i + 1; k < end; k++) {
		if (!u->item[k].gone || !is_nothing(between(u->text, at, u->item[k].from)))
			return false;
		at = u->item[k].to;
	}
	return is_nothing(between(u->text, at, u->item[end].e.at));
}

static void
add_made(struct upgrade *u, size_t after, bool alone, struct buf *out)
{
	for (struct made *m = u->made; m != NULL; m = m->next) {
		if (m->after != after)
			continue;
		buf_addf(out, "%s%s %s {\n", alone ? "" : "\n", m->as->new_section, m->as->new_of);
		buf_add(out, buf_str(&m->text));
		buf_adds(out, "}\n");
		alone = false;
	}
}

static void
change_in_place(struct upgrade *u, const struct item *it, struct buf *out)
{
	const char *unit = unit_for(it);

	if (it->former != NULL)
		tell(u, it, "is called now ", it->former->old.now);
	else if (*unit != '\0')
		tell(u, it, "has its unit now: ", unit);
	add_setting(u, it, out);
}

/* Copies up to `to`, and passes over what is there up to `next`. */
static void
copy_to(struct upgrade *u, size_t *at, size_t to, size_t next, struct buf *out)
{
	if (to > *at)
		buf_add(out, between(u->text, *at, to));
	if (next > *at)
		*at = next;
}

static void
write_section_start(struct upgrade *u, const struct item *it, bool empty, size_t *at, struct buf *out)
{
	size_t from = line_start(u->text, it->e.at);

	if (from < *at || !is_blank(between(u->text, from, it->e.at), false))
		from = it->e.at;
	copy_to(u, at, from, from, out);
	if (!u->version) {
		buf_addf(out, "version = %d\n\n", CONFIG_VERSION);
		buf_addf(u->told, "%u: version = %d says which form the file has\n", it->e.line, CONFIG_VERSION);
		u->version = true;
	}
	if (empty)
		*at = it->e.end;
}

static void
write_section_end(struct upgrade *u, size_t i, bool empty, size_t *at, struct buf *out)
{
	size_t end = u->item[i].e.end, rest = line_end(u->text, end);
	bool own = is_blank(between(u->text, end, rest), false);
	bool made = false;

	for (const struct made *m = u->made; m != NULL; m = m->next)
		made = made || m->after == i;
	if (empty) {
		*at = own ? rest : end;
	} else if (made) {
		copy_to(u, at, own ? rest : end, own ? rest : end, out);
		if (!own || out->p[out->n - 1] != '\n')
			buf_addc(out, '\n');
	}
	add_made(u, i, empty, out);
}

static void
write_items(struct upgrade *u, struct buf *out)
{
	size_t at = 0;
	bool empty = false;

	for (size_t i = 0; i < u->n; i++) {
		struct item *it = &u->item[i];

		if (it->e.over) {
			write_section_end(u, i, empty, &at, out);
			empty = false;
		} else if (it->e.key.n == 0) {
			empty = is_empty(u, i);
			write_section_start(u, it, empty, &at, out);
		} else if (it->gone) {
			copy_to(u, &at, empty ? at : it->from, it->to, out);
		} else if (it->former != NULL || *unit_for(it) != '\0') {
			copy_to(u, &at, it->e.at, it->e.end, out);
			change_in_place(u, it, out);
		}
	}
	copy_to(u, &at, u->text.n, u->text.n, out);
}

enum status
config_upgrade(struct str text, struct buf *out, struct buf *told, struct buf *why)
{
	struct upgrade u = {.told = told, .last = &u.made};
	struct buf fault = {0};
	unsigned line = 0;
	enum status st;

	/* A mark of the encoding, which some editors put there, would come to stand in the middle. */
	while (str_starts(text, STR("\xef\xbb\xbf")))
		text = str_from(text, 3);
	u.text = text;
	st = config_file_parse(&u.arena, u.text, line_take, &u, &line, &fault);

	if (st != OK) {
		buf_addf(why, "%u: %.*s", line, STR_FMT(buf_str(&fault)));
	} else {
		drop_unset(&u);
		move_all(&u);
		write_items(&u, out);
		if (!u.version) {
			buf_addf(out, "%sversion = %d\n", out->n > 0 && out->p[out->n - 1] != '\n' ? "\n" : "", CONFIG_VERSION);
			buf_addf(told, "1: version = %d says which form the file has\n", CONFIG_VERSION);
		}
	}
	for (struct made *m = u.made; m != NULL; m = m->next)
		buf_free(&m->text);
	buf_free(&fault);
	arena_free(&u.arena);
	return st;
}
