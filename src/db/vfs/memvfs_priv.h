/* SPDX-License-Identifier: Apache-2.0 */
/* The files of memvfs.c, and their shared memory (memvfs_shm.c). */
#ifndef DB_MEMVFS_PRIV_H
#define DB_MEMVFS_PRIV_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <sys/queue.h>
#include "base/lock.h"

#define SHM_LOCKS 8
#define SHM_REGIONS 1024

struct memfile {
	LIST_ENTRY(memfile) link;
	char *path;
	int refs; /* handles, and one of the list */
	bool listed;
	char *p;
	size_t n, cap;
	size_t changed_from, changed_to; /* where it was written since there is an image, or since the last way back to it */
	/* The engine's locks on the file. */
	int shared;
	void *reserved, *pending; /* the handle that has it */
	/* The shared memory that indexes the WAL. */
	char *regions[SHM_REGIONS];
	int mapped; /* handles that map it */
	int shm_shared[SHM_LOCKS];
	void *shm_excl[SHM_LOCKS];
};

struct memhandle {
	sqlite3_file base;
	struct memfile *f;
	int level;
	bool mapped, delete_on_close;
	unsigned shm_held;
};

extern struct lock memvfs_lock; /* guards all files and handles */

static inline struct memhandle *
memhandle_of(sqlite3_file *file)
{
	return (struct memhandle *)file;
}

/* Every file, with the lock. */
void memvfs_each(void (*fn)(struct memfile *f, void *arg), void *arg);
/* Sets the size, with the lock; false: the disk is full. */
bool memfile_resize(struct memfile *f, size_t n);
/* What is written there goes into changed_from and changed_to. */
void memfile_changed(struct memfile *f, size_t from, size_t to);
/* Forgets a file's shared memory; with the lock. */
void memvfs_shm_drop(struct memfile *f);
/* Methods of a handle. */
int memvfs_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **p_r);
int memvfs_shm_lock(sqlite3_file *file, int from, int n, int flags);
void memvfs_shm_barrier(sqlite3_file *file);
int memvfs_shm_unmap(sqlite3_file *file, int delete_it);

#endif
