/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing the store. */
#include "store/account_priv.h"
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/file.h"
#include "base/log.h"
#include "store/copy.h"
#include "store/digest_priv.h"
#include "store/feed_priv.h"
#include "store/mailbox_priv.h"
#include "store/quota_priv.h"
#include "store/store_priv.h"

enum status
store_place(const char *dir, bool forced, struct buf *why)
{
	const char *name = file_system_unfit(dir);

	if (name == NULL)
		return OK;
	buf_addf(why, "%s lies on %s, a file system whose locks and syncs a database cannot rely on", dir, name);
	if (!forced)
		buf_adds(why, ": choose a local disk, or force it with store.any_filesystem=yes");
	return forced ? OK : ERR_NO_PERM;
}

/* The reserve is made after the first commit: beside it, an empty database is one that was cut off. */
static bool
was_cut_off(const char *path, const struct stat *sb)
{
	struct arena a = {0};
	bool yes = sb->st_size == 0 && access(arena_printf(&a, "%s-reserve", path).p, F_OK) == 0;

	arena_free(&a);
	if (yes)
		log_event(EV_damage, "path=%s is empty, but was not: restore it from a backup, or remove what lies beside it", path);
	return yes;
}

/*
 * The folder and an empty database file that only its owner may read: the engine's other files take over
 * the mode of this one. A symbolic link in its place is refused (S10). While the file is empty nothing was promised to anybody:
 * that is the time to see to it that a power cut does not take the folder.
 */
static enum status
make_files(const char *dir, const char *path)
{
	struct stat sb;
	enum status st;

	if ((st = file_make_folder(dir, 0700)) == OK)
		st = file_create(path, 0600);
	if (st == ERR_EXISTS)
		st = OK;
	if (st == OK && lstat(path, &sb) != 0)
		st = file_status(errno);
	if (st == OK && sb.st_size == 0 && S_ISREG(sb.st_mode) && (st = file_sync_names(dir)) == OK)
		st = file_sync_names(path);
	if (st != OK) {
		log_event(EV_io_error, "path=%s error=\"%s\"", path, strerror(errno));
		return st;
	}
	if (!S_ISREG(sb.st_mode)) {
		log_event(EV_io_error, "path=%s error=\"not a regular file\"", path);
		return ERR_NO_PERM;
	}
	return was_cut_off(path, &sb) ? ERR_CORRUPT : OK;
}

static enum status
open_db(const struct store_options *o, const char *file, struct db **db_r)
{
	struct db_options dbo = {.sqlite.vfs = o->vfs, .fatal = o->fatal, .fatal_arg = o->fatal_arg};
	struct arena a = {0};
	enum status st = OK;

	if (o->read_only) {
		dbo.read_only = true;
		dbo.sqlite.path = o->file != NULL ? o->file : arena_printf(&a, "%s/%s", o->dir, file).p;
	} else if (o->dir != NULL) {
		dbo.sqlite.reserve = strcmp(file, "mansio.db") == 0 ? 0 : 1; /* not for a file that repair makes */
		dbo.sqlite.path = arena_printf(&a, "%s/%s", o->dir, file).p;
		if (o->vfs == NULL)
			st = make_files(o->dir, dbo.sqlite.path);
	}
	if (st == OK)
		st = db_open(&dbo, db_r);
	arena_free(&a);
	return st;
}

static enum status
bring_up(struct db_txn *txn, void *arg)
{
	return schema_bring_up(arg, txn);
}

/* A repair was broken off when it was as good as done: what it made is the store, and not what lies in its place still. */
static bool
repaired_waits(const char *dir)
{
	struct arena a = {0};
	bool yes = access(arena_printf(&a, "%s/%s", dir, STORE_REPAIRED).p, F_OK) == 0;

	arena_free(&a);
	return yes;
}

enum status
store_open(const struct store_options *o, struct store **store_r)
{
	if (o->dir != NULL && !o->read_only && repaired_waits(o->dir))
		return ERR_AGAIN;
	return store_open_file(o, "mansio.db", store_r);
}

const char *
store_open_fault(enum status st)
{
	switch (st) {
	case ERR_UNAVAILABLE: return "another process has it open";
	case ERR_AGAIN: return "a repair of it is not finished; 'mansio repair' finishes it";
	case ERR_CONFLICT: return "a newer version of Mansio made it";
	case ERR_BAD_INPUT: return "mansio.db there is another program's database";
	case ERR_CORRUPT: return "mansio.db is damaged, or no database at all; 'mansio repair' saves what can be read";
	case ERR_NO_PERM: return "this user may not read and write it";
	case ERR_LIMIT: return "an older version of Mansio made it: bring it up to date in a folder that can be written";
	case ERR_READ_ONLY: return "this user, or the file system, may not write it";
	default: return status_word(st);
	}
}

enum status
store_open_file(const struct store_options *o, const char *file, struct store **store_r)
{
	struct store *s = x_new(struct store);
	pthread_condattr_t attr;
	enum status st;

	s->grace = o->grace != 0 ? o->grace : STORE_GRACE_DEFAULT;
	s->share_anyone = o->share_anyone;
	quota_configure(s, o);
	s->mailboxes_max = o->mailboxes != 0 ? o->mailboxes : MAILBOXES_MAX;
	s->names = account_names_new(o);
	s->feed = feed_new();
	s->digests = digests_new(s, o->dir);
	lock_init(&s->lock, LOCK_store_reaper);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->wake, &attr);
	pthread_condattr_destroy(&attr);
	if ((st = open_db(o, file, &s->db)) != OK)
		goto out;
	if ((st = blob_open(s->db, &(struct blob_options){.driver = "db"}, &s->blobs)) != OK)
		goto out;
	if (o->read_only) {
		/* Nothing may be submitted: there is no committer. */
		digests_stop(s->digests);
		if ((st = schema_look(s)) == OK)
			*store_r = s;
		goto out;
	}
	if ((st = db_write_reserve(s->db, bring_up, s)) != OK)
		goto out;
	if ((st = blob_sweep(s->blobs)) != OK || (st = copy_sweep(s)) != OK)
		goto out;
	if (!o->no_reaper && (st = reaper_start(s)) != OK)
		goto out;
	*store_r = s;
out:
	if (st != OK)
		store_close(s);
	return st;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	reaper_stop(s);
	digests_stop(s->digests);
	if (s->db != NULL)
		db_close(s->db);
	if (s->blobs != NULL)
		blob_close(s->blobs);
	account_names_free(s->names);
	feed_free(s->feed);
	digests_free(s->digests);
	lock_fini(&s->lock);
	pthread_cond_destroy(&s->wake);
	explicit_bzero(s->secret, sizeof(s->secret));
	free(s);
}

struct db *
store_db(struct store *s)
{
	return s->db;
}

struct blob_store *
store_blobs(struct store *s)
{
	return s->blobs;
}

struct digests *
store_digests(struct store *s)
{
	return s->digests;
}

struct str
store_secret(struct store *s)
{
	return str_of(s->secret, sizeof(s->secret));
}
