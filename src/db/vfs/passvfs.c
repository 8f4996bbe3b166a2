/* SPDX-License-Identifier: Apache-2.0 */
/* A method of SQLite's file layer each, that calls the layer below. */
#include "db/vfs/passvfs.h"

static sqlite3_file *
real(sqlite3_file *file)
{
	return ((struct passfile *)file)->real;
}

int
pass_close(sqlite3_file *file)
{
	return real(file)->pMethods->xClose(real(file));
}

int
pass_read(sqlite3_file *file, void *p, int n, sqlite3_int64 at)
{
	return real(file)->pMethods->xRead(real(file), p, n, at);
}

int
pass_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 at)
{
	return real(file)->pMethods->xWrite(real(file), p, n, at);
}

int
pass_truncate(sqlite3_file *file, sqlite3_int64 n)
{
	return real(file)->pMethods->xTruncate(real(file), n);
}

int
pass_sync(sqlite3_file *file, int flags)
{
	return real(file)->pMethods->xSync(real(file), flags);
}

int
pass_size(sqlite3_file *file, sqlite3_int64 *n_r)
{
	return real(file)->pMethods->xFileSize(real(file), n_r);
}

int
pass_lock(sqlite3_file *file, int level)
{
	return real(file)->pMethods->xLock(real(file), level);
}

int
pass_unlock(sqlite3_file *file, int level)
{
	return real(file)->pMethods->xUnlock(real(file), level);
}

int
pass_reserved(sqlite3_file *file, int *yes_r)
{
	return real(file)->pMethods->xCheckReservedLock(real(file), yes_r);
}

int
pass_control(sqlite3_file *file, int op, void *arg)
{
	return real(file)->pMethods->xFileControl(real(file), op, arg);
}

int
pass_sector(sqlite3_file *file)
{
	return real(file)->pMethods->xSectorSize(real(file));
}

int
pass_traits(sqlite3_file *file)
{
	return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

int
pass_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **p_r)
{
	return real(file)->pMethods->xShmMap(real(file), region, size, extend, p_r);
}

int
pass_shm_lock(sqlite3_file *file, int from, int n, int flags)
{
	return real(file)->pMethods->xShmLock(real(file), from, n, flags);
}

void
pass_shm_barrier(sqlite3_file *file)
{
	real(file)->pMethods->xShmBarrier(real(file));
}

int
pass_shm_unmap(sqlite3_file *file, int delete_it)
{
	return real(file)->pMethods->xShmUnmap(real(file), delete_it);
}

sqlite3_vfs *
passvfs_base(sqlite3_vfs *vfs)
{
	return vfs->pAppData;
}

static int
pass_delete(sqlite3_vfs *vfs, const char *path, int sync_dir)
{
	return passvfs_base(vfs)->xDelete(passvfs_base(vfs), path, sync_dir);
}

static int
pass_access(sqlite3_vfs *vfs, const char *path, int flags, int *yes_r)
{
	return passvfs_base(vfs)->xAccess(passvfs_base(vfs), path, flags, yes_r);
}

static int
pass_fullpath(sqlite3_vfs *vfs, const char *path, int n, char *out)
{
	return passvfs_base(vfs)->xFullPathname(passvfs_base(vfs), path, n, out);
}

int
pass_random(sqlite3_vfs *vfs, int n, char *out)
{
	return passvfs_base(vfs)->xRandomness(passvfs_base(vfs), n, out);
}

int
pass_sleep(sqlite3_vfs *vfs, int us)
{
	return passvfs_base(vfs)->xSleep(passvfs_base(vfs), us);
}

int
pass_time(sqlite3_vfs *vfs, double *out)
{
	return passvfs_base(vfs)->xCurrentTime(passvfs_base(vfs), out);
}

int
pass_time64(sqlite3_vfs *vfs, sqlite3_int64 *out)
{
	return passvfs_base(vfs)->xCurrentTimeInt64(passvfs_base(vfs), out);
}

static int
pass_last_error(sqlite3_vfs *vfs, int n, char *out)
{
	return passvfs_base(vfs)->xGetLastError(passvfs_base(vfs), n, out);
}

void
passvfs_init(sqlite3_vfs *vfs, const char *name, sqlite3_vfs *base, size_t size)
{
	*vfs = (sqlite3_vfs){
	    .iVersion = 2,
	    .szOsFile = (int)size + base->szOsFile,
	    .mxPathname = base->mxPathname,
	    .zName = name,
	    .pAppData = base,
	    .xDelete = pass_delete,
	    .xAccess = pass_access,
	    .xFullPathname = pass_fullpath,
	    .xRandomness = pass_random,
	    .xSleep = pass_sleep,
	    .xCurrentTime = pass_time,
	    .xGetLastError = pass_last_error,
	    .xCurrentTimeInt64 = pass_time64,
	};
}

int
passvfs_open(sqlite3_vfs *vfs, const char *path, struct passfile *file, size_t size, int flags, int *flags_r)
{
	file->real = (sqlite3_file *)((char *)file + size);
	return passvfs_base(vfs)->xOpen(passvfs_base(vfs), path, file->real, flags, flags_r);
}
