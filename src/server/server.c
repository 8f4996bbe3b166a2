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
#include "base/clock.h"
#include "base/config.h"
#include "base/exit.h"
#include "base/file.h"
#include "base/log.h"
#include "server/server_priv.h"
#include "store/mend/check.h"

#define DAY 86400
#define DESCRIPTORS_MIN 64
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

enum status
server_open_log(struct server *s)
{
	static const char *const levels[] = {"error", "warning", "info", "debug"};
	const char *path = config()->log_file;
	int fd, old = s->log_fd;

	for (unsigned i = 0; i < 4; i++)
		if (strcmp(config()->log_level, levels[i]) == 0)
			log_set_level((enum log_level)i);
	if (*path == '\0')
		return OK;
	if ((fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640)) < 0)
		return old >= 0 ? OK : server_refuse(ERR_IO, "cannot open the log %s: %s", path, strerror(errno));
	/* A thread may be writing a line this moment: the number stays, what it means changes. */
	if (old >= 0) {
		dup3(fd, old, O_CLOEXEC);
		close(fd);
		return OK;
	}
	s->log_fd = fd;
	log_set_fd(fd);
	return OK;
}

/* The soft limit goes up to the hard one. With fewer than these it would start, and could not read its store. */
static enum status
enough_descriptors(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) != 0)
		return OK;
	if (rl.rlim_max < DESCRIPTORS_MIN)
		return server_refuse(ERR_LIMIT, "this process may open %llu files, and needs %d (ulimit -n, LimitNOFILE)",
		    (unsigned long long)rl.rlim_max, DESCRIPTORS_MIN);
	rl.rlim_cur = rl.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
	return OK;
}

static enum status
open_data(struct server *s)
{
	enum status st = config_data_dir(s->data, sizeof(s->data));

	if (st != OK)
		return server_refuse(st, "no data folder: set server.data");
	if (*config()->server_data == '\0' && strcmp(s->data, CONFIG_DATA_MACHINE) != 0 && access(s->data, F_OK) != 0 && access(CONFIG_DATA_MACHINE, F_OK) == 0)
		return server_refuse(ERR_EXISTS, "this machine has a folder " CONFIG_DATA_MACHINE ": use that as its owner or as root, or say with --data %s that a store of its own is meant",
		    s->data);
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
	enum status st;

	admin_store_options(&so, &domains);
	st = mend_open(&so, &s->door.store);

	for (int ms = 0; st == ERR_UNAVAILABLE && ms < VERB_MS && !somebody_serves(s); ms += 50) {
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
	struct auth_settings as = auth_settings_default;
	enum status st;

	s->door.budgets = budgets_new(c->limits_memory ? (size_t)c->limits_memory : memory_granted() / 2, (size_t)c->limits_memory_per_account);
	as.plaintext = strcmp(c->auth_plaintext, "yes") == 0;
	as.scram = c->auth_scram;
	as.cache_seconds = (unsigned)config_directory(c, 0)->cache_timeout;
	as.scram_iterations = (uint32_t)config_directory(c, 0)->scram_iterations;
	as.delay_ms = c->auth_delay > 0 ? (unsigned)c->auth_delay * 1000 : 100;
	s->door.auth = auth_new(s->door.store, &as);
	s->door.hostname = s->name;
	s->door.account_max = (unsigned)c->limits_connections_per_account;
	s->door.trust_loopback = strcmp(c->auth_plaintext, "loopback") == 0;
	s->door.end_sessions = c->auth_end_sessions;
	if ((st = services_open(&s->services, &s->door)) != OK)
		return st; /* server_check() has looked */
	s->changes = (struct store_subscriber){door_changed, &s->door};
	store_subscribe(s->door.store, &s->changes);
	return OK;
}

static enum status
open_admin(struct server *s)
{
	char where[sizeof(s->data) + 16];
	enum status st = admin_socket_path(s->data, where, sizeof(where));

	if (st != OK || (st = admin_listen(s->door.store, s->net, where, &s->admin)) != OK)
		return server_refuse(st, "cannot listen on %s: %s", where, status_word(st));
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
	if (s->door.store != NULL)
		store_unsubscribe(s->door.store, &s->changes);
	services_close(&s->services);
	/* The committer may still be waking a session that has ended since, or telling of a renewed key: it ends before what it does that through. */
	if (s->door.store != NULL)
		store_close(s->door.store);
	if (s->door.auth != NULL)
		auth_free(s->door.auth);
	net_free(s->net);
	budgets_free(s->door.budgets);
	pool_free(s->door.pool);
	hub_free(s->door.hub);
	server_certificates_free(s);
	server_close_given(s);
	buf_free(&s->addresses);
}

/* What keeps it from starting is said at once and all together, the rest in the log. */
static void
take_fault(void *arg, enum server_fault fault, const char *text)
{
	enum status *st = arg;

	if (fault == FAULT_REFUSED)
		*st = server_refuse(ERR_BAD_INPUT, "%s", text);
	else if (fault != FAULT_OF_BEFORE)
		log_event(fault == FAULT_CERTIFICATE ? EV_certificate : EV_settings, "%s", text);
}

static enum status
check_settings(void)
{
	enum status st = OK;

	server_check(&(struct server_check){.config = config(), .tell = take_fault, .arg = &st});
	return st;
}

static enum status
start(struct server *s)
{
	enum status st;

	if ((st = server_open_log(s)) != OK || (st = check_settings()) != OK || (st = server_take_given(s)) != OK || (st = enough_descriptors()) != OK || (st = open_data(s)) != OK)
		return st;
	find_name(s);
	if ((st = server_certificates_open(s)) != OK || (st = open_store(s)) != OK || (st = open_pool(s)) != OK)
		return st;
	if ((st = open_services(s)) != OK || (st = open_admin(s)) != OK || (st = server_listen(s)) != OK)
		return st;
	if ((st = server_confine(s)) != OK)
		return st;
	buf_addc(&s->addresses, '\0');
	log_event(EV_started, "version=" MANSIO_VERSION " config=%s data=%s threads=%u %s",
	    config_path() != NULL ? config_path() : "none", s->data, pool_threads(s->door.pool), s->addresses.p);
	server_notify("READY=1");
	if (s->o->ready != NULL)
		s->o->ready(s->o->arg);
	return OK;
}

/* The next signal; 0: none came for so many seconds. Meanwhile, once much was freed, the system gets its memory back: the library keeps it otherwise. */
static int
next_signal(struct server *s, const sigset_t *set, int64_t seconds)
{
	int64_t end = clock_mono() + seconds * 1000000;
	int sig = 0;

	while (sig <= 0 && clock_mono() < end) {
		sig = sigtimedwait(set, NULL, &(struct timespec){.tv_sec = seconds < TRIM_SECONDS ? (time_t)seconds : TRIM_SECONDS});
		if (sig < 0 && budgets_trim_due(s->door.budgets))
			malloc_trim(0);
	}
	return sig > 0 ? sig : 0;
}

/* Passwords are in memory for a moment, keys of TLS for as long as it runs: no core file is written of it, and no other process of its user
 * looks into it. A sanitizer traces its own process at its end. */
static void
keep_to_itself(void)
{
	struct rlimit none = {0};

	(void)setrlimit(RLIMIT_CORE, &none);
#ifndef MANSIO_SANITIZE
	(void)prctl(PR_SET_DUMPABLE, 0);
#endif
}

int
server_run(const struct server_options *o)
{
	struct server s = {.o = o, .log_fd = -1};
	sigset_t set, before;
	int sig;

	keep_to_itself();
	/* The library would learn to keep what password hashing frees, 19 MB in each thread. */
	mallopt(M_MMAP_THRESHOLD, 4 << 20);
	mallopt(M_TRIM_THRESHOLD, 4 << 20);
	/* Blocked before any thread is made: all of them inherit it, and only this one waits. */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (server_probe_wanted())
		sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, &before);
	if (start(&s) != OK) {
		stop(&s);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		return 1;
	}
	while ((sig = next_signal(&s, &set, o->day > 0 ? o->day : DAY)) == SIGHUP || sig == SIGUSR1 || sig == 0) {
		if (sig == SIGUSR1)
			server_probe();
		else if (sig == SIGHUP)
			server_reload(&s);
		else
			server_look_at_certificate(config());
	}
	log_event(EV_stopped, "signal %d", sig);
	server_notify("STOPPING=1");
	stop(&s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return 0;
}
