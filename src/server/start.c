/* SPDX-License-Identifier: Apache-2.0 */
/* What a server does first, whether it supervises or serves: the log, limits, the place of its data, a look at the settings. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/config.h"
#include "base/log.h"
#include "server/server_priv.h"

#define DESCRIPTORS_MIN 64

void
server_set_log_level(void)
{
	static const char *const levels[] = {"error", "warning", "info", "debug"};

	for (unsigned i = 0; i < 4; i++)
		if (strcmp(config()->log_level, levels[i]) == 0)
			log_set_level((enum log_level)i);
}

void
server_take_log(int fresh, int *fd)
{
	if (*fd >= 0) {
		dup3(fresh, *fd, O_CLOEXEC);
		close(fresh);
		return;
	}
	*fd = fresh;
	log_set_fd(fresh);
}

enum status
server_open_log(const struct user *u, int *fd)
{
	const char *path = config()->log_file;
	int fresh;

	server_set_log_level();
	if (*path == '\0')
		return OK;
	if ((fresh = user_open(u, path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0640)) < 0)
		return *fd >= 0 ? OK : server_refuse(ERR_IO, "cannot open the log %s: %s", path, strerror(errno));
	server_take_log(fresh, fd);
	return OK;
}

enum status
server_take_descriptors(void)
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

enum status
server_find_data(char *data, size_t n)
{
	enum status st = config_data_dir(data, n);

	if (st != OK)
		return server_refuse(st, "no data folder: set server.data");
	if (*config()->server_data == '\0' && strcmp(data, CONFIG_DATA_MACHINE) != 0 && access(data, F_OK) != 0 && access(CONFIG_DATA_MACHINE, F_OK) == 0)
		return server_refuse(ERR_EXISTS, "this machine has a folder " CONFIG_DATA_MACHINE ": use that as its owner or as root, or say with --data %s that a store of its own is meant",
		    data);
	return OK;
}

/* Passwords are in memory for a moment, keys of TLS for as long as it runs. A sanitizer traces its own process at its end. */
void
server_keep_to_itself(void)
{
	struct rlimit none = {0};

	(void)setrlimit(RLIMIT_CORE, &none);
#ifndef MANSIO_SANITIZE
	(void)prctl(PR_SET_DUMPABLE, 0);
#endif
}

static void
take_fault(void *arg, enum server_fault fault, const char *text)
{
	enum status *st = arg;

	if (fault == FAULT_REFUSED)
		*st = server_refuse(ERR_BAD_INPUT, "%s", text);
	else if (fault != FAULT_OF_BEFORE)
		log_event(fault == FAULT_CERTIFICATE ? EV_certificate : EV_settings, "%s", text);
}

enum status
server_check_settings(void)
{
	enum status st = OK;

	server_check(&(struct server_check){.config = config(), .tell = take_fault, .arg = &st});
	return st;
}
