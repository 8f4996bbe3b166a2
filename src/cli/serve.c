/* SPDX-License-Identifier: Apache-2.0 */
/* mansio serve: reads the settings and runs the server. */
#include "cli/cli.h"
#include "server/server.h"

/* serve: the server itself, in the foreground. */
int
cli_serve(struct cli *cli)
{
	bool quiet = false;

	if (!cli_options(cli, (struct cli_option[]){{"quiet", NULL, &quiet}, {0}}) || cli->argc > 0)
		return cli_usage("serve");
	return server_run(&(struct server_options){.quiet = quiet, .sandbox = true, .words = cli->words});
}
