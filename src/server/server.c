/* SPDX-License-Identifier: Apache-2.0 */
/* Start-up and shutdown. The main thread makes everything, then waits for signals. */
#include "server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include "auth/scram.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/exit.h"
#include "base/file.h"
#include "base/log.h"
#include "server/server_priv.h"
#include "session/language.h"
#include "session/quota_mail.h"
#include "store/mend/check.h"

#define DAY 86400
#define DESCRIPTORS_OURS 32       /* files of the store, log, listeners, the poller, verbs of the command line */
#define DESCRIPTORS_OF_A_THREAD 2 /* its database and log */
#define CONNECTIONS_MIN 8
#define VERB_MS 15000 /* so long a verb that has the store is waited for */
#define TRIM_SECONDS 2
#define GRACE_MS 5000 /* sessions get this long to say goodbye */

enum status
server_refuse(enum status st, const char *fmt, ...)
{
	struct buf text = {0};
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	fprintf(stderr, "mansio: %.*s\n", STR_FMT(buf_str(&text)));
	log_event(EV_stopped, "cannot start: %.*s", STR_FMT(buf_str(&text)));
	buf_free(&text);
	return st;
}

static enum status
open_data(struct server *s)
{
	enum status st = server_find_data(s->data, sizeof(s->data));

	if (st != OK)
		return st;
	if (file_make_folders(s->data, 0700) != OK)
		return server_refuse(ERR_IO, "cannot make the folder %s: %s", s->data, strerror(errno));
	if (access(s->data, R_OK | W_OK | X_OK) != 0)
		return server_refuse(ERR_NO_PERM, "user %u may not use the folder %s: %s", (unsigned)geteuid(), s->data, strerror(errno));
	return OK;
}

static void
find_name(struct server *s)
{
	if (*config()->server_name != '\0')
		snprintf(s->name, sizeof(s->name), "%s", config()->server_name);
	else if (gethostname(s->name, sizeof(s->name) - 1) != 0 || *s->name == '\0')
		strcpy(s->name, "localhost");
}

/* A sync failed: nobody may be told anything any more, for it could be untrue after the restart. */
static void
server_fatal(void *arg, const char *why)
{
	log_event(EV_stopped, "the store cannot go on: %s", why);
	_exit(EXIT_STORE);
}

static bool
somebody_serves(struct server *s)
{
	char path[sizeof(s->data) + 16];
	int fd;

	if (admin_socket_path(s->data, path, sizeof(path)) != OK || admin_connect(path, &fd) != OK)
		return false;
	close(fd);
	return true;
}

/* A verb of the command line may have the store just now; another server would keep it. */
static enum status
open_store(struct server *s)
{
	struct store_options so = {.dir = s->data, .fatal = server_fatal};
	struct store_domain *domains;
	bool second = s->worker != NULL && worker_is_second(s->worker); /* who answers the command line is our own supervisor */
	enum status st;

	admin_store_options(&so, &domains);
	st = mend_open(&so, &s->door.store);

	for (int ms = 0; st == ERR_UNAVAILABLE && ms < VERB_MS && (second || !somebody_serves(s)); ms += 50) {
		usleep(50000);
		st = mend_open(&so, &s->door.store);
	}
	free(domains);
	return st == OK ? OK : server_refuse(st, "cannot open the store in %s: %s", s->data, store_open_fault(st));
}

static void
thread_start(void *arg)
{
	db_thread_commits(true);
	store_warm(((struct server *)arg)->door.store);
}

static void
thread_end(void *arg)
{
	db_thread_end(store_db(((struct server *)arg)->door.store));
}

/* A change that is alone is committed by the thread that has it. */
static void
task_end(void *arg)
{
	db_commit_own(store_db(((struct server *)arg)->door.store));
}

static enum status
open_pool(struct server *s)
{
	const struct config *c = config();
	struct pool_options po = {.threads = (unsigned)c->server_threads, .thread_start = thread_start, .thread_end = thread_end,
	    .task_end = task_end, .arg = s};
	struct rlimit rl;
	struct net_options no = {.ready = pool_ready, .tls = s->tls,
	    .max_connections = (unsigned)c->limits_connections,
	    .max_strangers = (unsigned)c->limits_connections_per_address};

	s->door.hub = hub_new();
	s->door.pool = pool_new(&po);
	no.ready_arg = s->door.pool;
	no.kept = DESCRIPTORS_OURS + DESCRIPTORS_OF_A_THREAD * pool_threads(s->door.pool);
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < no.kept + CONNECTIONS_MIN)
		return server_refuse(ERR_LIMIT, "this process may open %llu files, and needs %u with %u threads (ulimit -n, LimitNOFILE, server.threads)",
		    (unsigned long long)rl.rlim_cur, no.kept + CONNECTIONS_MIN, pool_threads(s->door.pool));
	if ((s->net = net_new(&no)) == NULL)
		return server_refuse(ERR_LIMIT, "cannot wait for connections: %s", strerror(errno));
	if (pool_start(s->door.pool, s->net) != OK)
		return server_refuse(ERR_LIMIT, "cannot start threads");
	return OK;
}

static enum status
open_services(struct server *s)
{
	const struct config *c = config();
	uint8_t language = LANGUAGE_I_DEFAULT;
	struct auth_settings as = auth_settings_default;
	struct buf mechanisms = {0};
	enum status st;

	s->door.budgets = budgets_new(c->limits_memory ? (size_t)c->limits_memory : memory_granted() / 2, (size_t)c->limits_memory_per_account);
	as.plaintext = strcmp(c->auth_plaintext, "yes") == 0;
	as.login_alias = c->auth_login_alias;
	as.scram = c->auth_scram;
	as.cache_seconds = (unsigned)config_directory(c, 0)->cache_timeout;
	as.scram_hashes = scram_set(config_directory(c, 0)->scram_hashes.word, config_directory(c, 0)->scram_hashes.n);
	as.scram_iterations = (uint32_t)config_directory(c, 0)->scram_iterations;
	for (size_t i = 0; i < c->auth_tls_mechanisms.n; i++)
		buf_addf(&mechanisms, "%s%s", i > 0 ? "," : "", c->auth_tls_mechanisms.word[i]);
	as.tls_mechanisms = str_of(mechanisms.n > 0 ? mechanisms.p : "", mechanisms.n);
	as.delay_ms = c->auth_delay > 0 ? (unsigned)c->auth_delay * 1000 : 100;
	s->door.auth = auth_new(s->door.store, &as);
	buf_free(&mechanisms);
	s->door.hostname = s->name;
	s->door.account_max = (unsigned)c->limits_connections_per_account;
	s->door.trust_loopback = strcmp(c->auth_plaintext, "loopback") == 0;
	s->door.end_sessions = c->auth_end_sessions;
	if ((st = services_open(&s->services, &s->door)) != OK)
		return st; /* server_check() has looked */
	s->changes = (struct store_subscriber){door_changed, &s->door};
	store_subscribe(s->door.store, &s->changes);
	(void)language_find(c->imap_language, &language); /* server_check() has looked */
	s->quota_mail = quota_mail_start(s->door.store, s->name, (enum language)language);
	return OK;
}

/* Waits until no connection is left. False after so many milliseconds. */
static bool
drained(struct server *s, int ms)
{
	for (; ms > 0 && net_connections(s->net) > 0; ms -= 10)
		nanosleep(&(struct timespec){0, 10 * 1000000}, NULL);
	return net_connections(s->net) == 0;
}

/* From the outside in: no new clients, goodbye to those that are there, then what they stood on. A
 * session with a change on its way to disk waits for it. Any part may be missing. */
static void
stop(struct server *s)
{
	sockets_shut(&s->sockets);
	admin_stop(s->admin);
	if (s->net != NULL) {
		net_stop(s->net);
		if (!drained(s, GRACE_MS)) {
			net_stop_now(s->net);
			/* Only those are left whose change is being written. */
			while (!drained(s, 1000))
				log_event(EV_tool, "waiting for %u connections", net_connections(s->net));
		}
	}
	if (s->door.pool != NULL)
		pool_stop(s->door.pool);
	quota_mail_stop(s->quota_mail);
	if (s->door.store != NULL)
		store_unsubscribe(s->door.store, &s->changes);
	services_close(&s->services);
	/* The committer may still be waking a session that has ended since, or telling of a renewed key: it ends before what it does that through. */
	if (s->door.store != NULL)
		store_close(s->door.store);
	quota_mail_free(s->quota_mail);
	if (s->door.auth != NULL)
		auth_free(s->door.auth);
	net_free(s->net);
	budgets_free(s->door.budgets);
	pool_free(s->door.pool);
	hub_free(s->door.hub);
	server_certificates_free(s);
	server_asks_free(s);
	sockets_close(&s->sockets);
	buf_free(&s->addresses);
}

/* What this process opens for itself; a worker was given it. */
static enum status
prepare(struct server *s)
{
	enum status st;

	if (s->worker != NULL) {
		if ((s->log_fd = worker_log(s->worker)) >= 0)
			log_set_fd(s->log_fd);
		server_set_log_level();
		return open_data(s);
	}
	if ((st = server_open_log(&s->sockets.user, &s->log_fd)) != OK || (st = server_check_settings()) != OK || (st = sockets_take_given(&s->sockets)) != OK ||
	    (st = server_take_descriptors()) != OK || (st = open_data(s)) != OK)
		return st;
	snprintf(s->sockets.data, sizeof(s->sockets.data), "%s", s->data);
	s->sockets.quiet = s->o->quiet;
	return OK;
}

static enum status
open_sockets(struct server *s)
{
	if (s->worker == NULL)
		return sockets_bind(&s->sockets);
	return worker_sockets(s->worker, &s->sockets) ? OK : ERR_UNAVAILABLE; /* the supervisor has said why */
}

/* The sandbox comes before the first client. */
static enum status
start(struct server *s)
{
	enum status st;

	if ((st = prepare(s)) != OK)
		return st;
	find_name(s);
	if ((st = server_certificates_open(s)) != OK || (st = open_store(s)) != OK || (st = open_pool(s)) != OK)
		return st;
	server_asks_open(s);
	if ((st = open_services(s)) != OK || (st = open_sockets(s)) != OK || (st = server_confine(s)) != OK)
		return st;
	/* Whoever is greeted has a server that is ready. */
	if (s->worker != NULL)
		worker_say(s->worker, CHANNEL_READY, 0, 0);
	if ((st = server_listen(s)) != OK)
		return st;
	buf_addc(&s->addresses, '\0');
	log_event(EV_started, "version=" MANSIO_VERSION " config=%s data=%s threads=%u %s",
	    config_path() != NULL ? config_path() : "none", s->data, pool_threads(s->door.pool), s->addresses.p);
	if (s->worker == NULL)
		server_notify("READY=1");
	if (s->o->ready != NULL)
		s->o->ready(s->o->arg);
	return OK;
}

/* Once much was freed, the system gets its memory back: the library keeps it otherwise. */
static void
trim(const struct server *s)
{
	if (budgets_trim_due(s->door.budgets))
		malloc_trim(0);
}

static int
serve_alone(struct server *s, const sigset_t *set)
{
	const int64_t day = s->o->day > 0 ? s->o->day : DAY;
	int64_t end = clock_mono() + day * 1000000;

	for (;;) {
		int sig = sigtimedwait(set, NULL, &(struct timespec){.tv_sec = day < TRIM_SECONDS ? (time_t)day : TRIM_SECONDS});

		trim(s);
		if (sig == SIGUSR1)
			server_probe(s->door.pool);
		else if (sig == SIGHUP)
			server_reload(s);
		else if (sig > 0)
			return sig;
		if (clock_mono() >= end) {
			server_look_at_certificate(config());
			end = clock_mono() + day * 1000000;
		}
	}
}

static void
serve_supervised(struct server *s)
{
	for (;;) {
		enum order order = worker_order(s->worker, TRIM_SECONDS * 1000);

		trim(s);
		if (order == ORDER_STOP)
			return;
		if (order == ORDER_PROBE)
			server_probe(s->door.pool);
		else if (order == ORDER_RELOAD)
			server_reload(s);
	}
}

/* Signals are the supervisor's: a terminal's go to both. */
static int
run_worker(struct server *s)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		signal(signals[i], SIG_IGN);
	prctl(PR_SET_NAME, "mansio-worker");
	worker_last_words(s->worker);
	if (start(s) != OK) {
		stop(s);
		return worker_told_to_stop(s->worker) ? EXIT_DONE : EXIT_NOT_DONE;
	}
	serve_supervised(s);
	stop(s);
	return EXIT_DONE;
}

static int
run_alone(struct server *s)
{
	sigset_t set, before;
	int sig;

	/* Blocked before any thread is made: all of them inherit it, and only this one waits. */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (server_probe_wanted())
		sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, &before);
	if (start(s) != OK) {
		stop(s);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		return EXIT_NOT_DONE;
	}
	sig = serve_alone(s, &set);
	log_event(EV_stopped, "signal %d", sig);
	server_notify("STOPPING=1");
	stop(s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return EXIT_DONE;
}

int
server_run(const struct server_options *o)
{
	struct server s = {.o = o, .log_fd = -1, .worker = worker()};

	server_keep_to_itself();
	if (s.worker == NULL && o->words != NULL && config()->server_supervisor)
		return server_supervise(o);
	/* The library would learn to keep what password hashing frees, 19 MB in each thread. */
	mallopt(M_MMAP_THRESHOLD, 4 << 20);
	mallopt(M_TRIM_THRESHOLD, 4 << 20);
	return s.worker != NULL ? run_worker(&s) : run_alone(&s);
}
