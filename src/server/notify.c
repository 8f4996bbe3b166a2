/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the service manager how things are (sd_notify(3)), without its library: one datagram. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "base/str.h"
#include "server/server_priv.h"

/* -1: there is none, or it cannot be reached. */
static int
connect_manager(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	socklen_t n;
	int fd;

	if (path == NULL || (*path != '/' && *path != '@') || strlen(path) >= sizeof(un.sun_path))
		return -1;
	strcpy(un.sun_path, path);
	n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (*path == '@')
		un.sun_path[0] = '\0'; /* an abstract name */
	if ((fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&un, n) == 0)
		return fd;
	close(fd);
	return -1;
}

void
server_notify(const char *state)
{
	static int fd = -1; /* in the sandbox there is no other */

	if (fd < 0)
		fd = connect_manager();
	if (fd >= 0 && *state != '\0')
		(void)!send(fd, state, strlen(state), MSG_NOSIGNAL);
}

/* With the kernel's time: the manager waits for the READY=1 after it. */
void
server_notify_reloading(void)
{
	struct timespec now;
	char text[64];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRId64, (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	server_notify(text);
}

int64_t
server_watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	uint64_t every, of;

	if (usec == NULL || !str_u64(str_c(usec), INT64_MAX / 2, &every) || (pid != NULL && (!str_u64(str_c(pid), INT32_MAX, &of) || of != (uint64_t)getpid())))
		return 0;
	return (int64_t)every;
}
