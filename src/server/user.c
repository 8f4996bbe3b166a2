/* SPDX-License-Identifier: Apache-2.0 */
/* As whom the worker runs. Root acts as that user wherever it touches what that user could have put there. */
#include "server/user.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "admin/admin.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/config.h"
#include "server/sandbox_priv.h"

#define GROUPS_MAX 256

static void
take(struct user *u, const struct passwd *pw)
{
	u->uid = pw->pw_uid;
	u->gid = pw->pw_gid;
	snprintf(u->name, sizeof(u->name), "%s", pw->pw_name);
}

static enum status
take_named(struct user *u, const char *name, struct buf *why)
{
	const struct passwd *pw = getpwnam(name);

	if (pw == NULL) {
		buf_addf(why, "server.user: there is no user \"%s\"", name);
		return ERR_NOT_FOUND;
	}
	if (geteuid() != 0 && pw->pw_uid != geteuid()) {
		buf_addf(why, "server.user: only root can have the server run as %s", name);
		return ERR_NO_PERM;
	}
	take(u, pw);
	return OK;
}

enum status
user_choose(const char *data, struct user *u_r, struct buf *why)
{
	struct user u = {.uid = geteuid(), .gid = getegid()};
	const struct passwd *pw;
	struct stat sb;
	enum status st;

	if (*config()->server_user != '\0') {
		if ((st = take_named(&u, config()->server_user, why)) != OK)
			return st;
	} else if (u.uid == 0 && stat(data, &sb) == 0 && sb.st_uid != 0) {
		u.uid = sb.st_uid;
		u.gid = sb.st_gid;
		if ((pw = getpwuid(sb.st_uid)) != NULL)
			take(&u, pw);
	}
	u.other = u.uid != geteuid();
	*u_r = u;
	return OK;
}

enum status
user_make_folder(const struct user *u, const char *data)
{
	struct stat sb;

	if (!u->other || stat(data, &sb) == 0)
		return OK;
	/* The folders above it are root's matter: the user has to come through them. */
	if (mkdir(data, 0700) != 0)
		return ERR_IO;
	return lchown(data, u->uid, u->gid) == 0 ? OK : ERR_IO;
}

bool
user_become(const struct user *u)
{
	sandbox_bound(0); /* as root: the user may not */
	if (u->other && ((u->name[0] != '\0' ? initgroups(u->name, u->gid) : setgroups(1, &u->gid)) != 0 || setresgid(u->gid, u->gid, u->gid) != 0 ||
	    setresuid(u->uid, u->uid, u->uid) != 0))
		return false;
	return sandbox_capabilities(0);
}

/* ---- for a moment ---- */

struct before {
	gid_t group, groups[GROUPS_MAX];
	int n;
};

static void
enter(const struct user *u, struct before *b)
{
	b->group = getegid();
	b->n = getgroups(GROUPS_MAX, b->groups);
	if (b->n < 0 || (u->name[0] != '\0' ? initgroups(u->name, u->gid) : setgroups(1, &u->gid)) != 0 || setegid(u->gid) != 0 || seteuid(u->uid) != 0)
		die("root cannot act as the worker's user");
}

static void
leave(const struct before *b)
{
	int e = errno;

	if (seteuid(0) != 0 || setegid(b->group) != 0 || setgroups((size_t)b->n, b->groups) != 0)
		die("root cannot act as itself again");
	errno = e;
}

int
user_open_as(const struct user *u, const char *path, int flags, mode_t mode)
{
	struct before b;
	int fd;

	enter(u, &b);
	fd = open(path, flags, mode);
	leave(&b);
	return fd;
}

/* Whether names can be made in the folder of path by who this process is just now. */
static bool
may_make(const char *path)
{
	char *folder = x_strdup(path), *slash = strrchr(folder, '/');
	bool may;

	if (slash != NULL)
		slash[slash == folder ? 1 : 0] = '\0';
	may = faccessat(AT_FDCWD, slash != NULL ? folder : ".", W_OK | X_OK, AT_EACCESS) == 0;
	free(folder);
	return may;
}

/* In a folder where the user can put nothing, root may bind for him: nobody can have it lead elsewhere. */
static enum status
give(const struct user *u, const char *path, enum status st)
{
	return st == OK && lchown(path, u->uid, (gid_t)-1) != 0 ? ERR_IO : st;
}

enum status
user_bind(const struct user *u, const struct listener_options *o, int *fd_r)
{
	struct before b;
	enum status st;
	bool may;

	if (u == NULL || !u->other)
		return net_bind(o, fd_r);
	enter(u, &b);
	may = may_make(o->address);
	st = may ? net_bind(o, fd_r) : ERR_NO_PERM;
	leave(&b);
	return may ? st : give(u, o->address, net_bind(o, fd_r));
}

enum status
user_bind_admin(const struct user *u, const char *path, int *fd_r)
{
	struct before b;
	enum status st;
	bool may;

	if (!u->other)
		return admin_bind(path, fd_r);
	enter(u, &b);
	may = may_make(path);
	st = may ? admin_bind(path, fd_r) : ERR_NO_PERM;
	leave(&b);
	return may ? st : give(u, path, admin_bind(path, fd_r));
}

void
user_unlink(const struct user *u, const char *path)
{
	struct before b;
	bool done;

	if (!u->other) {
		(void)unlink(path);
		return;
	}
	enter(u, &b);
	done = unlink(path) == 0 || may_make(path);
	leave(&b);
	if (!done)
		(void)unlink(path);
}
