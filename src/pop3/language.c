/* SPDX-License-Identifier: Apache-2.0 */
/* UTF8 and LANG (RFC 6856): what a client can read, and in which language people are told. */
#include "pop3/session_priv.h"

enum conn_next
pop3_utf8(struct pop3_session *s, const struct pop3_command *cmd)
{
	s->utf8 = true;
	return pop3_ok(s, "UTF-8 from now on");
}

static enum conn_next
tell_languages(struct pop3_session *s)
{
	struct buf *out = conn_out(s->conn);

	(void)pop3_ok(s, "These are the languages spoken here");
	for (unsigned i = 0; i < LANGUAGES; i++)
		buf_addf(out, "%s %s\r\n", language_tag((enum language)i), language_name((enum language)i));
	buf_adds(out, ".\r\n");
	return CONN_AGAIN;
}

/* RFC 6856 3.2. "*" is the administrator's choice, the same for all users (RFC 6856 7). */
enum conn_next
pop3_lang(struct pop3_session *s, const struct pop3_command *cmd)
{
	enum language l = (enum language)s->service->language;
	enum status st;

	if (cmd->text.n == 0)
		return tell_languages(s);
	st = language_lookup(cmd->text, &l);
	if (st != OK && st != ERR_AGAIN)
		return pop3_err(s, "", "This language is not spoken here");
	s->language = l;
	return pop3_ok(s, "%s %s", language_tag(l), language_translate(l, "Now speaking English"));
}
