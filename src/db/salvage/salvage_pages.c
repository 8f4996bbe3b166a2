/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pages of a database file and its WAL. A page is taken from the last of its frames that was committed: frames
 * count as long as salts and the running checksum are right, up to the last one that commits.
 */
#include "db/salvage/salvage_priv.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/arena.h"

#define WAL_HEAD 32
#define FRAME_HEAD 24
#define PAGES_MAX (UINT32_C(1) << 30)

struct pages {
	int fd, wal;
	size_t size;
	uint32_t n;
	uint32_t *frames; /* by page number: 1 + number of its frame, 0 none */
};

static void
sum(bool big, const unsigned char *p, size_t n, uint32_t s[2])
{
	for (size_t i = 0; i + 8 <= n; i += 8) {
		uint32_t a = be32(p + i), b = be32(p + i + 4);

		s[0] += (big ? a : __builtin_bswap32(a)) + s[1];
		s[1] += (big ? b : __builtin_bswap32(b)) + s[0];
	}
}

static bool
read_at(int fd, unsigned char *p, size_t n, uint64_t at)
{
	return pread(fd, p, n, (off_t)at) == (ssize_t)n;
}


/* Numbers of the pages of all committed frames, in order; *n_r of them. */
static uint32_t *
wal_frames(struct pages *p, size_t *n_r)
{
	unsigned char head[WAL_HEAD], *frame = x_malloc(FRAME_HEAD + p->size);
	uint32_t *list = NULL, s[2] = {0, 0};
	size_t n = 0, cap = 0, committed = 0;
	bool big;

	if (!read_at(p->wal, head, sizeof(head), 0) || (be32(head) & ~UINT32_C(1)) != 0x377f0682 ||
	    be32(head + 8) != p->size)
		goto out;
	big = be32(head) & 1;
	sum(big, head, 24, s);
	if (s[0] != be32(head + 24) || s[1] != be32(head + 28))
		goto out;
	for (uint64_t at = WAL_HEAD; read_at(p->wal, frame, FRAME_HEAD + p->size, at); at += FRAME_HEAD + p->size) {
		if (memcmp(frame + 8, head + 16, 8) != 0)
			break;
		sum(big, frame, 8, s);
		sum(big, frame + FRAME_HEAD, p->size, s);
		if (s[0] != be32(frame + 16) || s[1] != be32(frame + 20) || be32(frame) > PAGES_MAX)
			break;
		if (n == cap) {
			cap = cap * 2 + 256;
			list = x_realloc(list, cap * sizeof(*list));
		}
		list[n++] = be32(frame);
		if (be32(frame + 4) != 0) {
			committed = n;
			p->n = be32(frame + 4) < PAGES_MAX ? be32(frame + 4) : p->n;
		}
	}
out:
	free(frame);
	*n_r = committed;
	return list;
}

struct pages *
pages_open(const char *path, size_t page_size)
{
	struct pages *p = x_new(struct pages);
	char *name = sqlite3_mprintf("%s-wal", path);
	uint32_t *list;
	struct stat sb;
	size_t n;

	p->size = page_size;
	p->fd = open(path, O_RDONLY | O_CLOEXEC);
	p->wal = open(name, O_RDONLY | O_CLOEXEC);
	sqlite3_free(name);
	if (p->fd < 0 || fstat(p->fd, &sb) != 0 || (uint64_t)sb.st_size / page_size >= PAGES_MAX) {
		pages_close(p);
		return NULL;
	}
	p->n = (uint32_t)((uint64_t)sb.st_size / page_size);
	list = p->wal >= 0 ? wal_frames(p, &n) : NULL;
	p->frames = x_calloc((size_t)p->n + 1, sizeof(*p->frames));
	for (size_t i = 0; list != NULL && i < n; i++) {
		if (list[i] <= p->n)
			p->frames[list[i]] = (uint32_t)i + 1;
	}
	free(list);
	return p;
}

void
pages_close(struct pages *p)
{
	if (p == NULL)
		return;
	if (p->fd >= 0)
		close(p->fd);
	if (p->wal >= 0)
		close(p->wal);
	free(p->frames);
	free(p);
}

uint32_t
pages_count(const struct pages *p)
{
	return p->n;
}

bool
pages_read(struct pages *p, uint32_t number, unsigned char *page)
{
	uint32_t frame;

	if (number == 0 || number > p->n)
		return false;
	frame = p->frames[number];
	if (frame != 0)
		return read_at(p->wal, page, p->size,
		    WAL_HEAD + (uint64_t)(frame - 1) * (FRAME_HEAD + p->size) + FRAME_HEAD);
	return read_at(p->fd, page, p->size, (uint64_t)(number - 1) * p->size);
}
