/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a power cut leaves. Per file, what was synced is on the disk; of what came after, the system may have
 * written anything, in any order: nothing, all, some writes, some sectors of them. What was made or deleted is sure after
 * a sync of the folder: one that a deletion asks for, or the first sync of a journal or WAL (the system's file layer syncs the
 * folder then).
 */
#include "db/vfs/faultvfs_priv.h"

#include <stdlib.h>
#include "base/arena.h"
#include "base/buf.h"

#define SECTOR 512

struct disk_file {
	struct buf bytes;
	bool exists;        /* for sure */
	bool made, deleted; /* since the last sync, perhaps */
	size_t first;       /* event from which on nothing is sure */
};

static void
set_size(struct buf *b, size_t n)
{
	if (n > b->n) {
		memset(buf_room(b, n - b->n), 0, n - b->n);
		buf_wrote(b, n - b->n);
	}
	b->n = n;
}

static void
apply_bytes(struct buf *b, const char *p, size_t n, size_t at)
{
	if (at + n > b->n)
		set_size(b, at + n);
	memcpy(b->p + at, p, n);
}

static void
apply(struct buf *b, const struct event *e)
{
	if (e->kind == EVENT_WRITE)
		apply_bytes(b, e->bytes, e->n, (size_t)e->at);
	else if (e->kind == EVENT_TRUNCATE)
		set_size(b, (size_t)e->at);
}

static bool
coin(unsigned *seed)
{
	return rand_r(seed) & 0x100;
}

static void
apply_sectors(struct buf *b, const struct event *e, unsigned *seed)
{
	for (size_t i = 0; i < e->n;) {
		size_t left = SECTOR - ((size_t)e->at + i) % SECTOR, n = left < e->n - i ? left : e->n - i;

		if (coin(seed))
			apply_bytes(b, e->bytes + i, n, (size_t)e->at + i);
		i += n;
	}
}

/* What may or may not have reached the disk. */
static void
apply_unsure(const struct record *r, size_t events, int file, struct disk_file *f, enum cut mode, unsigned *seed)
{
	for (size_t i = f->first; i < events; i++) {
		const struct event *e = &r->events[i];

		if (e->file != file || (e->kind != EVENT_WRITE && e->kind != EVENT_TRUNCATE))
			continue;
		if (mode == CUT_KEEP || (mode == CUT_WRITES && coin(seed)))
			apply(&f->bytes, e);
		else if (mode == CUT_SECTORS && e->kind == EVENT_WRITE)
			apply_sectors(&f->bytes, e, seed);
		else if (mode == CUT_SECTORS && coin(seed))
			apply(&f->bytes, e);
	}
}

static void
sync_folder(const struct record *r, struct disk_file *files)
{
	for (int i = 0; i < r->files; i++) {
		if (files[i].deleted) {
			buf_clear(&files[i].bytes);
			files[i].exists = files[i].deleted = false;
		}
		files[i].exists = files[i].exists || files[i].made;
		files[i].made = false;
	}
}

static void
sync_file(const struct record *r, size_t until, int file, struct disk_file *f)
{
	for (size_t i = f->first; i < until; i++) {
		if (r->events[i].file == file)
			apply(&f->bytes, &r->events[i]);
	}
	f->first = until;
}

static void
play(const struct record *r, size_t i, struct disk_file *files)
{
	const struct event *e = &r->events[i];
	struct disk_file *f = &files[e->file];

	switch (e->kind) {
	case EVENT_SYNC:
		sync_file(r, i, e->file, f);
		if (f->made && strchr(r->paths[e->file], '-') != NULL)
			sync_folder(r, files);
		break;
	case EVENT_CREATE:
		/* A new file under an old name: what the old one held is gone. */
		buf_clear(&f->bytes);
		f->exists = f->deleted = false;
		f->made = true;
		f->first = i;
		break;
	case EVENT_DELETE:
		if (e->at) {
			buf_clear(&f->bytes);
			f->exists = f->made = false;
			f->first = i + 1;
			sync_folder(r, files);
		} else {
			f->deleted = true;
		}
		break;
	case EVENT_WRITE:
	case EVENT_TRUNCATE: break;
	}
}

static bool
is_there(const struct disk_file *f, enum cut mode, unsigned *seed)
{
	if (f->deleted && mode != CUT_LOSE && (mode == CUT_KEEP || coin(seed)))
		return false;
	if (f->exists)
		return true;
	return f->made && mode != CUT_LOSE && (mode == CUT_KEEP || coin(seed));
}

void
record_cut(const struct record *r, size_t events, enum cut mode, unsigned seed,
    void (*put)(void *arg, const char *path, struct str bytes), void *arg)
{
	struct disk_file *files = x_calloc(RECORD_FILES, sizeof(*files));

	for (size_t i = 0; i < events; i++)
		play(r, i, files);
	for (int i = 0; i < r->files; i++) {
		if (is_there(&files[i], mode, &seed)) {
			apply_unsure(r, events, i, &files[i], mode, &seed);
			put(arg, r->paths[i], buf_str(&files[i].bytes));
		}
		buf_free(&files[i].bytes);
	}
	free(files);
}
