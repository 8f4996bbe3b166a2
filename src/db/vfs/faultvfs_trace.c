/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of a real program, in a file that several processes, one after the other, add to. Each event is one write:
 *
 *	kind (1 byte), length of path, length of other (2 each), offset or size, length of the data (8 each, all little-endian),
 *	path, other, data
 *
 * A write of zeroes only is kind 'z' without its data. tests/power reads it.
 */
#include "db/vfs/faultvfs_priv.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "base/assert.h"
#include "base/buf.h"

static int trace_fd = -1;

void
trace_open(const char *path)
{
	trace_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	ensure(trace_fd >= 0);
}

bool
trace_is_on(void)
{
	return trace_fd >= 0;
}

static bool
is_zero(const char *p, size_t n)
{
	return n > 0 && *p == '\0' && memcmp(p, p + 1, n - 1) == 0;
}

static void
put(struct buf *b, uint64_t v, int bytes)
{
	while (bytes-- > 0) {
		buf_addc(b, (char)v);
		v >>= 8;
	}
}

void
trace_add(enum trace_kind kind, const char *path, const char *other, const void *p, size_t n, int64_t at)
{
	struct buf b = {0};
	bool zero = kind == TRACE_WRITE && is_zero(p, n);

	if (trace_fd < 0)
		return;
	put(&b, zero ? 'z' : kind, 1);
	put(&b, strlen(path), 2);
	put(&b, other != NULL ? strlen(other) : 0, 2);
	put(&b, (uint64_t)at, 8);
	put(&b, n, 8);
	buf_adds(&b, path);
	buf_adds(&b, other != NULL ? other : "");
	buf_add(&b, str_of(p, zero ? 0 : n));
	ensure(write(trace_fd, b.p, b.n) == (ssize_t)b.n);
	buf_free(&b);
}
