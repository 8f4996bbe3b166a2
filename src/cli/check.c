/* SPDX-License-Identifier: Apache-2.0 */
/* check: asks the store to verify itself. backup: asks it for a copy of itself. Both show how far they are. */
#include <stdio.h>
#include <unistd.h>
#include "cli/cli.h"

int
cli_store_check(struct cli *cli)
{
	bool quick = false;
	struct link link;
	int code;

	if (!cli_options(cli, (struct cli_option[]){{"quick", NULL, &quick}, {0}}) || cli->argc > 0)
		return cli_usage("store check");
	if (cli_connect_read(&link) != OK)
		return 1;
	cli_request(&link, 2, (struct str[]){STR("check"), quick ? STR("quick") : STR("deep")});
	code = cli_wait(&link, "checked", stdout, true);
	cli_disconnect(&link);
	return code;
}

int
cli_store_backup(struct cli *cli)
{
	char cwd[4096], path[8192];
	struct link link;
	int code;

	if (!cli_options(cli, (struct cli_option[]){{0}}) || cli->argc != 1)
		return cli_usage("store backup");
	/* The server has another working folder. */
	if (cli->argv[0][0] == '/')
		snprintf(path, sizeof(path), "%s", cli->argv[0]);
	else if (getcwd(cwd, sizeof(cwd)) != NULL)
		snprintf(path, sizeof(path), "%s/%s", cwd, cli->argv[0]);
	else
		return cli_fail("where is this folder? Give the whole path");
	if (cli_connect(&link) != OK)
		return 1;
	cli_request(&link, 2, (struct str[]){STR("backup"), str_c(path)});
	code = cli_wait(&link, "pages", stderr, true);
	cli_disconnect(&link);
	return code;
}
