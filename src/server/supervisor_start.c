/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts a worker: this program once more, so that nothing of the supervisor's memory is in it, and nothing in it lies where it lay in the one before. Before the program begins
 * the process has become the worker's user and has no privileges; it ends with its supervisor.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/config.h"
#include "base/exit.h"
#include "base/log.h"
#include "server/supervisor_priv.h"

#define LISTENS_SECONDS 10 /* a worker that takes no message for so long is none */

/* The command line of this program, with the place of the data where that was found and not said. */
static char **
make_words(const struct supervisor *s)
{
	char *const *from = s->o->words;
	char **words;
	size_t n = 0;

	while (from[n] != NULL)
		n++;
	words = x_malloc((n + 3) * sizeof(*words));
	words[0] = x_strdup("mansio-worker");
	memcpy(words + 1, from + 1, n * sizeof(*words));
	if (*config()->server_data == '\0') {
		memmove(words + 3, words + 1, n * sizeof(*words));
		words[1] = x_strdup("--data");
		words[2] = x_strdup(s->sockets.data);
	}
	return words;
}

static void
say(const char *what)
{
	fprintf(stderr, "mansio: cannot start a worker: %s: %s\n", what, strerror(errno));
	log_event(EV_stopped, "cannot start a worker: %s: %s", what, strerror(errno));
}

/* What only the main process of a service has to do with. */
static void
forget_manager(void)
{
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

/* In the new process. */
static _Noreturn void
become(const struct supervisor *s, int ch)
{
	sigset_t none;
	char text[16];

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	snprintf(text, sizeof(text), "%d", ch);
	forget_manager();
	if (!user_become(&s->user) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		say(s->user.name[0] != '\0' ? s->user.name : "its user");
	} else if (fcntl(ch, F_SETFD, 0) != 0 || setenv(WORKER_CHANNEL, text, 1) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
		say("its surroundings");
	} else if (getppid() == s->self) { /* else it is gone already */
		execv("/proc/self/exe", make_words(s));
		say("/proc/self/exe");
	}
	_exit(EXIT_NOT_DONE);
}

static enum status
pass_start(struct supervisor *s)
{
	enum status st = supervisor_pass_text(s, CHANNEL_START, (s->config_there ? START_CONFIG : 0u) | (s->served ? START_AGAIN : 0u), MANSIO_VERSION, config_text());

	return st == OK ? supervisor_pass(s, s->pems, true) : st;
}

enum status
supervisor_start(struct supervisor *s)
{
	const struct timeval limit = {LISTENS_SECONDS, 0};
	int pair[2];

	s->again = 0;
	s->wants = s->ready = s->reloading = s->asked = s->condemned = false;
	s->words[0] = '\0';
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		say("a pair of sockets");
		return ERR_UNAVAILABLE;
	}
	(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	fflush(NULL);
	if ((s->pid = fork()) == 0)
		become(s, pair[1]);
	close(pair[1]);
	if (s->pid < 0) {
		s->pid = 0;
		close(pair[0]);
		say("a process");
		return ERR_UNAVAILABLE;
	}
	s->ch = pair[0];
	/* Where it cannot be told how to begin it ends by itself, and its status says more. */
	(void)!pass_start(s);
	return OK;
}

pid_t
supervisor_apart(struct supervisor *s, int (*fn)(void))
{
	pid_t pid;

	fflush(NULL);
	if ((pid = fork()) != 0)
		return pid;
	if (s->ch >= 0)
		close(s->ch);
	_exit(fn());
}
