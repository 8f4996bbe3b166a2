/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Landlock and capabilities belong to a thread, and go over to those that it makes. When the sandbox is entered there are threads already (listeners and
 * store come first), so each of them does it itself, in the handler of a signal that is sent to it alone; as the C library does it for setuid().
 */
#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "base/thread.h"
#include "server/sandbox_priv.h"

#define ROUNDS_MAX 100
#define WAIT_MS 5000

static bool (*_Atomic work)(void);
static atomic_uint done, failed;
static __thread bool did;

void
sandbox_bound(uint64_t keep)
{
	for (int i = 0; i < 64 && prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
		if (!(keep >> i & 1))
			(void)prctl(PR_CAPBSET_DROP, i, 0, 0, 0); /* who may not has none to gain: no_new_privs */
}

bool
sandbox_capabilities(uint64_t keep)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	sandbox_bound(keep);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(__NR_capget, &head, data) != 0)
		return false;
	for (int i = 0; i < 2; i++) {
		data[i].effective &= (uint32_t)(keep >> 32 * i);
		data[i].permitted &= (uint32_t)(keep >> 32 * i);
		data[i].inheritable = 0;
	}
	return syscall(__NR_capset, &head, data) == 0;
}

/* What it interrupts must not find another errno than its own. */
static void
run(int sig)
{
	bool (*fn)(void) = atomic_load(&work);
	int kept = errno;

	(void)sig;
	if (did)
		return;
	did = true;
	if (!fn())
		atomic_fetch_add(&failed, 1);
	atomic_fetch_add(&done, 1);
	errno = kept;
}

/* A thread of a sanitizer's takes no signals. Its code is not the server's. */
static bool
takes_none(pid_t tid)
{
#ifdef MANSIO_SANITIZE
	char path[64], line[256];
	bool none = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", (int)tid);
	if ((f = fopen(path, "re")) == NULL)
		return true;
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "SigBlk:", 7) == 0)
			none = strtoull(line + 7, NULL, 16) >> (THREAD_SIGNAL - 1) & 1;
	fclose(f);
	return none;
#else
	(void)tid;
	return false;
#endif
}

/* Sends one thread the signal and waits until it, or another, has run. A thread that has ended meanwhile is none. */
static bool
ask(pid_t tid)
{
	unsigned before = atomic_load(&done);

	if (takes_none(tid) || syscall(__NR_tgkill, getpid(), tid, THREAD_SIGNAL) != 0)
		return true;
	for (int ms = 0; ms < WAIT_MS; ms++) {
		for (int i = 0; i < 100; i++) {
			if (atomic_load(&done) != before)
				return true;
			sched_yield();
		}
		nanosleep(&(struct timespec){0, 1000000}, NULL);
		if (syscall(__NR_tgkill, getpid(), tid, 0) != 0)
			return true;
	}
	return false;
}

/* The threads that were not asked yet. How many; -1: one did not answer. */
static int
ask_all(pid_t *asked, size_t *n, size_t max)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	int fresh = 0;

	if (d == NULL)
		return -1;
	while (fresh >= 0 && (e = readdir(d)) != NULL) {
		pid_t tid = (pid_t)strtol(e->d_name, NULL, 10);
		size_t i = 0;

		while (i < *n && asked[i] != tid)
			i++;
		if (tid <= 0 || tid == getpid() || i < *n)
			continue;
		if (*n == max || !ask(tid)) {
			fresh = -1;
		} else {
			asked[(*n)++] = tid;
			fresh++;
		}
	}
	closedir(d);
	return fresh;
}

bool
sandbox_everywhere(bool (*fn)(void))
{
	struct sigaction sa = {.sa_handler = run, .sa_flags = SA_RESTART}, before;
	static pid_t asked[4096];
	size_t n = 0;
	int fresh = 1;

	atomic_store(&work, fn);
	sigemptyset(&sa.sa_mask);
	if (sigaction(THREAD_SIGNAL, &sa, &before) != 0)
		return false;
	/* The list may have missed one that was being made: until a look finds no new one. */
	for (int i = 0; i < ROUNDS_MAX && fresh > 0; i++)
		fresh = ask_all(asked, &n, sizeof(asked) / sizeof(*asked));
	run(THREAD_SIGNAL);
	(void)sigaction(THREAD_SIGNAL, &before, NULL);
	return fresh == 0 && atomic_load(&failed) == 0;
}
