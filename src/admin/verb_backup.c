/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup: arguments: an absolute path. With the request comes a descriptor of an empty file, which the command line has opened: a server opens no
 * path that it is told. Where none comes (the store was opened by the command line itself) the path does not exist yet, and is made. PROGRESS. The copy is a data folder's mansio.db: put into a folder of its own it can be served.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "admin/verb_priv.h"

/* The command line went away, or the server stops. */
static bool
client_gone(void *arg)
{
	struct call *c = arg;

	return link_gone(&c->link);
}

static enum status
copy_into(struct call *c, int fd, const char *path, const struct db_stop *stop)
{
	struct stat copy;
	enum status st;

	if (fstat(fd, &copy) != 0 || !S_ISREG(copy.st_mode) || copy.st_size != 0)
		return call_fail(c, ERR_BAD_INPUT, "backup: an empty file is wanted");
	if ((st = db_backup_into(store_db(c->store), fd, stop)) != OK)
		return call_fail(c, st, "%s: %s", path, status_word(st));
	if (fstat(fd, &copy) != 0)
		return call_fail(c, ERR_IO, "%s is not there", path);
	return call_fail(c, OK, "the mail store is copied to %s, %lld bytes", path, (long long)copy.st_size);
}

enum status
verb_backup(struct call *c)
{
	struct stat copy;
	struct str folder;
	struct db_stop stop = {.fn = client_gone, .arg = c, .progress = call_progress};
	char *path;
	enum status st;

	if (c->args_n != 1 || !str_starts(c->args[0], STR("/")))
		return call_fail(c, ERR_BAD_INPUT, "backup: to which absolute path?");
	path = arena_cstr(&c->arena, c->args[0]);
	if (c->link.given >= 0)
		return copy_into(c, c->link.given, path, &stop);
	folder = arena_str(&c->arena, str_head(c->args[0], (size_t)(strrchr(path, '/') - path) + 1));
	if (access(folder.p, W_OK | X_OK) != 0)
		return call_fail(c, ERR_NO_PERM, "the server cannot write to the folder %s: %s", folder.p, strerror(errno));
	if (access(path, F_OK) == 0)
		return call_fail(c, ERR_EXISTS, "%s is there already", path);
	if ((st = db_backup(store_db(c->store), path, &stop)) != OK)
		return call_fail(c, st, "%s: %s", path, status_word(st));
	if (stat(path, &copy) != 0)
		return call_fail(c, ERR_IO, "%s is not there", path);
	return call_fail(c, OK, "the mail store is copied to %s, %lld bytes", path, (long long)copy.st_size);
}
