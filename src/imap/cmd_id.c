/* SPDX-License-Identifier: Apache-2.0 */
/* ID: what client and server call themselves. */
#include <stdlib.h>
#include "base/arena.h"
#include "imap/commands.h"
#include "imap/core/reply.h"

/* RFC 2971 3.3: at most 30 pairs, field names of 30 octets, values of 1024. */
#define PAIRS_MAX 30
#define CALLED_MAX 40 /* bytes of each that are remembered */

/* "name version", as the client says it. */
struct called {
	struct str name, version;
};

static void
take(struct called *c, struct str field, struct str value)
{
	if (str_caseeq(field, STR("name")))
		c->name = value;
	else if (str_caseeq(field, STR("version")))
		c->version = value;
}

/* For the log. */
static void
remember(struct session *s, const struct called *c)
{
	struct buf b = {0};

	if (c->name.n == 0)
		return;
	buf_add(&b, str_head(c->name, CALLED_MAX));
	if (c->version.n > 0)
		buf_addf(&b, " %.*s", STR_FMT(str_head(c->version, CALLED_MAX)));
	free(s->login.client);
	s->login.client = x_strndup(str_head(buf_str(&b), str_chr(buf_str(&b), '\0')));
	buf_free(&b);
}

static enum status
parse(struct args *a, struct called *c)
{
	struct str field, value;
	enum status st;

	if (arg_keyword(a, "NIL"))
		return OK;
	if ((st = arg_open(a)) != OK)
		return st;
	for (unsigned n = 0; arg_more(a); n++) {
		if (n > PAIRS_MAX)
			return ERR_LIMIT;
		if ((st = arg_string(a, &field)) != OK || (st = arg_space(a)) != OK ||
		    (st = arg_nstring(a, &value)) != OK)
			return st;
		take(c, field, value);
	}
	return arg_close(a);
}

/* ID, RFC 2971: in any state, as often as it comes (T04). The client's words change nothing here (T13). No version before
 * login (T05). The maker's name tells nothing more; but there are clients (imapflow) that ask once more after the login where the first answer
 * had fewer than two fields. */
enum cmd_next
cmd_id(struct cmd *cmd)
{
	struct buf *out = cmd_out(cmd);
	struct called called = {0};
	enum status st;

	if ((st = arg_space(&cmd->args)) != OK || (st = parse(&cmd->args, &called)) != OK ||
	    (st = arg_end(&cmd->args)) != OK)
		return reply_syntax(cmd, st);
	remember(cmd->session, &called);
	buf_add(out, STR("* ID (\"name\" \"Mansio\" \"vendor\" \"Mansio\""));
	if (cmd->session->state & STATE_LOGGED_IN) {
		buf_add(out, STR(" \"version\" "));
		out_quoted(out, STR(MANSIO_VERSION), false);
	}
	buf_add(out, STR(")\r\n"));
	return reply_ok(cmd, "ID completed");
}
