/* SPDX-License-Identifier: Apache-2.0 */
/* Items of FETCH as they are read: by name, macros, sections. */
#include "imap/fetch/fetch.h"

#include <stdlib.h>

#define ITEMS_MAX 1000

#define F(name, print, needs) {name, print, needs},
static const struct fetch_kind kinds[] = {
#include "imap/fetch/fetch_items.tbl"
};
#undef F

/* BODY[...] in all its spellings. */
static const struct fetch_kind body_kind = {"BODY", NULL, FETCH_EMAIL | FETCH_BODY};

const struct fetch_kind *
fetch_kind_find(struct str name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (str_eq(name, str_c(kinds[i].name)))
			return &kinds[i];
	return NULL;
}

static enum status
add(struct fetch *f, struct fetch_item item)
{
	if (f->n_items >= ITEMS_MAX)
		return ERR_LIMIT;
	f->needs |= item.needs;
	f->uid |= (item.needs & FETCH_UID) != 0;
	if (f->n_items == f->cap_items) {
		size_t cap = f->cap_items ? 2 * f->cap_items : 4;

		f->items = arena_grow(&f->cmd->arena, f->items, f->n_items, f->cap_items, cap, sizeof(*f->items));
		f->cap_items = cap;
	}
	f->items[f->n_items++] = item;
	return OK;
}

enum status
fetch_add_named(struct fetch *f, const char *name)
{
	const struct fetch_kind *kind = fetch_kind_find(str_c(name));

	for (size_t i = 0; i < f->n_items; i++)
		if (f->items[i].kind == kind)
			return OK;

	return add(f, (struct fetch_item){.kind = kind, .needs = kind->needs});
}

/* Written once for all messages: it may be as long as the command. */
static struct str
section_label(struct fetch *f, struct str name, const struct section *section)
{
	struct buf b = {0};
	struct str label;

	buf_add(&b, name);
	out_section(&b, section);
	buf_addc(&b, ' ');
	label = arena_str(&f->cmd->arena, buf_str(&b));
	buf_free(&b);
	return label;
}

struct mime_names *
fetch_names(struct fetch *f, const struct section *section)
{
	struct mime_names *names = arena_new(&f->cmd->arena, struct mime_names);
	/* The label keeps the client's order. */
	struct str *sorted = arena_copy(&f->cmd->arena, section->field, section->fields, section->fields, sizeof(*sorted));

	qsort(sorted, section->fields, sizeof(*sorted), mime_name_cmp);
	mime_names_init(names, sorted, section->fields);
	return names;
}

/* BODY[...], BODY.PEEK[...] */
static enum status
parse_section(struct fetch *f, struct args *a, bool peek)
{
	struct fetch_item item = {.kind = &body_kind, .needs = body_kind.needs};
	enum status st;

	if ((st = arg_section(a, false, &item.section)) != OK)
		return st;
	if (!peek)
		item.needs |= FETCH_SEEN;
	if (item.section.fields > 0)
		item.names = fetch_names(f, &item.section);
	/* What a slice tells, of nearly every message (see print_fields()). */
	if (item.section.kind == SECTION_FIELDS && item.section.parts == 0 && item.names != NULL && item.names->often)
		item.needs = (item.needs & ~(unsigned)FETCH_EMAIL) | FETCH_SUMMARY;
	item.label = section_label(f, STR("BODY"), &item.section);
	return add(f, item);
}

/* "(field field)" */
static enum status
parse_lines(struct fetch *f, struct args *a, struct section *sec)
{
	size_t cap = 0;
	enum status st;

	if ((st = arg_space(a)) != OK || (st = arg_open(a)) != OK)
		return st;
	while (arg_more(a)) {
		if (sec->fields == SECTION_FIELDS_MAX)
			return ERR_LIMIT;
		if (sec->fields == cap) {
			sec->field = arena_grow(&f->cmd->arena, sec->field, cap, cap, 2 * cap + 4, sizeof(*sec->field));
			cap = 2 * cap + 4;
		}
		if ((st = arg_astring(a, &sec->field[sec->fields++])) != OK)
			return st;
	}
	return sec->fields > 0 ? arg_close(a) : ERR_BAD_INPUT;
}

/* BINARY[...], BINARY.PEEK[...], BINARY.SIZE[...] (RFC 3516 4.2) */
static enum status
parse_binary(struct fetch *f, struct args *a, bool size, bool seen)
{
	struct fetch_item item = {.kind = &body_kind, .needs = body_kind.needs | FETCH_BINARY};
	enum status st;

	if ((st = arg_section(a, true, &item.section)) != OK)
		return st;
	if (size && item.section.partial)
		return ERR_BAD_INPUT;
	if (seen)
		item.needs |= FETCH_SEEN;
	item.size = size;
	item.label = section_label(f, size ? STR("BINARY.SIZE") : STR("BINARY"), &item.section);
	return add(f, item);
}

/* " (LAZY)" behind PREVIEW (RFC 8970 4.1). Previews are made at delivery, so it changes nothing. Another list there is one
 * of modifiers of the command. */
static void
parse_lazy(struct args *a)
{
	struct args b = *a;
	unsigned n = 0;

	if (arg_space(&b) != OK || arg_open(&b) != OK)
		return;
	while (arg_more(&b) && arg_keyword(&b, "LAZY"))
		n++;
	if (n > 0 && arg_close(&b) == OK)
		*a = b;
}

/* RFC822 and relatives: BODY sections under their old names (RFC 3501 6.4.5). */
static enum status
parse_rfc822(struct fetch *f, struct args *a, struct str name, size_t name_at)
{
	static const struct {
		struct str name, label;
		enum section_kind kind;
		unsigned needs;
	} old[] = {
		{{"RFC822", 6}, {"RFC822 ", 7}, SECTION_ALL, FETCH_SEEN},
		{{"RFC822.HEADER", 13}, {"RFC822.HEADER ", 14}, SECTION_HEADER, 0},
		{{"RFC822.TEXT", 11}, {"RFC822.TEXT ", 12}, SECTION_TEXT, FETCH_SEEN},
		/* RFC 1730, RFC 2062 6.4.5.OBS.1 */
		{{"RFC822.PEEK", 11}, {"RFC822 ", 7}, SECTION_ALL, 0},
		{{"RFC822.TEXT.PEEK", 16}, {"RFC822.TEXT ", 12}, SECTION_TEXT, 0},
		{{"RFC822.HEADER.LINES", 19}, {"RFC822.HEADER ", 14}, SECTION_FIELDS, 0},
		{{"RFC822.HEADER.LINES.NOT", 23}, {"RFC822.HEADER ", 14}, SECTION_FIELDS_NOT, 0},
	};
	enum status st;

	for (size_t i = 0; i < sizeof(old) / sizeof(old[0]); i++) {
		struct fetch_item item = {.kind = &body_kind, .label = old[i].label};

		if (!str_eq(name, old[i].name))
			continue;
		item.needs = body_kind.needs | old[i].needs;
		item.section.kind = old[i].kind;
		if (old[i].kind == SECTION_FIELDS || old[i].kind == SECTION_FIELDS_NOT) {
			if ((st = parse_lines(f, a, &item.section)) != OK)
				return st;
			item.names = fetch_names(f, &item.section);
		}
		return add(f, item);
	}
	return arg_expect_at(a, name_at, EXPECT_FETCH_ITEM);
}

static enum status
parse_item(struct fetch *f, struct args *a)
{
	const struct fetch_kind *kind;
	size_t at = a->at;
	struct str name;

	if (arg_item(a, &name) != OK)
		return arg_expect(a, EXPECT_FETCH_ITEM);
	if (arg_peek(a) == '[') {
		if (str_eq(name, STR("BODY")))
			return parse_section(f, a, false);
		if (str_eq(name, STR("BODY.PEEK")))
			return parse_section(f, a, true);
		if (str_eq(name, STR("BINARY")) || str_eq(name, STR("BINARY.PEEK")))
			return parse_binary(f, a, false, name.n == 6);
		if (str_eq(name, STR("BINARY.SIZE")))
			return parse_binary(f, a, true, false);
		return arg_expect_at(a, at, EXPECT_FETCH_ITEM);
	}
	if ((kind = fetch_kind_find(name)) != NULL && kind->print == fetch_preview)
		parse_lazy(a);
	if (kind != NULL)
		return add(f, (struct fetch_item){.kind = kind, .needs = kind->needs});
	return parse_rfc822(f, a, name, at);
}

enum status
fetch_parse_text(struct fetch *f, struct args *a)
{
	enum status st;

	if ((st = parse_item(f, a)) != OK)
		return st;
	return f->items[0].kind == &body_kind && !(f->items[0].needs & FETCH_BINARY) ? OK : ERR_BAD_INPUT;
}

static enum status
parse_macro(struct fetch *f, struct args *a, bool *found_r)
{
	static const char *const items[] = {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"};
	size_t n = arg_keyword(a, "ALL") ? 4 : arg_keyword(a, "FAST") ? 3 : arg_keyword(a, "FULL") ? 5 : 0;
	enum status st = OK;

	*found_r = n > 0;
	for (size_t i = 0; i < n && st == OK; i++)
		st = fetch_add_named(f, items[i]);
	return st;
}

void
fetch_unique(struct fetch *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_items; i++) {
		size_t k = 0;

		while (k < n && (f->items[k].kind != f->items[i].kind || !str_eq(f->items[k].label, f->items[i].label)))
			k++;
		if (k == n)
			f->items[n++] = f->items[i];
	}
	f->n_items = n;
}

void
fetch_sort(struct fetch *f)
{
	struct fetch_item *sorted = arena_array(&f->cmd->arena, f->n_items + 1, sizeof(*sorted));
	size_t n = 0;

	for (size_t i = 0; i < f->n_items; i++)
		if (!(f->items[i].needs & FETCH_BODY))
			sorted[n++] = f->items[i];
	for (size_t i = 0; i < f->n_items; i++)
		if (f->items[i].needs & FETCH_BODY)
			sorted[n++] = f->items[i];
	f->items = sorted;
}

static enum status
parse_list(struct fetch *f, struct args *a)
{
	enum status st;

	if ((st = arg_open(a)) != OK)
		return st;
	while (arg_more(a))
		if ((st = parse_item(f, a)) != OK)
			return st;
	return f->n_items ? arg_close(a) : ERR_BAD_INPUT;
}

/* Without parentheses: one item, or several as some clients send them (T10). */
static enum status
parse_bare(struct fetch *f, struct args *a)
{
	enum status st;

	while ((st = parse_item(f, a)) == OK) {
		struct args next = *a;

		if (arg_peek(a) != ' ' || arg_space(&next) != OK || arg_peek(&next) == '(' ||
		    arg_peek(&next) == 0)
			break;
		*a = next;
	}
	return st;
}

enum status
fetch_parse(struct fetch *f, struct args *a)
{
	bool macro;
	enum status st;

	if ((st = parse_macro(f, a, &macro)) == OK && !macro)
		st = arg_peek(a) == '(' ? parse_list(f, a) : parse_bare(f, a);
	return st;
}
