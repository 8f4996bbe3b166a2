/* SPDX-License-Identifier: Apache-2.0 */
/* The shared memory of a file that is none: the index of the WAL, and the locks that come with it. */
#include "db/vfs/memvfs_priv.h"

#include <stdlib.h>
#include "base/arena.h"
#include "base/assert.h"

void
memvfs_shm_drop(struct memfile *f)
{
	for (int i = 0; i < SHM_REGIONS; i++) {
		free(f->regions[i]);
		f->regions[i] = NULL;
	}
}

int
memvfs_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **p_r)
{
	struct memhandle *h = memhandle_of(file);
	int rc = SQLITE_OK;

	lock_take(&memvfs_lock);
	if (!h->mapped)
		h->f->mapped++;
	h->mapped = true;
	if (region >= SHM_REGIONS)
		rc = SQLITE_IOERR_SHMMAP;
	else if (h->f->regions[region] == NULL && extend)
		h->f->regions[region] = x_calloc(1, (size_t)size);
	*p_r = rc == SQLITE_OK ? h->f->regions[region] : NULL;
	lock_give(&memvfs_lock);
	return rc;
}

static void
shm_unlock(struct memhandle *h, int i, int flags)
{
	struct memfile *f = h->f;

	if (flags & SQLITE_SHM_EXCLUSIVE) {
		if (f->shm_excl[i] == h)
			f->shm_excl[i] = NULL;
	} else if (h->shm_held & (1U << i)) {
		f->shm_shared[i]--;
		h->shm_held &= ~(1U << i);
	}
}

static bool
shm_may(const struct memhandle *h, int i, int flags)
{
	const struct memfile *f = h->f;
	bool others = f->shm_shared[i] > (h->shm_held & (1U << i) ? 1 : 0);

	if (f->shm_excl[i] != NULL && f->shm_excl[i] != h)
		return false;
	return (flags & SQLITE_SHM_SHARED) || !others;
}

int
memvfs_shm_lock(sqlite3_file *file, int from, int n, int flags)
{
	struct memhandle *h = memhandle_of(file);
	int rc = SQLITE_OK;

	ensure(from >= 0 && n > 0 && from + n <= SHM_LOCKS);
	lock_take(&memvfs_lock);
	for (int i = from; i < from + n; i++) {
		if (flags & SQLITE_SHM_UNLOCK)
			shm_unlock(h, i, flags);
		else if (!shm_may(h, i, flags))
			rc = SQLITE_BUSY;
	}
	for (int i = from; i < from + n && rc == SQLITE_OK && (flags & SQLITE_SHM_LOCK); i++) {
		if (flags & SQLITE_SHM_EXCLUSIVE) {
			h->f->shm_excl[i] = h;
		} else if (!(h->shm_held & (1U << i))) {
			h->f->shm_shared[i]++;
			h->shm_held |= 1U << i;
		}
	}
	lock_give(&memvfs_lock);
	return rc;
}

void
memvfs_shm_barrier(sqlite3_file *file)
{
	lock_take(&memvfs_lock);
	lock_give(&memvfs_lock);
}

int
memvfs_shm_unmap(sqlite3_file *file, int delete_it)
{
	struct memhandle *h = memhandle_of(file);

	lock_take(&memvfs_lock);
	if (h->mapped && --h->f->mapped == 0)
		memvfs_shm_drop(h->f);
	h->mapped = false;
	lock_give(&memvfs_lock);
	return SQLITE_OK;
}
