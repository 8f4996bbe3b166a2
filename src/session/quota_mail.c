/* SPDX-License-Identifier: Apache-2.0 */
/* Finds out to whom a warning is due, writes it, and sleeps until the next. */
#include "session/quota_mail.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/codec.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/thread.h"
#include "deliver/deliver.h"
#include "store/account.h"
#include "store/quota.h"
#include "wire/date.h"

#define AT_ONCE 64         /* accounts that are looked up together */
#define AGAIN_SECONDS 60   /* after a failure */

struct quota_mail {
	struct store *store;
	const char *hostname;
	enum language language;
	struct store_subscriber changes;
	pthread_t thread;
	struct lock lock;
	pthread_cond_t wake;
	bool due, ending; /* under the lock */
};

/* ---- the mail ---- */

/* In encoded words of at most 75 characters (RFC 2047 2), cut between characters. */
static void
add_encoded(struct buf *out, struct str text)
{
	while (text.n > 0) {
		size_t n = text.n < 42 ? text.n : 42;

		while (n < text.n && n > 1 && ((unsigned char)text.p[n] & 0xc0) == 0x80)
			n--;
		buf_adds(out, "=?utf-8?B?");
		base64_encode(out, str_head(text, n));
		buf_adds(out, "?=");
		text = str_from(text, n);
		if (text.n > 0)
			buf_adds(out, "\r\n ");
	}
}

static void
add_size(struct buf *out, int64_t n)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
	double size = (double)n;
	size_t i = 0;

	while (size >= 1000 && i + 1 < sizeof(units) / sizeof(*units)) {
		size /= 1000;
		i++;
	}
	buf_addf(out, i == 0 ? "%.0f %s" : "%.1f %s", size, units[i]);
}

/* "Messages: 90 of 100" */
static void
add_usage(struct buf *out, const struct quota *q)
{
	if (q->most[QUOTA_BYTES] >= 0) {
		add_size(out, q->used[QUOTA_BYTES]);
		buf_adds(out, " / ");
		add_size(out, q->most[QUOTA_BYTES]);
		buf_addf(out, " (%d %%)\r\n", quota_percent(q->used[QUOTA_BYTES], q->most[QUOTA_BYTES]));
	}
	if (q->most[QUOTA_MESSAGES] >= 0)
		buf_addf(out, "%" PRId64 " / %" PRId64 " (%d %%)\r\n", q->used[QUOTA_MESSAGES], q->most[QUOTA_MESSAGES],
		    quota_percent(q->used[QUOTA_MESSAGES], q->most[QUOTA_MESSAGES]));
}

static void
compose(const struct quota_mail *qm, struct str account, const struct quota *q, struct buf *out)
{
	bool fuller = q->level > q->told;
	const char *subject = language_translate(qm->language, fuller ? "Your mailbox is nearly full" : "There is room in your mailbox again");
	struct buf date = {0};

	buf_addf(out, "From: Mail <postmaster@%s>\r\nTo: ", qm->hostname);
	if (str_chr(account, '@') < account.n)
		buf_addf(out, "<%.*s>", STR_FMT(account));
	else
		buf_addf(out, "<%.*s@%s>", STR_FMT(account), qm->hostname);
	buf_adds(out, "\r\nSubject: ");
	add_encoded(out, str_c(subject));
	buf_addf(out, "\r\nDate: ");
	date_header_print(&date, clock_seconds());
	buf_add(out, buf_str(&date));
	buf_free(&date);
	buf_addf(out, "\r\nMessage-ID: <quota.%016" PRIx64 "@%s>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n", random_u64(), qm->hostname);
	buf_adds(out, "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n");
	buf_adds(out, language_translate(qm->language, fuller ? "Your mailbox is nearly full" : "There is room in your mailbox again"));
	buf_adds(out, ".\r\n\r\n");
	add_usage(out, q);
	if (fuller) {
		buf_adds(out, "\r\n");
		buf_adds(out, language_translate(qm->language, "When it is full new mail is refused: delete what you no longer need, and empty the trash."));
		buf_adds(out, "\r\n");
	}
}

/* ---- writing it ---- */

struct writing {
	struct quota_mail *qm;
	int64_t account;
	struct quota quota;
	struct delivery *delivery;
	struct delivery_target target;
};

static enum status
inbox_of(struct writing *w, struct db_txn *txn)
{
	struct actor actor = {.store = w->qm->store, .account = w->account, .admin = true};
	struct arena arena = {0};
	struct mailbox mb;
	enum status st = mailbox_find(&actor, txn, &arena, STR("INBOX"), &mb);

	if (st == OK)
		st = grant_make(&actor, txn, &mb, &w->target.grant);
	arena_free(&arena);
	return st;
}

/* Nobody is told what is no longer so; somebody whose INBOX cannot be written to is not told. */
static enum status
write_fn(struct db_txn *txn, void *arg)
{
	struct writing *w = arg;
	struct quota now;
	enum status st = quota_get(w->qm->store, txn, w->account, &now);

	if (st == ERR_NOT_FOUND)
		return quota_told(txn, w->account, 0);
	if (st != OK)
		return st;
	if (now.level != w->quota.level || now.told != w->quota.told)
		return now.level == now.told ? quota_told(txn, w->account, now.told) : ERR_AGAIN;
	if (w->delivery != NULL && (st = inbox_of(w, txn)) == OK)
		st = delivery_store(w->delivery, txn, &w->target, 1);
	return st == OK || st == ERR_NOT_FOUND || st == ERR_NO_PERM ? quota_told(txn, w->account, now.level) : st;
}

/* Its mail, ready to be stored; none where nothing is to be said. */
static enum status
prepare(struct writing *w, struct arena *arena)
{
	struct account account = {0};
	struct buf text = {0};
	struct db_txn *txn;
	enum status st = db_read_begin(store_db(w->qm->store), &txn);

	if (st != OK)
		return st;
	if ((st = quota_get(w->qm->store, txn, w->account, &w->quota)) == OK && w->quota.level != w->quota.told)
		st = account_get(txn, arena, w->account, &account);
	db_read_end(txn);
	if (st == ERR_NOT_FOUND || (st == OK && w->quota.level == w->quota.told))
		return OK;
	if (st != OK)
		return st;
	compose(w->qm, account.name, &w->quota, &text);
	w->delivery = delivery_new(w->qm->store, (uint64_t)w->account, 0, NULL);
	if ((st = delivery_add(w->delivery, buf_str(&text))) == OK && (st = delivery_finish(w->delivery)) == OK) {
		w->target.message.internal_date = clock_seconds();
		w->target.message.beyond = true;
		delivery_prepare(w->delivery, &w->target, arena);
	}
	buf_free(&text);
	return st;
}

static enum status
write_one(struct quota_mail *qm, int64_t account)
{
	struct writing w = {.qm = qm, .account = account};
	struct arena arena = {0};
	enum status st = prepare(&w, &arena);

	if (st == OK)
		st = db_write(store_db(qm->store), write_fn, &w);
	delivery_free(w.delivery);
	arena_free(&arena);
	return st;
}

/* To all that are due now. Gives the first failure, and leaves who had it for the next time; who has changed meanwhile is due still. */
static enum status
write_all(struct quota_mail *qm)
{
	int64_t some[AT_ONCE], after = 0;
	size_t n = AT_ONCE;
	enum status first = OK;

	while (n == AT_ONCE) {
		struct db_txn *txn;
		enum status st = db_read_begin(store_db(qm->store), &txn);

		if (st == OK) {
			st = quota_due(txn, after, some, AT_ONCE, &n);
			db_read_end(txn);
		}
		if (st != OK)
			return first == OK ? st : first;
		for (size_t i = 0; i < n; i++) {
			enum status one = write_one(qm, after = some[i]);

			first = first == OK ? one : first;
		}
	}
	return first;
}

/* ---- the thread ---- */

/* In whichever thread commits. */
static void
changed(void *arg, const struct store_event *ev)
{
	struct quota_mail *qm = arg;

	if (ev->kind != EVENT_QUOTA)
		return;
	lock_take(&qm->lock);
	qm->due = true;
	pthread_cond_signal(&qm->wake);
	lock_give(&qm->lock);
}

/* Sleeps until somebody is due, or after a failure for a minute. False: it ends. */
static bool
next(struct quota_mail *qm, bool failed)
{
	struct timespec until;
	bool ending;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += AGAIN_SECONDS;
	lock_take(&qm->lock);
	while (!qm->ending && !qm->due) {
		if (!failed)
			lock_wait(&qm->lock, &qm->wake);
		else if (!lock_wait_until(&qm->lock, &qm->wake, &until))
			break;
	}
	qm->due = false;
	ending = qm->ending;
	lock_give(&qm->lock);
	return !ending;
}

static void *
run(void *arg)
{
	struct quota_mail *qm = arg;
	enum status st;

	do {
		if ((st = write_all(qm)) != OK && st != ERR_AGAIN && st != ERR_FULL)
			log_event(EV_internal, "a warning about a quota could not be written: %s", status_word(st));
	} while (next(qm, st != OK));
	return NULL;
}

struct quota_mail *
quota_mail_start(struct store *store, const char *hostname, enum language language)
{
	struct quota_mail *qm = x_new(struct quota_mail);
	pthread_condattr_t attr;

	*qm = (struct quota_mail){.store = store, .hostname = hostname, .language = language};
	lock_init(&qm->lock, LOCK_quota_mail);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&qm->wake, &attr);
	pthread_condattr_destroy(&attr);
	qm->changes = (struct store_subscriber){changed, qm};
	store_subscribe(store, &qm->changes);
	thread_start(&qm->thread, run, qm);
	return qm;
}

void
quota_mail_stop(struct quota_mail *qm)
{
	if (qm == NULL)
		return;
	lock_take(&qm->lock);
	qm->ending = true;
	pthread_cond_signal(&qm->wake);
	lock_give(&qm->lock);
	pthread_join(qm->thread, NULL);
	store_unsubscribe(qm->store, &qm->changes);
}

void
quota_mail_free(struct quota_mail *qm)
{
	if (qm == NULL)
		return;
	pthread_cond_destroy(&qm->wake);
	lock_fini(&qm->lock);
	free(qm);
}
