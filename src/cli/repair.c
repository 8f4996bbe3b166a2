/* SPDX-License-Identifier: Apache-2.0 */
/* repair: works on the data folder itself; the server must not run. */
#include <inttypes.h>
#include <stdio.h>
#include "cli/cli.h"
#include "store/check.h"

static void
lost(void *arg, const char *text)
{
	printf("lost: %s\n", text);
}

int
cli_repair(struct cli *cli)
{
	struct repair_report report = {.lost = lost};
	char dir[4096];
	enum status st;

	if (!cli_options(cli, (struct cli_option[]){{0}}) || cli->argc > 0)
		return cli_usage("repair");
	if (cli_data_dir(dir, sizeof(dir)) != OK)
		return 1;
	st = store_repair(dir, &report);
	cli_keep_owner(dir);
	if (st == ERR_NOT_FOUND)
		return cli_fail("there is no mail store in %s", dir);
	if (st == ERR_UNAVAILABLE)
		return cli_fail("the server runs: stop it first");
	if (st != OK)
		return cli_fail("repair could not end: %s", status_word(st));
	printf("%" PRIu64 " mailboxes, %" PRIu64 " messages kept, %" PRIu64 " things lost\n", report.mailboxes,
	    report.messages, report.lost_n);
	return 0;
}
