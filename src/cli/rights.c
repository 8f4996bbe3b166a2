/* SPDX-License-Identifier: Apache-2.0 */
/* mailbox rights: who may do what with a mailbox, and changes of that. */
#include <stdio.h>
#include <stdlib.h>
#include "cli/cli.h"

static void
print_right(void *arg, const struct str *f, size_t n)
{
	struct json *j = arg;

	if (n != 2)
		return;
	if (!j->on) {
		cli_print(stdout, "%-32.*s %.*s\n", STR_FMT(f[0]), STR_FMT(f[1]));
		return;
	}
	json_row(j);
	json_str(j, "identifier", f[0]);
	json_str(j, "rights", f[1]);
	json_row_end(j);
}

int
cli_mailbox_rights(struct cli *cli)
{
	bool as_json = false;
	struct json json;
	struct str *fields;
	struct link link;
	int code;

	if (!cli_options(cli, (struct cli_option[]){{"json", NULL, &as_json}, {0}}) || cli->argc < 2)
		return cli_usage("mailbox rights");
	if ((cli->argc > 2 ? cli_connect(&link) : cli_connect_read(&link)) != OK)
		return 1;
	fields = x_calloc((size_t)cli->argc + 1, sizeof(*fields));
	fields[0] = STR("mailbox-rights");
	for (int i = 0; i < cli->argc; i++)
		fields[i + 1] = str_c(cli->argv[i]);
	cli_request(&link, (size_t)cli->argc + 1, fields);
	free(fields);
	json_begin(&json, as_json);
	code = cli_finish(&link, print_right, &json, false);
	json_end(&json);
	cli_disconnect(&link);
	return code;
}
