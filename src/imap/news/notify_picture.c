/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of an account's mailboxes: taken, compared, told. */
#include "imap/news/notify_picture.h"

#include <stdlib.h>
#include "base/map.h"
#include "imap/core/capability.h"
#include "imap/core/status_item.h"
#include "imap/news/notify_pictures.h"
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

struct picture_steps {
	struct notify_picture *p;
	struct mailbox_walk walk;
	enum { WALK, SUBSCRIPTIONS_SORTED, IDS_SORTED, NAMES_SORTED } phase;
};

struct picture_steps *
picture_steps_new(void)
{
	struct picture_steps *x = x_new(struct picture_steps);

	x->p = x_new(struct notify_picture);
	return x;
}

void
picture_steps_free(struct picture_steps *x)
{
	if (x == NULL)
		return;
	mailbox_walk_free(&x->walk);
	picture_free(x->p);
	free(x);
}

size_t
picture_steps_memory(const struct picture_steps *x)
{
	return sizeof(*x) + x->p->arena.held + mailbox_walk_bytes(&x->walk);
}

/* The names that the walk has found subscribed. */
static void
take_subscriptions(struct notify_picture *p, const struct map *subscribed)
{
	struct str name;
	size_t at = 0;
	void *yes;

	p->subs = arena_array(&p->arena, subscribed->n + 1, sizeof(*p->subs));
	while (map_next(subscribed, &at, &name, &yes))
		p->subs[p->subs_n++] = arena_str(&p->arena, name);
}

/* Mailboxes, subscriptions and annotations are those of the snapshot in which the walk ends. */
static enum status
walk_on(struct picture_steps *x, const struct actor *actor, struct db_txn *txn)
{
	struct notify_picture *p = x->p;
	struct metadata_change *none;
	size_t n;
	enum status st = mailbox_walk(actor, txn, &p->arena, &x->walk);

	if ((st == OK || st == ERR_AGAIN) && (x->walk.n > NOTIFY_MAILBOXES_MAX || x->walk.subscribed.n > NOTIFY_MAILBOXES_MAX))
		return ERR_LIMIT;
	if (st != OK || (st = metadata_changed(actor, txn, &p->arena, INT64_MAX, &none, &n, &p->metadata)) != OK)
		return st;
	p->mb = arena_array(&p->arena, x->walk.n + 1, sizeof(*p->mb));
	/* Names that only stand above others are no mailboxes. */
	for (size_t i = 0; i < x->walk.n; i++)
		if (x->walk.list[i].id != 0)
			p->mb[p->n++] = x->walk.list[i];
	take_subscriptions(p, &x->walk.subscribed);
	mailbox_walk_free(&x->walk);
	x->phase = SUBSCRIPTIONS_SORTED;
	return ERR_AGAIN;
}

static void
index_names(struct notify_picture *p)
{
	p->by_name = arena_array(&p->arena, p->n + 1, sizeof(*p->by_name));
	for (size_t i = 0; i < p->n; i++)
		p->by_name[i] = &p->mb[i];
	if (p->n > 0)
		qsort(p->by_name, p->n, sizeof(*p->by_name), by_name);
}

enum status
picture_step(struct picture_steps *x, const struct actor *actor, struct db_txn *txn, struct notify_picture **p_r)
{
	struct notify_picture *p = x->p;

	switch (x->phase) {
	case WALK: return walk_on(x, actor, txn);
	case SUBSCRIPTIONS_SORTED:
		if (p->subs_n > 0)
			qsort(p->subs, p->subs_n, sizeof(*p->subs), by_bytes);
		break;
	case IDS_SORTED:
		if (p->n > 0)
			qsort(p->mb, p->n, sizeof(*p->mb), by_id);
		break;
	case NAMES_SORTED:
		index_names(p);
		*p_r = p;
		x->p = NULL;
		picture_steps_free(x);
		return OK;
	}
	x->phase++;
	return ERR_AGAIN;
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
notify_events(const struct notify *n, struct str name, bool own, bool subscribed)
{
	return mailbox_index_bits(&n->index, name, own, subscribed);
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
	/* News of messages are for who may read them (RFC 5465 6). */
	if (mailbox_need(mb, RIGHT_READ) != OK)
		return OK;
	st = status_print(cmd, txn, mb, items);
	return st == ERR_NOT_FOUND ? OK : st;
}

/* What happened to the messages. */
static unsigned
message_news(const struct mailbox *old, const struct mailbox *new)
{
	unsigned news = 0;

	if (old->messages != new->messages || old->uidnext != new->uidnext || old->uidvalidity != new->uidvalidity)
		news |= NOTIFY_NEW | NOTIFY_EXPUNGE | (old->uidvalidity != new->uidvalidity ? NOTIFY_FLAGS : 0);
	else if (old->modseq != new->modseq)
		news |= NOTIFY_FLAGS;
	return news;
}

/* ---- LIST ---- */

/* What a client is told of once: the names that something happened to. */
struct notify_telling {
	struct cmd *cmd;      /* of the step */
	struct db_txn *txn;
	const struct notify *n;
	const struct notify_picture *old;
	struct notify_picture *new;
	struct map renamed; /* old name of a mailbox to its new one, a struct mailbox */
	struct map told;
	enum { MAILBOXES, SUBSCRIPTIONS, ANNOTATIONS } phase;
	size_t i, k;        /* in the lists of the old and the new picture; i in changes */
	struct arena arena; /* of changes */
	struct metadata_change *changes; /* of annotations, once they are known */
	size_t changes_n;
	bool known;
};

/* Does own stand before name, or with below before "name/"? */
static bool
stands_before(struct str own, struct str name, bool below)
{
	int c = str_cmp(str_head(own, name.n), name);

	return c != 0 ? c < 0 : below && (own.n == name.n || own.p[name.n] < '/');
}

/* The first of the session's own names, which are in order, that does not. */
static size_t
seek_own(const struct notify *n, struct str name, bool below)
{
	size_t low = 0, high = n->own_n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (stands_before(n->own[mid], name, below))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* One that the client changed itself, or that stands above it and may have been made along with it. */
static bool
is_own(const struct notify *n, struct str name)
{
	size_t at = seek_own(n, name, false);

	if (at < n->own_n && str_eq(n->own[at], name))
		return true;
	at = seek_own(n, name, true);
	return at < n->own_n && n->own[at].n > name.n && str_starts(n->own[at], name) && n->own[at].p[name.n] == '/';
}

static void
attribute(struct buf *out, const char *word, bool *first)
{
	out_sep(out, first);
	buf_adds(out, word);
}

/* One LIST response for a name as it is now (5.4, 5.5). */
static void
list_line(struct notify_telling *t, struct str name, struct str old_name)
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
wanted_of(const struct notify_telling *t, struct str name)
{
	const struct mailbox *now = picture_find(t->new, name), *before = picture_find(t->old, name);
	int64_t account = t->cmd->session->actor.account;
	bool own = (now && !now->noselect && now->account == account) || (before && !before->noselect && before->account == account);

	return notify_events(t->n, name, own,
	    picture_subscribed(t->new, name) || picture_subscribed(t->old, name));
}

static void
affected(struct notify_telling *t, struct str name, struct str old_name, unsigned event)
{
	static char yes;

	if (!(wanted_of(t, name) & event) || map_get(&t->told, name) != NULL)
		return;
	(void)map_put(&t->told, name, &yes);
	list_line(t, name, old_name);
}

/* Created or deleted: the name and the one above it (5.4). */
static void
came_or_went(struct notify_telling *t, struct str name)
{
	struct str above = mailbox_name_parent(name);

	if (is_own(t->n, name))
		return;
	affected(t, name, STR_NONE, NOTIFY_NAME);
	/* Above a mailbox of somebody else may be nothing that is known. */
	if (above.n > 0 && (picture_find(t->new, above) != NULL || picture_find(t->old, above) != NULL))
		affected(t, above, STR_NONE, NOTIFY_NAME);
}

/* Children that follow a renamed parent are no news (5.4). */
static void
was_renamed(struct notify_telling *t, const struct mailbox *old, const struct mailbox *new)
{
	const struct mailbox *above = map_get(&t->renamed, mailbox_name_parent(old->name));

	if (is_own(t->n, new->name) || is_own(t->n, old->name))
		return;
	if (above != NULL && str_eq(above->name, mailbox_name_parent(new->name)) &&
	    str_eq(str_from(old->name, mailbox_name_parent(old->name).n), str_from(new->name, mailbox_name_parent(new->name).n)))
		return;
	affected(t, new->name, old->name, NOTIFY_NAME);
}

static enum status
same_mailbox(struct notify_telling *t, const struct mailbox *old, const struct mailbox *new)
{
	const struct selected *sel = t->cmd->session->selected;
	unsigned news;

	if (!str_eq(old->name, new->name))
		was_renamed(t, old, new);
	if (old->noselect != new->noselect)
		came_or_went(t, new->name);
	/* The selected mailbox has its own rules (6.1). */
	if (new->noselect || (sel != NULL && sel->view.grant.mailbox == new->id))
		return OK;
	if ((news = message_news(old, new)) != 0)
		news &= wanted_of(t, new->name);
	return news != 0 ? notify_status(t->cmd, t->txn, new, news, false) : OK;
}

/* ---- the differences ---- */

static void
find_renamed(struct notify_telling *t)
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
compare_mailbox(struct notify_telling *t)
{
	const struct mailbox *old = t->i < t->old->n ? &t->old->mb[t->i] : NULL;
	const struct mailbox *new = t->k < t->new->n ? &t->new->mb[t->k] : NULL;

	if (new == NULL || (old != NULL && old->id < new->id)) {
		came_or_went(t, old->name);
		t->i++;
	} else if (old == NULL || new->id < old->id) {
		came_or_went(t, new->name);
		t->k++;
	} else {
		t->i++;
		t->k++;
		return same_mailbox(t, old, new);
	}
	return OK;
}

static void
compare_subscription(struct notify_telling *t)
{
	int order = t->i == t->old->subs_n ? 1 : t->k == t->new->subs_n ? -1 : str_cmp(t->old->subs[t->i], t->new->subs[t->k]);
	struct str name = order < 0 ? t->old->subs[t->i] : t->new->subs[t->k];

	if (order != 0 && !is_own(t->n, name))
		affected(t, name, STR_NONE, NOTIFY_SUBSCRIPTION);
	t->i += order <= 0;
	t->k += order >= 0;
}

/* Is this phase over? Then the next begins. */
static bool
over(struct notify_telling *t, size_t old_n, size_t new_n)
{
	if (t->i < old_n || t->k < new_n)
		return false;
	t->i = t->k = 0;
	t->phase++;
	return true;
}

/* ---- annotations ---- */

/* The mailbox of changed entries (NULL: the server), if somebody wants to know. */
static bool
metadata_wanted(const struct notify_telling *t, int64_t id, struct str *name_r)
{
	struct mailbox key = {.id = id};
	const struct mailbox *mb;

	*name_r = STR("");
	if (id == 0) {
		return (t->n->events & NOTIFY_SERVER_METADATA) && !is_own(t->n, *name_r);
	}
	mb = t->new->n > 0 ? bsearch(&key, t->new->mb, t->new->n, sizeof(key), by_id) : NULL;
	if (mb == NULL)
		return false;
	*name_r = mb->name;
	return mailbox_need(mb, RIGHT_LOOKUP) == OK && (wanted_of(t, mb->name) & NOTIFY_METADATA) && !is_own(t->n, mb->name);
}

/* "* METADATA mailbox entry entry" (5.6, 5.7): those of one mailbox. */
static void
metadata_line(struct notify_telling *t)
{
	bool utf8 = session_utf8(t->cmd->session), wanted;
	struct buf *out = cmd_out(t->cmd);
	int64_t id = t->changes[t->i].mailbox;
	struct str name;

	if ((wanted = metadata_wanted(t, id, &name))) {
		buf_add(out, STR("* METADATA "));
		if (name.n > 0)
			out_mailbox(out, name, utf8);
		else
			buf_add(out, STR("\"\""));
	}
	for (; t->i < t->changes_n && t->changes[t->i].mailbox == id; t->i++) {
		if (!wanted)
			continue;
		buf_addc(out, ' ');
		out_astring(out, t->changes[t->i].name, utf8);
	}
	if (wanted)
		buf_add(out, STR("\r\n"));
}

static enum cmd_next
tell_metadata(struct notify_telling *t, enum status *st_r)
{
	enum cmd_next next = CMD_DONE;

	if (t->old->metadata >= t->new->metadata)
		return CMD_DONE;
	if (!t->known) {
		uint64_t now;

		*st_r = metadata_changed(&t->cmd->session->actor, t->txn, &t->arena, t->old->metadata, &t->changes, &t->changes_n, &now);
		if (*st_r != OK)
			return CMD_DONE;
		t->known = true;
		next = cmd_pause(t->cmd);
	}
	while (next == CMD_DONE && t->i < t->changes_n) {
		metadata_line(t);
		next = cmd_pause(t->cmd);
	}
	return next;
}

struct notify_telling *
picture_telling_new(struct notify *n, const struct notify_picture *old, struct notify_picture *new)
{
	struct notify_telling *t = x_new(struct notify_telling);

	t->n = n;
	t->old = old;
	t->new = new;
	if (n->own_n > 0)
		qsort(n->own, n->own_n, sizeof(*n->own), by_bytes);
	find_renamed(t);
	return t;
}

enum cmd_next
picture_tell(struct notify_telling *t, struct cmd *cmd, struct db_txn *txn, enum status *st_r)
{
	enum cmd_next next = CMD_DONE;

	t->cmd = cmd;
	t->txn = txn;
	while (*st_r == OK && next == CMD_DONE && t->phase < ANNOTATIONS) {
		if (t->phase == MAILBOXES) {
			if (over(t, t->old->n, t->new->n))
				continue;
			*st_r = compare_mailbox(t);
		} else {
			if (over(t, t->old->subs_n, t->new->subs_n))
				continue;
			compare_subscription(t);
		}
		next = cmd_pause(cmd);
	}
	if (*st_r != OK || next != CMD_DONE)
		return next;
	return tell_metadata(t, st_r);
}

struct notify_picture *
picture_told(struct notify_telling *t)
{
	struct notify_picture *new = t->new;

	t->new = NULL;
	picture_telling_free(t);
	return new;
}

void
picture_telling_free(struct notify_telling *t)
{
	if (t == NULL)
		return;
	picture_release(t->new);
	arena_free(&t->arena);
	map_free(&t->renamed);
	map_free(&t->told);
	free(t);
}
