/* SPDX-License-Identifier: Apache-2.0 */
/* The files and their methods; a disk that may be full. */
#include "db/vfs/memvfs.h"

#include <stdlib.h>
#include "base/arena.h"
#include "base/assert.h"
#include "base/lock.h"
#include "db/vfs/memvfs_priv.h"
#include "db/vfs/passvfs.h"

static LIST_HEAD(, memfile) files = LIST_HEAD_INITIALIZER(files);
struct lock memvfs_lock = LOCK_INIT(vfs_memory); /* guards everything here */
static size_t capacity, used;

static struct memfile *
find(const char *path)
{
	struct memfile *f;

	LIST_FOREACH(f, &files, link) {
		if (strcmp(f->path, path) == 0)
			return f;
	}
	return NULL;
}

static struct memfile *
make(const char *path)
{
	struct memfile *f = x_new(struct memfile);

	f->path = x_strdup(path != NULL ? path : "");
	f->refs = 1;
	f->listed = true;
	LIST_INSERT_HEAD(&files, f, link);
	return f;
}

static void
unref(struct memfile *f)
{
	if (--f->refs > 0)
		return;
	memvfs_shm_drop(f);
	used -= f->n;
	free(f->path);
	free(f->p);
	free(f);
}

static void
unlist(struct memfile *f)
{
	if (!f->listed)
		return;
	f->listed = false;
	LIST_REMOVE(f, link);
	unref(f);
}

void
memfile_changed(struct memfile *f, size_t from, size_t to)
{
	if (from < f->changed_from)
		f->changed_from = from;
	if (to > f->changed_to)
		f->changed_to = to;
}

bool
memfile_resize(struct memfile *f, size_t n)
{
	if (n > f->n && capacity > 0 && used + (n - f->n) > capacity)
		return false;
	if (n > f->cap) {
		f->cap = n < 4096 ? 4096 : n + n / 2;
		f->p = x_realloc(f->p, f->cap);
	}
	if (n > f->n)
		memset(f->p + f->n, 0, n - f->n);
	memfile_changed(f, n < f->n ? n : f->n, n < f->n ? f->n : n);
	used += n - f->n;
	f->n = n;
	return true;
}

/* ---- one file ---- */

static void
unlock_to(struct memhandle *h, int level)
{
	struct memfile *f = h->f;

	if (f->reserved == h)
		f->reserved = NULL;
	if (f->pending == h)
		f->pending = NULL;
	if (level == SQLITE_LOCK_NONE && h->level > SQLITE_LOCK_NONE)
		f->shared--;
	if (h->level > level)
		h->level = level;
}

static int
m_close(sqlite3_file *file)
{
	struct memhandle *h = memhandle_of(file);

	memvfs_shm_unmap(file, 0);
	lock_take(&memvfs_lock);
	unlock_to(h, SQLITE_LOCK_NONE);
	if (h->delete_on_close)
		unlist(h->f);
	unref(h->f);
	lock_give(&memvfs_lock);
	return SQLITE_OK;
}

static int
m_read(sqlite3_file *file, void *p, int n, sqlite3_int64 at)
{
	struct memfile *f = memhandle_of(file)->f;
	size_t have = 0, want = (size_t)n;

	lock_take(&memvfs_lock);
	if ((size_t)at < f->n)
		have = f->n - (size_t)at < want ? f->n - (size_t)at : want;
	if (have > 0)
		memcpy(p, f->p + at, have);
	lock_give(&memvfs_lock);
	memset((char *)p + have, 0, want - have);
	return have == want ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int
m_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 at)
{
	struct memfile *f = memhandle_of(file)->f;
	size_t end = (size_t)at + (size_t)n;
	int rc = SQLITE_OK;

	lock_take(&memvfs_lock);
	if (end > f->n && !memfile_resize(f, end))
		rc = SQLITE_FULL;
	else {
		memfile_changed(f, (size_t)at, end);
		memcpy(f->p + at, p, (size_t)n);
	}
	lock_give(&memvfs_lock);
	return rc;
}

static int
m_truncate(sqlite3_file *file, sqlite3_int64 n)
{
	int rc = SQLITE_OK;

	lock_take(&memvfs_lock);
	if (!memfile_resize(memhandle_of(file)->f, (size_t)n))
		rc = SQLITE_FULL;
	lock_give(&memvfs_lock);
	return rc;
}

static int
m_sync(sqlite3_file *file, int flags)
{
	return SQLITE_OK;
}

static int
m_size(sqlite3_file *file, sqlite3_int64 *n_r)
{
	lock_take(&memvfs_lock);
	*n_r = (sqlite3_int64)memhandle_of(file)->f->n;
	lock_give(&memvfs_lock);
	return SQLITE_OK;
}

/* Whether h may go up to level; takes pending on the way to exclusive, as the engine's protocol asks. */
static bool
lock_to(struct memhandle *h, int level)
{
	struct memfile *f = h->f;
	bool other_reserved = f->reserved != NULL && f->reserved != h;
	bool other_pending = f->pending != NULL && f->pending != h;

	if (other_pending || (level > SQLITE_LOCK_SHARED && other_reserved))
		return false;
	if (h->level == SQLITE_LOCK_NONE)
		f->shared++;
	if (level >= SQLITE_LOCK_RESERVED)
		f->reserved = h;
	if (level == SQLITE_LOCK_EXCLUSIVE) {
		f->pending = h;
		if (f->shared > 1) {
			h->level = SQLITE_LOCK_PENDING;
			return false;
		}
	}
	return true;
}

static int
m_lock(sqlite3_file *file, int level)
{
	struct memhandle *h = memhandle_of(file);
	int rc = SQLITE_OK;

	lock_take(&memvfs_lock);
	if (h->level < level) {
		if (lock_to(h, level))
			h->level = level;
		else
			rc = SQLITE_BUSY;
	}
	lock_give(&memvfs_lock);
	return rc;
}

static int
m_unlock(sqlite3_file *file, int level)
{
	lock_take(&memvfs_lock);
	unlock_to(memhandle_of(file), level);
	lock_give(&memvfs_lock);
	return SQLITE_OK;
}

static int
m_reserved(sqlite3_file *file, int *yes_r)
{
	lock_take(&memvfs_lock);
	*yes_r = memhandle_of(file)->f->reserved != NULL;
	lock_give(&memvfs_lock);
	return SQLITE_OK;
}

static int
m_control(sqlite3_file *file, int op, void *arg)
{
	return SQLITE_NOTFOUND;
}

static int
m_sector(sqlite3_file *file)
{
	return 4096;
}

static int
m_traits(sqlite3_file *file)
{
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = m_close,
    .xRead = m_read,
    .xWrite = m_write,
    .xTruncate = m_truncate,
    .xSync = m_sync,
    .xFileSize = m_size,
    .xLock = m_lock,
    .xUnlock = m_unlock,
    .xCheckReservedLock = m_reserved,
    .xFileControl = m_control,
    .xSectorSize = m_sector,
    .xDeviceCharacteristics = m_traits,
    .xShmMap = memvfs_shm_map,
    .xShmLock = memvfs_shm_lock,
    .xShmBarrier = memvfs_shm_barrier,
    .xShmUnmap = memvfs_shm_unmap,
};

/* ---- the file layer ---- */

static int
m_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *flags_r)
{
	struct memhandle *h = memhandle_of(file);
	struct memfile *f;
	int rc = SQLITE_OK;

	memset(h, 0, sizeof(*h));
	lock_take(&memvfs_lock);
	f = path != NULL ? find(path) : NULL;
	if (f != NULL && (flags & SQLITE_OPEN_EXCLUSIVE) && (flags & SQLITE_OPEN_CREATE))
		rc = SQLITE_CANTOPEN;
	else if (f == NULL && path != NULL && !(flags & SQLITE_OPEN_CREATE))
		rc = SQLITE_CANTOPEN;
	else if (f == NULL)
		f = make(path);
	if (rc == SQLITE_OK) {
		f->refs++;
		h->f = f;
		h->base.pMethods = &methods;
		h->delete_on_close = path == NULL || (flags & SQLITE_OPEN_DELETEONCLOSE);
		if (flags_r != NULL)
			*flags_r = flags;
	}
	lock_give(&memvfs_lock);
	return rc;
}

static int
m_delete(sqlite3_vfs *vfs, const char *path, int sync_dir)
{
	struct memfile *f;

	lock_take(&memvfs_lock);
	f = find(path);
	if (f != NULL)
		unlist(f);
	lock_give(&memvfs_lock);
	return f != NULL ? SQLITE_OK : SQLITE_IOERR_DELETE_NOENT;
}

static int
m_access(sqlite3_vfs *vfs, const char *path, int flags, int *yes_r)
{
	struct memfile *f;

	lock_take(&memvfs_lock);
	f = find(path);
	*yes_r = f != NULL && (flags != SQLITE_ACCESS_EXISTS || f->n > 0);
	lock_give(&memvfs_lock);
	return SQLITE_OK;
}

static int
m_fullpath(sqlite3_vfs *vfs, const char *path, int n, char *out)
{
	if (strlen(path) >= (size_t)n)
		return SQLITE_CANTOPEN;
	memcpy(out, path, strlen(path) + 1);
	return SQLITE_OK;
}

static int
m_last_error(sqlite3_vfs *vfs, int n, char *out)
{
	return 0;
}

void
memvfs_register(void)
{
	static sqlite3_vfs vfs = {
	    .iVersion = 2,
	    .szOsFile = sizeof(struct memhandle),
	    .mxPathname = 1024,
	    .zName = MEMVFS_NAME,
	    .xOpen = m_open,
	    .xDelete = m_delete,
	    .xAccess = m_access,
	    .xFullPathname = m_fullpath,
	    .xRandomness = pass_random,
	    .xSleep = pass_sleep,
	    .xCurrentTime = pass_time,
	    .xGetLastError = m_last_error,
	    .xCurrentTimeInt64 = pass_time64,
	};

	vfs.pAppData = sqlite3_vfs_find(NULL);
	sqlite3_vfs_register(&vfs, 0);
}

void
memvfs_put(const char *path, struct str bytes)
{
	struct memfile *f;

	lock_take(&memvfs_lock);
	if ((f = find(path)) == NULL)
		f = make(path);
	ensure(f->refs == 1);
	ensure(memfile_resize(f, bytes.n));
	memfile_changed(f, 0, bytes.n);
	if (bytes.n > 0)
		memcpy(f->p, bytes.p, bytes.n);
	lock_give(&memvfs_lock);
}

void
memvfs_each(void (*fn)(struct memfile *f, void *arg), void *arg)
{
	struct memfile *f;

	lock_take(&memvfs_lock);
	LIST_FOREACH(f, &files, link)
		fn(f, arg);
	lock_give(&memvfs_lock);
}

bool
memvfs_get(const char *path, struct buf *out)
{
	struct memfile *f;

	lock_take(&memvfs_lock);
	f = find(path);
	if (f != NULL)
		buf_add(out, str_of(f->p, f->n));
	lock_give(&memvfs_lock);
	return f != NULL;
}

void
memvfs_remove(const char *path)
{
	struct memfile *f, *next;
	size_t n = strlen(path);

	lock_take(&memvfs_lock);
	for (f = LIST_FIRST(&files); f != NULL; f = next) {
		next = LIST_NEXT(f, link);
		if (strncmp(f->path, path, n) == 0 && (f->path[n] == '\0' || f->path[n] == '-'))
			unlist(f);
	}
	lock_give(&memvfs_lock);
}

void
memvfs_capacity(size_t bytes)
{
	lock_take(&memvfs_lock);
	capacity = bytes;
	lock_give(&memvfs_lock);
}

size_t
memvfs_used(void)
{
	size_t n;

	lock_take(&memvfs_lock);
	n = used;
	lock_give(&memvfs_lock);
	return n;
}
