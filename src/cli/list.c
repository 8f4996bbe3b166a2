/* SPDX-License-Identifier: Apache-2.0 */
/* account list, mailbox list, session list: for people, or as JSON for programs. */
#include <stdio.h>
#include <stdlib.h>
#include "cli/cli.h"

static void
print_user(void *arg, const struct str *f, size_t n)
{
	struct json *j = arg;

	if (n < 5)
		return;
	if (!j->on) {
		struct str most = n >= 8 ? f[7] : STR("");

		cli_print(stdout, "%-32.*s %6.*s mailboxes %9.*s messages %14.*s bytes%s%.*s  %.*s\n", STR_FMT(f[0]), STR_FMT(f[2]), STR_FMT(f[3]),
		    STR_FMT(f[4]), most.n > 0 ? " of " : "", STR_FMT(most), STR_FMT(f[1]));
		return;
	}
	json_row(j);
	json_str(j, "name", f[0]);
	json_number(j, "mailboxes", f[2]);
	json_number(j, "messages", f[3]);
	json_number(j, "bytes", f[4]);
	if (n >= 8) {
		json_number(j, "mailboxes_max", f[5]);
		json_number(j, "messages_max", f[6]);
		json_number(j, "bytes_max", f[7]);
	}
	json_bool(j, "disabled", f[1].n > 0);
	json_row_end(j);
}

static void
print_mailbox(void *arg, const struct str *f, size_t n)
{
	struct json *j = arg;
	struct str rest, words[16];
	size_t words_n = 0;

	if (n != 7)
		return;
	if (!j->on) {
		cli_print(stdout, "%-32.*s %9.*s messages %9.*s unseen %14.*s bytes  %.*s\n", STR_FMT(f[0]), STR_FMT(f[2]),
		    STR_FMT(f[3]), STR_FMT(f[4]), STR_FMT(f[1]));
		return;
	}
	rest = f[1];
	while (f[1].n > 0 && words_n < 16 && str_split(&rest, ',', &words[words_n]))
		words_n++;
	json_row(j);
	json_str(j, "name", f[0]);
	json_number(j, "messages", f[2]);
	json_number(j, "unseen", f[3]);
	json_number(j, "bytes", f[4]);
	json_number(j, "uidvalidity", f[5]);
	json_number(j, "uidnext", f[6]);
	json_words(j, "attributes", words, words_n);
	json_row_end(j);
}

static void
print_session(void *arg, const struct str *f, size_t n)
{
	struct json *j = arg;

	if (n != 5)
		return;
	if (!j->on) {
		cli_print(stdout, "%-32.*s %10.*s %-8.*s %-40.*s %8.*s s\n", STR_FMT(f[0]), STR_FMT(f[1]), STR_FMT(f[2]), STR_FMT(f[3]), STR_FMT(f[4]));
		return;
	}
	json_row(j);
	json_str(j, "account", f[0]);
	json_number(j, "session", f[1]);
	json_str(j, "listener", f[2]);
	json_str(j, "address", f[3]);
	json_number(j, "seconds", f[4]);
	json_row_end(j);
}

int
cli_list(size_t n, const struct str *request, bool as_json, void (*row)(void *, const struct str *, size_t))
{
	struct json json;
	struct link link;
	int code;

	if (cli_connect_read(&link) != OK)
		return 1;
	cli_request(&link, n, request);
	json_begin(&json, as_json);
	code = cli_finish(&link, row, &json, false);
	json_end(&json);
	cli_disconnect(&link);
	return code;
}

int
cli_account_list(struct cli *cli)
{
	bool json = false;

	if (!cli_options(cli, (struct cli_option[]){{"json", NULL, &json}, {0}}) || cli->argc > 0)
		return cli_usage("account list");
	return cli_list(1, (struct str[]){STR("user-list")}, json, print_user);
}

int
cli_mailbox_list(struct cli *cli)
{
	bool json = false;

	if (!cli_options(cli, (struct cli_option[]){{"json", NULL, &json}, {0}}) || cli->argc != 1)
		return cli_usage("mailbox list");
	return cli_list(2, (struct str[]){STR("mailbox-list"), str_c(cli->argv[0])}, json, print_mailbox);
}

int
cli_session_list(struct cli *cli)
{
	bool json = false;

	if (!cli_options(cli, (struct cli_option[]){{"json", NULL, &json}, {0}}) || cli->argc > 1)
		return cli_usage("session list");
	return cli_list(cli->argc > 0 ? 2 : 1, (struct str[]){STR("session-list"), str_c(cli->argc > 0 ? cli->argv[0] : "")}, json, print_session);
}

/* The account, and the numbers of its sessions; none: all. */
int
cli_session_close(struct cli *cli)
{
	struct str *fields;
	struct link link;
	int code;

	if (!cli_options(cli, (struct cli_option[]){{0}}) || cli->argc == 0)
		return cli_usage("session close");
	if (cli_connect(&link) != OK)
		return EXIT_NOT_DONE;
	fields = x_calloc((size_t)cli->argc + 1, sizeof(*fields));
	fields[0] = STR("session-close");
	for (int i = 0; i < cli->argc; i++)
		fields[i + 1] = str_c(cli->argv[i]);
	cli_request(&link, (size_t)cli->argc + 1, fields);
	free(fields);
	code = cli_finish(&link, NULL, NULL, true);
	cli_disconnect(&link);
	return code;
}
