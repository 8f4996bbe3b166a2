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

void
server_probe(void)
{
	const struct attempt all[] = {
#define P(what, call, a, b, c, d, e, f) {what, __NR_##call, {a, b, c, d, e, f}},
#include "server/probe.tbl"
#undef P
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		attempt(&all[i]);
	log_event(EV_tool, "probe: end of %zu", sizeof(all) / sizeof(*all));
}

#else

bool
server_probe_wanted(void)
{
	return false;
}

void
server_probe(void)
{
}

#endif
