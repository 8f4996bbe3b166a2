/* SPDX-License-Identifier: Apache-2.0 */
/*
 * passvfs: what passes a call on to the file layer below, for layers that change only some of the calls (walvfs, faultvfs). Such a layer's
 * handle begins with a struct passfile, behind which the lower layer's own handle lies. Any thread.
 */
#ifndef DB_PASSVFS_H
#define DB_PASSVFS_H

#include <sqlite3.h>
#include <stddef.h>

struct passfile {
	sqlite3_file base;
	sqlite3_file *real; /* the lower layer's */
};

/* Makes vfs a layer over base that passes on everything but what is set in it afterwards, xOpen at least. size: of its handles. */
void passvfs_init(sqlite3_vfs *vfs, const char *name, sqlite3_vfs *base, size_t size);
/* The layer below. */
sqlite3_vfs *passvfs_base(sqlite3_vfs *vfs);
/* Opens the file in the lower layer; file->real is its handle then. size as above. The caller sets file->base.pMethods on success. */
int passvfs_open(sqlite3_vfs *vfs, const char *path, struct passfile *file, size_t size, int flags, int *flags_r);

/* Methods of a handle. */
int pass_close(sqlite3_file *file);
int pass_read(sqlite3_file *file, void *p, int n, sqlite3_int64 at);
int pass_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 at);
int pass_truncate(sqlite3_file *file, sqlite3_int64 n);
int pass_sync(sqlite3_file *file, int flags);
int pass_size(sqlite3_file *file, sqlite3_int64 *n_r);
int pass_lock(sqlite3_file *file, int level);
int pass_unlock(sqlite3_file *file, int level);
int pass_reserved(sqlite3_file *file, int *yes_r);
int pass_control(sqlite3_file *file, int op, void *arg);
int pass_sector(sqlite3_file *file);
int pass_traits(sqlite3_file *file);
int pass_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **p_r);
int pass_shm_lock(sqlite3_file *file, int from, int n, int flags);
void pass_shm_barrier(sqlite3_file *file);
int pass_shm_unmap(sqlite3_file *file, int delete_it);

/* In a table of methods: those that no layer of ours changes. */
#define PASS_THE_REST                                                                                                  \
	.xLock = pass_lock, .xUnlock = pass_unlock, .xCheckReservedLock = pass_reserved, .xFileControl = pass_control,      \
	.xSectorSize = pass_sector, .xDeviceCharacteristics = pass_traits, .xShmMap = pass_shm_map,                        \
	.xShmLock = pass_shm_lock, .xShmBarrier = pass_shm_barrier, .xShmUnmap = pass_shm_unmap

/* Methods of a layer whose pAppData is the one below. */
int pass_random(sqlite3_vfs *vfs, int n, char *out);
int pass_sleep(sqlite3_vfs *vfs, int us);
int pass_time(sqlite3_vfs *vfs, double *out);
int pass_time64(sqlite3_vfs *vfs, sqlite3_int64 *out);

#endif
