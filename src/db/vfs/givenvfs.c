/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes a descriptor, whose number is the name of the file. */
#include "db/vfs/givenvfs.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/assert.h"
#include "db/vfs/passvfs.h"

#define PREFIX "/given/"

struct givenfile {
	sqlite3_file base;
	int fd;
};

static int
fd_of(sqlite3_file *file)
{
	return ((struct givenfile *)file)->fd;
}

static int
given_close(sqlite3_file *file)
{
	(void)file;
	return SQLITE_OK;
}

static int
given_read(sqlite3_file *file, void *p, int n, sqlite3_int64 at)
{
	char *to = p;
	ssize_t got;
	int have = 0;

	while (have < n && ((got = pread(fd_of(file), to + have, (size_t)(n - have), at + have)) > 0 || (got < 0 && errno == EINTR)))
		have += got > 0 ? (int)got : 0;
	if (have == n)
		return SQLITE_OK;
	memset(to + have, 0, (size_t)(n - have));
	return SQLITE_IOERR_SHORT_READ;
}

static int
given_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 at)
{
	const char *from = p;
	int put = 0;

	while (put < n) {
		ssize_t some = pwrite(fd_of(file), from + put, (size_t)(n - put), at + put);

		if (some < 0 && errno != EINTR)
			return errno == ENOSPC || errno == EDQUOT ? SQLITE_FULL : SQLITE_IOERR_WRITE;
		put += some > 0 ? (int)some : 0;
	}
	return SQLITE_OK;
}

static int
given_truncate(sqlite3_file *file, sqlite3_int64 n)
{
	return ftruncate(fd_of(file), n) == 0 ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
}

static int
given_sync(sqlite3_file *file, int flags)
{
	(void)flags;
	return fsync(fd_of(file)) == 0 ? SQLITE_OK : SQLITE_IOERR_FSYNC;
}

static int
given_size(sqlite3_file *file, sqlite3_int64 *n_r)
{
	struct stat sb;

	if (fstat(fd_of(file), &sb) != 0)
		return SQLITE_IOERR_FSTAT;
	*n_r = sb.st_size;
	return SQLITE_OK;
}

static int
given_lock(sqlite3_file *file, int level)
{
	(void)file;
	(void)level;
	return SQLITE_OK;
}

static int
given_reserved(sqlite3_file *file, int *yes_r)
{
	(void)file;
	*yes_r = 0;
	return SQLITE_OK;
}

static int
given_control(sqlite3_file *file, int op, void *arg)
{
	(void)file;
	(void)op;
	(void)arg;
	return SQLITE_NOTFOUND;
}

static int
given_number(sqlite3_file *file)
{
	(void)file;
	return 0;
}

static const sqlite3_io_methods methods = {
	.iVersion = 1, .xClose = given_close, .xRead = given_read, .xWrite = given_write, .xTruncate = given_truncate, .xSync = given_sync,
	.xFileSize = given_size, .xLock = given_lock, .xUnlock = given_lock, .xCheckReservedLock = given_reserved, .xFileControl = given_control,
	.xSectorSize = given_number, .xDeviceCharacteristics = given_number,
};

static int
given_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *flags_r)
{
	struct givenfile *f = (struct givenfile *)file;

	(void)vfs;
	f->base.pMethods = NULL;
	if (name == NULL || strncmp(name, PREFIX, strlen(PREFIX)) != 0 || !(flags & SQLITE_OPEN_MAIN_DB))
		return SQLITE_CANTOPEN;
	f->fd = (int)strtol(name + strlen(PREFIX), NULL, 10);
	f->base.pMethods = &methods;
	if (flags_r != NULL)
		*flags_r = flags;
	return SQLITE_OK;
}

static int
given_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	(void)vfs;
	(void)name;
	(void)sync;
	return SQLITE_OK;
}

/* No journal of it is anywhere. */
static int
given_access(sqlite3_vfs *vfs, const char *name, int flags, int *yes_r)
{
	(void)vfs;
	(void)name;
	(void)flags;
	*yes_r = 0;
	return SQLITE_OK;
}

static int
given_path(sqlite3_vfs *vfs, const char *name, int n, char *out)
{
	(void)vfs;
	snprintf(out, (size_t)n, "%s", name);
	return SQLITE_OK;
}

static sqlite3_vfs layer;

static void
make(void)
{
	passvfs_init(&layer, GIVENVFS, sqlite3_vfs_find(NULL), sizeof(struct givenfile));
	layer.szOsFile = (int)sizeof(struct givenfile);
	layer.xOpen = given_open;
	layer.xDelete = given_delete;
	layer.xAccess = given_access;
	layer.xFullPathname = given_path;
	ensure(sqlite3_vfs_register(&layer, 0) == SQLITE_OK);
}

void
givenvfs_register(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, make);
}

void
givenvfs_name(int fd, char name_r[GIVENVFS_NAME_MAX])
{
	snprintf(name_r, GIVENVFS_NAME_MAX, PREFIX "%d", fd);
}
