/* SPDX-License-Identifier: Apache-2.0 */
/* The order of locks: what goes well, and a child for each way to break it, which must die and say why. */
#include "base/lock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/log.h"

static struct lock outer = LOCK_INIT(admin), waits = LOCK_INIT(blob_ids), inner = LOCK_INIT(budget), other = LOCK_INIT(budget);
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

static void
in_order(void)
{
	lock_take(&outer);
	lock_take(&waits);
	lock_take(&inner);
	lock_give(&inner);
	lock_take(&other);
	lock_give(&outer); /* in any order */
	lock_give(&other);
	lock_none();
	lock_give(&waits);
	lock_take(&outer);
	lock_give(&outer);
	lock_none();
}

static void
waiting(void)
{
	struct timespec past = {0, 0};

	lock_take(&waits);
	lock_take(&inner);
	while (lock_wait_until(&inner, &condition, &past))
		;
	lock_give(&inner);
	lock_give(&waits);
}

/* Another thread's locks are none of ours. */
static void *
takes_outer(void *arg)
{
	(void)arg;
	in_order();
	return NULL;
}

static void
by_thread(void)
{
	pthread_t t;

	lock_take(&inner);
	pthread_create(&t, NULL, takes_outer, NULL);
	lock_give(&inner);
	pthread_join(t, NULL);
}

static void
inverted(void)
{
	lock_take(&inner);
	lock_take(&outer);
}

static void
twice(void)
{
	lock_take(&inner);
	lock_take(&inner);
}

static void
two_of_a_name(void)
{
	lock_take(&inner);
	lock_take(&other);
}

static void
not_held(void)
{
	lock_take(&inner);
	lock_give(&other);
}

static void
waits_with_another(void)
{
	struct timespec past = {0, 0};

	lock_take(&outer);
	lock_take(&inner);
	(void)lock_wait_until(&inner, &condition, &past);
}

static void
waits_for_a_lower(void)
{
	lock_take(&waits);
	lock_take(&inner);
	lock_wait(&waits, &condition);
}

static void
kept(void)
{
	lock_take(&inner);
	lock_none();
}

/* Runs fn in a child; returns how it ended, and what it logged. */
static int
child(void (*fn)(void), char *log, size_t size)
{
	int status, fds[2];
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
		signal(SIGABRT, SIG_DFL);
		log_set_fd(fds[1]);
		alarm(10);
		fn();
		_exit(0);
	}
	close(fds[1]);
	n = read(fds[0], log, size - 1);
	log[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	waitpid(pid, &status, 0);
	return status;
}

static void
test_well(void **state)
{
	void (*const fns[])(void) = {in_order, waiting, by_thread};
	char log[512];

	(void)state;
	for (size_t i = 0; i < sizeof(fns) / sizeof(fns[0]); i++) {
		assert_int_equal(child(fns[i], log, sizeof(log)), 0);
		assert_string_equal(log, "");
	}
}

static void
test_faults(void **state)
{
	static const struct {
		void (*fn)(void);
		const char *says;
	} faults[] = {
	    {inverted, "lock admin is taken out of order, while holding budget"},
	    {twice, "lock budget is taken out of order, while holding budget"},
	    {two_of_a_name, "lock budget is taken out of order, while holding budget"},
	    {not_held, "lock budget is given that is not held by this thread"},
	    {waits_with_another, "lock budget is waited with, while holding admin"},
	    {waits_for_a_lower, "lock blob_ids is waited with that is not the last one taken"},
	    {kept, "lock budget is still held"},
	};
	char log[512];

	(void)state;
#ifndef MANSIO_CHECKS
	skip();
#endif
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		int status = child(faults[i].fn, log, sizeof(log));

		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT || strstr(log, faults[i].says) == NULL)
			fail_msg("fault %zu: status %d, log \"%s\", wanted \"%s\"", i, status, log, faults[i].says);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_well),
	    cmocka_unit_test(test_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
