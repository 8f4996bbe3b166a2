/* SPDX-License-Identifier: Apache-2.0 */
/* The two clocks, and the shift that a test gives them. */
#include "base/clock.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static _Atomic int64_t own_shift;
static _Atomic int64_t *shift = &own_shift;

static int64_t
read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
clock_now(void)
{
	return read_clock(CLOCK_REALTIME) + atomic_load_explicit(shift, memory_order_relaxed);
}

int64_t
clock_seconds(void)
{
	return clock_now() / 1000000;
}

int64_t
clock_mono(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t
clock_thread_cpu(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

void
clock_shift(int64_t offset)
{
	atomic_store(shift, offset);
}

bool
clock_follow(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *p = fd >= 0 ? mmap(NULL, sizeof(*shift), PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;

	if (fd >= 0)
		close(fd);
	if (p != MAP_FAILED)
		shift = p;
	return p != MAP_FAILED;
}
