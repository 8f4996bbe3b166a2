/* SPDX-License-Identifier: Apache-2.0 */
/* LANGUAGE: in which language texts are said. */
#include "imap/commands.h"
#include "imap/core/capability.h"
#include "imap/core/language.h"
#include "imap/core/reply.h"

static enum cmd_next
list(struct cmd *cmd)
{
	struct buf *out = cmd_out(cmd);

	for (unsigned i = 0; i < LANGUAGES; i++) {
		buf_adds(out, i ? " " : "* LANGUAGE (");
		buf_adds(out, language_tag((enum language)i));
	}
	buf_add(out, STR(")\r\n"));
	return reply_ok(cmd, "These are the languages spoken here");
}

/* The first of the ranges that names a language of ours. ERR_NOT_FOUND: none does. */
static enum status
choose(struct cmd *cmd, enum language *l_r)
{
	const enum language preset = cmd->session->imap->settings.language;
	bool found = false, any = false;
	struct str range;
	enum language l;
	enum status st;

	do {
		if ((st = arg_space(&cmd->args)) != OK || (st = arg_astring(&cmd->args, &range)) != OK)
			return st;
		if (str_caseeq(range, STR("default"))) {
			l = preset;
			st = OK;
		} else if ((st = language_lookup(range, &l)) == ERR_BAD_INPUT) {
			return st;
		}
		any |= st == ERR_AGAIN;
		if (st == OK && !found) {
			*l_r = l;
			found = true;
		}
	} while (arg_end(&cmd->args) != OK);
	if (!found && any)
		*l_r = preset;
	return found || any ? OK : ERR_NOT_FOUND;
}

/*
 * LANGUAGE, RFC 5255 3.2. What follows the LANGUAGE response is said in the new language. Our one namespace has no prefix that could be
 * translated: no NAMESPACE response comes with it (3.4).
 */
enum cmd_next
cmd_language(struct cmd *cmd)
{
	struct session *s = cmd->session;
	enum language l = LANGUAGE_I_DEFAULT;
	enum status st;

	if (!capability_on(s, "LANGUAGE"))
		return reply_hidden(cmd);
	if (arg_end(&cmd->args) == OK)
		return list(cmd);
	if ((st = choose(cmd, &l)) == ERR_NOT_FOUND)
		return reply_no(cmd, "CANNOT", "None of these languages is spoken here");
	if (st != OK)
		return reply_syntax(cmd, st);
	s->language = (uint8_t)l;
	buf_add(cmd_out(cmd), STR("* LANGUAGE ("));
	buf_adds(cmd_out(cmd), language_tag(l));
	buf_add(cmd_out(cmd), STR(")\r\n"));
	return reply_ok(cmd, "Now speaking English");
}
