/* SPDX-License-Identifier: Apache-2.0 */
/* Who is there: a session's way to its account and back. */
#include "imap/cmd.h"

#include <stdlib.h>
#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "imap/language.h"
#include "imap/notify.h"
#include "imap/reply.h"
#include "imap/selected.h"

static bool
exporter(void *arg, uint8_t key_r[32])
{
	return conn_tls_exporter(arg, STR("EXPORTER-Channel-Binding"), key_r, 32);
}

static bool
unique(void *arg, struct buf *out)
{
	uint8_t data[64];
	size_t n = conn_tls_unique(arg, data);

	buf_add(out, str_of(data, n));
	return n > 0;
}

struct auth_client
session_auth_client(struct session *s)
{
	struct conn *c = s->conn;
	bool tls = conn_tls(c), unix_socket = str_eq(str_c(conn_peer(c)), STR("unix"));

	return (struct auth_client){
		.address = unix_socket ? STR("") : str_c(conn_peer(c)),
		.tls = tls,
		.local = unix_socket || (s->imap->settings.trust_loopback && conn_loopback(c)),
		.exporter = tls ? exporter : NULL,
		.unique = tls ? unique : NULL,
		.arg = c,
	};
}

static const char *
tls_word(struct session *s)
{
	return conn_tls(s->conn) ? conn_tls_version(s->conn) : "none";
}

static void
log_login(struct session *s)
{
	s->commands = 0;
	s->login_age = (int32_t)conn_age(s->conn);
	s->login_in = conn_bytes_in(s->conn);
	s->login_out = conn_bytes_out(s->conn);
	log_event(EV_login, "user=%s address=%s listener=%s tls=%s id=%llu client=%s", LOG_STR(str_c(s->user)), conn_peer(s->conn), conn_local(s->conn),
	    tls_word(s), (unsigned long long)conn_id(s->conn), LOG_STR(str_c(s->client)));
}

void
session_log_logout(struct session *s, const char *why)
{
	if (s->user == NULL)
		return;
	log_event(EV_logout, "user=%s address=%s id=%llu client=%s seconds=%lld commands=%u in=%llu out=%llu why=%s", LOG_STR(str_c(s->user)),
	    conn_peer(s->conn), (unsigned long long)conn_id(s->conn), LOG_STR(str_c(s->client)), (long long)conn_age(s->conn) - s->login_age, s->commands,
	    (unsigned long long)(conn_bytes_in(s->conn) - s->login_in), (unsigned long long)(conn_bytes_out(s->conn) - s->login_out),
	    LOG_STR(str_c(s->ended != NULL ? s->ended : why)));
}

void
session_log_refused(struct session *s, const char *user, const char *why)
{
	log_event(EV_login_refused, "user=%s address=%s listener=%s tls=%s id=%llu why=%s", LOG_STR(str_c(user)), conn_peer(s->conn), conn_local(s->conn),
	    tls_word(s), (unsigned long long)conn_id(s->conn), LOG_STR(str_c(why)));
}

enum status
session_login(struct session *s, struct auth_result *result)
{
	struct imap *imap = s->imap;
	struct auth_client client = session_auth_client(s);
	unsigned max = imap->settings.account_max;
	enum status st;

	hub_watch(imap->hub, (uint64_t)result->account, HUB_LOGINS, &s->logins, s->conn);
	/* What changes from here on is told; what changed before is looked for. */
	s->account_seen = hub_modseq(&s->logins);
	st = auth_confirm(imap->auth, &client, result);
	if (st == OK && max && hub_watchers(imap->hub, (uint64_t)result->account, HUB_LOGINS) > max)
		st = ERR_LIMIT;
	if (st == ERR_LIMIT)
		session_log_refused(s, result->user, "the account has too many connections");
	if (st != OK) {
		hub_unwatch(imap->hub, &s->logins);
		return st;
	}
	watcher_push(&s->logins, true);
	s->actor = (struct actor){.store = s->imap->store, .account = result->account};
	conn_set_lane(s->conn, (uint64_t)result->account);
	s->user = x_strdup(result->user);
	/* What it held as nobody was counted for nobody. */
	s->budget = budget_take(imap->budgets, result->account);
	s->charge = (struct charge){s->budget, 0};
	s->state = STATE_AUTH;
	s->reader.limits = &s->imap->limits;
	conn_in_limit(s->conn, 256 * 1024);
	conn_known(s->conn);
	conn_secret(s->conn, false);
	conn_deadline(s->conn, 0);
	session_timeout(s);
	log_login(s);
	return OK;
}

void
session_timeout(struct session *s)
{
	if (s->state & STATE_LOGGED_IN) {
		conn_timeout(s->conn, s->imap->settings.idle_seconds);
	} else {
		int64_t left = s->imap->settings.login_seconds + s->strange_since - conn_age(s->conn);

		conn_deadline(s->conn, left > 1 ? left : 1);
	}
}

/* What is said from now on is said by nobody. */
static void
leave_budget(struct session *s)
{
	struct cmd *list[] = {s->cmd, s->below, s->reading};

	ensure(s->committing == NULL);
	for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
		if (list[i] != NULL) {
			charge_is(&list[i]->charge, 0);
			list[i]->counted = 0;
			list[i]->charge.of = NULL;
		}
	charge_is(&s->charge, 0);
	budget_drop(s->budget);
	s->budget = s->charge.of = NULL;
}

void
session_logged_out(struct session *s)
{
	selected_close(s);
	notify_set(s, NULL);
	session_log_logout(s, "UNAUTHENTICATE");
	hub_unwatch(s->imap->hub, &s->logins);
	s->actor = (struct actor){0};
	conn_lane_of_address(s->conn);
	leave_budget(s);
	free(s->user);
	s->user = NULL;
	s->account_seen = 0;
	s->enabled = 0;
	s->comparator = (struct comparator){0};
	s->language = 0;
	s->bad = 0;
	s->state = STATE_NOT_AUTH;
	s->reader.limits = &s->imap->limits_before;
	s->reader.buf.secret = true;
	conn_secret(s->conn, true);
	conn_in_limit(s->conn, 64 * 1024);
	s->strange_since = (uint32_t)conn_age(s->conn);
	conn_timeout(s->conn, 0);
	session_timeout(s);
}

void
session_delay(struct session *s, int64_t arrived, unsigned ms)
{
	int64_t step = (int64_t)ms * 1000;

	if (ms == 0)
		return;
	s->answer_at = arrived + ((clock_mono() - arrived) / step + 1) * step;
	conn_pause_until(s->conn, s->answer_at);
}

bool
session_held_back(struct session *s)
{
	if (s->answer_at != 0 && clock_mono() >= s->answer_at)
		s->answer_at = 0;
	return s->answer_at != 0;
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
