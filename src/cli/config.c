/* SPDX-License-Identifier: Apache-2.0 */
/* config: the settings in force, with what each means, and what is wrong with them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/assert.h"
#include "base/config.h"
#include "cli/cli.h"
#include "server/server.h"

static void
print_str(FILE *to, char *const *v)
{
	cli_print(to, "%s", *v);
}

static void
print_list(FILE *to, const struct config_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		cli_print(to, "%s%s", i ? " " : "", l->word[i]);
}

static void
print_number(FILE *to, const int64_t *n)
{
	fprintf(to, "%" PRId64, *n);
}

/* In the largest unit that has no rest, as it may be written. */
static void
print_scaled(FILE *to, int64_t n, const char *units, const int64_t *factors)
{
	size_t i = strlen(units);

	while (i > 0 && (n == 0 || n % factors[i - 1] != 0))
		i--;
	if (i > 0)
		fprintf(to, "%" PRId64 "%c", n / factors[i - 1], units[i - 1]);
	else
		fprintf(to, "%" PRId64, n);
}

static void
print_size(FILE *to, const int64_t *n)
{
	print_scaled(to, *n, "KMG", (const int64_t[]){1 << 10, 1 << 20, 1 << 30});
}

static void
print_time(FILE *to, const int64_t *n)
{
	print_scaled(to, *n, "smhd", (const int64_t[]){1, 60, 3600, 86400});
}

static void
print_bool(FILE *to, const bool *v)
{
	fputs(*v ? "yes" : "no", to);
}

#define print_STR print_str
#define print_LIST print_list
#define print_NUMBER print_number
#define print_SIZE print_size
#define print_SECONDS print_time
#define print_BOOL print_bool

/* Row i's value as it may be written. */
static void
print_value(FILE *to, const struct config *c, size_t i)
{
	size_t n = 0;

#define C(section, key, type, preset, text)                                                                         \
	if (n++ == i)                                                                                                \
		print_##type(to, &c->section##_##key);
#include "base/config.tbl"
#undef C
}

static const void *
field(const struct config *c, size_t i)
{
	size_t n = 0;

#define C(section, key, type, preset, text)                                                                         \
	if (n++ == i)                                                                                                \
		return &c->section##_##key;
#include "base/config.tbl"
#undef C
	return NULL;
}

/* Where it was set, without the colon that goes before a message. */
static struct str
origin(const struct config *c, size_t i, struct buf *out)
{
	config_blame(c, field(c, i), out);
	return str_trim_suffix(str_trim_suffix(buf_str(out), ' '), ':');
}

static void
print_row(const struct config *c, size_t i, const struct config_row *row, bool changed)
{
	struct buf where = {0};

	printf("%s.%s = ", row->section, row->key);
	print_value(stdout, c, i);
	if (changed) {
		struct str from = origin(c, i, &where);

		cli_print(stdout, "    # %.*s\n", STR_FMT(from));
	} else {
		printf("\n    %s%s%s%s\n", row->text, row->range ? " (" : "", row->range ? row->range : "", row->range ? ")" : "");
	}
	buf_free(&where);
}

/* A value as text: what print_value() prints. */
static void
json_value(struct json *j, const struct config *c, size_t i)
{
	char *text = NULL;
	size_t n = 0;
	FILE *to = open_memstream(&text, &n);

	if (to == NULL)
		die("out of memory");
	print_value(to, c, i);
	fclose(to);
	json_str(j, "value", str_of(text, n));
	free(text);
}

static void
json_setting(struct json *j, const struct config *c, size_t i, const struct config_row *row)
{
	struct buf name = {0}, where = {0};

	buf_addf(&name, "%s.%s", row->section, row->key);
	json_row(j);
	json_str(j, "name", buf_str(&name));
	json_value(j, c, i);
	json_str(j, "default", str_c(row->preset));
	json_str(j, "from", origin(c, i, &where));
	json_row_end(j);
	buf_free(&name);
	buf_free(&where);
}

static void
say_fault(void *arg, enum server_fault fault, const char *text)
{
	int *code = arg;

	(void)cli_fail("%s", text);
	if (fault != FAULT_TOLD)
		*code = 1;
}

int
cli_config(struct cli *cli)
{
	struct config *defaults;
	const struct config *c = config();
	struct config_row row;
	struct json json;
	bool changed = false, as_json = false;
	int code = 0;

	if (!cli_options(cli, (struct cli_option[]){{"changed", NULL, &changed}, {"json", NULL, &as_json}, {0}}) || cli->argc > 0)
		return cli_usage("config");
	defaults = config_defaults();
	json_begin(&json, as_json);
	for (size_t i = 0; config_row(i, &row); i++) {
		if (changed && config_same(c, defaults, i))
			continue;
		if (as_json)
			json_setting(&json, c, i, &row);
		else
			print_row(c, i, &row, changed);
	}
	json_end(&json);
	config_free(defaults);
	fflush(stdout);
	server_check(&(struct server_check){.config = c, .tell = say_fault, .arg = &code});
	return code;
}
