/* SPDX-License-Identifier: Apache-2.0 */
/* RCPT TO (RFC 5321 4.1.1.3): one recipient more, if there is an account, or a group or alias that leads to some. */
#include "base/assert.h"
#include "base/log.h"
#include "lmtp/session_priv.h"

/* The list lies in the arena. */
static enum status
look_up(struct lmtp_session *s, const struct esmtp_path *path, struct arena *arena, struct recipient **list_r, size_t *n_r)
{
	struct store *store = s->service->door->store;
	struct db_txn *txn;
	enum status st = db_read_begin(store_db(store), &txn);

	if (st != OK)
		return st;
	st = recipient_resolve(store, txn, arena, path->local, path->domain, s->t->size, NULL, NULL, list_r, n_r);
	db_read_end(txn);
	return st;
}

/* The place, which may be there already: its index. Recipients are few, or they are a group's, which was looked at once. */
static uint32_t
place(struct transaction *t, const struct recipient *to, struct str address)
{
	struct buf key = {0};
	uintptr_t at;

	buf_add(&key, MAP_KEY(to->account));
	buf_add(&key, to->folder);
	at = (uintptr_t)map_get(&t->places_known, buf_str(&key));
	if (at == 0) {
		if (t->places_n == t->places_cap) {
			t->places_cap = t->places_cap ? t->places_cap * 2 : 4;
			t->places = x_realloc(t->places, t->places_cap * sizeof(*t->places));
		}
		t->places[t->places_n] = (struct lmtp_place){.to = *to, .address = address};
		t->places[t->places_n].to.account_name = arena_str(&t->arena, to->account_name);
		t->places[t->places_n].to.folder = arena_str(&t->arena, to->folder);
		at = ++t->places_n;
		(void)map_put(&t->places_known, buf_str(&key), (void *)at);
	}
	buf_free(&key);
	return (uint32_t)(at - 1);
}

static void
add(struct transaction *t, const struct recipient *list, size_t n, struct str address)
{
	struct lmtp_rcpt *r;

	ensure(n > 0); /* or it would be answered for nobody */
	if (t->rcpts_n == t->rcpts_cap) {
		t->rcpts_cap = t->rcpts_cap ? t->rcpts_cap * 2 : 4;
		t->rcpts = x_realloc(t->rcpts, t->rcpts_cap * sizeof(*t->rcpts));
	}
	r = &t->rcpts[t->rcpts_n++];
	*r = (struct lmtp_rcpt){.address = arena_str(&t->arena, address), .place = arena_array(&t->arena, n, sizeof(*r->place)), .n = n};
	for (size_t i = 0; i < n; i++)
		r->place[i] = place(t, &list[i], r->address);
	t->named += n;
}

/* Most places of a transaction, counted as often as they are led to: that bounds its memory, and what a sender can do with one message. */
static size_t
places_max(const struct lmtp_session *s)
{
	size_t most = address_most(s->service->door->store);

	return most > s->service->max_recipients ? most : s->service->max_recipients;
}

static const char *
why(enum status st)
{
	switch (st) {
	case ERR_NOT_FOUND: return "no such account";
	case ERR_UNAVAILABLE: return "the account is disabled";
	case ERR_LIMIT: return "the address stands for too many accounts";
	default: return status_word(st);
	}
}

static enum conn_next
refuse(struct lmtp_session *s, const struct esmtp_command *cmd, enum status st)
{
	log_event(EV_recipient_refused, "recipient=%s from=%s peer=%s why=\"%s\"", LOG_STR(cmd->path.address), LOG_STR(s->t->sender),
	    conn_peer(s->conn), why(st));
	switch (st) {
	case ERR_NOT_FOUND: return lmtp_say(s, 550, "5.1.1", "No such account");
	case ERR_UNAVAILABLE: return lmtp_say(s, 550, "5.2.1", "The account is disabled");
	case ERR_LIMIT: return lmtp_say(s, 550, "5.5.3", "This address stands for too many accounts");
	case ERR_QUOTA: return s->service->quota_permanent ? lmtp_say(s, 552, "5.2.2", "Over quota") : lmtp_say(s, 452, "4.2.2", "Over quota");
	default: return lmtp_say(s, 451, "4.3.0", "Try again later");
	}
}

/* RCPT, RFC 5321 4.1.1.3: names a recipient; unknown ones are refused here and now. */
enum conn_next
lmtp_cmd_rcpt(struct lmtp_session *s, const struct esmtp_command *cmd)
{
	struct arena arena = {0};
	struct recipient *list = NULL;
	size_t n = 0;
	bool room;
	enum status st;

	if (s->t == NULL || s->t->delivery != NULL)
		return lmtp_say(s, 503, "5.5.1", "Say MAIL first");
	if (s->t->rcpts_n >= s->service->max_recipients)
		return lmtp_say(s, 452, "4.5.3", "Too many recipients");
	if (cmd->path.utf8 && !s->t->utf8)
		return lmtp_say(s, 553, "5.6.7", "This address needs SMTPUTF8");
	st = look_up(s, &cmd->path, &arena, &list, &n);
	room = st == OK && s->t->named + n <= places_max(s);
	if (room)
		add(s->t, list, n, cmd->path.address);
	arena_free(&arena);
	if (st != OK)
		return refuse(s, cmd, st);
	return room ? lmtp_say(s, 250, "2.1.5", "Recipient taken") : lmtp_say(s, 452, "4.5.3", "Too many recipients");
}
