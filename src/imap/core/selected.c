/* SPDX-License-Identifier: Apache-2.0 */
/* The selected mailbox: opening it, its keywords, the flags of its messages. */
#include "imap/core/selected.h"

#include <stdlib.h>
#include "base/assert.h"
#include "base/digits.h"
#include "imap/core/language.h"

enum status
selected_open(struct session *s, struct db_txn *txn, const struct mailbox *mb, bool read_only)
{
	struct selected *sel = x_new(struct selected);
	enum status st;

	/* Whoever opens another has closed the one before: its watcher and its contexts end with it. */
	ensure(s->selected == NULL && s->state == STATE_AUTH);
	if ((st = view_open(&sel->view, &s->actor, txn, mb, read_only)) != OK) {
		free(sel);
		return st;
	}
	sel->name = str_of(x_strndup(mb->name), mb->name.n);
	sel->synced = sel->view.seen_modseq;
	s->selected = sel;
	s->state = STATE_SELECTED;
	return OK;
}

void
selected_told(struct selected *sel, uint64_t modseq, bool keywords)
{
	view_told(&sel->view, modseq);
	/* Nothing but that: update_step() would read the mailbox to find it out. */
	if (!keywords && sel->view.flags_told == modseq && modseq > sel->synced)
		sel->synced = modseq;
}

struct str
selected_name(struct session *s, struct db_txn *txn, struct arena *arena)
{
	struct mailbox mb;

	if (mailbox_get(&s->actor, txn, arena, s->selected->view.grant.mailbox, &mb) != OK)
		return s->selected->name;
	return mb.name;
}

enum status
selected_look(struct cmd *cmd, bool *gone_r)
{
	struct view *v = &cmd->session->selected->view;
	struct db_txn *txn;
	uint32_t seq;
	enum status st = cmd_read_begin(cmd, &txn);

	if (st != OK)
		return st;
	st = view_seq(v, txn, 1, &seq);
	cmd_read_end(cmd, txn);
	if (st == OK)
		*gone_r = v->deleted;
	return st;
}

void
selected_missed(struct cmd *cmd, const struct runs *wanted, const struct runs *there, bool *issued_r)
{
	struct view *v = &cmd->session->selected->view;
	struct runs missed = {0}, untold = {0};
	bool gone;

	ensure(runs_count(there) <= runs_count(wanted)); /* some of them */
	if (runs_count(there) == runs_count(wanted))
		return;
	/* The look brings the ghosts up to now. That it fails, or the mailbox is gone, says nothing of the command, whose change was made. */
	if (!cmd->place.behind || selected_look(cmd, &gone) != OK) {
		*issued_r = true;
		return;
	}
	runs_add_all(&missed, wanted);
	runs_remove_all(&missed, there);
	runs_add_common(&untold, &missed, &v->ghosts);
	*issued_r |= gone || untold.n > 0;
	runs_free(&missed);
	runs_free(&untold);
}

void
selected_rest(struct selected *sel)
{
	if (sel->updater == NULL)
		selected_keywords_forget(sel);
}

/* ---- keywords ---- */

void
selected_keywords_forget(struct selected *sel)
{
	arena_free(&sel->kw_arena);
	sel->keywords = (struct keywords){0};
	sel->kw_loaded = false;
}

enum status
selected_keywords(struct session *s, struct db_txn *txn)
{
	struct selected *sel = s->selected;
	enum status st;

	if (sel->kw_loaded)
		return OK;
	st = keywords_get(txn, &sel->kw_arena, sel->view.grant.mailbox, &sel->keywords);
	if (st != OK)
		return st;
	sel->kw_loaded = true;
	/* No keyword comes up in FETCH before FLAGS has named it (T41). */
	if (sel->kw_listed && keywords_end(&sel->keywords) > sel->kw_told)
		selected_print_flags(s, conn_out(s->conn));
	return OK;
}

bool
selected_keywords_cover(const struct selected *sel, const struct entry *e)
{
	/* Ids ascend: the last is the newest. */
	return e->keywords_n == 0 || e->keywords[e->keywords_n - 1] < keywords_end(&sel->keywords);
}

/* "(\Answered ... kw kw more)": of these flags, and keywords if there are to be any. */
static void
print_list(struct session *s, struct buf *out, uint8_t flags, bool keywords, const char *more)
{
	static const struct {
		uint8_t flag;
		const char *name;
	} names[] = {
		{FLAG_ANSWERED, "\\Answered"},
		{FLAG_FLAGGED, "\\Flagged"},
		{FLAG_DELETED, "\\Deleted"},
		{FLAG_SEEN, "\\Seen"},
		{FLAG_DRAFT, "\\Draft"},
	};
	const struct keywords *kw = &s->selected->keywords;
	bool first = true;

	buf_addc(out, '(');
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (flags & names[i].flag) {
			out_sep(out, &first);
			buf_adds(out, names[i].name);
		}
	for (size_t i = 0; keywords && i < kw->n; i++) {
		out_sep(out, &first);
		buf_add(out, kw->name[i]);
	}
	buf_adds(out, keywords ? more : "");
	buf_addc(out, ')');
}

#define FLAG_RIGHTS (RIGHT_SEEN | RIGHT_WRITE | RIGHT_DELETE)

bool
selected_rights_due(const struct selected *sel)
{
	return sel->kw_listed && !sel->view.read_only && sel->rights_told != (sel->view.grant.rights & FLAG_RIGHTS);
}

void
selected_print_flags(struct session *s, struct buf *out)
{
	struct selected *sel = s->selected;
	unsigned rights = sel->view.grant.rights & FLAG_RIGHTS;
	uint8_t flags = sel->view.read_only ? 0 : grant_flags(&sel->view.grant, FLAG_ALL);
	const char *text = "Some flags can be changed";

	ensure(sel->kw_loaded);
	buf_add(out, STR("* FLAGS "));
	print_list(s, out, FLAG_ALL, true, "");
	buf_add(out, STR("\r\n"));
	out_code_begin(out, STR(""), "OK");
	buf_add(out, STR("PERMANENTFLAGS "));
	if (flags == 0)
		text = "No flag can be changed";
	else if (rights & RIGHT_WRITE)
		text = "Any keyword can be set";
	print_list(s, out, flags, flags != 0 && (rights & RIGHT_WRITE), " \\*");
	out_code_end(out, language_text(s, text));
	sel->kw_told = keywords_end(&sel->keywords);
	sel->kw_listed = true;
	sel->rights_told = rights;
}

/* ---- flags of a message ---- */

static char *
put_flag(char *p, char *start, struct str name)
{
	if (p > start)
		*p++ = ' ';
	return put_str(p, name);
}

void
selected_entry_flags(struct session *s, struct buf *out, const struct entry *e)
{
	const struct selected *sel = s->selected;
	const struct keywords *kw = &sel->keywords;
	char *p = buf_room(out, 64), *start;
	bool first;

	if (p == NULL)
		return;
	*p++ = '(';
	start = p;
	if (e->flags & FLAG_SEEN)
		p = put_flag(p, start, STR("\\Seen"));
	if (e->flags & FLAG_ANSWERED)
		p = put_flag(p, start, STR("\\Answered"));
	if (e->flags & FLAG_FLAGGED)
		p = put_flag(p, start, STR("\\Flagged"));
	if (e->flags & FLAG_DELETED)
		p = put_flag(p, start, STR("\\Deleted"));
	if (e->flags & FLAG_DRAFT)
		p = put_flag(p, start, STR("\\Draft"));
	if (sel->view.recent.n && !(s->enabled & ENABLED_IMAP4REV2) &&
	    runs_has(&sel->view.recent, e->uid))
		p = put_flag(p, start, STR("\\Recent"));
	if (e->keywords_n == 0) {
		*p++ = ')';
		buf_wrote(out, (size_t)(p - (out->p + out->n)));
		return;
	}
	buf_wrote(out, (size_t)(p - (out->p + out->n)));
	first = p == start;
	ensure(sel->kw_loaded); /* a name that is not known would be left out, as if it was not set */
	for (uint32_t i = 0; i < e->keywords_n; i++) {
		struct str name = keywords_name(kw, e->keywords[i]);

		if (name.p == NULL)
			continue;
		out_sep(out, &first);
		buf_add(out, name);
	}
	buf_addc(out, ')');
}

/* ---- FETCH lines ---- */

bool
selected_fetch_begin(struct session *s, struct buf *out, uint32_t seq, const struct entry *e, bool uid)
{
	bool uidonly = s->enabled & ENABLED_UIDONLY;
	char *p = buf_room(out, 64), *start = p;

	if (p == NULL)
		return true;
	p = put_lit(p, "* ");
	/* RFC 9586 3.3 */
	p = put_u32(p, uidonly ? e->uid : seq);
	p = uidonly ? put_lit(p, " UIDFETCH (") : put_lit(p, " FETCH (");
	if (uid) {
		p = put_lit(p, "UID ");
		p = put_u32(p, e->uid);
	}
	buf_wrote(out, (size_t)(p - start));
	return !uid;
}

void
selected_fetch_line(struct session *s, struct buf *out, uint32_t seq, const struct entry *e, bool uid, bool flags)
{
	bool first = selected_fetch_begin(s, out, seq, e, uid && !(s->enabled & ENABLED_UIDONLY));

	if (flags) {
		out_sep(out, &first);
		buf_add(out, STR("FLAGS "));
		selected_entry_flags(s, out, e);
	}
	if (s->enabled & ENABLED_CONDSTORE) {
		out_sep(out, &first);
		selected_modseq(s, out, e);
	}
	buf_add(out, STR(")\r\n"));
}

void
selected_modseq(struct session *s, struct buf *out, const struct entry *e)
{
	char *p = buf_room(out, 40), *start = p;

	if (p == NULL)
		return;
	p = put_lit(p, "MODSEQ (");
	p = put_u64(p, e->modseq);
	*p++ = ')';
	buf_wrote(out, (size_t)(p - start));
	s->selected->modseq_told = true;
}
