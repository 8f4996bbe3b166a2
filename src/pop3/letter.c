/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RETR and TOP (RFC 1939 5, 7): a message goes out in pieces, as the client takes them. A client that has not said UTF8 gets headers without 8-bit
 * bytes (RFC 6856 2.1: a surrogate message, RFC 6858), and one that has those that are UTF-8 as they are.
 */
#include <stdlib.h>
#include "base/utf8.h"
#include "pop3/session_priv.h"
#include "store/email.h"

#define PIECE (64 * 1024)

void
pop3_letter_end(struct pop3_session *s)
{
	struct letter *l = &s->letter;

	if (l->headers != NULL)
		charge_less(&s->login.charge, l->n_headers * sizeof(*l->headers));
	free(l->headers);
	l->headers = NULL;
	l->n_headers = 0;
}

/* Notes the message's own header, whatever is said of it (what stands before it for one recipient may have 8-bit bytes, too), and those of parts that
 * have 8-bit bytes. ERR_MEMORY. */
static enum status
note_headers(struct pop3_session *s, const struct mime_spart *parts, uint32_t n)
{
	struct letter *l = &s->letter;
	uint32_t k = 0;
	enum status st;

	for (uint32_t i = 0; i < n; i++)
		k += i == 0 || (parts[i].flags & MIME_HEADER_8BIT);
	if ((st = charge_more(&s->login.charge, k * sizeof(*l->headers))) != OK)
		return st;
	l->headers = x_calloc(k, sizeof(*l->headers));
	for (uint32_t i = 0; i < n; i++)
		if (i == 0 || (parts[i].flags & MIME_HEADER_8BIT))
			l->headers[l->n_headers++] = (struct mime_range){parts[i].header_start, parts[i].body_start - parts[i].header_start};
	return OK;
}

/* Where the structure cannot be read at least the message's own header is found. */
static enum status
find_headers(struct pop3_session *s, struct email_cursor *c, struct str first)
{
	struct mime_spart whole = {.body_start = mime_header_size(first)};
	struct mime_structure structure;
	struct arena arena = {0};
	struct str packed;
	enum status st = email_cursor_structure(c, s->letter.email, &packed);

	if (st == OK)
		st = mime_structure_unpack(&arena, packed, &structure);
	st = st == OK ? note_headers(s, structure.parts, structure.n_parts) : note_headers(s, &whole, 1);
	arena_free(&arena);
	return st;
}

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
		/* A header may begin behind the first piece and end in another. */
		if (st == OK && l->at == 0 && (l->size > PIECE || !(s->utf8 ? utf8_valid(buf_str(piece)) : str_is_ascii(buf_str(piece)))))
			st = find_headers(s, c, buf_str(piece));
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
	pop3_letter_end(s);
	s->mode = POP3_COMMANDS;
	/* Without memory for the mark the flag is not set: the message was sent, that is what counts. */
	if (!l->cut && l->fresh && s->service->seen && marks_set(s, &s->drop.seen, l->number) != OK)
		return CONN_AGAIN;
	return CONN_AGAIN;
}

/* Of a header that goes on behind the piece no more is taken than is whole: how much. */
static size_t
take_header(struct letter *l, struct str piece, struct buf *out)
{
	const struct mime_range *h = &l->headers[l->header];
	uint64_t left = h->offset + h->size - l->at;
	bool last = left <= piece.n;
	size_t n = mime_downgrade(&l->down, str_head(piece, last ? left : piece.n), last, out);

	if (last) {
		l->header++;
		l->down = (struct mime_downgrade){.utf8 = l->down.utf8};
	}
	return n;
}

/* Moves l->at over what was taken. */
static void
take_piece(struct letter *l, struct str piece, struct buf *out)
{
	uint64_t end = l->at + piece.n;

	while (l->at < end) {
		const struct mime_range *h = l->header < l->n_headers ? &l->headers[l->header] : NULL;
		struct str rest = str_from(piece, piece.n - (size_t)(end - l->at));
		uint32_t header = l->header;
		size_t n;

		if (h == NULL || l->at < h->offset) {
			n = h != NULL && h->offset < end ? (size_t)(h->offset - l->at) : rest.n;
			buf_add(out, str_head(rest, n));
			l->at += n;
			continue;
		}
		if (h->size == 0) {
			l->header++;
			continue;
		}
		l->at += take_header(l, rest, out);
		if (l->header == header)
			break; /* the rest of the piece comes again, with more behind it */
	}
}

static enum conn_next
send_piece(struct pop3_session *s, struct str piece)
{
	struct letter *l = &s->letter;
	struct buf made = {0};

	if (l->n_headers > 0) {
		take_piece(l, piece, &made);
		piece = buf_str(&made);
	} else {
		l->at += piece.n;
	}
	if (l->cut)
		piece = str_head(piece, pop3_top(&l->top, piece));
	pop3_stuff(&l->stuffing, piece, conn_out(s->conn));
	buf_free(&made);
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
	    .top = {.left = cmd->lines}, .down = {.utf8 = s->utf8}};
	if ((st = read_piece(s, &piece)) == OK) {
		s->mode = POP3_LETTER;
		(void)pop3_ok(s, "%llu octets", (unsigned long long)l->size);
		next = send_piece(s, buf_str(&piece));
	} else {
		pop3_letter_end(s);
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
