/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way to the store. A server that runs has the store open, and listens on its socket; else this process opens the store. Between
 * the two there are moments (a server starts or ends, another verb is at work) in which neither goes: then it tries again for
 * some seconds.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "admin/admin.h"
#include "base/config.h"
#include "base/file.h"
#include "base/log.h"
#include "cli/cli.h"
#include "server/user.h"
#include "store/mend/check.h"

#define TRIES 100
#define PAUSE_US 100000

static struct store *store; /* opened here; NULL: a server has it */
static pthread_t thread;
static int served_fd;
static char opened[4096]; /* the data folder, where the store was opened here and may be written */

enum status
cli_data_dir(char *out, size_t n)
{
	enum status st = config_data_dir(out, n);

	if (st != OK)
		(void)cli_fail("no data folder: give --data DIR");
	return st;
}

static void *
serve_thread(void *arg)
{
	admin_serve(store, served_fd);
	return NULL;
}

/* A commit whose outcome nobody knows: what was asked for is there or not, and the next who opens the store sees which. */
static void
store_fatal(void *arg, const char *why)
{
	(void)cli_fail("the store cannot go on: %s", why);
	_exit(EXIT_STORE);
}

enum use {
	USE,      /* a store that is there */
	USE_NEW,  /* where there is none, it is made */
	USE_READ, /* reads only: a folder that cannot be written, a snapshot, a database file will do */
};

static enum status
serve_here(struct link *link_r)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
		store_close(store);
		store = NULL;
		return ERR_IO;
	}
	served_fd = pair[0];
	if (pthread_create(&thread, NULL, serve_thread, NULL) != 0) {
		close(pair[0]);
		close(pair[1]);
		store_close(store);
		store = NULL;
		return ERR_UNAVAILABLE;
	}
	link_init(link_r, pair[1]);
	return OK;
}

static bool
is_file(const char *path)
{
	struct stat sb;

	return stat(path, &sb) == 0 && S_ISREG(sb.st_mode);
}

/* Whether the store can only be read: the folder or the database in it may not be written by this user or on this file system. */
static bool
read_only(const char *dir)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/mansio.db", dir);
	return access(dir, W_OK) != 0 || (access(path, W_OK) != 0 && errno != ENOENT);
}

static enum status
open_store(const char *dir, enum use use, struct link *link_r)
{
	struct store_options so = {.dir = dir, .no_reaper = true, .fatal = store_fatal};
	struct store_domain *domains;
	enum status st;

	admin_store_options(&so, &domains);
	log_set_level(LOG_LEVEL_WARNING);
	if (use == USE_READ && (is_file(dir) || read_only(dir))) {
		so.read_only = true;
		so.file = is_file(dir) ? dir : NULL;
	} else {
		snprintf(opened, sizeof(opened), "%s", dir);
	}
	st = mend_open(&so, &store);
	free(domains);
	return st == OK ? serve_here(link_r) : st;
}

/* Another store beside that of the machine, or in a place that nobody named, is hardly what was meant. */
static enum status
may_make(const char *dir)
{
	if (*config()->server_data == '\0' && strcmp(dir, CONFIG_DATA_MACHINE) != 0 && access(CONFIG_DATA_MACHINE, F_OK) == 0) {
		(void)cli_fail("there is no mail store in %s yet, and this machine has a folder " CONFIG_DATA_MACHINE ": use that as its owner or as root, "
			       "or say with --data %s that a store of its own is meant", dir, dir);
		return ERR_EXISTS;
	}
	cli_print(stderr, "mansio: a new mail store is made in %s\n", dir);
	return OK;
}

/* Where root makes it and server.user says for whom, the folder is that user's, and with it what is in it (owner.c). */
static bool
make_for_worker(const char *dir)
{
	struct buf why = {0};
	struct user u;
	enum status st = user_choose(dir, &u, &why);

	if (st != OK)
		(void)cli_fail("%.*s", STR_FMT(buf_str(&why)));
	else if ((st = user_make_folder(&u, dir)) != OK)
		(void)cli_fail("the folder %s: %s", dir, strerror(errno));
	buf_free(&why);
	return st == OK;
}

/* A store is made by a verb that fills it, not by a wrong --data. OK: there is one, or now the folder for one. ERR_EXISTS: it was said why not. */
static enum status
may_open(const char *dir, enum use use)
{
	char path[4200];
	struct buf why = {0};
	enum status st = store_place(dir, config()->store_any_filesystem, &why);

	/* What is only read is read from wherever it lies. */
	if (st != OK && use != USE_READ)
		(void)cli_fail("%.*s", STR_FMT(buf_str(&why)));
	buf_free(&why);
	if (st != OK && use != USE_READ)
		return ERR_EXISTS;
	snprintf(path, sizeof(path), "%s/mansio.db", dir);
	if (access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR))
		return OK;
	if (is_file(dir)) {
		if (use == USE_READ)
			return OK;
		(void)cli_fail("%s is a file, which can only be read: by check, export and the lists", dir);
		return ERR_EXISTS;
	}
	if (use != USE_NEW) {
		(void)cli_fail("there is no mail store in %s yet: 'mansio account add' makes one (formerly user add)", dir);
		return ERR_EXISTS;
	}
	if (may_make(dir) != OK || !make_for_worker(dir))
		return ERR_EXISTS;
	snprintf(path, sizeof(path), "%s", dir);
	if (file_make_folders(path, 0700) == OK)
		return OK;
	(void)cli_fail("the folder %s: %s", path, strerror(errno));
	return ERR_EXISTS;
}

static enum status
connect_or_open(struct link *link_r, enum use use)
{
	char dir[4096], path[4200];
	enum status st;
	int fd;

	if ((st = cli_data_dir(dir, sizeof(dir))) != OK)
		return st;
	if ((st = admin_socket_path(dir, path, sizeof(path))) != OK)
		return st;
	for (int i = 0; i < TRIES; i++) {
		if (is_file(dir))
			st = ERR_NOT_FOUND;
		else if ((st = admin_connect(path, &fd)) == OK)
			link_init(link_r, fd);
		if ((st == ERR_NOT_FOUND || st == ERR_LIMIT) && (st = may_open(dir, use)) == OK)
			st = open_store(dir, use, link_r);
		if ((st != ERR_UNAVAILABLE && st != ERR_AGAIN) || is_file(dir))
			break;
		usleep(PAUSE_US);
	}
	if (st != OK && st != ERR_EXISTS)
		(void)cli_fail("cannot open the store in %s: %s", dir, store_open_fault(st));
	return st;
}

enum status
cli_connect(struct link *link_r)
{
	return connect_or_open(link_r, USE);
}

enum status
cli_connect_read(struct link *link_r)
{
	return connect_or_open(link_r, USE_READ);
}

enum status
cli_connect_new(struct link *link_r)
{
	return connect_or_open(link_r, USE_NEW);
}

void
cli_disconnect(struct link *link)
{
	link_close(link);
	if (store == NULL)
		return;
	pthread_join(thread, NULL);
	store_close(store);
	store = NULL;
	if (opened[0] != '\0')
		cli_keep_owner(opened);
}

bool
cli_server_has_it(void)
{
	return store == NULL;
}

void
cli_request(struct link *link, size_t n, const struct str *fields)
{
	link_fields(link, FRAME_REQUEST, n, fields);
}

int
cli_exit_code(struct str payload, bool say)
{
	struct arena arena = {0};
	struct str *fields;
	size_t n;
	int code = 1;

	if (frame_fields(&arena, payload, &fields, &n) == OK && n == 2) {
		code = str_eq(fields[0], STR("0")) ? 0 : 1;
		if (code != 0)
			(void)cli_fail("%.*s", STR_FMT(fields[1]));
		else if (say && fields[1].n > 0)
			cli_print(stdout, "%.*s\n", STR_FMT(fields[1]));
	}
	arena_free(&arena);
	return code;
}

static void
show(struct progress *p, struct str payload)
{
	uint64_t done, total;
	size_t space = str_chr(payload, ' ');

	if (!str_u64(str_head(payload, space), UINT64_MAX, &done) ||
	    !str_u64(str_from(payload, space + 1), UINT64_MAX, &total) || done < p->done)
		return;
	p->total = total;
	progress_add(p, done - p->done, 0);
}

int
cli_wait(struct link *link, const char *what, FILE *texts, bool say)
{
	struct progress progress;
	struct frame f;

	progress_begin(&progress, what, 0, false);
	while (link_next(link, &f) == OK) {
		if (f.type == FRAME_PROGRESS)
			show(&progress, f.payload);
		else if (f.type == FRAME_TEXT)
			cli_print(texts, "%.*s\n", STR_FMT(f.payload));
		if (f.type == FRAME_EXIT) {
			progress_end(&progress);
			return cli_exit_code(f.payload, say);
		}
	}
	return cli_fail("the server went away before it had answered: its log says why");
}

int
cli_finish(struct link *link, void (*fn)(void *arg, const struct str *fields, size_t n), void *arg, bool say)
{
	struct frame f;

	while (link_next(link, &f) == OK) {
		struct arena arena = {0};
		struct str *fields;
		size_t n;

		if (f.type == FRAME_EXIT)
			return cli_exit_code(f.payload, say);
		if (f.type == FRAME_TEXT)
			cli_print(stderr, "%.*s\n", STR_FMT(f.payload));
		else if (f.type == FRAME_RECORD && fn != NULL && frame_fields(&arena, f.payload, &fields, &n) == OK)
			fn(arg, fields, n);
		arena_free(&arena);
	}
	return cli_fail("the server went away before it had answered: its log says why");
}

int
cli_ask(size_t n, const struct str *fields)
{
	struct link link;
	int code;

	if (cli_connect(&link) != OK)
		return 1;
	cli_request(&link, n, fields);
	code = cli_finish(&link, NULL, NULL, false);
	cli_disconnect(&link);
	return code;
}
