/* SPDX-License-Identifier: Apache-2.0 */
/* repair: works on the data folder itself; the server must not run. */
#include <inttypes.h>
#include <stdio.h>
#include "base/config.h"
#include "cli/cli.h"
#include "store/mend/check.h"
#include "store/store.h"

static void
repair_lost(void *arg, const char *text)
{
	cli_print(stdout, "lost: %s\n", text);
}

int
cli_store_repair(struct cli *cli)
{
	struct repair_report report = {.lost = repair_lost};
	struct buf why = {0};
	char dir[4096];
	enum status st;

	if (!cli_options(cli, (struct cli_option[]){{0}}) || cli->argc > 0)
		return cli_usage("store repair");
	if (cli_data_dir(dir, sizeof(dir)) != OK)
		return 1;
	if (store_place(dir, config()->store_any_filesystem, &why) != OK) {
		(void)cli_fail("%.*s", STR_FMT(buf_str(&why)));
		buf_free(&why);
		return 1;
	}
	buf_free(&why);
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
	return report.lost_n > 0 ? 1 : 0;
}
