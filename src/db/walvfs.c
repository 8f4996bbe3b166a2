/* SPDX-License-Identifier: Apache-2.0 */
#include "db/walvfs.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"
#include "base/assert.h"
#include "db/readahead.h"

#define GATHER_MAX (120 * 1024) /* the engine's own layer writes less than 128 KiB at once */
#define LAYERS_MAX 8

struct layer {
	sqlite3_vfs vfs;
	char name[64];
	sqlite3_vfs *base;
};

/* Our handle of a database or its WAL; the lower layer's follows it in memory. */
struct walfile {
	sqlite3_file base;
	sqlite3_file *real;
	/* of a database */
	int fd; /* where the system is asked to read ahead, or -1 */
	struct readahead ahead;
	/* of a WAL */
	bool gather;
	char *p; /* GATHER_MAX bytes, from the first use on */
	size_t n;
	sqlite3_int64 at;
};

static struct walfile *
walfile_of(sqlite3_file *file)
{
	return (struct walfile *)file;
}

static int
flush(struct walfile *f)
{
	size_t n = f->n;

	if (n == 0)
		return SQLITE_OK;
	f->n = 0;
	return f->real->pMethods->xWrite(f->real, f->p, (int)n, f->at);
}

static int
w_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 at)
{
	struct walfile *f = walfile_of(file);
	int rc;

	if (f->n > 0 && (at != f->at + (sqlite3_int64)f->n || f->n + (size_t)n > GATHER_MAX)) {
		if ((rc = flush(f)) != SQLITE_OK)
			return rc;
	}
	if (!f->gather || n > GATHER_MAX)
		return f->real->pMethods->xWrite(f->real, p, n, at);
	if (f->p == NULL)
		f->p = x_malloc(GATHER_MAX);
	if (f->n == 0)
		f->at = at;
	memcpy(f->p + f->n, p, (size_t)n);
	f->n += (size_t)n;
	return SQLITE_OK;
}

/* The writer reads back frames of its own that did not fit into its page cache. */
static int
w_read(sqlite3_file *file, void *p, int n, sqlite3_int64 at)
{
	struct walfile *f = walfile_of(file);
	int rc = SQLITE_OK;

	if (f->n > 0 && at < f->at + (sqlite3_int64)f->n && at + n > f->at)
		rc = flush(f);
	return rc == SQLITE_OK ? f->real->pMethods->xRead(f->real, p, n, at) : rc;
}

static int
w_truncate(sqlite3_file *file, sqlite3_int64 n)
{
	struct walfile *f = walfile_of(file);
	int rc = flush(f);

	return rc == SQLITE_OK ? f->real->pMethods->xTruncate(f->real, n) : rc;
}

/* A flush that fails is a failed write: the frame that commits is the last, and is not in the file. */
static int
w_sync(sqlite3_file *file, int flags)
{
	struct walfile *f = walfile_of(file);
	int rc = flush(f);

	return rc == SQLITE_OK ? f->real->pMethods->xSync(f->real, flags) : rc;
}

static int
w_size(sqlite3_file *file, sqlite3_int64 *n_r)
{
	struct walfile *f = walfile_of(file);
	int rc = flush(f);

	return rc == SQLITE_OK ? f->real->pMethods->xFileSize(f->real, n_r) : rc;
}

static int
w_close(sqlite3_file *file)
{
	struct walfile *f = walfile_of(file);

	free(f->p);
	return f->real->pMethods->xClose(f->real);
}

static int
w_lock(sqlite3_file *file, int level)
{
	struct walfile *f = walfile_of(file);

	return f->real->pMethods->xLock(f->real, level);
}

static int
w_unlock(sqlite3_file *file, int level)
{
	struct walfile *f = walfile_of(file);

	return f->real->pMethods->xUnlock(f->real, level);
}

static int
w_reserved(sqlite3_file *file, int *yes_r)
{
	struct walfile *f = walfile_of(file);

	return f->real->pMethods->xCheckReservedLock(f->real, yes_r);
}

static int
w_control(sqlite3_file *file, int op, void *arg)
{
	struct walfile *f = walfile_of(file);

	return f->real->pMethods->xFileControl(f->real, op, arg);
}

static int
w_sector(sqlite3_file *file)
{
	struct walfile *f = walfile_of(file);

	return f->real->pMethods->xSectorSize(f->real);
}

static int
w_traits(sqlite3_file *file)
{
	struct walfile *f = walfile_of(file);

	return f->real->pMethods->xDeviceCharacteristics(f->real);
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = w_close,
    .xRead = w_read,
    .xWrite = w_write,
    .xTruncate = w_truncate,
    .xSync = w_sync,
    .xFileSize = w_size,
    .xLock = w_lock,
    .xUnlock = w_unlock,
    .xCheckReservedLock = w_reserved,
    .xFileControl = w_control,
    .xSectorSize = w_sector,
    .xDeviceCharacteristics = w_traits,
};

/* ---- the database ---- */

static int
m_read(sqlite3_file *file, void *p, int n, sqlite3_int64 at)
{
	struct walfile *f = walfile_of(file);
	int64_t from, ahead;

	/* Asked for before the read, so that the disk is busy with it already. */
	if (f->fd >= 0 && readahead_note(&f->ahead, at, n, &from, &ahead))
		(void)posix_fadvise(f->fd, from, ahead, POSIX_FADV_WILLNEED);
	return f->real->pMethods->xRead(f->real, p, n, at);
}

static int
m_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **p_r)
{
	struct walfile *f = walfile_of(file);

	return f->real->pMethods->xShmMap(f->real, page, size, extend, p_r);
}

static int
m_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	struct walfile *f = walfile_of(file);

	return f->real->pMethods->xShmLock(f->real, offset, n, flags);
}

static void
m_shm_barrier(sqlite3_file *file)
{
	struct walfile *f = walfile_of(file);

	f->real->pMethods->xShmBarrier(f->real);
}

static int
m_shm_unmap(sqlite3_file *file, int delete)
{
	struct walfile *f = walfile_of(file);

	return f->real->pMethods->xShmUnmap(f->real, delete);
}

/* Version 2: without xFetch, for there is no memory map (design). What is written goes through untouched: nothing is gathered. */
static const sqlite3_io_methods main_methods = {
    .iVersion = 2,
    .xClose = w_close,
    .xRead = m_read,
    .xWrite = w_write,
    .xTruncate = w_truncate,
    .xSync = w_sync,
    .xFileSize = w_size,
    .xLock = w_lock,
    .xUnlock = w_unlock,
    .xCheckReservedLock = w_reserved,
    .xFileControl = w_control,
    .xSectorSize = w_sector,
    .xDeviceCharacteristics = w_traits,
    .xShmMap = m_shm_map,
    .xShmLock = m_shm_lock,
    .xShmBarrier = m_shm_barrier,
    .xShmUnmap = m_shm_unmap,
};

static int
l_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *flags_r)
{
	sqlite3_vfs *base = ((struct layer *)vfs)->base;
	struct walfile *f = walfile_of(file);
	int rc;

	if (!(flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_DB)))
		return base->xOpen(base, path, file, flags, flags_r);
	memset(f, 0, sizeof(*f));
	f->fd = -1;
	f->real = (sqlite3_file *)(f + 1);
	rc = base->xOpen(base, path, f->real, flags, flags_r);
	f->base.pMethods = f->real->pMethods == NULL ? NULL : flags & SQLITE_OPEN_WAL ? &methods : &main_methods;
	return rc;
}

static int
l_delete(sqlite3_vfs *vfs, const char *path, int sync_dir)
{
	sqlite3_vfs *base = ((struct layer *)vfs)->base;

	return base->xDelete(base, path, sync_dir);
}

static int
l_access(sqlite3_vfs *vfs, const char *path, int flags, int *yes_r)
{
	sqlite3_vfs *base = ((struct layer *)vfs)->base;

	return base->xAccess(base, path, flags, yes_r);
}

static int
l_fullpath(sqlite3_vfs *vfs, const char *path, int n, char *out)
{
	sqlite3_vfs *base = ((struct layer *)vfs)->base;

	return base->xFullPathname(base, path, n, out);
}

static int
l_random(sqlite3_vfs *vfs, int n, char *out)
{
	sqlite3_vfs *base = ((struct layer *)vfs)->base;

	return base->xRandomness(base, n, out);
}

static int
l_sleep(sqlite3_vfs *vfs, int us)
{
	sqlite3_vfs *base = ((struct layer *)vfs)->base;

	return base->xSleep(base, us);
}

static int
l_time(sqlite3_vfs *vfs, double *out)
{
	sqlite3_vfs *base = ((struct layer *)vfs)->base;

	return base->xCurrentTime(base, out);
}

static int
l_time64(sqlite3_vfs *vfs, sqlite3_int64 *out)
{
	sqlite3_vfs *base = ((struct layer *)vfs)->base;

	return base->xCurrentTimeInt64(base, out);
}

static int
l_last_error(sqlite3_vfs *vfs, int n, char *out)
{
	sqlite3_vfs *base = ((struct layer *)vfs)->base;

	return base->xGetLastError(base, n, out);
}

static void
layer_make(struct layer *l, sqlite3_vfs *base)
{
	l->base = base;
	snprintf(l->name, sizeof(l->name), "mansio-wal+%.40s", base->zName);
	l->vfs = (sqlite3_vfs){
	    .iVersion = 2,
	    .szOsFile = (int)sizeof(struct walfile) + base->szOsFile,
	    .mxPathname = base->mxPathname,
	    .zName = l->name,
	    .xOpen = l_open,
	    .xDelete = l_delete,
	    .xAccess = l_access,
	    .xFullPathname = l_fullpath,
	    .xRandomness = l_random,
	    .xSleep = l_sleep,
	    .xCurrentTime = l_time,
	    .xGetLastError = l_last_error,
	    .xCurrentTimeInt64 = l_time64,
	};
	ensure(sqlite3_vfs_register(&l->vfs, 0) == SQLITE_OK);
}

const char *
walvfs_over(const char *base)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct layer layers[LAYERS_MAX];
	sqlite3_vfs *vfs = sqlite3_vfs_find(base);
	int i = 0;

	ensure(vfs != NULL);
	pthread_mutex_lock(&lock);
	while (i < LAYERS_MAX && layers[i].base != NULL && layers[i].base != vfs)
		i++;
	ensure(i < LAYERS_MAX);
	if (layers[i].base == NULL)
		layer_make(&layers[i], vfs);
	pthread_mutex_unlock(&lock);
	return layers[i].name;
}

void
walvfs_gather(sqlite3 *h, bool on)
{
	sqlite3_file *file = NULL;

	sqlite3_file_control(h, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
	if (file == NULL || file->pMethods != &methods)
		return;
	walfile_of(file)->n = 0;
	walfile_of(file)->gather = on;
}

void
walvfs_ahead(sqlite3 *h, int fd)
{
	sqlite3_file *file = NULL;

	sqlite3_file_control(h, "main", SQLITE_FCNTL_FILE_POINTER, &file);
	if (file != NULL && file->pMethods == &main_methods)
		walfile_of(file)->fd = fd;
}
