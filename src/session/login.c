/* SPDX-License-Identifier: Apache-2.0 */
/* A login from its begin to its end: being let in, being shut out, and what the log says of it. */
#include "session/login_priv.h"

#include <stdlib.h>
#include "base/assert.h"
#include "base/log.h"

static const char *
tls_word(const struct login *l)
{
	return conn_tls(l->conn) ? conn_tls_version(l->conn) : "none";
}

static void
log_login(const struct login *l)
{
	log_event(EV_login, "account=%s address=%s listener=%s tls=%s id=%llu client=%s", LOG_STR(str_c(l->user)), conn_peer(l->conn), conn_local(l->conn),
	    tls_word(l), (unsigned long long)conn_id(l->conn), LOG_STR(str_c(l->client)));
}

static void
log_logout(const struct login *l, const char *why)
{
	if (l->user == NULL)
		return;
	log_event(EV_logout, "account=%s address=%s id=%llu client=%s seconds=%lld commands=%u in=%llu out=%llu why=%s", LOG_STR(str_c(l->user)),
	    conn_peer(l->conn), (unsigned long long)conn_id(l->conn), LOG_STR(str_c(l->client)), (long long)conn_age(l->conn) - l->age, l->commands,
	    (unsigned long long)(conn_bytes_in(l->conn) - l->in), (unsigned long long)(conn_bytes_out(l->conn) - l->out), LOG_STR(str_c(why)));
}

void
login_log_refused(const struct login *l, const char *user, const char *why)
{
	log_event(EV_login_refused, "account=%s address=%s listener=%s tls=%s id=%llu why=%s", LOG_STR(str_c(user)), conn_peer(l->conn), conn_local(l->conn),
	    tls_word(l), (unsigned long long)conn_id(l->conn), LOG_STR(str_c(why)));
}

void
login_log_stranger(const struct login *l, const char *why)
{
	log_event(EV_client_error, "%s id=%llu peer=%s why=%s", conn_local(l->conn), (unsigned long long)conn_id(l->conn), conn_peer(l->conn),
	    LOG_STR(str_c(why)));
}

void
login_init(struct login *l, struct conn *c, const struct door *door)
{
	l->conn = c;
	l->door = door;
	conn_secret(c, true);
}

/* What is held from now on is held by nobody. */
static void
give_back(struct login *l)
{
	hub_unwatch(l->door->hub, &l->watcher);
	charge_is(&l->charge, 0);
	budget_drop(l->budget);
	l->budget = l->charge.of = NULL;
	free(l->user);
	l->user = NULL;
	conn_set_account(l->conn, 0);
	l->account = 0;
	l->seen = 0;
}

void
login_fini(struct login *l, const char *why)
{
	log_logout(l, why);
	give_back(l);
	free(l->client);
	l->client = NULL;
}

void
login_out(struct login *l, const char *why)
{
	log_logout(l, why);
	give_back(l);
	conn_lane_of_address(l->conn);
	conn_secret(l->conn, true);
	l->stranger_since = (uint32_t)conn_age(l->conn);
}

void
login_deadline(struct login *l, int64_t seconds)
{
	int64_t own = conn_allowed(l->conn), left = (own > 0 ? own : seconds) + l->stranger_since - conn_age(l->conn);

	conn_deadline(l->conn, left > 1 ? left : 1);
}

bool
login_shut_out(const struct login *l)
{
	return l->account != 0 && hub_modseq(&l->watcher) != l->seen;
}

/* The password was right, or the exchange: the account is taken. Else nothing has changed. */
enum status
login_enter(struct login *l, const struct auth_client *client, struct auth_result *r)
{
	const struct door *d = l->door;
	uint64_t account = (uint64_t)r->account;
	enum status st;

	ensure(l->account == 0);
	hub_watch(d->hub, account, HUB_LOGINS, &l->watcher, l->conn);
	/* What changes from here on is told; what changed before is looked for. */
	l->seen = hub_modseq(&l->watcher);
	st = auth_confirm(d->auth, client, r);
	if (st == OK && d->account_max > 0 && hub_watchers(d->hub, account, HUB_LOGINS) > d->account_max) {
		login_log_refused(l, r->user, "the account has too many connections");
		st = ERR_LIMIT;
	}
	if (st != OK) {
		hub_unwatch(d->hub, &l->watcher);
		return st;
	}
	watcher_push(&l->watcher, true);
	l->account = r->account;
	l->user = x_strdup(r->user);
	/* What it held as nobody was counted for nobody. */
	l->budget = budget_take(d->budgets, r->account);
	l->charge = (struct charge){l->budget, 0};
	l->commands = 0;
	l->age = (int32_t)conn_age(l->conn);
	l->in = conn_bytes_in(l->conn);
	l->out = conn_bytes_out(l->conn);
	conn_set_lane(l->conn, account);
	conn_set_account(l->conn, account);
	conn_known(l->conn);
	conn_secret(l->conn, false);
	conn_deadline(l->conn, 0);
	log_login(l);
	return OK;
}
