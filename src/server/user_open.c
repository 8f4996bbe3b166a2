/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that root opens for the worker's user. Whoever has that user could put a link in the place of a certificate, and at the next reload would be given what root alone
 * may read. So they are opened with that user's rights; and what he may not read root opens if nobody but root could have changed the way there: each folder is
 * root's, each link lies in such a one.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/arena.h"
#include "server/user.h"

#define STEPS_MAX 200 /* names and links on the way */

/* A way that is gone along: the folder reached so far, and the names that are left. */
struct way {
	int at;
	char rest[2 * PATH_MAX];
};

/* Nobody but root can put another thing in the place of the name in the folder; in one like /tmp nobody can in the place of root's. */
static bool
is_roots(int folder, const struct stat *name)
{
	struct stat sb;

	if (fstat(folder, &sb) != 0 || sb.st_uid != 0)
		return false;
	return !(sb.st_mode & (S_IWGRP | S_IWOTH)) || ((sb.st_mode & S_ISVTX) && name->st_uid == 0);
}

static void
go_to(struct way *w, int folder)
{
	if (w->at >= 0)
		close(w->at);
	w->at = folder;
}

/* The link's text comes before what is left. */
static bool
follow(struct way *w, int link)
{
	char text[PATH_MAX], *rest;
	ssize_t n = readlinkat(link, "", text, sizeof(text) - 1);
	int len;

	if (n <= 0)
		return false;
	text[n] = '\0';
	rest = x_strdup(w->rest);
	len = snprintf(w->rest, sizeof(w->rest), "%s/%s", text, rest);
	free(rest);
	if (text[0] == '/')
		go_to(w, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
	return len > 0 && (size_t)len < sizeof(w->rest) && w->at >= 0;
}

/* Takes the next name off. False: there is none. */
static bool
next(struct way *w, char name[NAME_MAX + 1])
{
	size_t from = strspn(w->rest, "/"), n = strcspn(w->rest + from, "/");

	if (n == 0 || n > NAME_MAX)
		return false;
	memcpy(name, w->rest + from, n);
	name[n] = '\0';
	memmove(w->rest, w->rest + from + n, strlen(w->rest + from + n) + 1);
	return true;
}

static bool
is_last(const struct way *w)
{
	return w->rest[strspn(w->rest, "/")] == '\0';
}

/* -1, with errno; the descriptor of the file; or -2: it goes on. */
static int
step(struct way *w, int flags, mode_t mode)
{
	char name[NAME_MAX + 1];
	struct stat sb = {.st_uid = 0, .st_mode = S_IFREG}; /* of one that is made now */
	bool there;
	int fd;

	if (!next(w, name)) {
		errno = EISDIR;
		return -1;
	}
	fd = openat(w->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	there = fd >= 0 && fstat(fd, &sb) == 0;
	if (!there && (errno != ENOENT || !is_last(w) || !(flags & O_CREAT)))
		return -1;
	errno = EACCES;
	if (!is_roots(w->at, &sb)) {
		close(fd);
		return -1;
	}
	if (S_ISLNK(sb.st_mode)) {
		bool ok = !(flags & O_NOFOLLOW && is_last(w)) && follow(w, fd);

		close(fd);
		errno = ELOOP;
		return ok ? -2 : -1;
	}
	if (!is_last(w)) {
		go_to(w, fd);
		return -2;
	}
	if (fd >= 0)
		close(fd);
	return openat(w->at, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, mode);
}

static int
open_as_root(const char *path, int flags, mode_t mode)
{
	struct way w = {.at = -1};
	int fd = -2, e;

	if (*path != '/' || strlen(path) >= PATH_MAX) {
		errno = EACCES;
		return -1;
	}
	strcpy(w.rest, path);
	go_to(&w, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
	for (int i = 0; i < STEPS_MAX && fd == -2 && w.at >= 0; i++)
		fd = step(&w, flags, mode);
	e = fd == -2 ? ELOOP : errno;
	go_to(&w, -1);
	errno = e;
	return fd >= 0 ? fd : -1;
}

/* A pipe in the place of a file is not waited for. A log may be one: it is written to as ever. */
int
user_open(const struct user *u, const char *path, int flags, mode_t mode)
{
	int wait = (flags & O_ACCMODE) == O_RDONLY ? O_NONBLOCK : 0, fd;

	if (!u->other)
		return open(path, flags | wait | O_CLOEXEC, mode);
	fd = user_open_as(u, path, flags | O_NONBLOCK | O_CLOEXEC, mode);
	if (fd < 0 && errno == EACCES)
		fd = open_as_root(path, flags, mode);
	if (fd >= 0 && wait == 0)
		(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	return fd;
}
