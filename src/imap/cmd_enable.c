/* SPDX-License-Identifier: Apache-2.0 */
/* ENABLE: extensions that change what is sent. */
#include "imap/commands.h"
#include "imap/core/capability.h"
#include "imap/core/condstore.h"
#include "imap/core/reply.h"
#include "imap/news/context.h"

#define E(name, bit, word, doc) {word, ENABLED_##name},
static const struct {
	const char *word;
	uint32_t bit;
} features[] = {
#include "imap/core/enabled.tbl"
};
#undef E
#define FEATURES (sizeof(features) / sizeof(features[0]))

static void
enable(struct cmd *cmd, uint32_t bit)
{
	/* QRESYNC includes CONDSTORE (RFC 7162 3.2.3, T06). */
	if (bit & (ENABLED_CONDSTORE | ENABLED_QRESYNC))
		condstore_enable(cmd);
	if (bit & ENABLED_UIDONLY)
		contexts_withdraw(cmd->session, true, "There are no message numbers any more");
	cmd->session->enabled |= bit;
}

/* ENABLE, RFC 5161: what is unknown is passed over; the answer lists what is on now (T06). */
enum cmd_next
cmd_enable(struct cmd *cmd)
{
	struct args *a = &cmd->args;
	uint32_t asked = 0;
	struct str word;
	enum status st;

	if (!capability_on(cmd->session, "ENABLE"))
		return reply_hidden(cmd);
	do {
		if ((st = arg_space(a)) != OK || (st = arg_atom(a, &word)) != OK)
			return reply_syntax(cmd, st);
		for (size_t i = 0; i < FEATURES; i++)
			if (str_caseeq(word, str_c(features[i].word)) && capability_on(cmd->session, features[i].word))
				asked |= features[i].bit;
	} while (arg_end(a) != OK);
	for (size_t i = 0; i < FEATURES; i++)
		if (asked & features[i].bit)
			enable(cmd, features[i].bit);
	buf_add(cmd_out(cmd), STR("* ENABLED"));
	for (size_t i = 0; i < FEATURES; i++)
		if (asked & features[i].bit) {
			buf_addc(cmd_out(cmd), ' ');
			buf_adds(cmd_out(cmd), features[i].word);
		}
	buf_add(cmd_out(cmd), STR("\r\n"));
	return reply_ok(cmd, "ENABLE completed");
}
