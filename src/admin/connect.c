/* SPDX-License-Identifier: Apache-2.0 */
/* The way to a running server. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "admin/admin.h"
#include "base/config.h"
#include "base/arena.h"

enum status
admin_socket_path(const char *dir, char *out, size_t n)
{
	const char *set = config()->admin_socket;
	int len = *set != '\0' ? snprintf(out, n, "%s", set) : snprintf(out, n, "%s/admin.sock", dir);

	return len >= 0 && (size_t)len < n ? OK : ERR_LIMIT;
}

enum status
admin_connect(const char *path, int *fd_r)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd, err;

	if (strlen(path) >= sizeof(addr.sun_path))
		return ERR_LIMIT;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
		return ERR_IO;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0) {
		*fd_r = fd;
		return OK;
	}
	err = errno;
	close(fd);
	switch (err) {
	case ENOENT:
	case ECONNREFUSED: return ERR_NOT_FOUND;
	case EACCES:
	case EPERM: return ERR_NO_PERM;
	case EAGAIN: return ERR_AGAIN;
	}
	return ERR_IO;
}

void
admin_store_options(struct store_options *o, struct store_domain **domains_r)
{
	const struct config *c = config();
	const struct config_domain *d;
	struct store_domain *domains = NULL;
	size_t n = 0;

	for (size_t i = 0; (d = config_domain(c, i)) != NULL; i++) {
		if (strcmp(d->separator, "default") == 0)
			continue;
		domains = x_realloc(domains, (n + 1) * sizeof(*domains));
		domains[n++] = (struct store_domain){d->name, *d->separator};
	}
	o->grace = c->store_grace;
	o->mailboxes = c->limits_mailboxes;
	o->default_domain = c->server_default_domain;
	o->share_anyone = c->server_share_anyone;
	o->separator = *c->deliver_separator;
	o->expansion = (size_t)c->deliver_expansion;
	o->quota_bytes = c->quota_bytes;
	o->quota_messages = c->quota_messages;
	o->quota_mailboxes = c->quota_mailboxes;
	o->quota_grace = c->quota_grace;
	for (size_t i = 0; i < c->quota_warn.n && i < QUOTA_WARN_MAX; i++)
		o->quota_warn[i] = (uint8_t)atoi(c->quota_warn.word[i]);
	o->domains = *domains_r = domains;
	o->domains_n = n;
}
