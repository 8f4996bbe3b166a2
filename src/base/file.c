/* SPDX-License-Identifier: Apache-2.0 */
/* Writes files so that after a power cut they are there whole or not at all. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "base/arena.h"

static const struct file_watch *watcher;

void
file_watch(const struct file_watch *watch)
{
	watcher = watch;
}

enum status
file_status(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
	case ELOOP: return ERR_NO_PERM;
	case EROFS: return ERR_READ_ONLY;
	case ENOSPC:
	case EDQUOT: return ERR_FULL;
	case ENOENT: return ERR_NOT_FOUND;
	case EEXIST: return ERR_EXISTS;
	}
	return ERR_IO;
}

/* False: this call is to fail, with errno set. */
static bool
may(enum file_act act, const char *path)
{
	int error = watcher != NULL ? watcher->before(act, path) : 0;

	if (error != 0)
		errno = error;
	return error == 0;
}

static enum status
did(bool ok, enum file_act act, const char *path, const char *other, struct str bytes)
{
	if (!ok)
		return file_status(errno);
	if (watcher != NULL)
		watcher->after(act, path, other, bytes);
	return OK;
}

static bool
sync_at(const char *path, int flags)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | flags), e;
	bool ok = fd >= 0 && fsync(fd) == 0;

	e = errno;
	if (fd >= 0)
		close(fd);
	errno = e;
	return ok;
}

enum status
file_sync(const char *path)
{
	return did(may(FILE_SYNC, path) && sync_at(path, 0), FILE_SYNC, path, NULL, STR(""));
}

enum status
file_sync_names(const char *path)
{
	char *folder = x_strdup(path), *end = strrchr(folder, '/');
	enum status st;

	if (end != NULL)
		end[end == folder] = '\0';
	st = did(may(FILE_SYNC_NAMES, path) && sync_at(end != NULL ? folder : ".", O_DIRECTORY), FILE_SYNC_NAMES, path,
	    NULL, STR(""));
	free(folder);
	return st;
}

enum status
file_make_folder(const char *path, mode_t mode)
{
	enum status st = did(may(FILE_FOLDER, path) && mkdir(path, mode) == 0, FILE_FOLDER, path, NULL, STR(""));
	struct stat there;

	if (st == ERR_EXISTS && stat(path, &there) == 0 && !S_ISDIR(there.st_mode)) {
		errno = ENOTDIR;
		return ERR_IO;
	}
	return st == ERR_EXISTS ? OK : st == OK ? file_sync_names(path) : st;
}

enum status
file_make_folders(char *path, mode_t mode)
{
	enum status st = OK;

	for (char *p = path + 1; st == OK; p++) {
		char was = *p;

		if (was != '/' && was != '\0')
			continue;
		*p = '\0';
		if ((st = file_make_folder(path, mode)) != OK || was == '\0')
			break;
		*p = was;
	}
	return st;
}

static enum status
make(const char *path, mode_t mode, int *fd_r)
{
	int fd = -1;
	enum status st;

	st = did(may(FILE_CREATE, path) &&
	    (fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)) >= 0, FILE_CREATE, path, NULL,
	    STR(""));
	if (st == OK)
		*fd_r = fd;
	return st;
}

enum status
file_create(const char *path, mode_t mode)
{
	int fd;
	enum status st = make(path, mode, &fd);

	if (st == OK)
		close(fd);
	return st;
}

static bool
write_all(int fd, struct str bytes)
{
	ssize_t n;

	while (bytes.n > 0) {
		if ((n = write(fd, bytes.p, bytes.n)) < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		bytes = str_from(bytes, (size_t)n);
	}
	return true;
}

static enum status
make_with(const char *path, mode_t mode, struct str bytes)
{
	int fd, e;
	enum status st = make(path, mode, &fd);

	if (st != OK)
		return st;
	st = did(may(FILE_WRITE, path) && write_all(fd, bytes), FILE_WRITE, path, NULL, bytes);
	if (st == OK)
		st = did(may(FILE_SYNC, path) && fsync(fd) == 0, FILE_SYNC, path, NULL, STR(""));
	e = errno;
	close(fd);
	errno = e;
	return st;
}

/* Written beside it, synced, and renamed. */
enum status
file_replace(const char *path, mode_t mode, struct str bytes)
{
	char *beside = NULL;
	enum status st;
	int e;

	if (asprintf(&beside, "%s.new", path) < 0)
		return ERR_IO;
	if ((st = file_remove(beside)) == OK || st == ERR_NOT_FOUND)
		st = make_with(beside, mode, bytes);
	if (st == OK)
		st = file_rename(beside, path);
	if (st == OK)
		st = file_sync_names(path);
	if (st != OK) {
		e = errno;
		(void)!file_remove(beside);
		errno = e;
	}
	free(beside);
	return st;
}

enum status
file_rename(const char *from, const char *to)
{
	return did(may(FILE_RENAME, from) && rename(from, to) == 0, FILE_RENAME, from, to, STR(""));
}

enum status
file_link(const char *from, const char *to)
{
	return did(may(FILE_LINK, from) && link(from, to) == 0, FILE_LINK, from, to, STR(""));
}

enum status
file_remove(const char *path)
{
	return did(may(FILE_REMOVE, path) && unlink(path) == 0, FILE_REMOVE, path, NULL, STR(""));
}

const char *
file_system_unfit_type(unsigned long type)
{
	static const struct { unsigned long type; const char *name; } unfit[] = {
	    {0x6969, "NFS"}, {0x517b, "SMB"}, {0xff534d42, "CIFS"}, {0xfe534d42, "SMB2"}, {0x65735546, "FUSE"}, {0x01021997, "9P"},
	    {0x00c36400, "Ceph"}, {0x0bd00bd0, "Lustre"}, {0x5346414f, "AFS"}, {0x6b414653, "AFS"}, {0x73757245, "Coda"}, {0x564c, "NCP"},
	    {0x47504653, "GPFS"}, {0x19830326, "BeeGFS"}, {0x786f4256, "VirtualBox's shared folders"}, {0xbacbacbc, "VMware's shared folders"},
	    {0xaad7aaea, "PanFS"}, {0x20030528, "OrangeFS"}, {0x7461636f, "OCFS2"}, {0x01161970, "GFS2"},
	};

	for (size_t i = 0; i < sizeof(unfit) / sizeof(*unfit); i++)
		if (unfit[i].type == (type & 0xffffffff))
			return unfit[i].name;
	return NULL;
}

const char *
file_system_unfit(const char *path)
{
	char *at = x_strdup(path), *end;
	struct statfs fs;
	int rc;

	while ((rc = statfs(at, &fs)) != 0 && errno == ENOENT && (end = strrchr(at, '/')) != NULL && end != at)
		*end = '\0';
	if (rc != 0 && errno == ENOENT)
		rc = statfs(path[0] == '/' ? "/" : ".", &fs);
	free(at);
	return rc == 0 ? file_system_unfit_type((unsigned long)fs.f_type) : NULL;
}
