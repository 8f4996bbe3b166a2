/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Repair. The damaged file is only read: all rows that can be read are copied into a new file, that is mended,
 * checked, and takes the old one's place at the very end. The old file and its log are kept under another name. When nothing was
 * damaged the new file is thrown away.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "db/salvage/salvage.h"
#include "store/mend/repair_priv.h"
#include "store/store_priv.h"

#define NEW "mansio.db.repair"

static struct db_sql forget_secret = DB_SQL("DELETE FROM meta WHERE key IN ('secret', 'created')");

void
repair_lost(struct repair *r, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->changed = true;
	r->report->lost_n++;
	if (r->report->lost != NULL)
		r->report->lost(r->report->arg, text);
}

struct repair_account *
repair_account_of(struct repair *r, int64_t id)
{
	struct repair_account *a = map_get(&r->accounts, MAP_KEY(id));

	if (a == NULL) {
		a = arena_new(&r->arena, struct repair_account);
		a->id = id;
		map_put(&r->accounts, MAP_KEY(id), a);
	}
	return a;
}

void
repair_name(struct repair *r, int64_t email)
{
	struct repair_account *a = repair_account_of(r, email >> 32);
	size_t at = (uint32_t)email / 8;

	if (at >= a->bytes) {
		size_t bytes = at * 2 + 64;
		a->named = x_realloc(a->named, bytes);
		memset(a->named + a->bytes, 0, bytes - a->bytes);
		a->bytes = bytes;
	}
	a->named[at] |= (uint8_t)(1 << (email & 7));
}

bool
repair_named(struct repair *r, int64_t email)
{
	struct repair_account *a = repair_account_of(r, email >> 32);
	size_t at = (uint32_t)email / 8;

	return at < a->bytes && (a->named[at] & 1 << (email & 7)) != 0;
}

/* ---- the new file ---- */

static void
salvage_lost(void *arg, const char *text)
{
	repair_lost(arg, "database: %s", text);
}

static enum status
make_room(struct db_txn *txn, void *arg)
{
	(void)arg;
	return db_exec(txn, &forget_secret, "");
}

static enum status
bring_up(struct db_txn *txn, void *arg)
{
	return schema_bring_up(arg, txn);
}

static enum status
salvage(struct repair *r, const char *from, const char *to)
{
	enum status st;

	if ((st = db_write(r->store->db, make_room, NULL)) != OK)
		return st;
	if ((st = salvage_copy(from, to, salvage_lost, r)) != OK)
		return st;
	return db_write(r->store->db, bring_up, r->store);
}

static enum status
mend(struct repair *r)
{
	static enum status (*const parts[])(struct repair *) = {repair_accounts, repair_addresses, repair_mailbox_rows, repair_admitted, repair_emails,
	    repair_names, repair_mailboxes, repair_unnamed, repair_bodies, repair_threads, repair_counters, repair_digests};
	enum status st = OK;

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts) && st == OK; i++)
		st = parts[i](r);
	return st;
}

static void
still_wrong(void *arg, const char *text)
{
	repair_lost(arg, "still wrong after repair: %s", text);
}

static enum status
verify(struct repair *r)
{
	struct check_report c = {.found = still_wrong, .arg = r};
	enum status st = store_check(r->store, false, &c);

	r->report->mailboxes = c.mailboxes;
	r->report->messages = c.messages;
	return st == OK && c.faults > 0 ? ERR_CORRUPT : st;
}

static void
free_repair(struct repair *r)
{
	struct str key;
	size_t at = 0;
	void *v;

	while (map_next(&r->accounts, &at, &key, &v))
		free(((struct repair_account *)v)->named);
	map_free(&r->accounts);
	free(r->births);
	arena_free(&r->arena);
}

/* ---- the old file ---- */

static void
old_fault(void *arg, const char *text)
{
	bool *faulty = arg;

	*faulty = true;
	log_event(EV_damage, "database: %s", text);
}

/* Is the engine content with the old file? (An index may be damaged while all rows can be read.) ERR_UNAVAILABLE: a server has it open. */
static enum status
old_is_sound(const char *path, bool *sound_r)
{
	struct db *db;
	bool faulty = false;
	enum status st;

	*sound_r = false;
	if (access(path, F_OK) != 0)
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
	st = db_open(&(struct db_options){.sqlite.path = path, .read_only = true}, &db);
	if (st != OK)
		return st == ERR_UNAVAILABLE ? st : OK;
	st = db_check(db, old_fault, NULL, &faulty);
	db_close(db);
	*sound_r = st == OK && !faulty;
	return OK;
}

/* ---- files ---- */

static const char *const parts_of_db[] = {"-wal", "-shm", "-journal"};

static const char *
path_of(struct arena *a, const char *dir, const char *file, const char *suffix)
{
	return arena_printf(a, "%s/%s%s", dir, file, suffix).p;
}

static void
remove_new(struct arena *a, const char *dir)
{
	for (size_t i = 0; i < sizeof(parts_of_db) / sizeof(*parts_of_db); i++)
		(void)!file_remove(path_of(a, dir, NEW, parts_of_db[i]));
	(void)!file_remove(path_of(a, dir, NEW, "-reserve"));
	(void)!file_remove(path_of(a, dir, NEW, ""));
}

/* The name under which the old file is kept; the same again if this was broken off. */
static const char *
old_name(struct arena *a, const char *dir, time_t when)
{
	struct str name = arena_printf(a, "mansio.db.damaged-%lld", (long long)when);
	struct stat old, kept;

	for (int n = 1; stat(path_of(a, dir, name.p, ""), &kept) == 0; n++) {
		if (stat(path_of(a, dir, "mansio.db", ""), &old) == 0 && old.st_ino == kept.st_ino)
			break;
		name = arena_printf(a, "mansio.db.damaged-%lld-%d", (long long)when, n);
	}
	return name.p;
}

/*
 * The old file gets a second name first and loses its own by being replaced: at no moment there is no mansio.db, of which a server
 * would make an empty one. Its log must be out of the way before, or it would be applied to the new file.
 */
static enum status
put_in_place(struct arena *a, const char *dir, time_t when)
{
	const char *name = old_name(a, dir, when);
	enum status st = file_link(path_of(a, dir, "mansio.db", ""), path_of(a, dir, name, ""));

	if (st != OK && st != ERR_EXISTS)
		return st;
	for (size_t i = 0; i < sizeof(parts_of_db) / sizeof(*parts_of_db); i++) {
		st = file_rename(path_of(a, dir, "mansio.db", parts_of_db[i]), path_of(a, dir, name, parts_of_db[i]));
		if (st != OK && st != ERR_NOT_FOUND)
			return st;
	}
	if ((st = file_sync_names(path_of(a, dir, STORE_REPAIRED, ""))) == OK &&
	    (st = file_rename(path_of(a, dir, STORE_REPAIRED, ""), path_of(a, dir, "mansio.db", ""))) == OK)
		st = file_sync_names(path_of(a, dir, STORE_REPAIRED, ""));
	return st;
}

/* Puts a repaired file in its place if a repair was broken off before it did. The file is locked meanwhile: of two who find it one does the work, and the other must not touch what that one uses then. */
static enum status
repair_finish(const char *dir)
{
	struct arena a = {0};
	struct stat mine, now;
	const char *path = path_of(&a, dir, STORE_REPAIRED, "");
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	enum status st = fd >= 0 ? OK : file_status(errno);

	if (st == ERR_NOT_FOUND)
		st = OK;
	else if (st == OK && (flock(fd, LOCK_EX) != 0 || fstat(fd, &mine) != 0))
		st = ERR_IO;
	else if (st == OK && stat(path, &now) == 0 && now.st_ino == mine.st_ino)
		st = put_in_place(&a, dir, mine.st_mtime);
	if (st != OK)
		log_event(EV_io_error, "what=repair dir=%s error=\"%s\"", dir, strerror(errno));
	if (fd >= 0)
		close(fd);
	arena_free(&a);
	return st;
}

/* With its name the new file is the store: whatever happens from then on, the rest is made up for by who opens it next. */
static enum status
swap(struct arena *a, const char *dir)
{
	enum status st = file_rename(path_of(a, dir, NEW, ""), path_of(a, dir, STORE_REPAIRED, ""));

	if (st == OK)
		st = file_sync_names(path_of(a, dir, STORE_REPAIRED, ""));
	return st == OK ? repair_finish(dir) : st;
}

enum status
store_repair(const char *dir, struct repair_report *report)
{
	struct repair r = {.report = report};
	struct store_options o = {.dir = dir, .no_reaper = true};
	struct arena a = {0};
	bool sound;
	enum status st;

	if ((st = repair_finish(dir)) != OK || (st = old_is_sound(path_of(&a, dir, "mansio.db", ""), &sound)) != OK)
		goto out;
	remove_new(&a, dir);
	if ((st = store_open_file(&o, NEW, &r.store)) != OK)
		goto out;
	r.store->beyond_quota = true;
	st = salvage(&r, path_of(&a, dir, "mansio.db", ""), path_of(&a, dir, NEW, ""));
	if (st == OK && (st = mend(&r)) == OK)
		st = verify(&r);
	db_thread_end(r.store->db);
	store_close(r.store);
	if (st == OK && (r.changed || !sound))
		st = swap(&a, dir);
	remove_new(&a, dir); /* or what is left of it */
out:
	free_repair(&r);
	arena_free(&a);
	return st;
}

/* Another process may come to the end of a repair in between. */
#define TRIES 10

enum status
mend_open(const struct store_options *o, struct store **store_r)
{
	enum status st = ERR_AGAIN;

	for (int i = 0; i < TRIES && st == ERR_AGAIN; i++) {
		st = o->dir != NULL && !o->read_only ? repair_finish(o->dir) : OK;
		if (st == OK)
			st = store_open(o, store_r);
	}
	return st;
}
