/* SPDX-License-Identifier: Apache-2.0 */
/* check: asks the store to verify itself. backup: asks it for a copy of itself. Both show how far they are. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "cli/cli.h"

int
cli_store_check(struct cli *cli)
{
	bool quick = false;
	struct link link;
	int code;

	if (!cli_options(cli, (struct cli_option[]){{"quick", NULL, &quick}, {0}}) || cli->argc > 0)
		return cli_usage("store check");
	if (cli_connect_read(&link) != OK)
		return 1;
	cli_request(&link, 2, (struct str[]){STR("check"), quick ? STR("quick") : STR("deep")});
	code = cli_wait(&link, "checked", stdout, true);
	cli_disconnect(&link);
	return code;
}

/* A file that has no name yet, where the file system knows such; else one with its name. -1: said. */
static int
make_copy(const char *path, bool *named_r)
{
	const char *slash = strrchr(path, '/');
	char folder[8192];
	int fd;

	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path) + 1, path);
	*named_r = false;
	if (access(folder, W_OK | X_OK) != 0)
		return cli_fail("cannot write to the folder %s: %s", folder, strerror(errno)), -1;
	if (access(path, F_OK) == 0)
		return cli_fail("%s is there already", path), -1;
	if ((fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)) >= 0)
		return fd;
	*named_r = true;
	if ((fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)) < 0)
		(void)cli_fail("cannot make %s: %s", path, strerror(errno));
	return fd;
}

/* The copy is whole: it gets its name, which lasts. */
static int
keep_copy(int fd, const char *path, bool named)
{
	char self[64];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (!named && linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) != 0)
		return cli_fail("cannot make %s: %s", path, strerror(errno));
	return file_sync_names(path) == OK ? 0 : cli_fail("cannot sync the folder of %s: %s", path, strerror(errno));
}

/* A server may open nothing but its store: it writes into what is opened here. */
static int
backup_from_server(struct link *link, const char *path)
{
	bool named;
	int fd = make_copy(path, &named), code;

	if (fd < 0)
		return 1;
	link->give = fd;
	cli_request(link, 2, (struct str[]){STR("backup"), str_c(path)});
	code = cli_wait(link, "pages", stderr, true);
	if (code == 0)
		code = keep_copy(fd, path, named);
	else if (named)
		unlink(path);
	close(fd);
	return code;
}

int
cli_store_backup(struct cli *cli)
{
	char cwd[4096], path[8192];
	struct link link;
	int code;

	if (!cli_options(cli, (struct cli_option[]){{0}}) || cli->argc != 1)
		return cli_usage("store backup");
	/* The server has another working folder. */
	if (cli->argv[0][0] == '/')
		snprintf(path, sizeof(path), "%s", cli->argv[0]);
	else if (getcwd(cwd, sizeof(cwd)) != NULL)
		snprintf(path, sizeof(path), "%s/%s", cwd, cli->argv[0]);
	else
		return cli_fail("where is this folder? Give the whole path");
	if (cli_connect(&link) != OK)
		return 1;
	if (cli_server_has_it()) {
		code = backup_from_server(&link, path);
	} else {
		cli_request(&link, 2, (struct str[]){STR("backup"), str_c(path)});
		code = cli_wait(&link, "pages", stderr, true);
	}
	cli_disconnect(&link);
	return code;
}
