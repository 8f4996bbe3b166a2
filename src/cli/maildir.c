/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maildir and Maildir++: messages are files in new/ and cur/, flags are in the file's name, keywords are letters that a file
 * dovecot-keywords or courierimapkeywords explains; folders of a Maildir++ are .A.B with names in modified UTF-7.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "cli/import.h"
#include "wire/flag.h"
#include "wire/mutf7.h"

struct letters {
	struct str keyword[26]; /* of the letters a to z; p NULL: none */
};

static bool
is_dir(const char *parent, const char *child)
{
	struct stat st;
	char *path;
	bool yes;

	if (asprintf(&path, "%s/%s", parent, child) < 0)
		return false;
	yes = lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
	free(path);
	return yes;
}

bool
maildir_is(const char *path)
{
	return is_dir(path, "cur") && is_dir(path, "new");
}

/* Lines "0 $Label1": the letter's number and the keyword. */
static void
read_letters(struct import *im, const char *path, struct letters *l)
{
	struct str name = arena_printf(&im->arena, "%s/dovecot-keywords", path), bytes, rest, line;

	memset(l, 0, sizeof(*l));
	if (file_map(name.p, &bytes) != OK)
		return;
	rest = bytes;
	while (rest.n > 0 && str_split(&rest, '\n', &line)) {
		size_t space = str_chr(line, ' ');
		uint64_t n;

		if (space < line.n && str_u64(str_head(line, space), 25, &n))
			l->keyword[n] = arena_str(&im->arena, str_trim(str_from(line, space + 1)));
	}
	file_unmap(bytes);
}

static void
take_flags(struct import_message *m, const char *name, const struct letters *letters)
{
	static const char flag_letters[] = "STDFR";
	static const uint8_t flags[] = {FLAG_SEEN, FLAG_DELETED, FLAG_DRAFT, FLAG_FLAGGED, FLAG_ANSWERED};
	const char *info = strstr(name, ":2,"), *at;

	if (info == NULL)
		return;
	for (info += 3; *info != '\0' && m->keywords_n < IMPORT_KEYWORDS_MAX; info++) {
		if ((at = strchr(flag_letters, *info)) != NULL)
			m->flags |= flags[at - flag_letters];
		else if (*info == 'P')
			m->keywords[m->keywords_n++] = STR("$Forwarded");
		else if (*info >= 'a' && *info <= 'z' && letters->keyword[*info - 'a'].n > 0)
			m->keywords[m->keywords_n++] = letters->keyword[*info - 'a'];
	}
}

static void
read_file(struct import *im, const char *dir, const char *name, const struct letters *letters)
{
	struct import_message m = {0};
	struct stat st;
	char *path;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		abort();
	if (lstat(path, &st) != 0 || file_map(path, &m.bytes) != OK) {
		im->failed = cli_fail("%s cannot be read", path);
	} else {
		/* The part of the name that stays when flags change. */
		m.identity = str_head(str_c(name), str_chr(str_c(name), ':'));
		m.date = st.st_mtime;
		take_flags(&m, name, letters);
		import_message(im, &m);
		file_unmap(m.bytes);
	}
	free(path);
}

static int
visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static void
read_dir(struct import *im, const char *maildir, const char *sub, const struct letters *letters)
{
	struct str dir = arena_printf(&im->arena, "%s/%s", maildir, sub);
	struct dirent **list;
	int n = scandir(dir.p, &list, visible, alphasort);

	if (n < 0) {
		im->failed = cli_fail("%s cannot be read", dir.p);
		return;
	}
	for (int i = 0; i < n; i++) {
		if (im->counting)
			im->total++;
		else
			read_file(im, dir.p, list[i]->d_name, letters);
		free(list[i]);
	}
	free(list);
}

static void
read_maildir(struct import *im, const char *path, struct str name)
{
	struct letters letters;

	import_folder(im, name, import_special(name));
	read_letters(im, path, &letters);
	/* File names begin with the time of arrival: their order is the order of arrival. */
	read_dir(im, path, "cur", &letters);
	read_dir(im, path, "new", &letters);
}

static int
sub_folder(const struct dirent *e)
{
	return e->d_name[0] == '.' && e->d_name[1] != '\0' && strcmp(e->d_name, "..") != 0;
}

/* ".Sent.2020" as Sent/2020; where the bytes are no modified UTF-7 they are taken as they are. */
static struct str
folder_name(struct import *im, const char *dir)
{
	struct str rest = str_c(dir + 1), level;
	struct buf name = {0};
	struct str s;

	while (str_split(&rest, '.', &level)) {
		struct buf decoded = {0};

		if (name.n > 0)
			buf_addc(&name, '/');
		if (mutf7_decode(&decoded, level) == OK)
			buf_add(&name, buf_str(&decoded));
		else
			buf_add(&name, level);
		buf_free(&decoded);
	}
	s = arena_str(&im->arena, buf_str(&name));
	buf_free(&name);
	return s;
}

void
import_maildir(struct import *im, const char *path, struct str name)
{
	struct dirent **list;
	int n;

	read_maildir(im, path, name);
	if ((n = scandir(path, &list, sub_folder, alphasort)) < 0)
		return;
	for (int i = 0; i < n; i++) {
		struct str child = arena_printf(&im->arena, "%s/%s", path, list[i]->d_name);

		if (is_dir(path, list[i]->d_name) && maildir_is(child.p))
			read_maildir(im, child.p, import_join(im, name, folder_name(im, list[i]->d_name)));
		free(list[i]);
	}
	free(list);
}
