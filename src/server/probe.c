/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probe of the sandbox, in builds that take faults from their environment: with MANSIO_PROBE set, SIGUSR1 has the running server try what an intruder
 * would (probe.tbl), and say in the log what was denied. Denied is what fails whatever its arguments: ENOSYS, EPERM, EACCES.
 */
#include "server/server_priv.h"

#ifdef MANSIO_FAULTS

#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "base/config.h"
#include "base/log.h"

#define A(text) (long)(uintptr_t)(text)

struct attempt {
	const char *what;
	long call, args[6];
};

static void
attempt(const struct attempt *a)
{
	const long *v = a->args;
	long got = syscall(a->call, v[0], v[1], v[2], v[3], v[4], v[5]);
	int e = got == -1 ? errno : 0;
	bool denied = e == ENOSYS || e == EPERM || e == EACCES;

	if (got > 2 && (a->call == __NR_openat || a->call == __NR_socket))
		close((int)got);
	log_event(EV_tool, "probe: %s: %s (%d)", a->what, denied ? "denied" : "open", e);
}

/* Its supervisor opened it. */
static const char *
key_file(void)
{
	const char *key = config_certificate(config(), 0)->key;

	return *key != '\0' ? key : "/etc/ssl/private";
}

bool
server_probe_wanted(void)
{
	return getenv("MANSIO_PROBE") != NULL;
}

static sem_t other_done;

/* In a thread that is not the one that began the sandbox: what only each thread can give up. */
static void
try_elsewhere(struct task *t)
{
	(void)t;
	attempt(&(struct attempt){"read the users of the system in a thread of the pool", __NR_openat, {AT_FDCWD, A("/etc/passwd"), O_RDONLY}});
	attempt(&(struct attempt){"write to /tmp in a thread of the pool", __NR_openat, {AT_FDCWD, A("/tmp"), O_TMPFILE | O_RDWR, 0600}});
	sem_post(&other_done);
}

void
server_probe(struct pool *pool)
{
	static struct task task;
	const struct attempt all[] = {
#define P(what, call, a, b, c, d, e, f) {what, __NR_##call, {a, b, c, d, e, f}},
#include "server/probe.tbl"
#undef P
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		attempt(&all[i]);
	if (pool != NULL) {
		sem_init(&other_done, 0, 0);
		task_init(&task, try_elsewhere, 1);
		pool_submit(pool, &task);
		while (sem_wait(&other_done) != 0)
			;
	}
	log_event(EV_tool, "probe: end of %zu", sizeof(all) / sizeof(*all));
}

#else

bool
server_probe_wanted(void)
{
	return false;
}

void
server_probe(struct pool *pool)
{
	(void)pool;
}

#endif
