/* SPDX-License-Identifier: Apache-2.0 */
/* RETR and TOP (RFC 1939 5, 7): a message goes out in pieces, as the client takes them. */
#include "pop3/session_priv.h"
#include "store/email.h"

#define PIECE (64 * 1024)

/* The next bytes; fewer than PIECE at the end only. */
static enum status
read_piece(struct pop3_session *s, struct buf *piece)
{
	struct letter *l = &s->letter;
	struct email_cursor *c;
	struct email email;
	struct db_txn *txn;
	enum status st = db_read_begin(store_db(s->service->door->store), &txn);

	if (st != OK)
		return st;
	db_read_account(txn, s->login.account);
	if ((st = email_cursor_open(&s->drop.view.grant, txn, &c)) == OK) {
		if ((st = email_cursor_get(c, l->email, &email)) == OK) {
			l->size = email.size;
			st = email_cursor_read(c, &email, l->at, PIECE, piece);
		}
		email_cursor_close(c);
	}
	db_read_end(txn);
	return st;
}

static enum conn_next
finish(struct pop3_session *s)
{
	struct letter *l = &s->letter;

	pop3_stuff_end(&l->stuffing, conn_out(s->conn));
	s->mode = POP3_COMMANDS;
	/* Without memory for the mark the flag is not set: the message was sent, that is what counts. */
	if (!l->cut && l->fresh && s->service->seen && marks_set(s, &s->drop.seen, l->number) != OK)
		return CONN_AGAIN;
	return CONN_AGAIN;
}

static enum conn_next
send_piece(struct pop3_session *s, struct str piece)
{
	struct letter *l = &s->letter;

	l->at += piece.n;
	if (l->cut)
		piece = str_head(piece, pop3_top(&l->top, piece));
	pop3_stuff(&l->stuffing, piece, conn_out(s->conn));
	return l->at >= l->size || (l->cut && l->top.over) ? finish(s) : CONN_AGAIN;
}

/* A message of which the rest cannot be read must not look whole: the connection is cut. */
enum conn_next
pop3_letter_step(struct pop3_session *s)
{
	struct buf piece = {0};
	enum status st = read_piece(s, &piece);
	enum conn_next next = st != OK || piece.n == 0 ? CONN_ABORT : send_piece(s, buf_str(&piece));

	buf_free(&piece);
	return next;
}

/* The first piece is read before anything is said. */
static enum conn_next
begin(struct pop3_session *s, const struct pop3_command *cmd, bool cut)
{
	struct letter *l = &s->letter;
	struct buf piece = {0};
	struct brief b;
	enum status st;
	enum conn_next next;

	if (!maildrop_find(s, cmd, &b))
		return CONN_AGAIN;
	*l = (struct letter){.email = b.email, .number = cmd->message, .stuffing = POP3_STUFFING, .cut = cut, .fresh = !(b.flags & FLAG_SEEN),
	    .top = {.left = cmd->lines}};
	if ((st = read_piece(s, &piece)) == OK) {
		s->mode = POP3_LETTER;
		(void)pop3_ok(s, "%llu octets", (unsigned long long)l->size);
		next = send_piece(s, buf_str(&piece));
	} else {
		next = pop3_failed(s, st);
	}
	buf_free(&piece);
	return next;
}

enum conn_next
pop3_retr(struct pop3_session *s, const struct pop3_command *cmd)
{
	return begin(s, cmd, false);
}

enum conn_next
pop3_top_of(struct pop3_session *s, const struct pop3_command *cmd)
{
	return begin(s, cmd, true);
}
