/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the last writes to the WAL until they make a system call worth it. */
#include "db/vfs/walvfs.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"
#include "base/assert.h"
#include "base/lock.h"
#include "db/vfs/passvfs.h"
#include "db/vfs/readahead.h"

#define GATHER_MAX (120 * 1024) /* the engine's own layer writes less than 128 KiB at once */
#define LAYERS_MAX 8

struct layer {
	sqlite3_vfs vfs;
	char name[64];
};

/* Our handle of a database or its WAL. */
struct walfile {
	struct passfile pass;
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
	return pass_write(&f->pass.base, f->p, (int)n, f->at);
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
		return pass_write(file, p, n, at);
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
	return rc == SQLITE_OK ? pass_read(file, p, n, at) : rc;
}

static int
w_truncate(sqlite3_file *file, sqlite3_int64 n)
{
	struct walfile *f = walfile_of(file);
	int rc = flush(f);

	return rc == SQLITE_OK ? pass_truncate(file, n) : rc;
}

/* A flush that fails is a failed write: the frame that commits is the last, and is not in the file. */
static int
w_sync(sqlite3_file *file, int flags)
{
	struct walfile *f = walfile_of(file);
	int rc = flush(f);

	return rc == SQLITE_OK ? pass_sync(file, flags) : rc;
}

static int
w_size(sqlite3_file *file, sqlite3_int64 *n_r)
{
	struct walfile *f = walfile_of(file);
	int rc = flush(f);

	return rc == SQLITE_OK ? pass_size(file, n_r) : rc;
}

static int
w_close(sqlite3_file *file)
{
	struct walfile *f = walfile_of(file);

	free(f->p);
	return pass_close(file);
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = w_close,
    .xRead = w_read,
    .xWrite = w_write,
    .xTruncate = w_truncate,
    .xSync = w_sync,
    .xFileSize = w_size,
    PASS_THE_REST,
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
	return pass_read(file, p, n, at);
}

/* Version 2: without xFetch, for there is no memory map (design). What is written goes through untouched: nothing is gathered. */
static const sqlite3_io_methods main_methods = {
    .iVersion = 2,
    .xClose = pass_close,
    .xRead = m_read,
    .xWrite = pass_write,
    .xTruncate = pass_truncate,
    .xSync = pass_sync,
    .xFileSize = pass_size,
    PASS_THE_REST,
};

static int
l_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *flags_r)
{
	sqlite3_vfs *base = passvfs_base(vfs);
	struct walfile *f = walfile_of(file);
	int rc;

	if (!(flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_DB)))
		return base->xOpen(base, path, file, flags, flags_r);
	memset(f, 0, sizeof(*f));
	f->fd = -1;
	rc = passvfs_open(vfs, path, &f->pass, sizeof(*f), flags, flags_r);
	f->pass.base.pMethods = f->pass.real->pMethods == NULL ? NULL : flags & SQLITE_OPEN_WAL ? &methods : &main_methods;
	return rc;
}

static void
layer_make(struct layer *l, sqlite3_vfs *base)
{
	snprintf(l->name, sizeof(l->name), "mansio-wal+%.40s", base->zName);
	passvfs_init(&l->vfs, l->name, base, sizeof(struct walfile));
	l->vfs.xOpen = l_open;
	ensure(sqlite3_vfs_register(&l->vfs, 0) == SQLITE_OK);
}

const char *
walvfs_over(const char *base)
{
	static struct lock lock = LOCK_INIT(vfs_layers);
	static struct layer layers[LAYERS_MAX];
	sqlite3_vfs *vfs = sqlite3_vfs_find(base);
	int i = 0;

	ensure(vfs != NULL);
	lock_take(&lock);
	while (i < LAYERS_MAX && layers[i].vfs.zName != NULL && passvfs_base(&layers[i].vfs) != vfs)
		i++;
	ensure(i < LAYERS_MAX);
	if (layers[i].vfs.zName == NULL)
		layer_make(&layers[i], vfs);
	lock_give(&lock);
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
