/* SPDX-License-Identifier: Apache-2.0 */
/* alias, group: add, remove, delete, list; lookup. */
#include <stdio.h>
#include "cli/cli.h"

/* One of the command line, or those of a file: a line each. */
static int
change(struct cli *cli, const char *verb, const char *request, const char *kind, int args_min, bool each)
{
	const char *file = NULL;

	if (!cli_options(cli, (struct cli_option[]){{"file", &file, NULL}, {0}}) || (cli->argc > 0 ? cli->argc < args_min : file == NULL))
		return cli_usage(verb);
	return cli_lines(cli, "lines", each, file, 2, (struct str[]){str_c(request), str_c(kind)});
}

int
cli_alias_add(struct cli *cli)
{
	return change(cli, "alias add", "address-add", "alias", 2, false);
}

int
cli_alias_remove(struct cli *cli)
{
	return change(cli, "alias remove", "address-remove", "alias", 2, false);
}

int
cli_alias_delete(struct cli *cli)
{
	return change(cli, "alias delete", "address-delete", "alias", 1, true);
}

int
cli_group_add(struct cli *cli)
{
	return change(cli, "group add", "address-add", "group", 1, false);
}

int
cli_group_remove(struct cli *cli)
{
	return change(cli, "group remove", "address-remove", "group", 2, false);
}

int
cli_group_delete(struct cli *cli)
{
	return change(cli, "group delete", "address-delete", "group", 1, true);
}

/* ---- lists ---- */

static void
print_target(void *arg, struct str name, struct str kind, struct str target, struct str state)
{
	struct json *j = arg;

	if (!j->on) {
		cli_print(stdout, "%-40.*s %-8.*s%s%.*s%s%.*s\n", STR_FMT(name), STR_FMT(kind), target.n > 0 ? " " : "", STR_FMT(target),
		    state.n > 0 ? "  " : "", STR_FMT(state));
		return;
	}
	json_row(j);
	json_str(j, "name", name);
	json_str(j, "kind", kind);
	json_str(j, "target", target);
	json_bool(j, "disabled", state.n > 0);
	json_row_end(j);
}

/* A row for each target: an address that leads nowhere has one, too. */
static void
print_address(void *arg, const struct str *f, size_t n)
{
	if (n == 0 || n % 3 != 1)
		return;
	if (n == 1)
		print_target(arg, f[0], STR("none"), STR(""), STR(""));
	for (size_t i = 1; i < n; i += 3)
		print_target(arg, f[0], f[i], f[i + 1], f[i + 2]);
}

static int
list(struct cli *cli, const char *verb, const char *kind)
{
	bool json = false;

	if (!cli_options(cli, (struct cli_option[]){{"json", NULL, &json}, {0}}) || cli->argc > 1)
		return cli_usage(verb);
	return cli_list(cli->argc > 0 ? 3 : 2, (struct str[]){STR("address-list"), str_c(kind), str_c(cli->argc > 0 ? cli->argv[0] : "")}, json, print_address);
}

int
cli_alias_list(struct cli *cli)
{
	return list(cli, "alias list", "alias");
}

int
cli_group_list(struct cli *cli)
{
	return list(cli, "group list", "group");
}

/* ---- lookup ---- */

static void
print_step(void *arg, const struct str *f, size_t n)
{
	struct json *j = arg;

	if (n != 5)
		return;
	if (!j->on) {
		cli_print(stdout, "%-10.*s %.*s%s%.*s%s%.*s%s%.*s\n", STR_FMT(f[0]), STR_FMT(f[1]), f[2].n > 0 ? ", through " : "", STR_FMT(f[2]),
		    f[3].n > 0 ? ": " : "", STR_FMT(f[3]), f[4].n > 0 ? ": into " : "", STR_FMT(f[4]));
		return;
	}
	json_row(j);
	json_str(j, "kind", f[0]);
	json_str(j, "name", f[1]);
	json_str(j, "through", f[2]);
	json_bool(j, "disabled", str_eq(f[3], STR("disabled")));
	json_bool(j, "again", str_eq(f[3], STR("again")));
	json_str(j, "mailbox", f[4]);
	json_row_end(j);
}

int
cli_lookup(struct cli *cli)
{
	bool json = false;

	if (!cli_options(cli, (struct cli_option[]){{"json", NULL, &json}, {0}}) || cli->argc != 1)
		return cli_usage("lookup");
	return cli_list(2, (struct str[]){STR("lookup"), str_c(cli->argv[0])}, json, print_step);
}
