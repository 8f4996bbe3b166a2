/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the sandbox: folders (Landlock), capabilities, system calls (seccomp). */
#ifndef SERVER_SANDBOX_PRIV_H
#define SERVER_SANDBOX_PRIV_H

#include <stdbool.h>
#include <stdint.h>

/* What may be done below a folder. */
enum sandbox_use {
	SANDBOX_READ = 1,    /* open its files for reading */
	SANDBOX_WRITE = 2,   /* the same for writing, and make new ones */
	SANDBOX_REMOVE = 4,  /* take names away */
	SANDBOX_FOLDERS = 8, /* list, make and remove folders, rename */
};
/* A set of folders; -1: this kernel has no Landlock, or not that of Linux 5.19. */
int sandbox_folders_new(void);
/* A folder or a single file, which need not be there. False: errno says why. */
bool sandbox_folder_add(int set, const char *path, unsigned use);
/* For this thread and those that it makes. Async-signal-safe. */
bool sandbox_folders_enter(int set);

/* No program that is run later has a capability but those in keep. Async-signal-safe. */
void sandbox_bound(uint64_t keep);
/* Takes the capabilities of this thread but for those in keep (bits by number), for good. Async-signal-safe. */
bool sandbox_capabilities(uint64_t keep);

/* Has all threads of this process run fn, as soon as they are there, and waits for it. fn is async-signal-safe. False: one did not. */
bool sandbox_everywhere(bool (*fn)(void));

/* In force for all threads at once. False: errno says why. no_new_privs is set. */
bool sandbox_filter_calls(void);

#endif
