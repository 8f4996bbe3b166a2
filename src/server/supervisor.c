/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's loop: one thread, which waits for signals, the worker's messages, and times. */
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/config.h"
#include "base/exit.h"
#include "base/log.h"
#include "server/supervisor_priv.h"

#define SECOND INT64_C(1000000)
#define DAY 86400

/* ---- what the worker says ---- */

/* Its end is then as any other's. why: NULL, it is ending anyway. */
static void
kill_worker(struct supervisor *s, const char *why)
{
	if (why != NULL)
		log_event(EV_worker, "pid=%d is ended: %s", (int)s->pid, why);
	s->condemned = true;
	kill(s->pid, SIGKILL);
}

static enum status
tell(struct supervisor *s, enum channel_type type, uint32_t value)
{
	return channel_send(s->ch, &(struct message){.type = type, .value = value});
}

static enum status
pass_sockets(struct supervisor *s)
{
	enum status st = OK;

	for (size_t i = 0; i < s->sockets.n && st == OK; i++) {
		const struct socket_place *at = &s->sockets.at[i];
		struct message m = {.type = CHANNEL_SOCKET, .index = at->listener, .value = at->local, .fd = {at->fd, -1}};

		memcpy(m.text, at->where, sizeof(m.text));
		st = channel_send(s->ch, &m);
	}
	return st == OK ? tell(s, CHANNEL_SOCKETS_END, 1) : st;
}

/* The first worker has the store: no other server has, and now the sockets may be made. */
static void
give_sockets(struct supervisor *s)
{
	if (s->stopping)
		(void)!tell(s, CHANNEL_SOCKETS_END, 0);
	else if (s->sockets.n == 0 && sockets_bind(&s->sockets) != OK)
		(void)!tell(s, CHANNEL_SOCKETS_END, 0); /* and it ends */
	else if (pass_sockets(s) != OK)
		kill_worker(s, "it takes no sockets");
}

static void
reload(struct supervisor *s)
{
	bool config;

	s->reload_due = !s->ready || s->reloading;
	if (s->reload_due || s->stopping)
		return;
	server_notify_reloading();
	supervisor_read_again(s);
	config = s->config_offered.n > 0;
	s->reloading = true;
	if (supervisor_pass_text(s, CHANNEL_RELOAD, config ? START_CONFIG : 0, "", buf_str(&s->config_offered)) != OK ||
	    supervisor_pass(s, s->offered, true) != OK)
		kill_worker(s, "it takes no reload");
}

/* What a former worker took at a reload, this one takes, too. */
static void
reload_again(struct supervisor *s)
{
	if (s->reloaded.n == 0)
		return;
	s->reloading = true;
	supervisor_offer_nothing(s);
	if (supervisor_pass_text(s, CHANNEL_RELOAD, START_CONFIG, "", buf_str(&s->reloaded)) != OK || supervisor_pass(s, NULL, false) != OK)
		kill_worker(s, "it takes no reload");
}

static void
is_ready(struct supervisor *s)
{
	bool first = !s->served;

	s->ready = s->served = true;
	s->began = clock_mono();
	server_notify("READY=1\nSTATUS=serving");
	malloc_trim(0);
	if (!first)
		reload_again(s);
	if (s->reload_due)
		reload(s);
}

static int
look_at_certificates(void)
{
	server_look_at_certificate(config());
	return 0;
}

static void
has_reloaded(struct supervisor *s, bool config)
{
	s->reloading = false;
	if (config)
		supervisor_took_config(s);
	server_notify("READY=1");
	(void)supervisor_apart(s, look_at_certificates);
	if (s->reload_due)
		reload(s);
}

/* Each message may come where it makes sense, and not again: false, it does not. */
static bool
hear(struct supervisor *s, const struct message *m)
{
	switch (m->type) {
	case CHANNEL_WANT_SOCKETS:
		if (s->wants)
			return false;
		s->wants = true;
		give_sockets(s);
		return true;
	case CHANNEL_READY:
		if (s->ready || !s->wants)
			return false;
		is_ready(s);
		return true;
	case CHANNEL_TAKEN:
		if (!s->reloading || m->index >= s->pems_n || !s->offered[m->index].there)
			return false;
		supervisor_took(s, m->index);
		return true;
	case CHANNEL_RELOADED:
		if (!s->reloading)
			return false;
		has_reloaded(s, m->value);
		return true;
	case CHANNEL_PONG:
		if (!s->asked)
			return false;
		s->asked = false;
		server_notify("WATCHDOG=1");
		return true;
	case CHANNEL_LAST_WORDS:
		if (s->words[0] != '\0')
			return false;
		memcpy(s->words, m->text, sizeof(s->words));
		return true;
	default: return false;
	}
}

/* All that is there. */
static void
listen_to(struct supervisor *s)
{
	struct message m;
	enum status st = OK;

	while (s->ch >= 0 && !s->condemned && (st = channel_receive(s->ch, WORKER, false, &m)) == OK)
		if (!hear(s, &m))
			kill_worker(s, "it said what it may not say now");
	if (s->condemned)
		return;
	if (st == ERR_BAD_INPUT)
		kill_worker(s, "it said what is no message");
	else if (st == ERR_NOT_FOUND)
		kill_worker(s, NULL); /* who left the channel cannot be told to stop */
}

/* ---- signals ---- */

static void
stop(struct supervisor *s, int sig)
{
	if (s->stopping)
		return;
	log_event(EV_stopped, "signal %d", sig);
	server_notify("STOPPING=1");
	s->stopping = true;
	s->again = 0;
	if (s->pid == 0)
		s->code = EXIT_DONE;
	else
		(void)!tell(s, CHANNEL_STOP, 0); /* before: sockets that are shut are no surprise to it */
	sockets_shut(&s->sockets);
}

/* What the worker said last comes before its end. */
static void
reap(struct supervisor *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != s->pid)
			continue; /* one of supervisor_apart() */
		listen_to(s);
		supervisor_ended(s, status);
	}
}

static void
take_signal(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		switch ((int)info.ssi_signo) {
		case SIGCHLD: reap(s); break;
		case SIGHUP: reload(s); break;
		case SIGUSR1:
			if (s->ready)
				(void)!tell(s, CHANNEL_PROBE, 0);
			break;
		default: stop(s, (int)info.ssi_signo); break;
		}
	}
}

/* ---- times ---- */

static void
start_again(struct supervisor *s)
{
	if (supervisor_start(s) == OK)
		return;
	s->again = clock_mono() + SECOND; /* for want of memory or processes */
}

/* The service manager hears that all is well as long as the worker answers; while there is none, that is said, too. */
static void
ask(struct supervisor *s, int64_t now)
{
	s->ping = now + s->ping_every;
	if (s->pid == 0 || !s->ready) {
		server_notify("WATCHDOG=1");
	} else if (!s->asked) {
		s->asked = true;
		(void)!tell(s, CHANNEL_PING, 0);
	}
}

static void
do_what_is_due(struct supervisor *s)
{
	int64_t now = clock_mono();

	if (s->again > 0 && now >= s->again)
		start_again(s);
	if (s->ping_every > 0 && now >= s->ping)
		ask(s, now);
	if (now >= s->day) {
		s->day = now + (s->o->day > 0 ? s->o->day : DAY) * SECOND;
		(void)supervisor_apart(s, look_at_certificates);
	}
}

static int
until_due(const struct supervisor *s)
{
	int64_t now = clock_mono(), next = s->day;

	if (s->again > 0 && s->again < next)
		next = s->again;
	if (s->ping_every > 0 && s->ping < next)
		next = s->ping;
	if (next <= now)
		return 0;
	return next - now < 3600 * SECOND ? (int)((next - now + 999) / 1000) : 3600 * 1000;
}

static void
loop(struct supervisor *s)
{
	while (s->code < 0) {
		struct pollfd p[2] = {{.fd = s->signals, .events = POLLIN}, {.fd = s->condemned ? -1 : s->ch, .events = POLLIN}};

		(void)poll(p, 2, until_due(s));
		if (p[0].revents)
			take_signal(s);
		if (p[1].revents)
			listen_to(s);
		if (s->code < 0)
			do_what_is_due(s);
	}
}

/* ---- the beginning ---- */

static int
check(void)
{
	return server_check_settings() == OK ? EXIT_DONE : EXIT_NOT_DONE;
}

/* In a process of its own: it loads certificates, which makes memory that a supervisor has no use for. */
static enum status
check_apart(struct supervisor *s)
{
	pid_t pid = supervisor_apart(s, check);
	int status = 0;

	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid > 0 && WIFEXITED(status))
		return WEXITSTATUS(status) == EXIT_DONE ? OK : ERR_BAD_INPUT; /* it was said */
	return server_refuse(ERR_UNAVAILABLE, "cannot look at the settings: the process for it %s", pid > 0 ? "ended" : "could not be made");
}

static enum status
choose_user(struct supervisor *s)
{
	struct buf why = {0};
	enum status st = user_choose(s->sockets.data, &s->user, &why);

	if (st != OK)
		(void)server_refuse(st, "%.*s", STR_FMT(buf_str(&why)));
	buf_free(&why);
	s->sockets.user = s->user;
	return st;
}

static enum status
make_folder(struct supervisor *s)
{
	if (user_make_folder(&s->user, s->sockets.data) == OK)
		return OK;
	return server_refuse(ERR_IO, "cannot make the folder %s: %s", s->sockets.data, strerror(errno));
}

static enum status
begin(struct supervisor *s)
{
	enum status st;

	if ((st = server_find_data(s->sockets.data, sizeof(s->sockets.data))) != OK || (st = choose_user(s)) != OK ||
	    (st = server_open_log(&s->user, &s->log_fd)) != OK || (st = check_apart(s)) != OK || (st = sockets_take_given(&s->sockets)) != OK ||
	    (st = server_take_descriptors()) != OK || (st = make_folder(s)) != OK || (st = supervisor_read(s)) != OK)
		return st;
	s->sockets.quiet = s->o->quiet;
	s->sockets.patient = true;
	s->ping_every = server_watchdog() / 2;
	s->day = clock_mono() + (s->o->day > 0 ? s->o->day : DAY) * SECOND;
	return supervisor_start(s);
}

static int
take_signals(sigset_t *before_r)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	if (server_probe_wanted())
		sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, before_r);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

int
server_supervise(const struct server_options *o)
{
	struct supervisor s = {.o = o, .log_fd = -1, .ch = -1, .code = -1, .self = getpid()};
	sigset_t before;

	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if ((s.signals = take_signals(&before)) < 0 || begin(&s) != OK)
		s.code = EXIT_NOT_DONE;
	loop(&s);
	sockets_close(&s.sockets);
	supervisor_forget(&s);
	if (s.signals >= 0)
		close(s.signals);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return s.code;
}
