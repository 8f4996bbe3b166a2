/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data folder of a server that runs as a user of its own stays that user's: what root's command line made in it (a new database,
 * a repaired one) is given to the folder's owner. Only our own files, and none that has a second name elsewhere.
 */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli/cli.h"

static bool
ours(const char *name)
{
	return strncmp(name, "mansio.db", 9) == 0 || strncmp(name, "tls-", 4) == 0;
}

void
cli_keep_owner(const char *dir)
{
	struct stat folder, st;
	struct dirent *e;
	DIR *d;

	if (geteuid() != 0 || (d = opendir(dir)) == NULL)
		return;
	if (fstat(dirfd(d), &folder) != 0 || folder.st_uid == 0)
		goto out;
	while ((e = readdir(d)) != NULL) {
		int fd;

		if (!ours(e->d_name) || (fd = openat(dirfd(d), e->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)) < 0)
			continue;
		if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0 && st.st_nlink == 1 &&
		    fchown(fd, folder.st_uid, folder.st_gid) != 0)
			(void)cli_fail("%s/%s belongs to root: the server may not be able to read it", dir, e->d_name);
		close(fd);
	}
out:
	closedir(d);
}
