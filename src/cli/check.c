/* SPDX-License-Identifier: Apache-2.0 */
/* check: asks the store to verify itself, shows how far it is. backup: asks it for a copy of itself. */
#include <stdio.h>
#include <unistd.h>
#include "cli/cli.h"

static void
show(struct progress *p, struct str payload)
{
	uint64_t done, total;
	size_t space = str_chr(payload, ' ');

	if (!str_u64(str_head(payload, space), UINT64_MAX, &done) ||
	    !str_u64(str_from(payload, space + 1), UINT64_MAX, &total) || done < p->done)
		return;
	p->total = total;
	progress_add(p, done - p->done, 0);
}

int
cli_check(struct cli *cli)
{
	bool quick = false;
	struct progress progress;
	struct link link;
	struct frame f;
	int code = 1;

	if (!cli_options(cli, (struct cli_option[]){{"quick", NULL, &quick}, {0}}) || cli->argc > 0)
		return cli_usage("check");
	if (cli_connect_read(&link) != OK)
		return 1;
	cli_request(&link, 2, (struct str[]){STR("check"), quick ? STR("quick") : STR("deep")});
	progress_begin(&progress, "checked", 0, false);
	for (;;) {
		if (link_next(&link, &f) != OK) {
			(void)cli_fail("the server went away before it had answered: its log says why");
			break;
		}
		if (f.type == FRAME_PROGRESS)
			show(&progress, f.payload);
		else if (f.type == FRAME_TEXT)
			cli_print(stdout, "%.*s\n", STR_FMT(f.payload));
		if (f.type == FRAME_EXIT) {
			progress_end(&progress);
			code = cli_exit_code(f.payload, true);
			break;
		}
	}
	cli_disconnect(&link);
	return code;
}

int
cli_backup(struct cli *cli)
{
	char cwd[4096], path[8192];
	struct link link;
	int code;

	if (!cli_options(cli, (struct cli_option[]){{0}}) || cli->argc != 1)
		return cli_usage("backup");
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
	code = cli_finish(&link, NULL, NULL, true);
	cli_disconnect(&link);
	return code;
}
