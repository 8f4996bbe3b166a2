/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Once all is open that a server opens once, it takes from itself what it does not need any more: whoever gets it to run code of his own has
 * the mail that it serves, and neither the machine nor other programs. What a reload reads again stays readable.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/config.h"
#include "base/log.h"
#include "mime/decode.h"
#include "server/address.h"
#include "server/sandbox_priv.h"
#include "server/server_priv.h"

/* Of root that serves what belongs to others (linux/capability.h): CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER. They count below the folders alone. */
#define OTHERS_FILES 0xfull

static int folders = -1; /* what the threads enter */
static uint64_t kept;
static atomic_bool open_folders, has_privileges;

struct making {
	int set;
	bool failed, others; /* something belongs to another user */
};

static void
add(struct making *m, const char *path, unsigned use)
{
	struct stat sb;

	if (stat(path, &sb) == 0 && sb.st_uid != geteuid())
		m->others = true;
	if (m->set >= 0 && !sandbox_folder_add(m->set, path, use))
		m->failed = true;
}

/* The folder of a file that may be replaced by another one of its name; of what lies in a folder of the whole system, the file alone. */
static void
add_folder_of(struct making *m, const char *path, unsigned use)
{
	static const char *const shared[] = {"", "/etc", "/var", "/var/log", "/run", "/home", "/root", "/tmp", "/usr", "/opt", "/srv"};
	char folder[4096];
	char *slash;

	if (*path != '/') {
		add(m, path, use); /* the working folder is no place for it */
		return;
	}
	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	*slash = '\0';
	add(m, path, use);
	for (size_t i = 0; i < sizeof(shared) / sizeof(*shared); i++)
		if (strcmp(folder, shared[i]) == 0 && !(use & SANDBOX_REMOVE))
			return;
	add(m, *folder != '\0' ? folder : "/", use);
}

/* A name and what it leads to: certbot's are symbolic links. */
static void
add_file(struct making *m, const char *path, unsigned use)
{
	char *real;

	if (path == NULL || *path == '\0')
		return;
	add_folder_of(m, path, use);
	if ((real = realpath(path, NULL)) != NULL)
		add_folder_of(m, real, use);
	free(real);
}

/* A Unix socket is taken away when its listener closes. */
static void
add_sockets(struct making *m, const struct server *s)
{
	const struct config_listener *l;
	char path[sizeof(s->data) + 16];

	for (size_t i = 0; (l = config_listener(config(), i)) != NULL; i++)
		for (size_t k = 0; k < l->address.n; k++)
			if (l->address.word[k][0] == '/')
				add_folder_of(m, l->address.word[k], SANDBOX_REMOVE);
	if (admin_socket_path(s->data, path, sizeof(path)) == OK)
		add_folder_of(m, path, SANDBOX_REMOVE);
}

/* What a reload opens anew, and what is taken away at the end, where there is no supervisor for it. */
static void
add_own(struct making *m, const struct server *s)
{
	const struct config_certificate *cert;

	for (size_t i = 0; (cert = config_certificate(config(), i)) != NULL; i++) {
		add_file(m, cert->file, SANDBOX_READ);
		add_file(m, cert->key, SANDBOX_READ);
	}
	add_file(m, config_path(), SANDBOX_READ);
	add_file(m, config()->log_file, SANDBOX_WRITE);
	add_sockets(m, s);
}

static struct making
make_folders(const struct server *s)
{
	struct making m = {.set = sandbox_folders_new()};

	add(&m, s->data, SANDBOX_READ | SANDBOX_WRITE | SANDBOX_REMOVE | SANDBOX_FOLDERS);
	if (s->worker == NULL)
		add_own(&m, s);
	if (m.set >= 0)
		(void)sandbox_folder_add(m.set, "/dev/urandom", SANDBOX_READ);
#ifdef MANSIO_SANITIZE
	if (m.set >= 0)
		(void)sandbox_folder_add(m.set, "/", SANDBOX_READ | SANDBOX_FOLDERS);
#endif
	return m;
}
/* In each thread. */
static bool
enter(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		atomic_store(&has_privileges, true);
	if (folders < 0 || !sandbox_folders_enter(folders))
		atomic_store(&open_folders, true);
	if (!sandbox_capabilities(kept))
		atomic_store(&has_privileges, true);
	return true;
}

/* Opened, loaded or asked for here, because it cannot be later. */
static void
warm_up(void)
{
	server_notify(""); /* a worker has no manager */
	mime_charsets_load();
	(void)sysconf(_SC_NPROCESSORS_ONLN);
}

/* Adds what could not be done. */
static void
confine(const struct server *s, struct buf *lacks)
{
	struct making m = make_folders(s);

	folders = m.set;
	kept = geteuid() == 0 && m.others ? OTHERS_FILES : 0;
	atomic_store(&open_folders, m.failed);
	if (!sandbox_everywhere(enter))
		buf_adds(lacks, ", not all threads entered");
	if (atomic_load(&open_folders))
		buf_adds(lacks, ", it can open files elsewhere (Landlock of Linux 5.19 or later is missing or off)");
	if (atomic_load(&has_privileges))
		buf_adds(lacks, ", it keeps its privileges");
	if (!sandbox_filter_calls())
		buf_addf(lacks, ", all system calls are open to it (seccomp: %s)", strerror(errno));
	if (m.set >= 0)
		close(m.set);
}

enum status
server_confine(struct server *s)
{
	const char *how = config()->server_sandbox;
	struct buf lacks = {0};
	enum status st = OK;

	if (!s->o->sandbox)
		return OK;
	if (strcmp(how, "off") == 0) {
		log_event(EV_sandbox, "server.sandbox is off: the server may do all that its user may");
		return OK;
	}
	warm_up();
	confine(s, &lacks);
	if (lacks.n > 0 && strcmp(how, "require") == 0)
		st = server_refuse(ERR_UNAVAILABLE, "server.sandbox = require: %.*s", STR_FMT(str_from(buf_str(&lacks), 2)));
	else if (lacks.n > 0)
		log_event(EV_sandbox, "the sandbox is not whole: %.*s", STR_FMT(str_from(buf_str(&lacks), 2)));
	buf_free(&lacks);
	return st;
}
