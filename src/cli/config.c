/* SPDX-License-Identifier: Apache-2.0 */
/* config: the settings in force, with what each means, and what is wrong with them. */
#include <stdio.h>
#include "base/config.h"
#include "cli/cli.h"
#include "server/server.h"

/* Where it was set, without the colon that goes before a message. */
static struct str
origin(const struct config *c, const struct config_item *item, struct buf *out)
{
	if (item->changed || config_in_file(c, item->value))
		config_blame(c, item->value, out);
	return str_trim_suffix(str_trim_suffix(buf_str(out), ' '), ':');
}

/* By the name that it was given, so that it is found where it stands; beside a file of before by the names of before. */
static const char *
shown_name(const struct config_item *item)
{
	if (item->spelt != NULL)
		return item->spelt;
	return config_path() != NULL && config_version() == 0 && item->former != NULL ? item->former->name : item->name;
}

static void
print_item(const struct config *c, const struct config_item *item, bool changed)
{
	struct buf where = {0}, value = {0};

	config_value_print(item->type, item->value, &value);
	cli_print(stdout, "%s = %.*s", shown_name(item), STR_FMT(buf_str(&value)));
	if (changed) {
		struct str from = origin(c, item, &where);

		cli_print(stdout, "    # %.*s\n", STR_FMT(from));
	} else {
		printf("\n    %s%s%s%s%s\n", item->text, item->range ? " (" : "", item->range ? item->range : "", item->range ? ")" : "",
		    item->advanced ? " [advanced]" : "");
	}
	buf_free(&where);
	buf_free(&value);
}

static void
json_setting(struct json *j, const struct config *c, const struct config_item *item)
{
	struct buf where = {0}, value = {0};

	config_value_print(item->type, item->value, &value);
	json_row(j);
	json_str(j, "name", str_c(shown_name(item)));
	json_str(j, "setting", str_c(item->name));
	json_str(j, "section", str_c(item->section));
	json_str(j, "of", str_c(item->of != NULL ? item->of : ""));
	json_str(j, "key", str_c(item->key));
	json_str(j, "value", buf_str(&value));
	json_str(j, "default", str_c(item->preset));
	json_str(j, "from", origin(c, item, &where));
	json_bool(j, "advanced", item->advanced);
	json_row_end(j);
	buf_free(&where);
	buf_free(&value);
}

struct outcome {
	bool listed; /* all settings were printed, for people */
	int code;
};

static void
say_fault(void *arg, enum server_fault fault, const char *text)
{
	struct outcome *o = arg;

	/* That a name is one of before is no fault: it stands below the list of all settings. */
	if (o->listed && (fault == FAULT_FORMER || fault == FAULT_OF_BEFORE))
		cli_print(stdout, "\n%s\n", text);
	else
		(void)cli_fail("%s", text);
	if (fault == FAULT_REFUSED || fault == FAULT_CERTIFICATE)
		o->code = EXIT_NOT_DONE;
}

int
cli_config(struct cli *cli)
{
	const struct config *c = config();
	struct config_item item;
	struct json json;
	bool changed = false, basic = false, as_json = false;
	struct outcome outcome = {.code = EXIT_DONE};

	if (!cli_options(cli, (struct cli_option[]){{"changed", NULL, &changed}, {"basic", NULL, &basic}, {"json", NULL, &as_json}, {0}}) || cli->argc > 0)
		return cli_usage("config");
	json_begin(&json, as_json);
	for (size_t i = 0; config_item(c, i, &item); i++) {
		if ((changed && !item.changed) || (basic && item.advanced))
			continue;
		if (as_json)
			json_setting(&json, c, &item);
		else
			print_item(c, &item, changed);
	}
	json_end(&json);
	outcome.listed = !changed && !as_json;
	fflush(stdout);
	server_check(&(struct server_check){.config = c, .tell = say_fault, .arg = &outcome});
	return outcome.code;
}
