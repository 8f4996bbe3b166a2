/* SPDX-License-Identifier: Apache-2.0 */
#include "base/watchdog.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"

/* Uses the thread's CPU for so long, and a little. */
static void
work(int64_t ms)
{
	int64_t until = clock_thread_cpu() + ms * 1000;

	while (clock_thread_cpu() < until)
		;
}

static void
test_slow(void **state)
{
	char text[400] = "", path[] = "/tmp/mansio-watchdog-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	log_set_fd(fd);
	watchdog_begin();
	watchdog_place("FETCH", "updates");
	work(5);
	watchdog_place("FETCH", "run");
	work(WATCHDOG_MS + 10);
	watchdog_place("NOOP", "run");
	assert_true(watchdog_end("imap", 7));
	log_set_fd(2);
	assert_int_equal(watchdog_count(), 1);
	assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
	assert_non_null(strstr(text, " warning slow_step imap id=7 command=\"FETCH\" place=\"run\" cpu_ms="));
	close(fd);
	unlink(path);
}

/* What ends the process says where it was. */
static void
test_broken(void **state)
{
	char text[400] = "";
	int fd[2], status;
	pid_t child;

	assert_int_equal(pipe(fd), 0);
	if ((child = fork()) == 0) {
		(void)signal(SIGABRT, SIG_DFL); /* cmocka's would go on with the next test */
		log_set_fd(fd[1]);
		watchdog_begin();
		watchdog_place("COMPRESS", "layer");
		ensure(fd[0] < 0);
		_exit(0);
	}
	close(fd[1]);
	assert_true(read(fd[0], text, sizeof(text) - 1) > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_non_null(strstr(text, " error broken invariant at "));
	assert_non_null(strstr(text, ": fd[0] < 0 command=\"COMPRESS\" place=\"layer\"\n"));
	close(fd[0]);
}

/* Time that others had, or that was spent waiting, is nobody's fault. */
static void
test_not_slow(void **state)
{
	uint64_t before = watchdog_count();

	watchdog_begin();
	work(5);
	usleep((WATCHDOG_MS + 20) * 1000);
	assert_false(watchdog_end("imap", 1));
	work(WATCHDOG_MS + 10); /* outside */
	watchdog_begin();
	assert_false(watchdog_end("imap", 1));
	watchdog_begin();
	watchdog_pause();
	work(WATCHDOG_MS + 10);
	watchdog_resume();
	assert_false(watchdog_end("imap", 1));
	assert_false(watchdog_end("imap", 1)); /* none began */
	watchdog_place("NOOP", "run");
	assert_int_equal(watchdog_count(), before);
}

static void *
in_thread(void *arg)
{
	watchdog_begin();
	assert_false(watchdog_end("imap", 2));
	return NULL;
}

/* A step is its thread's. */
static void
test_threads(void **state)
{
	pthread_t t;

	log_set_level(LOG_LEVEL_ERROR);
	watchdog_begin();
	work(WATCHDOG_MS + 10);
	assert_int_equal(pthread_create(&t, NULL, in_thread, NULL), 0);
	pthread_join(t, NULL);
	assert_true(watchdog_end("imap", 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_slow),
	    cmocka_unit_test(test_not_slow),
	    cmocka_unit_test(test_broken),
	    cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
