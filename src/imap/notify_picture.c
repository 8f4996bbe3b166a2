/* SPDX-License-Identifier: Apache-2.0 */
#include "imap/notify_picture.h"

#include <stdlib.h>
#include "base/map.h"
#include "imap/capability.h"
#include "imap/status_item.h"
#include "store/metadata.h"

/* ---- the picture ---- */

static int
by_id(const void *a, const void *b)
{
	const struct mailbox *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static int
by_name(const void *a, const void *b)
{
	const struct mailbox *const *x = a, *const *y = b;

	return str_cmp((*x)->name, (*y)->name);
}

static int
by_bytes(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

enum status
picture_take(const struct actor *actor, struct db_txn *txn, struct notify_picture **p_r)
{
	struct notify_picture *p = x_new(struct notify_picture);
	struct metadata_change *none;
	size_t n;
	enum status st;

	if ((st = mailbox_list(actor, txn, &p->arena, &p->mb, &p->n)) != OK ||
	    (st = mailbox_subscriptions(actor, txn, &p->arena, &p->subs, &p->subs_n)) != OK ||
	    (st = metadata_changed(actor, txn, &p->arena, INT64_MAX, &none, &n, &p->metadata)) != OK)
		goto failed;
	st = ERR_LIMIT;
	if (p->n > NOTIFY_MAILBOXES_MAX || p->subs_n > NOTIFY_MAILBOXES_MAX)
		goto failed;
	if (p->n > 0)
		qsort(p->mb, p->n, sizeof(*p->mb), by_id);
	p->by_name = arena_array(&p->arena, p->n + 1, sizeof(*p->by_name));
	for (size_t i = 0; i < p->n; i++)
		p->by_name[i] = &p->mb[i];
	if (p->n > 0)
		qsort(p->by_name, p->n, sizeof(*p->by_name), by_name);
	if (p->subs_n > 0)
		qsort(p->subs, p->subs_n, sizeof(*p->subs), by_bytes);
	*p_r = p;
	return OK;
failed:
	picture_free(p);
	return st;
}

void
picture_free(struct notify_picture *p)
{
	if (p == NULL)
		return;
	arena_free(&p->arena);
	free(p);
}

const struct mailbox *
picture_find(const struct notify_picture *p, struct str name)
{
	struct mailbox key = {.name = name}, *k = &key, **at;

	if (p->n == 0)
		return NULL;
	at = bsearch(&k, p->by_name, p->n, sizeof(*p->by_name), by_name);
	return at != NULL ? *at : NULL;
}

bool
picture_subscribed(const struct notify_picture *p, struct str name)
{
	return p->subs_n > 0 && bsearch(&name, p->subs, p->subs_n, sizeof(*p->subs), by_bytes) != NULL;
}

/* ---- what is wanted ---- */

unsigned
notify_events(const struct notify *n, struct str name, bool selectable, bool subscribed)
{
	unsigned events = 0;

	for (size_t i = 0; i < n->n; i++)
		if (mailbox_filter_fits(&n->groups[i].filter, name, selectable, subscribed))
			events |= n->groups[i].events;
	return events;
}

/* ---- STATUS ---- */

enum status
notify_status(struct cmd *cmd, struct db_txn *txn, const struct mailbox *mb, unsigned events, bool first)
{
	unsigned items = 1u << STATUS_UIDVALIDITY | 1u << STATUS_UNSEEN;
	enum status st;

	if (events & (NOTIFY_NEW | NOTIFY_EXPUNGE))
		items |= 1u << STATUS_MESSAGES | 1u << STATUS_UIDNEXT;
	/* The first answers have it on every server that supports CONDSTORE (3.1, T109), news where the client has enabled it (5.1 to 5.3). */
	if (cmd_enabled(cmd, ENABLED_CONDSTORE | ENABLED_QRESYNC) || (first && capability_on(cmd->session, "CONDSTORE")))
		items |= status_item_bit("HIGHESTMODSEQ");
	st = status_print(cmd, txn, mb, items);
	return st == ERR_NOT_FOUND ? OK : st;
}

/* What happened to the messages, as bits of what is wanted. */
static unsigned
message_news(const struct mailbox *old, const struct mailbox *new, unsigned wanted)
{
	unsigned news = 0;

	if (old->messages != new->messages || old->uidnext != new->uidnext || old->uidvalidity != new->uidvalidity)
		news |= NOTIFY_NEW | NOTIFY_EXPUNGE | (old->uidvalidity != new->uidvalidity ? NOTIFY_FLAGS : 0);
	else if (old->modseq != new->modseq)
		news |= NOTIFY_FLAGS;
	return news & wanted & NOTIFY_MESSAGES;
}

/* ---- LIST ---- */

/* What a client is told of once: the names that something happened to. */
struct telling {
	struct cmd *cmd;
	struct db_txn *txn;
	const struct notify *n;
	const struct notify_picture *old, *new;
	struct map renamed; /* old name of a mailbox to its new one, a struct mailbox */
	struct map told;
};

/* One that the client changed itself, or that stands above it and may have been made along with it. */
static bool
is_own(const struct notify *n, struct str name)
{
	for (size_t i = 0; i < n->own_n; i++)
		if (str_starts(n->own[i], name) && (n->own[i].n == name.n || n->own[i].p[name.n] == '/'))
			return true;
	return false;
}

static struct str
parent(struct str name)
{
	size_t n = name.n;

	while (n > 0 && name.p[n - 1] != '/')
		n--;
	return str_head(name, n > 0 ? n - 1 : 0);
}

static void
attribute(struct buf *out, const char *word, bool *first)
{
	out_sep(out, first);
	buf_adds(out, word);
}

/* One LIST response for a name as it is now (5.4, 5.5). */
static void
list_line(struct telling *t, struct str name, struct str old_name)
{
	const struct mailbox *mb = picture_find(t->new, name);
	bool utf8 = session_utf8(t->cmd->session);
	struct buf *out = cmd_out(t->cmd);
	bool first = true;

	buf_add(out, STR("* LIST ("));
	if (mb == NULL || mb->noselect)
		attribute(out, "\\NonExistent", &first);
	if (mb != NULL)
		attribute(out, mb->children ? "\\HasChildren" : "\\HasNoChildren", &first);
	if (picture_subscribed(t->new, name))
		attribute(out, "\\Subscribed", &first);
	buf_add(out, STR(") \"/\" "));
	out_mailbox(out, name, utf8);
	if (old_name.n > 0) {
		buf_add(out, STR(" (\"OLDNAME\" ("));
		out_mailbox(out, old_name, utf8);
		buf_add(out, STR("))"));
	}
	buf_add(out, STR("\r\n"));
}

static unsigned
wanted_of(const struct telling *t, struct str name)
{
	const struct mailbox *now = picture_find(t->new, name), *before = picture_find(t->old, name);
	bool selectable = (now && !now->noselect) || (before && !before->noselect);

	return notify_events(t->n, name, selectable,
	    picture_subscribed(t->new, name) || picture_subscribed(t->old, name));
}

static void
affected(struct telling *t, struct str name, struct str old_name, unsigned event)
{
	static char yes;

	if (!(wanted_of(t, name) & event) || map_get(&t->told, name) != NULL)
		return;
	(void)map_put(&t->told, name, &yes);
	list_line(t, name, old_name);
}

/* Created or deleted: the name and the one above it (5.4). */
static void
came_or_went(struct telling *t, struct str name)
{
	if (is_own(t->n, name))
		return;
	affected(t, name, STR_NONE, NOTIFY_NAME);
	if (parent(name).n > 0)
		affected(t, parent(name), STR_NONE, NOTIFY_NAME);
}

/* Children that follow a renamed parent are no news (5.4). */
static void
was_renamed(struct telling *t, const struct mailbox *old, const struct mailbox *new)
{
	const struct mailbox *above = map_get(&t->renamed, parent(old->name));

	if (is_own(t->n, new->name) || is_own(t->n, old->name))
		return;
	if (above != NULL && str_eq(above->name, parent(new->name)) &&
	    str_eq(str_from(old->name, parent(old->name).n), str_from(new->name, parent(new->name).n)))
		return;
	affected(t, new->name, old->name, NOTIFY_NAME);
}

static enum status
same_mailbox(struct telling *t, const struct mailbox *old, const struct mailbox *new)
{
	const struct selected *sel = t->cmd->session->selected;
	unsigned news;

	if (!str_eq(old->name, new->name))
		was_renamed(t, old, new);
	if (old->noselect != new->noselect)
		came_or_went(t, new->name);
	/* The selected mailbox has its own rules (6.1). */
	if (new->noselect || (sel != NULL && sel->view.mailbox == new->id))
		return OK;
	news = message_news(old, new, wanted_of(t, new->name));
	return news != 0 ? notify_status(t->cmd, t->txn, new, news, false) : OK;
}

/* ---- the differences ---- */

static void
find_renamed(struct telling *t)
{
	size_t i = 0;

	for (size_t k = 0; k < t->new->n; k++) {
		while (i < t->old->n && t->old->mb[i].id < t->new->mb[k].id)
			i++;
		if (i < t->old->n && t->old->mb[i].id == t->new->mb[k].id &&
		    !str_eq(t->old->mb[i].name, t->new->mb[k].name))
			(void)map_put(&t->renamed, t->old->mb[i].name, &t->new->mb[k]);
	}
}

static enum status
compare_mailboxes(struct telling *t)
{
	size_t i = 0, k = 0;
	enum status st = OK;

	while (st == OK && (i < t->old->n || k < t->new->n)) {
		const struct mailbox *old = i < t->old->n ? &t->old->mb[i] : NULL;
		const struct mailbox *new = k < t->new->n ? &t->new->mb[k] : NULL;

		if (new == NULL || (old != NULL && old->id < new->id)) {
			came_or_went(t, old->name);
			i++;
		} else if (old == NULL || new->id < old->id) {
			came_or_went(t, new->name);
			k++;
		} else {
			st = same_mailbox(t, old, new);
			i++;
			k++;
		}
	}
	return st;
}

static void
compare_subscriptions(struct telling *t)
{
	size_t i = 0, k = 0;

	while (i < t->old->subs_n || k < t->new->subs_n) {
		int order = i == t->old->subs_n	  ? 1 :
		    k == t->new->subs_n	  ? -1 :
					    str_cmp(t->old->subs[i], t->new->subs[k]);
		struct str name = order < 0 ? t->old->subs[i] : t->new->subs[k < t->new->subs_n ? k : 0];

		if (order != 0 && !is_own(t->n, name))
			affected(t, name, STR_NONE, NOTIFY_SUBSCRIPTION);
		i += order <= 0;
		k += order >= 0;
	}
}

/* ---- annotations ---- */

/* The mailbox of changed entries (NULL: the server), if somebody wants to know. */
static bool
metadata_wanted(const struct telling *t, int64_t id, struct str *name_r)
{
	struct mailbox key = {.id = id};
	const struct mailbox *mb;

	*name_r = STR("");
	if (id == 0) {
		for (size_t i = 0; i < t->n->n; i++)
			if (t->n->groups[i].events & NOTIFY_SERVER_METADATA)
				return !is_own(t->n, *name_r);
		return false;
	}
	mb = t->new->n > 0 ? bsearch(&key, t->new->mb, t->new->n, sizeof(key), by_id) : NULL;
	if (mb == NULL)
		return false;
	*name_r = mb->name;
	return (wanted_of(t, mb->name) & NOTIFY_METADATA) && !is_own(t->n, mb->name);
}

/* "* METADATA mailbox entry entry" (5.6, 5.7): one for each mailbox. */
static enum status
tell_metadata(struct telling *t)
{
	struct buf *out = cmd_out(t->cmd);
	struct arena arena = {0};
	struct metadata_change *list;
	bool wanted = false, utf8 = session_utf8(t->cmd->session);
	uint64_t now;
	size_t n;
	enum status st = metadata_changed(&t->cmd->session->actor, t->txn, &arena, t->old->metadata, &list, &n, &now);

	for (size_t i = 0; st == OK && i < n; i++) {
		struct str name;

		if (i == 0 || list[i].mailbox != list[i - 1].mailbox) {
			if (wanted)
				buf_add(out, STR("\r\n"));
			if ((wanted = metadata_wanted(t, list[i].mailbox, &name))) {
				buf_add(out, STR("* METADATA "));
				if (name.n > 0)
					out_mailbox(out, name, utf8);
				else
					buf_add(out, STR("\"\""));
			}
		}
		if (wanted) {
			buf_addc(out, ' ');
			out_astring(out, list[i].name, utf8);
		}
	}
	if (wanted)
		buf_add(out, STR("\r\n"));
	arena_free(&arena);
	return st;
}

enum status
picture_tell(struct cmd *cmd, struct db_txn *txn, const struct notify_picture *old, const struct notify_picture *new)
{
	struct telling t = {.cmd = cmd, .txn = txn, .n = cmd->session->notify, .old = old, .new = new};
	enum status st;

	find_renamed(&t);
	if ((st = compare_mailboxes(&t)) == OK) {
		compare_subscriptions(&t);
		st = tell_metadata(&t);
	}
	map_free(&t.renamed);
	map_free(&t.told);
	return st;
}
