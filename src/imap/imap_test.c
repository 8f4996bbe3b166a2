/* SPDX-License-Identifier: Apache-2.0 */
/* An IMAP service in one thread, for tests and fuzzers. */
#include "imap/imap_test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/assert.h"
#include "base/clock.h"
#include "db/vfs/memvfs.h"
#include "net/task.h"
#include "store/account.h"

/* What is ready to run; the committer's thread adds to it too. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct task *head, **tail = &head;

static void
ready(void *arg, struct task *t, bool local)
{
	struct test_imap *imap = arg;

	pthread_mutex_lock(&lock);
	t->next = NULL;
	*tail = t;
	tail = &t->next;
	pthread_mutex_unlock(&lock);
	if (!local)
		net_interrupt(imap->net);
}

static struct task *
take(void)
{
	struct task *t;

	pthread_mutex_lock(&lock);
	if ((t = head) != NULL && (head = t->next) == NULL)
		tail = &head;
	pthread_mutex_unlock(&lock);
	return t;
}

/* Runs what is ready, then waits so many milliseconds for more. False: nothing happened. */
static bool
turn(struct test_imap *t, int ms)
{
	struct task *task;
	bool any = false;

	while ((task = take()) != NULL) {
		task->run(task);
		db_commit_own(store_db(t->store));
		any = true;
	}
	return net_poll(t->net, any ? 0 : ms, 16) > 0 || any;
}

/* Not door_changed(): sessions are not told of their account's end, so that commands meet it themselves. */
static void
feed(void *arg, const struct store_event *ev)
{
	hub_changed(arg, (uint64_t)ev->account, (uint64_t)ev->mailbox, ev->modseq);
}

static enum status
make_alice(struct db_txn *txn, void *arg)
{
	int64_t id;
	enum status st = account_create(arg, txn, STR("alice"), &id);

	return st != OK ? st : account_set_credential(arg, txn, id, STR("plain"), STR("{PLAIN}secret"));
}

static enum status
nothing(struct db_txn *txn, void *arg)
{
	return OK;
}

static void (*at_step)(void *arg);
static void *at_step_arg;

void
test_imap_steps(void (*fn)(void *arg), void *arg)
{
	at_step = fn;
	at_step_arg = arg;
}

/* All but the store. */
static void
open_services(struct test_imap *t)
{
	struct auth_settings as = auth_settings_default;
	struct imap_options options;

	as.plaintext = true;
	as.delay_ms = 0;
	t->door = (struct door){.store = t->store, .hub = hub_new(), .auth = auth_new(t->store, &as), .account_max = 200, .trust_loopback = true};
	t->changes = x_new(struct store_subscriber);
	*t->changes = (struct store_subscriber){feed, t->door.hub};
	store_subscribe(t->store, t->changes);
	t->net = net_new(&(struct net_options){.ready = ready, .ready_arg = t});
	options = (struct imap_options){.door = &t->door, .settings = imap_settings_default,
	    .at_step = at_step, .at_step_arg = at_step_arg};
	if (at_step != NULL)
		options.settings.step_us = 0;
	t->imap = imap_new(&options);
}

static void
open_store(struct test_imap *t)
{
	*t = (struct test_imap){0};
	ensure(store_open(&(struct store_options){.no_reaper = true}, &t->store) == OK);
	ensure(db_write(store_db(t->store), make_alice, t->store) == OK);
}

void
test_imap_open(struct test_imap *t)
{
	open_store(t);
	open_services(t);
}

/* What nobody waits for (\Recent) is done, too. False: nothing was to be done. */
static bool
settle(struct test_imap *t)
{
	bool any = false;

	while (!db_idle(store_db(t->store))) {
		ensure(db_write(store_db(t->store), nothing, NULL) == OK);
		/* Whoever ran it may be on his way out of the group. */
		for (int i = 0; i < 100 && !db_idle(store_db(t->store)); i++)
			sched_yield();
		any = true;
	}
	return any;
}

static void
close_services(struct test_imap *t)
{
	(void)settle(t);
	store_unsubscribe(t->store, t->changes);
	free(t->changes);
	net_free(t->net);
	imap_free(t->imap);
	auth_free(t->door.auth);
	hub_free(t->door.hub);
}

static const char one[] = "From: a@example.org\r\nSubject: one\r\nCc: b@c.d\r\n\r\nhello\r\n";
static const char two[] = "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nfirst\r\n"
			  "--x\r\nContent-Type: text/html\r\n\r\n<b>second</b>\r\n--x--\r\nend\r\n";

void
test_imap_fill(struct test_imap *t)
{
	struct test_client c;
	struct buf b = {0};

	buf_add(&b, STR("a LOGIN alice secret\r\n"));
	buf_addf(&b, "b APPEND INBOX (\\Flagged kw1) {%zu+}\r\n%s\r\n", strlen(one), one);
	for (int i = 0; i < 3; i++)
		buf_addf(&b, "c APPEND INBOX (%s) {%zu+}\r\n%s\r\n", i == 2 ? "" : "\\Deleted", strlen(two), two);
	buf_add(&b, STR("d CREATE Work/old\r\ne SUBSCRIBE Work/old\r\nf SELECT INBOX\r\ng EXPUNGE\r\n"));
	for (int i = 0; i < 4; i++)
		buf_addf(&b, "c APPEND Work/old (%s) {%zu+}\r\n%s\r\n", i % 2 ? "" : "\\Deleted", strlen(two), two);
	buf_add(&b, STR("h SELECT Work/old\r\ni CLOSE\r\nj LOGOUT\r\n"));
	test_client_open(t, &c);
	test_client_send(t, &c, buf_str(&b));
	ensure(test_client_end(t, &c));
	buf_free(&b);
	buf_free(&c.got);
}

/* What test_imap_open_image() gives each time, and how it steps. */
static struct test_imap kept;
static struct memimage *image;
static void (*kept_step)(void *arg);
static void *kept_step_arg;

void
test_imap_open_image(struct test_imap *t, void (*fill)(struct test_imap *))
{
	bool same = image != NULL && kept_step == at_step && kept_step_arg == at_step_arg;

	if (image == NULL) {
		test_imap_open(&kept);
		fill(&kept);
		(void)settle(&kept);
		image = memvfs_image();
	}
	if (!same) {
		close_services(&kept);
		open_services(&kept);
		kept_step = at_step;
		kept_step_arg = at_step_arg;
	}
	memvfs_image_back(image);
	db_forget(store_db(kept.store));
	*t = kept;
}

void
test_imap_close(struct test_imap *t)
{
	if (t->store == kept.store) {
		ensure(net_connections(t->net) == 0);
		(void)settle(t);
		return;
	}
	close_services(t);
	net_thread_end();
	db_thread_end(store_db(t->store));
	store_close(t->store);
}

void
test_client_open(struct test_imap *t, struct test_client *c)
{
	int fd[2];

	ensure(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) == 0);
	*c = (struct test_client){.fd = fd[0]};
	ensure(net_adopt(t->net, fd[1], &imap_handler, t->imap, false) != NULL);
	test_client_run(t, c);
}

/* Takes what the server sent; false when it has closed. */
static bool
drain(struct test_client *c)
{
	static char bytes[65536];
	ssize_t n;

	if (c->fd < 0)
		return false;
	do {
		n = recv(c->fd, bytes, sizeof(bytes), 0);
		if (n > 0)
			buf_add(&c->got, str_of(bytes, (size_t)n));
	} while (n == sizeof(bytes));
	if (n > 0)
		return true;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	close(c->fd);
	c->fd = -1;
	return false;
}

void
test_client_run(struct test_imap *t, struct test_client *c)
{
	/* What was on its way to disk is done when a later write is. */
	do {
		while (turn(t, 0))
			(void)drain(c);
	} while (settle(t) || turn(t, 0));
	(void)drain(c);
}

void
test_client_send(struct test_imap *t, struct test_client *c, struct str bytes)
{
	while (bytes.n > 0 && c->fd >= 0) {
		ssize_t n = send(c->fd, bytes.p, bytes.n, MSG_NOSIGNAL);

		if (n > 0)
			bytes = str_from(bytes, (size_t)n);
		else if (errno != EAGAIN && errno != EINTR)
			break;
		(void)turn(t, 0);
		(void)drain(c);
	}
}

void
test_client_shut(struct test_client *c)
{
	if (c->fd >= 0)
		(void)shutdown(c->fd, SHUT_WR);
}

bool
test_client_end(struct test_imap *t, struct test_client *c)
{
	int64_t until = clock_mono() + (int64_t)10 * 1000000;

	test_client_shut(c);
	while (net_connections(t->net) > 0 && clock_mono() < until) {
		test_client_run(t, c);
	}
	(void)drain(c);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	return net_connections(t->net) == 0;
}

/* The size in a line's trailing {n}, or -1. */
static int64_t
announced(struct str line)
{
	size_t open = line.n;
	uint64_t n;

	if (line.n < 3 || line.p[line.n - 1] != '}')
		return -1;
	while (open > 0 && line.p[open - 1] != '{')
		open--;
	if (open == 0 || !str_u64(str_of(line.p + open, line.n - 1 - open), INT64_MAX, &n))
		return -1;
	return (int64_t)n;
}

const char *
test_fault(struct str got, bool utf8)
{
	bool begin = true;

	while (got.n > 0) {
		size_t end = str_find(got, STR("\r\n"), 0);
		struct str line;
		int64_t literal;

		if (end == SIZE_MAX)
			return "an unfinished line";
		line = str_head(got, end);
		got = str_from(got, end + 2);
		if (begin && (line.n < 2 || line.p[0] == ' '))
			return "a line that begins with nothing";
		for (size_t i = 0; i < line.n; i++)
			if (((unsigned char)line.p[i] < 32 && line.p[i] != '\t') || (unsigned char)line.p[i] == 127 ||
			    (!utf8 && (unsigned char)line.p[i] > 126))
				return "a control or 8-bit character outside literals";
		literal = announced(line);
		begin = literal < 0;
		if (literal < 0)
			continue;
		if ((uint64_t)literal > got.n)
			return "an unfinished literal";
		if (str_find(line, STR("~{"), 0) == SIZE_MAX && memchr(got.p, 0, (size_t)literal) != NULL)
			return "NUL in a literal";
		got = str_from(got, (size_t)literal);
	}
	return NULL;
}
