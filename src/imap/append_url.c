/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CATENATE (RFC 4469): what a URL names is copied octet by octet into the message that is being put together, in steps, each
 * with a snapshot of its own that is let go before the bytes are staged. Reading sets no flag.
 */
#include "imap/append.h"
#include "imap/core/reply.h"
#include "imap/core/selected.h"
#include "imap/fetch/fetch.h"
#include "wire/imap_url.h"

/* Bytes read at once. */
#define PIECE (256u << 10)
/* What all URLs of one command may bring, if a single message may not be larger than that. */
#define COPIED_MAX (1ull << 30)

/* ---- the message ---- */

/* The email of that UID in a view. ERR_NOT_FOUND: there is none. */
static enum status
look_up(struct view *v, struct db_txn *txn, uint32_t uid, int64_t *email_r)
{
	struct runs only = {0};
	struct view_iter it = VIEW_ITER(v, &only);
	const struct entry *e;
	enum status st;

	runs_add(&only, uid, uid);
	it.no_seq = true;
	if ((st = view_iter_begin(&it, txn)) == OK) {
		bool found = (e = view_iter_next(&it)) != NULL;
		int64_t email = found ? e->email : 0;

		st = view_iter_end(&it);
		if (st == OK && !found)
			st = ERR_NOT_FOUND;
		if (st == OK)
			*email_r = email;
	}
	runs_free(&only);
	return st;
}

/* The mailbox of a URL, if this user may see it. */
static enum status
find_mailbox(struct cmd *cmd, struct db_txn *txn, struct arena *arena, const struct imap_url *u, struct mailbox *mb)
{
	struct session *s = cmd->session;
	enum status st;

	if (u->mailbox.n > 0)
		st = mailbox_find(&s->actor, txn, arena, u->mailbox, mb);
	else if (s->selected != NULL)
		st = mailbox_get(&s->actor, txn, arena, s->selected->view.grant.mailbox, mb);
	else
		st = ERR_NOT_FOUND;
	if (st == OK && (mb->noselect || (u->uidvalidity != 0 && u->uidvalidity != mb->uidvalidity)))
		st = ERR_NOT_FOUND;
	return st;
}

/* The selected mailbox is read through its own view first: there are the messages that others expunged but this client was
 * not told of. */
static enum status
find_message(struct cmd *cmd, struct db_txn *txn, struct arena *arena, const struct imap_url *u, struct append_url *found)
{
	struct session *s = cmd->session;
	struct mailbox mb;
	struct view v;
	enum status st;

	if ((st = find_mailbox(cmd, txn, arena, u, &mb)) != OK)
		return st;
	if (s->selected != NULL && s->selected->view.grant.mailbox == mb.id) {
		found->grant = s->selected->view.grant;
		if ((st = look_up(&s->selected->view, txn, u->uid, &found->email)) != ERR_NOT_FOUND)
			return st;
	}
	if ((st = view_open(&v, &s->actor, txn, &mb, true)) != OK)
		return st;
	found->grant = v.grant;
	st = look_up(&v, txn, u->uid, &found->email);
	view_close(&v);
	return st;
}

/* ---- the part of it ---- */

/* Header fields are made in memory and added at once. */
static enum status
add_fields(struct fetch *f, const struct section *section)
{
	struct appending *x = cmd_state(f->cmd, struct appending);
	uint64_t at = 0, n;
	enum status st;

	if ((st = fetch_header_fields(f, section, fetch_names(f, section))) != OK)
		return st;
	n = f->tmp.n;
	fetch_cut(section, &at, &n);
	x->url.copied += n;
	return n > 0 ? delivery_add(x->open->d, str_of(f->tmp.p + at, (size_t)n)) : OK;
}

/* Finds where the section lies; f has the email. */
static enum status
open_section(struct fetch *f, const struct section *section)
{
	struct appending *x = cmd_state(f->cmd, struct appending);
	struct mime_range range;
	enum status st;

	if (section->kind == SECTION_FIELDS || section->kind == SECTION_FIELDS_NOT)
		return add_fields(f, section);
	if ((st = fetch_locate(f, section, &range)) != OK)
		return st;
	x->url.at = range.offset;
	x->url.left = range.size;
	fetch_cut(section, &x->url.at, &x->url.left);
	return OK;
}

/* What comes in would be too much: for the message (RFC 4469 4.2), or for one command. */
static enum status
check_size(struct cmd *cmd)
{
	struct appending *x = cmd_state(cmd, struct appending);
	uint64_t max = session_message_max(cmd->session), all = max > COPIED_MAX ? max : COPIED_MAX;

	if (x->url.left > max - delivery_size(x->open->d) || x->url.copied > all || x->url.left > all - x->url.copied)
		return ERR_LIMIT;
	return OK;
}

static enum status
url_find(struct fetch *f, const struct imap_url *u)
{
	struct cmd *cmd = f->cmd;
	struct appending *x = cmd_state(cmd, struct appending);
	enum status st;

	if ((st = find_message(cmd, f->txn, &f->arena, u, &x->url)) != OK)
		return st;
	if ((st = email_cursor_open(&x->url.grant, f->txn, &f->cursor)) != OK)
		return st;
	if ((st = fetch_email(f, x->url.email)) == OK)
		st = open_section(f, &u->section);
	email_cursor_close(f->cursor);
	return st == OK ? check_size(cmd) : st;
}

enum status
append_url_begin(struct cmd *cmd, struct str url)
{
	struct appending *x = cmd_state(cmd, struct appending);
	struct fetch f = {.cmd = cmd};
	struct imap_url u;
	enum status st;

	x->url.url = url;
	x->url.left = 0;
	if ((st = imap_url_parse(&f.arena, url, &u)) == OK && (st = cmd_read_begin(cmd, &f.txn)) == OK) {
		st = url_find(&f, &u);
		cmd_read_end(cmd, f.txn);
	} else if (st == ERR_LIMIT) {
		st = ERR_BAD_INPUT;
	}
	if (st != OK)
		x->url.left = 0;
	fetch_header_forget(&f);
	arena_free(&f.arena);
	buf_free(&f.tmp);
	return st;
}

/* ---- its bytes ---- */

static enum status
read_piece(struct cmd *cmd, struct buf *out)
{
	struct append_url *u = &cmd_state(cmd, struct appending)->url;
	size_t n = u->left < PIECE ? (size_t)u->left : PIECE;
	struct arena arena = {0};
	struct email email;
	struct db_txn *txn;
	enum status st;

	if ((st = cmd_read_begin(cmd, &txn)) != OK)
		return st;
	if ((st = email_get(&u->grant, txn, &arena, u->email, &email)) == OK)
		st = email_read(&u->grant, txn, &email, u->at, n, out);
	cmd_read_end(cmd, txn);
	arena_free(&arena);
	if (st == OK && out->n != n)
		st = ERR_CORRUPT;
	return st;
}

enum status
append_url_copy(struct cmd *cmd)
{
	struct appending *x = cmd_state(cmd, struct appending);
	struct append_url *u = &x->url;
	struct buf piece = {0};
	enum status st;

	if (!cmd_turn(cmd))
		return ERR_AGAIN;
	st = read_piece(cmd, &piece);
	cmd_turn_over(cmd);
	if (st == OK) {
		u->at += piece.n;
		u->left -= piece.n;
		u->copied += piece.n;
		st = delivery_add(x->open->d, buf_str(&piece));
	}
	buf_free(&piece);
	return st;
}

enum cmd_next
append_url_refuse(struct cmd *cmd, enum status st)
{
	struct appending *x = cmd_state(cmd, struct appending);
	struct buf code = {0};
	char *copy;

	if (st == ERR_LIMIT)
		return reply_no(cmd, "TOOBIG", "Too much for one message or one command");
	if (st != ERR_NOT_FOUND && st != ERR_NO_PERM && st != ERR_BAD_INPUT && st != ERR_CORRUPT)
		return reply_status(cmd, st);
	buf_add(&code, STR("BADURL "));
	imap_url_print(&code, x->url.url);
	copy = arena_cstr(&cmd->arena, buf_str(&code));
	buf_free(&code);
	return reply_no(cmd, copy, "This URL does not name anything that can be read here");
}
