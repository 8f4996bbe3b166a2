/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor beside a worker that is somebody else's: this program once more, which says what no worker may. Whatever that is, it is ended and the next
 * one started, with growing pauses; what a good one does before goes well.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/config.h"
#include "server/channel.h"
#include "server/server.h"
#include "server/setting_test.h"
#include "server/worker.h"

static char dir[64];

static int
setup(void **state)
{
	strcpy(dir, "/tmp/mansio-supervisor-XXXXXX");
	assert_non_null(mkdtemp(dir));
	set("server.data=%s", dir);
	set("imap.listen=%s/imap.sock", dir);
	set("imaps.listen=none");
	set("lmtp.listen=none");
	set("log.file=%s/log", dir);
	return 0;
}

static int
teardown(void **state)
{
	char cmd[100];

	config_reset();
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	return system(cmd) == 0 ? 0 : -1;
}

/* ---- the workers ---- */

static int ch;

static void
say(enum channel_type type, uint32_t index, uint32_t value)
{
	(void)!channel_send(ch, &(struct message){.type = type, .index = index, .value = value});
}

/* Up to that message. */
static void
hear(enum channel_type type)
{
	struct message m;

	do {
		if (channel_receive(ch, SUPERVISOR, true, &m) != OK)
			_exit(EXIT_FAILURE);
		message_close(&m);
		if (m.type == CHANNEL_STOP)
			_exit(EXIT_SUCCESS);
	} while (m.type != type);
}

static void
be_good(void)
{
	hear(CHANNEL_GO);
	say(CHANNEL_WANT_SOCKETS, 0, 0);
	hear(CHANNEL_SOCKETS_END);
	say(CHANNEL_READY, 0, 0);
}

static void
twice_ready(void)
{
	say(CHANNEL_READY, 0, 0);
}

static void
sockets_again(void)
{
	say(CHANNEL_WANT_SOCKETS, 0, 0);
}

static void
never_reloaded(void)
{
	say(CHANNEL_RELOADED, 0, 1);
}

static void
never_offered(void)
{
	say(CHANNEL_TAKEN, 9999, 0);
}

static void
never_asked(void)
{
	say(CHANNEL_PONG, 0, 0);
}

static void
as_the_supervisor(void)
{
	say(CHANNEL_STOP, 0, 0);
}

static void
many_last_words(void)
{
	for (int i = 0; i < 100; i++)
		say(CHANNEL_LAST_WORDS, 0, 0);
	(void)!channel_send(ch, &(struct message){.type = CHANNEL_LAST_WORDS, .text = "a\n2026 info login user=root \033[31m"});
	say(CHANNEL_LAST_WORDS, 0, 0);
}

static void
nonsense(void)
{
	(void)!send(ch, "nonsense", 8, 0);
}

static void
very_much(void)
{
	static char much[100000];

	(void)!send(ch, much, sizeof(much), 0);
}

static void
leaves(void)
{
	_exit(EXIT_SUCCESS);
}

static const struct {
	const char *name;
	void (*act)(void);
	const char *said; /* in the log */
} acts[] = {
	{"twice_ready", twice_ready, "is ended: it said what it may not say now"},
	{"sockets_again", sockets_again, "is ended: it said what it may not say now"},
	{"never_reloaded", never_reloaded, "is ended: it said what it may not say now"},
	{"never_offered", never_offered, "is ended: it said what it may not say now"},
	{"never_asked", never_asked, "is ended: it said what it may not say now"},
	{"as_the_supervisor", as_the_supervisor, "is ended: it said what is no message"},
	{"many_last_words", many_last_words, "where=\"a\\x0a2026 info login user=root \\x1b[31m\""},
	{"nonsense", nonsense, "is ended: it said what is no message"},
	{"very_much", very_much, "is ended: it said what is no message"},
	{"leaves", leaves, "ended with status 0"},
};
#define ACTS (sizeof(acts) / sizeof(*acts))

static _Noreturn void
be_worker(const char *act)
{
	ch = atoi(getenv(WORKER_CHANNEL));
	be_good();
	for (size_t i = 0; i < ACTS; i++)
		if (strcmp(acts[i].name, act) == 0)
			acts[i].act();
	for (;;)
		hear(CHANNEL_PING);
}

/* ---- the tests ---- */

static unsigned
in_log(const char *text)
{
	char path[100], line[2000];
	unsigned n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/log", dir);
	if ((f = fopen(path, "r")) == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL)
		n += strstr(line, text) != NULL;
	fclose(f);
	return n;
}

static bool
comes(const char *text, unsigned times)
{
	for (int i = 0; i < 1000; i++) {
		if (in_log(text) >= times)
			return true;
		usleep(10000);
	}
	return false;
}

static void
test_worker_misbehaves(void **state)
{
	for (size_t i = 0; i < ACTS; i++) {
		char *words[] = {(char *)(uintptr_t)"supervisor_test", (char *)(uintptr_t)acts[i].name, NULL};
		char path[100];
		int status;
		pid_t pid = fork();

		bool said;

		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			_exit(server_run(&(struct server_options){.quiet = true, .words = words}));
		}
		said = comes(acts[i].said, 2) && comes("the next in 200 ms", 1);
		kill(pid, said ? SIGTERM : SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (!said)
			fail_msg("%s: the log has not twice %s", acts[i].name, acts[i].said);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		assert_int_equal(in_log("user=root") > 0, strcmp(acts[i].name, "many_last_words") == 0);
		snprintf(path, sizeof(path), "%s/log", dir);
		unlink(path);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_worker_misbehaves, setup, teardown),
	};

	if (argc > 1 && getenv(WORKER_CHANNEL) != NULL)
		be_worker(argv[argc - 1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
