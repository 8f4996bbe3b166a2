/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of others are understood in a process apart (server/helper.h), which is neither root nor may open a file: an mbox that makes a parser do what its sender wants
 * gets the mail that is brought in and its way to the store. Each file it asks of its parent, who has the rights of who gave the command (trees that only root can read),
 * and opens what lies below the paths of the command line, without a link, for reading, and nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/log.h"
#include "base/packet.h"
#include "cli/import.h"

enum op { ASK_OPEN = 1, ASK_LOOK };

struct question {
	uint32_t op;
	char path[PATH_MAX]; /* as much of it as there is, with its NUL */
};
struct answer {
	int32_t error;       /* errno; 0: here it is */
	uint32_t type;       /* enum import_type */
	uint64_t size;
};

static int ch = -1; /* to the parent */

/* ---- the parent ---- */

/* Below a path of the command line, and no way back up. */
static bool
may(const struct import_root *roots, size_t n, const char *path)
{
	struct str s = str_c(path);

	for (struct str rest = s; rest.n > 0;) {
		size_t slash = str_chr(rest, '/');

		if (str_eq(str_head(rest, slash), STR("..")))
			return false;
		rest = str_from(rest, slash < rest.n ? slash + 1 : slash);
	}
	for (size_t i = 0; i < n; i++) {
		struct str root = str_c(roots[i].path != NULL ? roots[i].path : "");

		if (root.n > 0 && str_starts(s, root) && (s.n == root.n || s.p[root.n] == '/' || root.p[root.n - 1] == '/'))
			return true;
	}
	return false;
}

/*
 * Who brings somebody's mail in may be root, the folders are somebody's: links in them, which could lead to what is not his, are not
 * followed, nor is a pipe waited for (S10). Kernels and sandboxes that do not know openat2() look at the last part of the path only.
 */
static int
open_file(const char *path)
{
	struct open_how how = {.flags = (uint64_t)(O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), .resolve = RESOLVE_NO_SYMLINKS};
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = open(path, (int)how.flags);
	return fd;
}

static void
look(const char *path, struct answer *a)
{
	struct stat sb;

	if (lstat(path, &sb) != 0) {
		a->error = errno;
		return;
	}
	a->type = S_ISREG(sb.st_mode) ? ENTRY_FILE : S_ISDIR(sb.st_mode) ? ENTRY_DIR : S_ISLNK(sb.st_mode) ? ENTRY_LINK : ENTRY_OTHER;
	a->size = (uint64_t)sb.st_size;
}

/* False: nobody asks any more, or what is no question. */
static bool
answer_one(const struct import_root *roots, size_t n)
{
	struct question q;
	struct packet_got got;
	struct answer a = {0};
	int fd = -1;
	bool ok;

	if (packet_receive(ch, true, &q, sizeof(q), &got) != OK)
		return false;
	ok = got.fds == 0 && got.n > offsetof(struct question, path) && (q.op == ASK_OPEN || q.op == ASK_LOOK) &&
	    memchr(q.path, '\0', got.n - offsetof(struct question, path)) == q.path + (got.n - offsetof(struct question, path)) - 1;
	packet_close(&got);
	if (!ok)
		return false;
	if (!may(roots, n, q.path))
		a.error = EACCES;
	else if (q.op == ASK_LOOK)
		look(q.path, &a);
	else if ((fd = open_file(q.path)) < 0)
		a.error = errno;
	ok = packet_send(ch, str_of((const char *)&a, sizeof(a)), &fd, fd >= 0 ? 1 : 0) == OK;
	if (fd >= 0)
		close(fd);
	return ok;
}

static int
serve(pid_t pid, const struct import_root *roots, size_t n)
{
	int status = 0;

	while (answer_one(roots, n))
		;
	close(ch);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return cli_fail("nobody knows how the import ended");
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	return cli_fail("the process that reads ended by signal %d (%s); what it had brought is there", WTERMSIG(status), strsignal(WTERMSIG(status)));
}

int
import_apart(struct import *im, const struct import_root *roots, size_t n, int (*fn)(struct import *im))
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return cli_fail("cannot make a pair of sockets: %s", strerror(errno));
	fflush(NULL);
	if ((pid = fork()) < 0)
		return cli_fail("cannot make a process: %s", strerror(errno));
	ch = pair[pid == 0];
	close(pair[pid != 0]);
	if (pid == 0)
		exit(cli_written(fn(im)));
	return serve(pid, roots, n);
}

/* ---- the process apart ---- */

/* The errno of the answer; 0: *a_r and, for ASK_OPEN, *fd_r are there. */
static int
ask(enum op op, const char *path, struct answer *a_r, int *fd_r)
{
	struct question q = {.op = op};
	struct packet_got got;
	size_t n = strlen(path) + 1;

	if (n > sizeof(q.path))
		return ENAMETOOLONG;
	memcpy(q.path, path, n);
	if (packet_send(ch, str_of((const char *)&q, offsetof(struct question, path) + n), NULL, 0) != OK ||
	    packet_receive(ch, true, a_r, sizeof(*a_r), &got) != OK)
		return EIO;
	if (got.n != sizeof(*a_r) || got.fds != (op == ASK_OPEN && a_r->error == 0 ? 1 : 0)) {
		packet_close(&got);
		return EIO;
	}
	*fd_r = got.fd[0];
	return a_r->error;
}

int
import_open(const char *path)
{
	struct answer a;
	int fd = -1;

	errno = ask(ASK_OPEN, path, &a, &fd);
	return errno == 0 ? fd : -1;
}

enum status
import_look(const char *path, enum import_type *type_r, uint64_t *size_r)
{
	struct answer a;
	int fd;

	if ((errno = ask(ASK_LOOK, path, &a, &fd)) != 0)
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
	*type_r = a.type <= ENTRY_OTHER ? (enum import_type)a.type : ENTRY_OTHER;
	*size_r = a.size;
	return OK;
}

/* As server/probe.c: what an intruder would ask for. */
void
import_probe(const struct import_root *root)
{
#ifdef MANSIO_FAULTS
	static const char *const behind[] = {"/../..", "x", "/./..//../etc/shadow"};
	struct arena arena = {0};

	if (getenv("MANSIO_PROBE") == NULL || root->path == NULL)
		return;
	for (size_t i = 0; i <= sizeof(behind) / sizeof(*behind); i++) {
		const char *path = i == 0 ? "/etc/shadow" : arena_printf(&arena, "%s%s", root->path, behind[i - 1]).p;
		int fd = import_open(path);

		log_event(EV_tool, "probe: ask for %s: %s (%d)", path, fd < 0 && errno == EACCES ? "denied" : "open", errno);
	}
	arena_free(&arena);
#else
	(void)root;
#endif
}
