/* SPDX-License-Identifier: Apache-2.0 */
/* The whole server in one process: it comes up in an empty folder, answers on every door, says BYE on SIGTERM and comes up
 * again on what it made; a second one in the same folder is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/config.h"
#include "server/server.h"
#include "server/setting_test.h"

static char dir[64];

static int
setup(void **state)
{
	strcpy(dir, "/tmp/mansio-server-XXXXXX");
	assert_non_null(mkdtemp(dir));
	set("server.data=%s/a/b", dir);
	set("imap.listen=%s/imap.sock", dir);
	set("imaps.listen=127.0.0.1:0");
	set("lmtp.listen=%s/lmtp.sock", dir);
	set("log.file=%s/log", dir);
	set("server.threads=2");
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

static int
dial(const char *name)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct timeval tv = {10, 0};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s/%s", dir, name);
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) != 0) {
		close(fd);
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	return fd;
}

/* Reads until the text ends with want; false at the end of the stream. */
static bool
hear(int fd, const char *want, char *text, size_t room)
{
	size_t n = 0, w = strlen(want);

	while (n + 1 < room) {
		ssize_t r = read(fd, text + n, 1);

		if (r <= 0)
			return false;
		text[++n] = '\0';
		if (n >= w && strcmp(text + n - w, want) == 0)
			return true;
	}
	return false;
}

static int imap = -1, second;
static char greeting[500], mail[500];

/* The server is up; this is its main thread. */
static void
visit(void *arg)
{
	struct stat st;
	char path[200];
	int lmtp = dial("lmtp.sock");

	imap = dial("imap.sock");
	if (!hear(imap, "\r\n", greeting, sizeof(greeting)) || !hear(lmtp, "\r\n", mail, sizeof(mail)))
		abort();
	close(lmtp);
	snprintf(path, sizeof(path), "%s/a/b/admin.sock", dir);
	if (stat(path, &st) != 0 || (st.st_mode & 0777) != 0600)
		abort();
	snprintf(path, sizeof(path), "%s/a/b", dir);
	if (stat(path, &st) != 0 || (st.st_mode & 0777) != 0700)
		abort();
	kill(getpid(), SIGHUP);
	kill(getpid(), SIGTERM);
}

static void
test_up_and_down(void **state)
{
	const struct server_options o = {.quiet = true, .ready = visit};

	for (int i = 0; i < 3; i++) {
		char bye[500] = "";

		assert_int_equal(server_run(&o), 0);
		assert_memory_equal(greeting, "* OK ", 5);
		assert_memory_equal(mail, "220 ", 4);
		/* The session that was open heard why it ends. */
		assert_true(hear(imap, "\r\n", bye, sizeof(bye)));
		assert_memory_equal(bye, "* BYE ", 6);
		assert_int_equal(read(imap, bye, 1), 0);
		close(imap);
		assert_int_equal(dial("imap.sock"), -1);
	}
}

static void
start_second(void *arg)
{
	/* In a process of its own, as it would be; its signals are not ours. */
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		execl("/proc/self/exe", "server_test", "second", dir, (char *)NULL);
		_exit(9);
	}
	waitpid(pid, &status, 0);
	second = WEXITSTATUS(status);
	kill(getpid(), SIGINT);
}

static void
test_second(void **state)
{
	const struct server_options o = {.quiet = true, .ready = start_second};

	assert_int_equal(server_run(&o), 0);
	assert_int_equal(second, 1);
}

static void
test_refused(void **state)
{
	const struct server_options o = {.quiet = true, .ready = visit};

	set("imaps.listen=nonsense");
	assert_int_equal(server_run(&o), 1);
	set("imaps.listen=none");
	set("tls.certificate=%s/nothing.pem", dir);
	assert_int_equal(server_run(&o), 1);
}

/* Ends the server after two and a half of its days, of a second each. */
static void
end_later(void *arg)
{
	pid_t server = getpid();

	if (fork() == 0) {
		usleep(2500000);
		kill(server, SIGTERM);
		_exit(0);
	}
}

/* A certificate that ends soon is told of at the start, and every day again. */
static void
test_certificate_daily(void **state)
{
	const struct server_options o = {.quiet = true, .ready = end_later, .day = 1};
	char cmd[400], line[1000];
	unsigned told = 0;
	FILE *log;

	snprintf(cmd, sizeof(cmd), "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=x -keyout %s/key -out %s/cert 2>/dev/null", dir, dir);
	assert_int_equal(system(cmd), 0);
	set("tls.certificate=%s/cert", dir);
	set("tls.key=%s/key", dir);
	assert_int_equal(server_run(&o), 0);
	while (waitpid(-1, NULL, 0) > 0)
		;
	snprintf(cmd, sizeof(cmd), "%s/log", dir);
	assert_non_null(log = fopen(cmd, "r"));
	while (fgets(line, sizeof(line), log) != NULL)
		told += strstr(line, " warning certificate ") != NULL && strstr(line, "ends in 0 days") != NULL;
	fclose(log);
	assert_in_range(told, 2, 4);
}

static void
never(void *arg)
{
	_exit(7);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_up_and_down, setup, teardown),
		cmocka_unit_test_setup_teardown(test_second, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_certificate_daily, setup, teardown),
	};

	if (argc == 3) {
		snprintf(dir, sizeof(dir), "%s", argv[2]);
		set("server.data=%s/a/b", dir);
		set("imap.listen=%s/imap2.sock", dir);
		set("imaps.listen=none");
		set("lmtp.listen=none");
		return server_run(&(struct server_options){.quiet = true, .ready = never});
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
