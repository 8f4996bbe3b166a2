/* SPDX-License-Identifier: Apache-2.0 */
/* Salvage of any file whatsoever: no crash, no loop. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/assert.h"
#include "base/log.h"
#include "db/salvage/salvage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
on_lost(void *arg, const char *text)
{
	ensure(text != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const tails[] = {"", "-wal", "-journal", "-reserve"};
	static char from[64], to[64];
	char name[80];
	int fd;

	if (from[0] == '\0') {
		snprintf(from, sizeof(from), "/dev/shm/mansio-fuzz-%d-a", (int)getpid());
		snprintf(to, sizeof(to), "/dev/shm/mansio-fuzz-%d-b", (int)getpid());
		log_set_fd(open("/dev/null", O_WRONLY | O_CLOEXEC));
	}
	fd = open(from, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ensure(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
	(void)!salvage_copy(from, to, on_lost, NULL);
	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", from, tails[i]);
		unlink(name);
		snprintf(name, sizeof(name), "%s%s", to, tails[i]);
		unlink(name);
	}
	return 0;
}
