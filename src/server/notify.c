/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the service manager how things are (sd_notify(3)), without its library: one datagram. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
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
