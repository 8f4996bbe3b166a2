/* SPDX-License-Identifier: Apache-2.0 */
/* The file layer that fails calls and records; cuts are made in powercut.c. */
#include "db/vfs/faultvfs_priv.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/arena.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/lock.h"
#include "db/vfs/passvfs.h"

struct handle {
	struct passfile pass;
	int file;           /* number in the record */
	char *path;         /* NULL: a temporary file */
	bool names;         /* its first sync is one of its folder, too: as the system's layer does with new journals */
};

static sqlite3_vfs *under;
static sqlite3_vfs layer;
static struct lock lock = LOCK_INIT(vfs_faults); /* guards everything here */
static struct fault plan;
static bool planned, hit, recording, wanted;
static unsigned calls[FAULT_OPS];
static struct record record;

static const char *const op_words[] = {"open", "read", "write", "truncate", "sync", "delete", "name"};
static const char *const how_words[] = {"eio", "enospc", "short"};

const char *
fault_op_word(enum fault_op op)
{
	return op_words[op];
}

void
faultvfs_plan(const struct fault *fault)
{
	lock_take(&lock);
	planned = fault != NULL;
	if (planned)
		plan = *fault;
	hit = false;
	memset(calls, 0, sizeof(calls));
	lock_give(&lock);
}

bool
faultvfs_hit(void)
{
	bool was;

	lock_take(&lock);
	was = hit;
	lock_give(&lock);
	return was;
}

unsigned
faultvfs_calls(enum fault_op op)
{
	unsigned n;

	lock_take(&lock);
	n = calls[op];
	lock_give(&lock);
	return n;
}

static bool
word_of(struct str s, const char *const *words, int n, int *at_r)
{
	for (int i = 0; i < n; i++) {
		if (str_eq(s, str_c(words[i]))) {
			*at_r = i;
			return true;
		}
	}
	return false;
}

bool
faultvfs_parse(struct str text, struct fault *fault_r)
{
	struct fault f = {0};
	struct str piece;
	uint64_t nth;
	int op, how;

	if (!str_split(&text, ':', &piece) || !word_of(piece, op_words, FAULT_OPS, &op))
		return false;
	if (!str_split(&text, ':', &piece) || !str_u64(piece, UINT32_MAX, &nth) || nth == 0)
		return false;
	if (!str_split(&text, ':', &piece) || !word_of(piece, how_words, FAULT_HOWS, &how))
		return false;
	if (str_split(&text, ':', &piece)) {
		if (!str_eq(piece, STR("lasting")))
			return false;
		f.lasting = true;
	}
	f.op = (enum fault_op)op;
	f.nth = (unsigned)nth;
	f.how = (enum fault_how)how;
	*fault_r = f;
	return true;
}

/* Counts the call; true: it is to fail. */
static bool
fails(enum fault_op op, enum fault_how *how_r)
{
	bool now, before;

	lock_take(&lock);
	before = hit;
	calls[op]++;
	now = planned && plan.op == op && (calls[op] == plan.nth || (plan.lasting && calls[op] > plan.nth));
	if (now) {
		hit = true;
		*how_r = plan.how;
	}
	lock_give(&lock);
	if (now && wanted && !before)
		fprintf(stderr, "fault: %s %u\n", op_words[op], plan.nth);
	return now;
}

/* ---- the record ---- */

static struct event *
event_add(enum event_kind kind, int file)
{
	struct event *e;

	if (record.n == record.cap) {
		record.cap = record.cap * 2 + 1024;
		record.events = x_realloc(record.events, record.cap * sizeof(*record.events));
	}
	e = &record.events[record.n++];
	*e = (struct event){.kind = kind, .file = file};
	return e;
}

static void
note(enum event_kind kind, int file, const void *p, size_t n, int64_t at)
{
	struct event *e;

	lock_take(&lock);
	if (recording) {
		e = event_add(kind, file);
		e->at = at;
		e->n = n;
		if (n > 0 && p != NULL) {
			e->bytes = x_malloc(n);
			memcpy(e->bytes, p, n);
		}
	}
	lock_give(&lock);
}

static int
file_number(const char *path)
{
	int i = 0;

	lock_take(&lock);
	while (i < record.files && strcmp(record.paths[i], path) != 0)
		i++;
	if (i == record.files) {
		ensure(i < RECORD_FILES);
		record.paths[record.files++] = x_strdup(path);
	}
	lock_give(&lock);
	return i;
}

void
faultvfs_record(bool on)
{
	lock_take(&lock);
	for (size_t i = 0; i < record.n; i++)
		free(record.events[i].bytes);
	free(record.events);
	record.events = NULL;
	record.n = record.cap = 0;
	recording = on;
	lock_give(&lock);
}

size_t
faultvfs_events(void)
{
	size_t n;

	lock_take(&lock);
	n = record.n;
	lock_give(&lock);
	return n;
}

bool
faultvfs_is_sync(size_t event)
{
	bool is;

	lock_take(&lock);
	is = event < record.n && record.events[event].kind == EVENT_SYNC;
	lock_give(&lock);
	return is;
}

void
faultvfs_image(size_t events, enum cut mode, unsigned seed,
    void (*put)(void *arg, const char *path, struct str bytes), void *arg)
{
	lock_take(&lock);
	record_cut(&record, events < record.n ? events : record.n, mode, seed, put, arg);
	lock_give(&lock);
}

/* ---- the environment ---- */

#ifdef MANSIO_FAULTS
/* The same for the files of base/file.h. */
static int
before_act(enum file_act act, const char *path)
{
	static const enum fault_op op[] = {
	    [FILE_CREATE] = FAULT_OPEN, [FILE_WRITE] = FAULT_WRITE, [FILE_SYNC] = FAULT_SYNC, [FILE_REMOVE] = FAULT_DELETE,
	    [FILE_RENAME] = FAULT_NAME, [FILE_LINK] = FAULT_NAME, [FILE_FOLDER] = FAULT_NAME,
	    [FILE_SYNC_NAMES] = FAULT_SYNC};
	enum fault_how how;

	if (!fails(op[act], &how))
		return 0;
	return how == FAULT_EIO ? EIO : ENOSPC;
}

static void
after_act(enum file_act act, const char *path, const char *other, struct str bytes)
{
	static const enum trace_kind kind[] = {
	    [FILE_CREATE] = TRACE_CREATE, [FILE_WRITE] = TRACE_WRITE, [FILE_SYNC] = TRACE_SYNC,
	    [FILE_REMOVE] = TRACE_DELETE, [FILE_RENAME] = TRACE_RENAME, [FILE_LINK] = TRACE_LINK,
	    [FILE_FOLDER] = TRACE_FOLDER, [FILE_SYNC_NAMES] = TRACE_SYNC_NAMES};

	trace_add(kind[act], path, other, bytes.p, bytes.n, 0);
}

void
faultvfs_environment(void)
{
	static const struct file_watch watch = {before_act, after_act};
	const char *text = getenv("MANSIO_FAULTVFS"), *file = getenv("MANSIO_RECORD");
	struct fault fault;

	if (text != NULL && faultvfs_parse(str_c(text), &fault)) {
		faultvfs_plan(&fault);
		wanted = true;
	}
	if (file != NULL) {
		trace_open(file);
		wanted = true;
	}
	if (wanted)
		file_watch(&watch);
	if ((file = getenv("MANSIO_CLOCK")) != NULL)
		ensure(clock_follow(file));
}

bool
faultvfs_wanted(void)
{
	return wanted;
}
#endif

/* ---- files ---- */

static struct handle *
handle_of(sqlite3_file *file)
{
	return (struct handle *)file;
}

static void
trace(enum trace_kind kind, const struct handle *h, const void *p, size_t n, int64_t at)
{
	if (trace_is_on() && h->path != NULL)
		trace_add(kind, h->path, NULL, p, n, at);
}

static int
f_close(sqlite3_file *file)
{
	struct handle *h = handle_of(file);

	free(h->path);
	h->path = NULL;
	return pass_close(file);
}

static int
f_read(sqlite3_file *file, void *p, int n, sqlite3_int64 at)
{
	enum fault_how how;

	if (fails(FAULT_READ, &how))
		return SQLITE_IOERR_READ;
	return pass_read(file, p, n, at);
}

static int
f_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 at)
{
	struct handle *h = handle_of(file);
	enum fault_how how;
	int rc;

	if (fails(FAULT_WRITE, &how)) {
		if (how == FAULT_SHORT && n > 1) {
			(void)pass_write(file, p, n / 2, at);
			note(EVENT_WRITE, h->file, p, (size_t)n / 2, at);
			trace(TRACE_WRITE, h, p, (size_t)n / 2, at);
		}
		return how == FAULT_EIO ? SQLITE_IOERR_WRITE : SQLITE_FULL;
	}
	rc = pass_write(file, p, n, at);
	if (rc == SQLITE_OK) {
		note(EVENT_WRITE, h->file, p, (size_t)n, at);
		trace(TRACE_WRITE, h, p, (size_t)n, at);
	}
	return rc;
}

static int
f_truncate(sqlite3_file *file, sqlite3_int64 n)
{
	struct handle *h = handle_of(file);
	enum fault_how how;
	int rc;

	if (fails(FAULT_TRUNCATE, &how))
		return SQLITE_IOERR_TRUNCATE;
	rc = pass_truncate(file, n);
	if (rc == SQLITE_OK) {
		note(EVENT_TRUNCATE, h->file, NULL, 0, n);
		trace(TRACE_TRUNCATE, h, NULL, 0, n);
	}
	return rc;
}

static int
f_sync(sqlite3_file *file, int flags)
{
	struct handle *h = handle_of(file);
	enum fault_how how;
	int rc;

	if (fails(FAULT_SYNC, &how))
		return SQLITE_IOERR_FSYNC;
	rc = pass_sync(file, flags);
	if (rc == SQLITE_OK) {
		note(EVENT_SYNC, h->file, NULL, 0, 0);
		trace(TRACE_SYNC, h, NULL, 0, 0);
		if (h->names)
			trace(TRACE_SYNC_NAMES, h, NULL, 0, 0);
		h->names = false;
	}
	return rc;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = f_close,
    .xRead = f_read,
    .xWrite = f_write,
    .xTruncate = f_truncate,
    .xSync = f_sync,
    .xFileSize = pass_size,
    PASS_THE_REST,
};

/* ---- the layer ---- */

static int
l_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *flags_r)
{
	struct handle *h = handle_of(file);
	enum fault_how how;
	int rc, exists = 0;

	memset(h, 0, sizeof(*h));
	if (fails(FAULT_OPEN, &how))
		return SQLITE_CANTOPEN;
	if (path != NULL)
		under->xAccess(under, path, SQLITE_ACCESS_READWRITE, &exists);
	rc = passvfs_open(vfs, path, &h->pass, sizeof(*h), flags, flags_r);
	if (rc != SQLITE_OK)
		return rc;
	h->pass.base.pMethods = &methods;
	h->file = file_number(path != NULL ? path : "(temporary)");
	h->path = path != NULL ? x_strdup(path) : NULL;
	h->names = (flags & SQLITE_OPEN_CREATE) && (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL));
	if (!exists) {
		note(EVENT_CREATE, h->file, NULL, 0, 0);
		trace(TRACE_CREATE, h, NULL, 0, 0);
	}
	return SQLITE_OK;
}

static int
l_delete(sqlite3_vfs *vfs, const char *path, int sync_dir)
{
	enum fault_how how;
	int rc;

	if (fails(FAULT_DELETE, &how))
		return SQLITE_IOERR_DELETE;
	rc = under->xDelete(under, path, sync_dir);
	if (rc == SQLITE_OK) {
		note(EVENT_DELETE, file_number(path), NULL, 0, sync_dir);
		trace_add(TRACE_DELETE, path, NULL, NULL, 0, 0);
		if (sync_dir)
			trace_add(TRACE_SYNC_NAMES, path, NULL, NULL, 0, 0);
	}
	return rc;
}

void
faultvfs_register(const char *base)
{
	if (under != NULL && under == sqlite3_vfs_find(base))
		return;
	under = sqlite3_vfs_find(base);
	ensure(under != NULL && under != &layer);
	passvfs_init(&layer, FAULTVFS_NAME, under, sizeof(struct handle));
	layer.xOpen = l_open;
	layer.xDelete = l_delete;
	ensure(sqlite3_vfs_register(&layer, 0) == SQLITE_OK);
}
