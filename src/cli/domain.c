/* SPDX-License-Identifier: Apache-2.0 */
/* domain set, delete, list. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/config_value.h"
#include "cli/cli.h"

/* Bytes as the settings have them; none stays. */
static bool
bytes(const char *text, char out[24])
{
	int64_t n = 0;

	out[0] = '\0';
	if (text == NULL || strcmp(text, "none") == 0) {
		snprintf(out, 24, "%s", text != NULL ? text : "");
		return true;
	}
	if (!config_value_parse(CONFIG_SIZE, str_c(text), false, &n))
		return false;
	snprintf(out, 24, "%" PRId64, n);
	return true;
}

bool
cli_quota(const struct cli_quota *q, struct str *fields, size_t *n, char text[24])
{
	const struct {
		const char *word, *value;
	} pairs[] = {{"quota-messages", q->messages}, {"quota-mailboxes", q->mailboxes}};

	if (q->bytes != NULL) {
		if (strcmp(q->bytes, "default") == 0)
			snprintf(text, 24, "default");
		else if (!bytes(q->bytes, text))
			return false;
		fields[(*n)++] = STR("quota-bytes");
		fields[(*n)++] = str_c(text);
	}
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		if (pairs[i].value != NULL) {
			fields[(*n)++] = str_c(pairs[i].word);
			fields[(*n)++] = str_c(pairs[i].value);
		}
	return true;
}

static const char *
yes_no(const char *text)
{
	if (text == NULL)
		return "";
	return strcmp(text, "yes") == 0 ? "1" : strcmp(text, "no") == 0 ? "0" : strcmp(text, "none") == 0 ? "none" : NULL;
}

int
cli_domain_set(struct cli *cli)
{
	const char *accounts = NULL, *size = NULL, *detail = NULL, *file = NULL, *word;
	char most[24], each[24];
	struct cli_quota q = {0};
	struct str fields[4 + CLI_QUOTA_FIELDS];
	size_t n = 0;

	if (!cli_options(cli, (struct cli_option[]){{"accounts", &accounts, NULL}, {"bytes", &size, NULL}, {"detail", &detail, NULL}, {"file", &file, NULL},
				  CLI_QUOTA_OPTIONS(q), {0}}) ||
	    (cli->argc == 0 && file == NULL) || !bytes(size, most) || (word = yes_no(detail)) == NULL)
		return cli_usage("domain set");
	fields[n++] = STR("domain-set");
	fields[n++] = str_c(accounts != NULL ? accounts : "");
	fields[n++] = str_c(most);
	fields[n++] = str_c(word);
	if (!cli_quota(&q, fields, &n, each))
		return cli_usage("domain set");
	return cli_lines(cli, "domains", true, file, n, fields);
}

int
cli_domain_delete(struct cli *cli)
{
	const char *file = NULL;

	if (!cli_options(cli, (struct cli_option[]){{"file", &file, NULL}, {0}}) || (cli->argc == 0 && file == NULL))
		return cli_usage("domain delete");
	return cli_lines(cli, "domains", true, file, 1, (struct str[]){STR("domain-delete")});
}

static void
print_domain(void *arg, const struct str *f, size_t n)
{
	struct json *j = arg;
	struct str accounts, size;

	if (n < 6)
		return;
	if (!j->on) {
		accounts = f[2].n > 0 ? f[2] : STR("any");
		size = f[4].n > 0 ? f[4] : STR("any");
		cli_print(stdout, "%-32.*s %8.*s of %-8.*s accounts %14.*s of %-14.*s bytes%s%.*s%s%.*s\n", STR_FMT(f[0]), STR_FMT(f[1]), STR_FMT(accounts),
		    STR_FMT(f[3]), STR_FMT(size), f[5].n > 0 ? "  detail " : "", STR_FMT(f[5]), n >= 9 && f[6].n > 0 ? "  quota " : "",
		    STR_FMT(n >= 9 ? f[6] : STR("")));
		return;
	}
	json_row(j);
	json_str(j, "name", f[0]);
	json_number(j, "accounts", f[1]);
	json_number(j, "accounts_max", f[2]);
	json_number(j, "bytes", f[3]);
	json_number(j, "bytes_max", f[4]);
	json_str(j, "detail", f[5]);
	if (n >= 9) {
		json_str(j, "quota_bytes", f[6]);
		json_str(j, "quota_messages", f[7]);
		json_str(j, "quota_mailboxes", f[8]);
	}
	json_row_end(j);
}

int
cli_domain_list(struct cli *cli)
{
	bool json = false;

	if (!cli_options(cli, (struct cli_option[]){{"json", NULL, &json}, {0}}) || cli->argc > 0)
		return cli_usage("domain list");
	return cli_list(1, (struct str[]){STR("domain-list")}, json, print_domain);
}
