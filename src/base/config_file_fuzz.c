/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the configuration file's syntax: what was read, written down in its plainest form, is read the same again. */
#include "base/assert.h"
#include "base/config_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
add_value(struct buf *out, struct str v)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < v.n; i++)
		buf_addf(out, "%s%c", v.p[i] == '"' || v.p[i] == '\\' ? "\\" : "", v.p[i]);
	buf_addc(out, '"');
}

/* What is written down, and whether a section is open in it. */
struct copy {
	struct buf text;
	bool open;
};

static void
close_section(struct copy *copy)
{
	if (copy->open)
		buf_adds(&copy->text, "}\n");
	copy->open = false;
}

static void
open_section(struct copy *copy, const struct config_entry *e)
{
	close_section(copy);
	ensure(e->section.n > 0 && e->n == 0);
	buf_addf(&copy->text, "%.*s ", STR_FMT(e->section));
	if (e->name.p != NULL)
		add_value(&copy->text, e->name);
	buf_adds(&copy->text, " {\n");
	copy->open = true;
}

static enum status
write_down(void *arg, const struct config_entry *e, struct buf *why)
{
	struct copy *copy = arg;

	ensure(e->line > 0 && (copy->open || e->key.n == 0 || e->section.n == 0));
	ensure(e->at < e->end && (e->over ? copy->open : true));
	if (e->over) {
		close_section(copy);
		return OK;
	}
	if (e->key.n == 0) {
		open_section(copy, e);
		return OK;
	}
	ensure((e->list || e->n == 1) && (e->section.n > 0 || (!copy->open && str_eq(e->key, STR("version")))));
	buf_addf(&copy->text, "%.*s = %s", STR_FMT(e->key), e->list ? "{" : "");
	for (size_t i = 0; i < e->n; i++) {
		if (i > 0)
			buf_addc(&copy->text, ',');
		add_value(&copy->text, e->value[i]);
	}
	buf_adds(&copy->text, e->list ? "}\n" : "\n");
	return OK;
}

static bool
read_it(struct arena *arena, struct str text, struct copy *copy, struct buf *why)
{
	unsigned line = 0;
	bool good = config_file_parse(arena, text, write_down, copy, &line, why) == OK;

	close_section(copy);
	ensure(good || (line > 0 && why->n > 0));
	return good;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct copy once = {0}, twice = {0};
	struct buf why = {0};
	struct arena arena = {0};
	struct config_entry e;

	/* So that a BOM in the middle of a name does not come to stand at the beginning, where it is passed over. */
	buf_addc(&once.text, '\n');
	buf_addc(&twice.text, '\n');
	if (read_it(&arena, str_of(data, size), &once, &why) && once.text.n <= CONFIG_FILE_MAX)
		ensure(read_it(&arena, buf_str(&once.text), &twice, &why) && str_eq(buf_str(&once.text), buf_str(&twice.text)));
	(void)!config_file_list(&arena, str_of(data, size), &e, &why);
	arena_free(&arena);
	buf_free(&once.text);
	buf_free(&twice.text);
	buf_free(&why);
	return 0;
}
