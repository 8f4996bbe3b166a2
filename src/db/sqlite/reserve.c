/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A full disk. Deleting needs space, too: frames in the WAL, and room for the database to grow when they are copied. So a
 * file beside the database holds some space; it is given back to the disk when a write that may use it, or a
 * checkpoint, finds none. Until the file can be made again, or the database has enough free pages of its own, all other
 * writes are refused. What the WAL holds of pages past the end of the database is kept smaller than the reserve
 * (sq_reserve_strained), so that a checkpoint always succeeds with its help.
 */
#include "db/sqlite/sqlite_priv.h"

#include <stdlib.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"

#define RETRY_US 1000000
#define TELL_US 60000000 /* around the edge it comes and goes: a line a minute is enough */

struct reserve {
	size_t size;
	sqlite3_file *file; /* NULL: there is no reserve at all */
	char *path;
	bool held, told;
	bool cut; /* the WAL has given back its space since the last try */
	int look_at; /* so long must the WAL be before new pages can be too many */
	int64_t tried, told_at;
};

static bool
write_zeroes(struct reserve *r)
{
	static const char zeroes[65536];

	for (size_t at = 0; at < r->size; at += sizeof(zeroes)) {
		if (r->file->pMethods->xWrite(r->file, zeroes, sizeof(zeroes), (sqlite3_int64)at) != SQLITE_OK)
			return false;
	}
	return true;
}

/* Makes the file as long as it should be; what is shorter is a leftover. */
static bool
fill(struct reserve *r)
{
	sqlite3_int64 n = 0;

	if (r->file->pMethods->xFileSize(r->file, &n) != SQLITE_OK)
		return false;
	if ((size_t)n >= r->size || write_zeroes(r))
		return true;
	(void)r->file->pMethods->xTruncate(r->file, 0);
	return false;
}

void
sq_reserve_open(struct sq_engine *e)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(e->vfs);
	size_t size = e->options.reserve;
	struct reserve *r;

	if (e->host->read_only || size == SQ_NO_RESERVE || (size == 0 && e->memory))
		return;
	r = e->reserve = x_new(struct reserve);
	r->size = size == 0 ? 16 << 20 : size;
	r->path = sqlite3_mprintf("%s-reserve", e->path);
	r->file = x_calloc(1, (size_t)vfs->szOsFile);
	/* Opened as a journal, it gets the owner and the mode of the database. */
	if (vfs->xOpen(vfs, r->path, r->file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_JOURNAL,
		NULL) != SQLITE_OK) {
		free(r->file);
		r->file = NULL;
		return;
	}
	r->held = fill(r);
}

void
sq_reserve_close(struct sq_engine *e)
{
	struct reserve *r = e->reserve;

	if (r == NULL)
		return;
	if (r->file != NULL && r->file->pMethods != NULL)
		r->file->pMethods->xClose(r->file);
	free(r->file);
	sqlite3_free(r->path);
	free(r);
	e->reserve = NULL;
}

static bool
give_back(struct reserve *r)
{
	if (r == NULL || r->file == NULL || !r->held)
		return false;
	r->held = false;
	r->tried = clock_mono();
	if (!r->told && (r->told_at == 0 || r->tried - r->told_at > TELL_US)) {
		log_event(EV_disk_full, "using the reserve of %zu bytes", r->size);
		r->told = true;
		r->told_at = r->tried;
	}
	return r->file->pMethods->xTruncate(r->file, 0) == SQLITE_OK;
}

/* Copies the WAL into the database and gives its space back. False: nothing was gained. */
static bool
fold(struct sq_engine *e)
{
	if (atomic_load(&e->wal_frames) == 0)
		return false;
	if (sq_checkpoint_all(e) != OK && (!give_back(e->reserve) || sq_checkpoint_all(e) != OK))
		return false;
	if (atomic_load(&e->wal_frames) > 0)
		return false;
	/* The space may suffice for the reserve, too. */
	if (e->reserve != NULL)
		e->reserve->cut = true;
	return true;
}

/* Enough free pages inside the database stand in for the reserve. */
static bool
has_free_pages(struct sq_engine *e)
{
	return e->reserve != NULL &&
	    (size_t)sq_writer_number(e, "PRAGMA freelist_count", 0) * (size_t)e->page_size >= e->reserve->size / 2;
}

bool
sq_on_full(struct sq_engine *e, bool may_reserve)
{
	bool gained = fold(e);

	/* With free pages there, only the WAL lacks space. */
	if (!gained && (may_reserve || has_free_pages(e)))
		gained = give_back(e->reserve);
	return gained;
}

/* Once a second, or at once after the WAL was cut: whether the reserve could be made again. */
static bool
retry(struct reserve *r, bool at_once)
{
	int64_t now = clock_mono();

	if (now - r->tried >= RETRY_US || (at_once && r->cut)) {
		r->tried = now;
		r->held = fill(r);
	}
	r->cut = false;
	return r->held;
}

bool
sq_is_full(struct sq_engine *e)
{
	struct reserve *r = e->reserve;
	bool free_pages;

	/* Before more is committed that could not be copied. */
	if (atomic_exchange(&e->copy_full, false))
		(void)fold(e);
	if (r == NULL || r->file == NULL || r->held)
		return false;
	free_pages = has_free_pages(e);
	if (!retry(r, !free_pages) && !free_pages)
		return true;
	if (r->told && r->held)
		log_event(EV_disk_ok, "the reserve is there again");
	r->told = r->told && !r->held;
	return false;
}

bool
sq_reserve_strained(struct sq_engine *e)
{
	sqlite3_file *file = NULL;
	sqlite3_int64 size = 0, want;
	int frames = atomic_load(&e->wal_frames), most;

	if (e->reserve == NULL)
		return false;
	most = (int)(e->reserve->size / 2 / (size_t)e->page_size);
	if (frames <= most)
		e->reserve->look_at = most;
	if (frames <= e->reserve->look_at)
		return false;
	sqlite3_file_control(e->writer, "main", SQLITE_FCNTL_FILE_POINTER, &file);
	if (file == NULL || file->pMethods == NULL || file->pMethods->xFileSize(file, &size) != SQLITE_OK)
		return false;
	want = sq_writer_number(e, "PRAGMA page_count", 0) * e->page_size;
	want = want > size ? (want - size) / e->page_size : 0;
	/* A frame is one new page at most. */
	e->reserve->look_at = frames + most - (int)(want < most ? want : most);
	return want > most;
}
