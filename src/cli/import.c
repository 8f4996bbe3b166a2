/* SPDX-License-Identifier: Apache-2.0 */
/* import: finds out what the paths are, and sends what the readers find in them. */
#include "cli/import.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "store/imported.h"
#include "wire/mailbox_name.h"

#define CHUNK (128 * 1024)

/*
 * Who brings somebody's mail in may be root, the folders are somebody's: links in them, which could lead to what is not his, are not
 * followed, nor is a pipe waited for (S10). Kernels and sandboxes that do not know openat2() look at the last part of the path only.
 */
static int
open_unlinked(const char *path)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, .resolve = RESOLVE_NO_SYMLINKS};
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = open(path, (int)how.flags);
	return fd;
}

enum status
file_map(const char *path, struct str *bytes_r)
{
	struct stat st;
	void *p;
	int fd = open_unlinked(path);

	if (fd < 0)
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return ERR_IO;
	}
	if (st.st_size == 0) {
		close(fd);
		*bytes_r = STR("");
		return OK;
	}
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return ERR_IO;
	*bytes_r = str_of(p, (size_t)st.st_size);
	return OK;
}

void
file_unmap(struct str bytes)
{
	if (bytes.n > 0)
		munmap((void *)(uintptr_t)bytes.p, bytes.n);
}

struct str
import_join(struct import *im, struct str parent, struct str child)
{
	if (parent.n == 0 || str_eq(parent, STR("INBOX")))
		return arena_str(&im->arena, child);
	return arena_printf(&im->arena, "%.*s/%.*s", STR_FMT(parent), STR_FMT(child));
}

const char *
import_special(struct str name)
{
	static const char *const table[][2] = {{"Archive", "archive"}, {"Archives", "archive"}, {"Drafts", "drafts"},
	    {"Junk", "junk"}, {"Spam", "junk"}, {"Sent", "sent"}, {"Sent Items", "sent"}, {"Sent Messages", "sent"},
	    {"Trash", "trash"}, {"Deleted Items", "trash"}, {"Deleted Messages", "trash"}};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (str_caseeq(name, str_c(table[i][0])))
			return table[i][1];
	return "";
}

void
import_folder(struct import *im, struct str name, const char *special)
{
	struct str canon;

	if (mailbox_name_canon(&im->arena, name, true, &canon) != OK || mailbox_name_check(canon) != OK) {
		if (im->counting)
			(void)cli_fail("%.*s: not a name for a mailbox, kept as \"Imported\"", STR_FMT(name));
		canon = STR("Imported");
	}
	if (!im->counting && !str_eq(canon, im->folder))
		link_fields(&im->link, FRAME_RECORD, 3, (struct str[]){STR("folder"), canon, str_c(special)});
	im->folder = canon;
}

/* SHA-256 of the mailbox and what tells the message apart, cut to the size of a key. */
static void
key_of(struct import *im, const struct import_message *m, unsigned char key[SHA256_DIGEST_LENGTH])
{
	struct buf b = {0};
	unsigned char content[SHA256_DIGEST_LENGTH];

	pack_str(&b, im->folder);
	pack_str(&b, m->identity);
	if (m->identity.n == 0) {
		char counted[SHA256_DIGEST_LENGTH];
		struct str name;
		uintptr_t times;

		SHA256((const unsigned char *)m->bytes.p, m->bytes.n, content);
		pack_str(&b, str_of(content, sizeof(content)));
		/* The same bytes twice in a folder are two messages. */
		SHA256((const unsigned char *)b.p, b.n, (unsigned char *)counted);
		name = str_of(counted, sizeof(counted));
		times = (uintptr_t)map_get(&im->repeated, name) + 1;
		map_put(&im->repeated, name, (void *)times);
		varint_add(&b, times);
	}
	SHA256((const unsigned char *)b.p, b.n, key);
	buf_free(&b);
}

/* Sends bytes in DATA frames with every bare LF as CRLF. */
static void
send_bytes(struct import *im, struct str s)
{
	struct buf chunk = {0};
	bool cr = false;

	while (s.n > 0) {
		size_t lf = str_chr(s, '\n'), n = lf < CHUNK ? lf : CHUNK;

		if (n > s.n)
			n = s.n;
		buf_add(&chunk, str_head(s, n));
		if (n > 0)
			cr = s.p[n - 1] == '\r';
		s = str_from(s, n);
		if (n == lf && s.n > 0) {
			if (!cr)
				buf_addc(&chunk, '\r');
			buf_addc(&chunk, '\n');
			cr = false;
			s = str_from(s, 1);
		}
		if (chunk.n >= CHUNK || s.n == 0) {
			link_send(&im->link, FRAME_DATA, buf_str(&chunk));
			buf_clear(&chunk);
		}
	}
	buf_free(&chunk);
}

static void
take_answer(struct import *im, const struct frame *f)
{
	struct arena arena = {0};
	struct str *fields;
	size_t n;
	uint64_t count, bytes;

	if (f->type == FRAME_TEXT)
		fputs(im->progress.tty ? "\n" : "", stderr), cli_print(stderr, "%.*s\n", STR_FMT(f->payload));
	else if (f->type == FRAME_RECORD && frame_fields(&arena, f->payload, &fields, &n) == OK && n == 3 &&
	    str_u64(fields[1], UINT64_MAX, &count) && str_u64(fields[2], UINT64_MAX, &bytes))
		progress_add(&im->progress, count, bytes);
	else if (f->type == FRAME_EXIT) {
		(void)cli_exit_code(f->payload, false);
		im->status = ERR_UNAVAILABLE;
	}
	arena_free(&arena);
}

/* The server's answers are few and small: they are read between messages, so neither side waits for the other for ever. */
static void
take_answers(struct import *im)
{
	struct frame f;
	enum status st = OK;

	while (im->status == OK && (st = link_poll(&im->link, &f)) == OK)
		take_answer(im, &f);
	if (im->status == OK && st != ERR_AGAIN)
		im->status = st;
}

void
import_message(struct import *im, const struct import_message *m)
{
	unsigned char key[SHA256_DIGEST_LENGTH];
	struct str fields[5 + IMPORT_KEYWORDS_MAX], name = str_of(key, IMPORT_KEY_SIZE);
	char numbers[3][24];

	if (im->status != OK)
		return;
	if (im->counting) {
		im->total++;
		return;
	}
	key_of(im, m, key);
	if (map_get(&im->keys, name) != NULL) {
		im->present++;
		progress_add(&im->progress, 1, 0);
		return;
	}
	snprintf(numbers[0], 24, "%" PRId64, m->date);
	snprintf(numbers[1], 24, "%d", m->zone);
	snprintf(numbers[2], 24, "%u", m->flags);
	fields[0] = STR("message");
	fields[1] = name;
	for (size_t i = 0; i < 3; i++)
		fields[2 + i] = str_c(numbers[i]);
	for (size_t i = 0; i < m->keywords_n; i++)
		fields[5 + i] = m->keywords[i];
	link_fields(&im->link, FRAME_RECORD, 5 + m->keywords_n, fields);
	send_bytes(im, m->bytes);
	link_fields(&im->link, FRAME_RECORD, 1, (struct str[]){STR("end")});
	im->sent++;
	take_answers(im);
}

void
import_eml(struct import *im, const char *path)
{
	struct import_message m = {0};
	struct stat st;

	if (lstat(path, &st) != 0 || file_map(path, &m.bytes) != OK) {
		im->failed = cli_fail("%s cannot be read", path);
		return;
	}
	m.date = st.st_mtime;
	import_message(im, &m);
	file_unmap(m.bytes);
}

static void import_path(struct import *im, const char *path, struct str name, int depth);

static int
visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

/* A file's name without what says that it is an mbox. */
static struct str
without_ending(struct str name)
{
	static const struct str endings[] = {{".txt", 4}, {".mbox", 5}, {".eml", 4}};

	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++)
		if (str_ends(name, endings[i]) && name.n > endings[i].n)
			name.n -= endings[i].n;
	return name;
}

/* A folder that is no Maildir: each file and folder in it is a mailbox of its name, .eml files are messages of this one. */
static void
import_folder_of(struct import *im, const char *path, struct str name, int depth)
{
	struct dirent **list;
	int n = scandir(path, &list, visible, alphasort);

	if (n < 0) {
		im->failed = cli_fail("%s cannot be read", path);
		return;
	}
	for (int i = 0; i < n; i++) {
		struct str child = str_c(list[i]->d_name), full;

		full = arena_printf(&im->arena, "%s/%s", path, list[i]->d_name);
		if (str_ends(child, STR(".eml")) || str_ends(child, STR(".txt"))) {
			if (depth < IMPORT_DEPTH_MAX && !mbox_is(full.p)) {
				import_folder(im, name, import_special(name));
				import_eml(im, full.p);
				free(list[i]);
				continue;
			}
		}
		child = without_ending(child);
		import_path(im, full.p, import_join(im, name, child), depth + 1);
		free(list[i]);
	}
	free(list);
}

static void
import_path(struct import *im, const char *path, struct str name, int depth)
{
	struct stat st;

	if (im->status != OK || depth > IMPORT_DEPTH_MAX)
		return;
	if (lstat(path, &st) != 0) {
		im->failed = cli_fail("%s: %s", path, strerror(errno));
	} else if (S_ISLNK(st.st_mode)) {
		if (!im->counting)
			im->failed = cli_fail("%s is a symbolic link and is not followed; name it on the command line to bring it in", path);
	} else if (S_ISDIR(st.st_mode)) {
		if (maildir_is(path))
			import_maildir(im, path, name);
		else
			import_folder_of(im, path, name, depth);
	} else if (S_ISREG(st.st_mode) && mbox_is(path)) {
		import_mbox(im, path, name);
	} else if (S_ISREG(st.st_mode) && (depth == 0 || str_ends(str_c(path), STR(".eml")))) {
		import_folder(im, name, "");
		import_eml(im, path);
	}
}

static enum status
read_keys(struct import *im)
{
	static char present;
	struct frame f;
	enum status st;

	while ((st = link_next(&im->link, &f)) == OK) {
		if (f.type == FRAME_EXIT) {
			(void)cli_exit_code(f.payload, false);
			return ERR_UNAVAILABLE;
		}
		if (f.type != FRAME_DATA)
			return ERR_BAD_INPUT;
		if (f.payload.n == 0)
			return OK;
		for (size_t i = 0; i + IMPORT_KEY_SIZE <= f.payload.n; i += IMPORT_KEY_SIZE)
			map_put(&im->keys, str_of(f.payload.p + i, IMPORT_KEY_SIZE), &present);
	}
	return st;
}

static void
walk(struct import *im, struct cli *cli, struct str into)
{
	im->folder = STR_NONE;
	for (int i = 0; i < cli->argc; i++) {
		char *path = realpath(cli->argv[i], NULL);

		if (path == NULL)
			im->failed = cli_fail("%s: %s", cli->argv[i], strerror(errno));
		else
			import_path(im, path, into, 0);
		free(path);
	}
}

static int
finish(struct import *im)
{
	struct frame f;

	link_send(&im->link, FRAME_END, STR(""));
	while (im->status == OK && (im->status = link_next(&im->link, &f)) == OK) {
		if (f.type == FRAME_EXIT) {
			progress_end(&im->progress);
			return cli_exit_code(f.payload, true);
		}
		take_answer(im, &f);
	}
	return im->status == ERR_UNAVAILABLE ? 1 : cli_fail("the server went away; start the import again to go on");
}

static int
run(struct import *im, struct cli *cli, const char *user, struct str into, bool quiet)
{
	int code = 1;

	cli_request(&im->link, 2, (struct str[]){STR("import"), str_c(user)});
	if (read_keys(im) != OK)
		return 1;
	im->counting = true;
	walk(im, cli, into);
	im->counting = false;
	progress_begin(&im->progress, "messages", im->total, quiet);
	walk(im, cli, into);
	code = finish(im);
	if (im->present > 0)
		printf("%" PRIu64 " were there already\n", im->present);
	return code != 0 || im->failed ? 1 : 0;
}

int
cli_import(struct cli *cli)
{
	struct import im = {0};
	const char *user = NULL, *into = "INBOX";
	bool quiet = false;
	int code;

	if (!cli_options(cli, (struct cli_option[]){{"user", &user, NULL}, {"into", &into, NULL}, {"quiet", NULL, &quiet}, {0}}) ||
	    user == NULL || cli->argc == 0)
		return cli_usage("import");
	if (cli_connect(&im.link) != OK)
		return 1;
	code = run(&im, cli, user, str_c(into), quiet);
	cli_disconnect(&im.link);
	map_free(&im.keys);
	map_free(&im.repeated);
	arena_free(&im.arena);
	return code;
}
