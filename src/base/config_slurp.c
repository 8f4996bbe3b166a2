/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a configuration file: as they lie on the disk, or as another process read them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "base/config_file.h"
#include "base/config_priv.h"

/* What config_give() said. */
static struct buf given_text;
static enum { GIVEN_NOT, GIVEN_NONE, GIVEN_TEXT } given;

void
config_give(bool there, struct str text)
{
	buf_clear(&given_text);
	buf_add(&given_text, text);
	given = there ? GIVEN_TEXT : GIVEN_NONE;
}

void
config_give_nothing(void)
{
	buf_free(&given_text);
	given = GIVEN_NOT;
}

/* One that is there and cannot be read is there: without it the server would be another one than was meant. */
bool
config_there(const char *path)
{
	struct stat sb;

	if (given != GIVEN_NOT)
		return given == GIVEN_TEXT;
	return lstat(path, &sb) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

/* The bytes of a regular file, or of what can be read as one. ERR_NOT_FOUND: it cannot be read, and why says so. */
enum status
config_slurp(const char *path, struct buf *out, struct buf *why)
{
	struct stat sb;
	size_t n;
	FILE *f;
	int e;

	if (given == GIVEN_TEXT) {
		buf_add(out, buf_str(&given_text));
		return OK;
	}
	f = fopen(path, "re");
	e = f == NULL ? errno : 0;

	if (f != NULL && fstat(fileno(f), &sb) == 0 && S_ISDIR(sb.st_mode))
		e = EISDIR;
	while (e == 0 && out->n <= CONFIG_FILE_MAX && (n = fread(buf_room(out, 65536), 1, 65536, f)) > 0)
		buf_wrote(out, n);
	if (e == 0 && ferror(f))
		e = errno;
	if (f != NULL)
		fclose(f);
	if (e == 0)
		return OK;
	buf_addf(why, "the configuration file %s cannot be read: %s", path, strerror(e));
	return ERR_NOT_FOUND;
}
