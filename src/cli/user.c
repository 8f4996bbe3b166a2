/* SPDX-License-Identifier: Apache-2.0 */
/* account add, delete, password, rename, set. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/cli.h"

/* where: "FILE:LINE", said with a fault of this one; empty: none. */
static void
send_user(struct link *link, struct str name, struct str password, const char *where)
{
	link_fields(link, FRAME_RECORD, 3, (struct str[]){name, password, str_c(where)});
}

/* NAME:PASSWORD; empty lines and comments are passed over. A fault names the line, and never shows it. */
static bool
send_user_line(void *link, const char *where, struct str s)
{
	size_t colon;

	s = str_trim_suffix(str_trim_suffix(s, '\n'), '\r');
	if (s.n == 0 || s.p[0] == '#')
		return true;
	if ((colon = str_chr(s, ':')) == s.n) {
		cli_fail("%s: not of the form NAME:PASSWORD", where);
		return false;
	}
	send_user(link, str_head(s, colon), str_from(s, colon + 1), where);
	return true;
}

/* A line a name, or the first line for all. */
static bool
users_from_args(struct link *link, struct cli *cli, bool from_stdin)
{
	struct buf password = {0};

	for (int i = 0; i < cli->argc; i++) {
		if (from_stdin && i > 0) {
			int c = getc(stdin);

			if (c != EOF) {
				ungetc(c, stdin);
				if (!cli_password(true, cli->argv[i], &password))
					goto fail;
			}
		} else if (!cli_password(from_stdin, cli->argv[i], &password)) {
			goto fail;
		}
		send_user(link, str_c(cli->argv[i]), buf_str(&password), "");
	}
	buf_free(&password);
	return true;
fail:
	buf_free(&password);
	return false;
}

int
cli_account_add(struct cli *cli)
{
	const char *scheme = "argon2id", *file = NULL;
	bool from_stdin = false;
	struct link link;
	int bad = 0;

	if (!cli_options(cli, (struct cli_option[]){{"scheme", &scheme, NULL}, {"file", &file, NULL},
				  {"password-stdin", NULL, &from_stdin}, {0}}) ||
	    (cli->argc == 0 && file == NULL))
		return cli_usage("account add");
	if (cli_connect_new(&link) != OK)
		return 1;
	/* It answers to many before all are sent. */
	link.takes_in = true;
	cli_request(&link, 2, (struct str[]){STR("user-add"), str_c(scheme)});
	if (!users_from_args(&link, cli, from_stdin))
		bad = 1;
	if (file != NULL)
		bad |= cli_file_lines(file, send_user_line, &link);
	link_send(&link, FRAME_END, STR(""));
	bad |= cli_wait(&link, "accounts", stderr, false);
	cli_disconnect(&link);
	return bad;
}

int
cli_account_password(struct cli *cli)
{
	const char *scheme = "argon2id";
	bool from_stdin = false;
	struct buf password = {0};
	struct link link;
	int code = 1;

	if (!cli_options(cli,
		(struct cli_option[]){{"scheme", &scheme, NULL}, {"password-stdin", NULL, &from_stdin}, {0}}) ||
	    cli->argc != 1)
		return cli_usage("account password");
	if (cli_password(from_stdin, cli->argv[0], &password) && cli_connect(&link) == OK) {
		cli_request(&link, 4,
		    (struct str[]){STR("user-password"), str_c(cli->argv[0]), str_c(scheme), buf_str(&password)});
		code = cli_finish(&link, NULL, NULL, false);
		cli_disconnect(&link);
	}
	buf_free(&password);
	return code;
}

int
cli_account_set(struct cli *cli)
{
	const char *disabled = NULL, *detail = NULL, *file = NULL;
	struct str fields[5 + CLI_QUOTA_FIELDS];
	struct cli_quota q = {0};
	char bytes[24];
	size_t n = 1;

	if (!cli_options(cli, (struct cli_option[]){{"disabled", &disabled, NULL}, {"detail", &detail, NULL}, {"file", &file, NULL}, CLI_QUOTA_OPTIONS(q), {0}}) ||
	    (cli->argc == 0 && file == NULL))
		return cli_usage("account set");
	fields[0] = STR("user-set");
	if (disabled != NULL)
		fields[n++] = STR("disabled"), fields[n++] = str_c(disabled);
	if (detail != NULL)
		fields[n++] = STR("detail"), fields[n++] = str_c(detail);
	if (!cli_quota(&q, fields, &n, bytes) || n == 1)
		return cli_usage("account set");
	return cli_lines(cli, "accounts", true, file, n, fields);
}

int
cli_account_delete(struct cli *cli)
{
	const char *file = NULL;

	if (!cli_options(cli, (struct cli_option[]){{"file", &file, NULL}, {0}}) || (cli->argc == 0 && file == NULL))
		return cli_usage("account delete");
	return cli_lines(cli, "accounts", true, file, 1, (struct str[]){STR("user-delete")});
}

int
cli_account_rename(struct cli *cli)
{
	const char *file = NULL;
	bool keep = false;

	if (!cli_options(cli, (struct cli_option[]){{"file", &file, NULL}, {"keep-address", NULL, &keep}, {0}}) ||
	    (cli->argc != 2 && (cli->argc != 0 || file == NULL)))
		return cli_usage("account rename");
	return cli_lines(cli, "accounts", false, file, 2, (struct str[]){STR("user-rename"), keep ? STR("alias") : STR("")});
}
