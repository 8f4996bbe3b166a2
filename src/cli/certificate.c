/* SPDX-License-Identifier: Apache-2.0 */
/* client-certificate add, list, remove: an account's, with which its owner logs in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cli/cli.h"
#include "net/tls.h"

/* A fingerprint, or a file with the certificate. */
static bool
which(const char *word, char print[65], struct str *fingerprint_r)
{
	*fingerprint_r = str_c(word);
	if (strchr(word, '/') == NULL && strchr(word, '.') == NULL)
		return true;
	*fingerprint_r = str_of(print, 64);
	if (tls_file_fingerprint(word, print) == OK)
		return true;
	(void)cli_fail("%s: no certificate (PEM) can be read from it", word);
	return false;
}

int
cli_client_certificate_add(struct cli *cli)
{
	const char *label = "";
	struct str fingerprint;
	char print[65];

	if (!cli_options(cli, (struct cli_option[]){{"label", &label, NULL}, {0}}) || cli->argc != 2)
		return cli_usage("client-certificate add");
	if (!which(cli->argv[1], print, &fingerprint))
		return 1;
	return cli_ask(5, (struct str[]){STR("certificate"), STR("add"), str_c(cli->argv[0]), fingerprint, str_c(label)});
}

int
cli_client_certificate_remove(struct cli *cli)
{
	struct str fingerprint;
	char print[65];

	if (!cli_options(cli, (struct cli_option[]){{0}}) || cli->argc != 2)
		return cli_usage("client-certificate remove");
	if (!which(cli->argv[1], print, &fingerprint))
		return 1;
	return cli_ask(4, (struct str[]){STR("certificate"), STR("remove"), str_c(cli->argv[0]), fingerprint});
}

static void
print_certificate(void *arg, const struct str *f, size_t n)
{
	struct json *j = arg;
	int64_t added = 0;
	char date[16] = "";
	struct tm tm;
	time_t t;

	if (n != 3 || !str_i64(f[2], INT64_MAX, &added))
		return;
	if (j->on) {
		json_row(j);
		json_str(j, "fingerprint", f[0]);
		json_str(j, "label", f[1]);
		json_number(j, "added", f[2]);
		json_row_end(j);
		return;
	}
	t = (time_t)added;
	if (gmtime_r(&t, &tm) != NULL)
		strftime(date, sizeof(date), "%Y-%m-%d", &tm);
	cli_print(stdout, "%.*s  %s  %.*s\n", STR_FMT(f[0]), date, STR_FMT(f[1]));
}

int
cli_client_certificate_list(struct cli *cli)
{
	bool json = false;

	if (!cli_options(cli, (struct cli_option[]){{"json", NULL, &json}, {0}}) || cli->argc != 1)
		return cli_usage("client-certificate list");
	return cli_list(3, (struct str[]){STR("certificate"), STR("list"), str_c(cli->argv[0])}, json, print_certificate);
}
