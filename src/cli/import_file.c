/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are imported, as the parent opened them (import_apart.c), read in pieces. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli/import.h"

#define CHUNK 65536

enum status
import_file_open(const char *path, struct import_file *f_r)
{
	struct stat st;
	int fd = import_open(path);

	if (fd < 0)
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return ERR_IO;
	}
	*f_r = (struct import_file){.fd = fd, .size = (uint64_t)st.st_size, .mtime = st.st_mtime};
	return OK;
}

void
import_file_close(struct import_file *f)
{
	close(f->fd);
}

int64_t
import_file_read(void *arg, uint64_t at, char *p, size_t n)
{
	struct import_file *f = arg;
	ssize_t got;

	do
		got = pread(f->fd, p, n, (off_t)at);
	while (got < 0 && errno == EINTR);
	return got;
}

bool
import_file_bytes(struct import_file *f, uint64_t from, void (*fn)(void *arg, struct str bytes), void *arg)
{
	char *chunk = x_malloc(CHUNK);
	uint64_t at = from;
	int64_t n = 0;

	while (at < f->size && (n = import_file_read(f, at, chunk, CHUNK)) > 0) {
		fn(arg, str_of(chunk, (size_t)n));
		at += (uint64_t)n;
	}
	free(chunk);
	return at >= f->size;
}

bool
import_file_shrank(const struct import_file *f)
{
	struct stat st;

	return fstat(f->fd, &st) != 0 || (uint64_t)st.st_size < f->size;
}

enum status
import_file_whole(const char *path, size_t max, struct buf *out)
{
	struct import_file f;
	enum status st = import_file_open(path, &f);
	int64_t n = 0;

	if (st != OK)
		return st;
	if (f.size > max)
		st = ERR_LIMIT;
	for (uint64_t at = 0; st == OK && at < f.size; at += (uint64_t)n) {
		if ((n = import_file_read(&f, at, buf_room(out, CHUNK), CHUNK)) <= 0)
			break;
		buf_wrote(out, (size_t)n);
	}
	import_file_close(&f);
	return n < 0 ? ERR_IO : st;
}

static int
by_name(const void *a, const void *b)
{
	const struct import_entry *x = a, *y = b;

	return strcmp(x->name.p, y->name.p);
}

/* As the folder says; where its file system does not, one has to look. */
static enum import_type
type_of(const char *folder, const struct dirent *de)
{
	enum import_type type = ENTRY_OTHER;
	struct arena arena = {0};
	uint64_t size;

	switch (de->d_type) {
	case DT_REG: return ENTRY_FILE;
	case DT_DIR: return ENTRY_DIR;
	case DT_LNK: return ENTRY_LINK;
	case DT_UNKNOWN: (void)!import_look(arena_printf(&arena, "%s/%s", folder, de->d_name).p, &type, &size); break;
	default: break;
	}
	arena_free(&arena);
	return type;
}

const struct import_entry *
import_find(const struct import_entry *list, size_t n, const char *name)
{
	return n > 0 ? bsearch(&(struct import_entry){.name = str_c(name)}, list, n, sizeof(*list), by_name) : NULL;
}

enum status
import_list(struct arena *arena, const char *path, struct import_entry **list_r, size_t *n_r)
{
	struct import_entry *list = NULL;
	size_t n = 0, cap = 0;
	struct dirent *de;
	int fd = import_open(path);
	DIR *d;

	if (fd < 0)
		return ERR_IO;
	if ((d = fdopendir(fd)) == NULL) {
		close(fd);
		return ERR_IO;
	}
	while ((de = readdir(d)) != NULL) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		if (n == cap) {
			cap = cap ? cap * 2 : 64;
			list = x_realloc(list, cap * sizeof(*list));
		}
		list[n++] = (struct import_entry){.name = arena_printf(arena, "%s", de->d_name), .type = type_of(path, de)};
	}
	closedir(d);
	if (n > 0)
		qsort(list, n, sizeof(*list), by_name);
	*list_r = arena_copy(arena, list, n, n ? n : 1, sizeof(*list));
	*n_r = n;
	free(list);
	return OK;
}
