/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user: as whom the worker runs, and what the supervisor does with the rights of that user, not with its own: files in folders that are the worker's could
 * lead anywhere. One thread, and one a process.
 */
#ifndef SERVER_USER_H
#define SERVER_USER_H

#include <stdbool.h>
#include <sys/types.h>
#include "net/net.h"

struct user {
	bool other;    /* than the one that started the server, who is root */
	uid_t uid;
	gid_t gid;
	char name[64]; /* "": it has none */
};

/* server.user, else, for root, the owner of the data folder; else who this process is. ERR_NOT_FOUND, ERR_NO_PERM: why was added to. */
enum status user_choose(const char *data, struct user *u_r, struct buf *why) must_check;
/* What root makes for another user: the data folder, where it is not there yet. ERR_IO, with errno. */
enum status user_make_folder(const struct user *u, const char *data) must_check;
/* For good, with the groups of that user, and without a capability. False: errno says why. */
bool user_become(const struct user *u);
/*
 * A file for the worker, as open(): with the rights of u, and where he may not, with root's, if nobody but root could have changed the way there (user_open.c).
 * Of u alone: user_open_as(). -1, with errno.
 */
int user_open(const struct user *u, const char *path, int flags, mode_t mode);
int user_open_as(const struct user *u, const char *path, int flags, mode_t mode);
/* As net_bind(), admin_bind(), unlink(), with the rights of u; NULL: as always. Where u may write nothing in the folder, root may. */
enum status user_bind(const struct user *u, const struct listener_options *o, int *fd_r) must_check;
enum status user_bind_admin(const struct user *u, const char *path, int *fd_r) must_check;
void user_unlink(const struct user *u, const char *path);

#endif
