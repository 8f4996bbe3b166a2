/* SPDX-License-Identifier: Apache-2.0 */
/* The system's files opened for reading, with a WAL index in memory. */
#include "db/vfs/stillvfs.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/assert.h"
#include "db/vfs/memvfs_priv.h"
#include "db/vfs/passvfs.h"

#define LOCKED_FROM 0x40000000 /* where the engine puts its locks */
#define LOCKED_BYTES 512

/* A handle: what the shared memory of memvfs_shm.c wants to see, then the lower layer's handle; NULL: the file is not there, and empty. */
struct stillfile {
	struct memhandle mem;
	sqlite3_file *real;
};

static LIST_HEAD(, memfile) files = LIST_HEAD_INITIALIZER(files); /* guarded by memvfs_lock */

static struct stillfile *
still_of(sqlite3_file *file)
{
	return (struct stillfile *)file;
}

/* What the handles of one database share: the index of its WAL. */
static struct memfile *
take_shared(const char *path)
{
	struct memfile *f;

	lock_take(&memvfs_lock);
	LIST_FOREACH(f, &files, link)
		if (strcmp(f->path, path) == 0)
			break;
	if (f == NULL) {
		f = x_new(struct memfile);
		f->path = x_strdup(path);
		LIST_INSERT_HEAD(&files, f, link);
	}
	f->refs++;
	lock_give(&memvfs_lock);
	return f;
}

static void
drop_shared(struct memfile *f)
{
	lock_take(&memvfs_lock);
	if (f != NULL && --f->refs == 0) {
		LIST_REMOVE(f, link);
		memvfs_shm_drop(f);
		free(f->path);
		free(f);
	}
	lock_give(&memvfs_lock);
}

static int
s_close(sqlite3_file *file)
{
	struct stillfile *s = still_of(file);

	drop_shared(s->mem.f);
	s->mem.f = NULL;
	return s->real != NULL ? s->real->pMethods->xClose(s->real) : SQLITE_OK;
}

static int
s_read(sqlite3_file *file, void *p, int n, sqlite3_int64 at)
{
	struct stillfile *s = still_of(file);

	if (s->real != NULL)
		return s->real->pMethods->xRead(s->real, p, n, at);
	memset(p, 0, (size_t)n);
	return SQLITE_IOERR_SHORT_READ;
}

static int
s_size(sqlite3_file *file, sqlite3_int64 *n_r)
{
	struct stillfile *s = still_of(file);

	if (s->real != NULL)
		return s->real->pMethods->xFileSize(s->real, n_r);
	*n_r = 0;
	return SQLITE_OK;
}

static int
s_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 at)
{
	return SQLITE_READONLY;
}

static int
s_truncate(sqlite3_file *file, sqlite3_int64 n)
{
	return SQLITE_READONLY;
}

static int
s_sync(sqlite3_file *file, int flags)
{
	return SQLITE_OK;
}

static int
s_lock(sqlite3_file *file, int level)
{
	return SQLITE_OK;
}

static int
s_reserved(sqlite3_file *file, int *yes_r)
{
	*yes_r = 0;
	return SQLITE_OK;
}

static int
s_control(sqlite3_file *file, int op, void *arg)
{
	return SQLITE_NOTFOUND;
}

static int
s_sector(sqlite3_file *file)
{
	return 4096;
}

static int
s_traits(sqlite3_file *file)
{
	return 0;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = s_close,
    .xRead = s_read,
    .xWrite = s_write,
    .xTruncate = s_truncate,
    .xSync = s_sync,
    .xFileSize = s_size,
    .xLock = s_lock,
    .xUnlock = s_lock,
    .xCheckReservedLock = s_reserved,
    .xFileControl = s_control,
    .xSectorSize = s_sector,
    .xDeviceCharacteristics = s_traits,
    .xShmMap = memvfs_shm_map,
    .xShmLock = memvfs_shm_lock,
    .xShmBarrier = memvfs_shm_barrier,
    .xShmUnmap = memvfs_shm_unmap,
};

/* Another process has it: what is read could be half of a change. */
static bool
in_use(const char *path)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCKED_FROM, .l_len = LOCKED_BYTES};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool yes = fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;

	if (fd >= 0)
		close(fd);
	return yes;
}

static int
s_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *flags_r)
{
	struct stillfile *s = still_of(file);
	sqlite3_vfs *base = passvfs_base(vfs);
	int wanted = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY, rc = SQLITE_OK;

	memset(s, 0, sizeof(*s));
	if (path == NULL || (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) == 0)
		return SQLITE_CANTOPEN;
	if ((flags & SQLITE_OPEN_MAIN_DB) && in_use(path))
		return SQLITE_BUSY;
	if ((flags & SQLITE_OPEN_MAIN_DB) || access(path, F_OK) == 0) {
		s->real = (sqlite3_file *)(s + 1);
		rc = base->xOpen(base, path, s->real, wanted, flags_r);
	}
	if (rc != SQLITE_OK)
		return rc;
	if (flags_r != NULL)
		*flags_r = wanted;
	if (flags & SQLITE_OPEN_MAIN_DB)
		s->mem.f = take_shared(path);
	s->mem.base.pMethods = &methods;
	return SQLITE_OK;
}

static int
s_delete(sqlite3_vfs *vfs, const char *path, int sync_dir)
{
	return SQLITE_READONLY;
}

void
stillvfs_register(void)
{
	static sqlite3_vfs vfs;
	sqlite3_vfs *base = sqlite3_vfs_find("unix-none");

	ensure(base != NULL);
	passvfs_init(&vfs, STILLVFS_NAME, base, sizeof(struct stillfile));
	vfs.xOpen = s_open;
	vfs.xDelete = s_delete;
	ensure(sqlite3_vfs_register(&vfs, 0) == SQLITE_OK);
}
