/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock: below which folders files may be opened, and how. The kernel's numbers stand here: headers of Debian 12 are older than kernels it runs on. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "server/sandbox_priv.h"

#ifndef __NR_landlock_create_ruleset
#define __NR_landlock_create_ruleset 444
#define __NR_landlock_add_rule 445
#define __NR_landlock_restrict_self 446
#endif

/* What came after the first ABI. */
#define FS_ABI1 ((1ull << 13) - 1)
#define FS_REFER (1ull << 13)     /* 2: Linux 5.19 */
#define FS_TRUNCATE (1ull << 14)  /* 3: 6.2 */
#define FS_IOCTL_DEV (1ull << 15) /* 5: 6.10 */
#define NET_ALL 3ull              /* 4: 6.7: TCP bind and connect */
#define SCOPE_ALL 3ull            /* 6: 6.12: abstract Unix sockets, signals to others */
#define ABI_WANTED 2

/* struct landlock_ruleset_attr of ABI 6; the kernel is told how much of it is meant. */
struct attributes {
	uint64_t fs, net, scope;
};

static int abi; /* the kernel's, once a set was made */

static uint64_t
handled(void)
{
	return FS_ABI1 | FS_REFER | (abi >= 3 ? FS_TRUNCATE : 0) | (abi >= 5 ? FS_IOCTL_DEV : 0);
}

int
sandbox_folders_new(void)
{
	struct attributes a = {0};
	size_t n;

	abi = (int)syscall(__NR_landlock_create_ruleset, NULL, 0, 1 /* LANDLOCK_CREATE_RULESET_VERSION */);
	if (abi < ABI_WANTED)
		return -1;
	a.fs = handled();
	a.net = abi >= 4 ? NET_ALL : 0;
	a.scope = abi >= 6 ? SCOPE_ALL : 0;
	n = abi >= 6 ? sizeof(a) : abi >= 4 ? offsetof(struct attributes, scope) : offsetof(struct attributes, net);
	return (int)syscall(__NR_landlock_create_ruleset, &a, n, 0);
}

static uint64_t
rights(unsigned use, bool folder)
{
	uint64_t r = 0;

	if (use & SANDBOX_READ)
		r |= LANDLOCK_ACCESS_FS_READ_FILE;
	if (use & SANDBOX_WRITE)
		r |= LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE | (folder ? LANDLOCK_ACCESS_FS_MAKE_REG : 0);
	if (folder && (use & SANDBOX_REMOVE))
		r |= LANDLOCK_ACCESS_FS_REMOVE_FILE;
	if (folder && (use & SANDBOX_FOLDERS))
		r |= LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | FS_REFER;
	return r & handled();
}

bool
sandbox_folder_add(int set, const char *path, unsigned use)
{
	struct landlock_path_beneath_attr rule = {.parent_fd = open(path, O_PATH | O_CLOEXEC)};
	struct stat sb;
	bool ok;

	if (rule.parent_fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES;
	if ((ok = fstat(rule.parent_fd, &sb) == 0)) {
		rule.allowed_access = rights(use, S_ISDIR(sb.st_mode));
		ok = rule.allowed_access == 0 || syscall(__NR_landlock_add_rule, set, 1 /* LANDLOCK_RULE_PATH_BENEATH */, &rule, 0) == 0;
	}
	close(rule.parent_fd);
	return ok;
}

bool
sandbox_folders_enter(int set)
{
	return syscall(__NR_landlock_restrict_self, set, 0) == 0;
}
