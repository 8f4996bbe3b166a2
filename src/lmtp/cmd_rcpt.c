/* SPDX-License-Identifier: Apache-2.0 */
/* RCPT TO (RFC 5321 4.1.1.3): one recipient more, if there is such an account. */
#include "base/log.h"
#include "lmtp/session_priv.h"

static enum status
look_up(struct lmtp_session *s, const struct esmtp_path *path, struct recipient *r)
{
	struct store *store = s->service->door->store;
	struct db_txn *txn;
	enum status st = db_read_begin(store_db(store), &txn);

	if (st != OK)
		return st;
	st = recipient_resolve(store, txn, &s->t->arena, path->local, path->domain, r);
	db_read_end(txn);
	return st;
}

static void
add(struct transaction *t, const struct recipient *to, struct str address)
{
	if (t->rcpts_n == t->rcpts_cap) {
		t->rcpts_cap = t->rcpts_cap ? t->rcpts_cap * 2 : 4;
		t->rcpts = x_realloc(t->rcpts, t->rcpts_cap * sizeof(*t->rcpts));
	}
	t->rcpts[t->rcpts_n++] = (struct lmtp_rcpt){*to, arena_str(&t->arena, address)};
}

/* RCPT, RFC 5321 4.1.1.3: names a recipient; unknown ones are refused here and now. */
enum conn_next
lmtp_cmd_rcpt(struct lmtp_session *s, const struct esmtp_command *cmd)
{
	struct recipient to;
	enum status st;

	if (s->t == NULL || s->t->delivery != NULL)
		return lmtp_say(s, 503, "5.5.1", "Say MAIL first");
	if (s->t->rcpts_n >= s->service->max_recipients)
		return lmtp_say(s, 452, "4.5.3", "Too many recipients");
	if (cmd->path.utf8 && !s->t->utf8)
		return lmtp_say(s, 553, "5.6.7", "This address needs SMTPUTF8");
	if ((st = look_up(s, &cmd->path, &to)) != OK)
		log_event(EV_recipient_refused, "recipient=%s from=%s peer=%s why=\"%s\"", LOG_STR(cmd->path.address), LOG_STR(s->t->sender),
		    conn_peer(s->conn), st == ERR_NOT_FOUND ? "no such account" : st == ERR_UNAVAILABLE ? "the account is disabled" : status_word(st));
	switch (st) {
	case OK: break;
	case ERR_NOT_FOUND: return lmtp_say(s, 550, "5.1.1", "No such account");
	case ERR_UNAVAILABLE: return lmtp_say(s, 550, "5.2.1", "The account is disabled");
	default: return lmtp_say(s, 451, "4.3.0", "Try again later");
	}
	add(s->t, &to, cmd->path.address);
	return lmtp_say(s, 250, "2.1.5", "Recipient taken");
}
