/* SPDX-License-Identifier: Apache-2.0 */
/* What a process with few rights gives up. */
#include "server/helper.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "base/config.h"
#include "base/exit.h"
#include "base/log.h"
#include "mime/decode.h"
#include "server/sandbox_priv.h"
#include "server/server_priv.h"
#include "server/user.h"

static bool
fence(const char *data)
{
	int set = sandbox_folders_new();
	bool ok = set >= 0 && sandbox_folder_add(set, data, SANDBOX_READ | SANDBOX_WRITE | SANDBOX_REMOVE | SANDBOX_FOLDERS) &&
	    sandbox_folder_add(set, "/dev/urandom", SANDBOX_READ);

#ifdef MANSIO_SANITIZE
	ok = ok && sandbox_folder_add(set, "/", SANDBOX_READ | SANDBOX_FOLDERS);
#endif
	ok = ok && sandbox_folders_enter(set);
	if (set >= 0)
		close(set);
	return ok;
}

static enum status
lacking(const char *what, struct buf *why)
{
	if (strcmp(config()->server_sandbox, "require") != 0)
		return OK;
	buf_addf(why, "server.sandbox = require: %s", what);
	return ERR_UNAVAILABLE;
}

static bool
is_off(void)
{
	return strcmp(config()->server_sandbox, "off") == 0;
}

enum status
helper_begin(const char *data, struct buf *why)
{
	pid_t parent = getppid();
	struct user u;
	enum status st = user_choose(data, &u, why);

	if (st != OK)
		return st;
	if (!user_become(&u)) {
		buf_addf(why, "cannot become the user %s: %s", u.name, strerror(errno));
		return ERR_NO_PERM;
	}
#ifdef MANSIO_SANITIZE
	(void)prctl(PR_SET_DUMPABLE, 1); /* it traces itself */
#endif
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_NOT_DONE);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 && (st = lacking("it keeps its privileges", why)) != OK)
		return st;
	if (is_off())
		return OK;
	mime_charsets_load();
	return fence(data) ? OK : lacking("it can open files elsewhere (Landlock of Linux 5.19 or later is missing or off)", why);
}

enum status
helper_close(struct buf *why)
{
	if (!is_off() && !sandbox_filter_calls())
		return lacking("all system calls are open to it (seccomp)", why);
	if (server_probe_wanted()) {
		log_set_level(LOG_LEVEL_INFO);
		server_probe(NULL);
	}
	return OK;
}
