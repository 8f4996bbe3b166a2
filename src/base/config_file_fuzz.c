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

static enum status
write_down(void *arg, const struct config_entry *e, struct buf *why)
{
	struct buf *out = arg;

	ensure(e->line > 0 && e->key.n > 0 && e->section.n > 0 && (e->list || e->n == 1));
	buf_addf(out, "%.*s {\n%.*s = %s", STR_FMT(e->section), STR_FMT(e->key), e->list ? "{" : "");
	for (size_t i = 0; i < e->n; i++) {
		if (i > 0)
			buf_addc(out, ',');
		add_value(out, e->value[i]);
	}
	buf_adds(out, e->list ? "}\n}\n" : "\n}\n");
	return OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once = {0}, twice = {0}, why = {0};
	struct arena arena = {0};
	struct config_entry e;
	unsigned line = 0;

	/* So that a BOM in the middle of a name does not come to stand at the beginning, where it is passed over. */
	buf_addc(&once, '\n');
	buf_addc(&twice, '\n');
	if (config_file_parse(&arena, str_of(data, size), write_down, &once, &line, &why) == OK) {
		if (once.n <= CONFIG_FILE_MAX)
			ensure(config_file_parse(&arena, buf_str(&once), write_down, &twice, &line, &why) == OK &&
			    str_eq(buf_str(&once), buf_str(&twice)));
	} else {
		ensure(line > 0 && why.n > 0);
	}
	(void)!config_file_list(&arena, str_of(data, size), &e, &why);
	arena_free(&arena);
	buf_free(&once);
	buf_free(&twice);
	buf_free(&why);
	return 0;
}
