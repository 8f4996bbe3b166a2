/* SPDX-License-Identifier: Apache-2.0 */
/* A session's way to its account, and its end. */
#include "imap/core/cmd.h"

#include "base/log.h"
#include "imap/core/language.h"

void
session_logged_in(struct session *s)
{
	s->actor = (struct actor){.store = s->imap->store, .account = s->login.account};
	s->state = STATE_AUTH;
	s->reader.limits = &s->imap->limits;
	conn_in_limit(s->conn, 256 * 1024);
	session_timeout(s);
}

void
session_timeout(struct session *s)
{
	if (s->state & STATE_LOGGED_IN)
		conn_timeout(s->conn, s->imap->settings.idle_seconds);
	else
		login_deadline(&s->login, s->imap->settings.login_seconds);
}

enum status
session_start_tls(struct session *s)
{
	enum status st = conn_starttls(s->conn);

	s->starting_tls = st == OK;
	return st;
}

void
session_broken(struct session *s, enum status st, const char *command, const char *place)
{
	log_event(st == ERR_BAD_INPUT ? EV_client_error : EV_internal, "conn=%llu peer=%s command=%s place=%s: %s",
	    (unsigned long long)conn_id(s->conn), conn_peer(s->conn), command, place,
	    st == ERR_BAD_INPUT ? "bytes of the old layer behind its end" : status_word(st));
	session_bye(s, st == ERR_BAD_INPUT ? NULL : "SERVERBUG", st == ERR_BAD_INPUT ? "Out of step" : "Internal error");
}

void
session_bye(struct session *s, const char *code, const char *text)
{
	if (s->state == STATE_LOGOUT)
		return;
	s->state = STATE_LOGOUT;
	s->ended = text;
	out_untagged(conn_out(s->conn), "BYE", code, language_text(s, text));
}
