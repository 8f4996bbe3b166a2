/* SPDX-License-Identifier: Apache-2.0 */
/* config upgrade: the configuration file in the form of today; the one before stays beside it. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/config.h"
#include "base/config_upgrade.h"
#include "base/file.h"
#include "cli/cli.h"

struct files {
	char path[PATH_MAX];        /* the file itself, where the name is a symbolic link */
	char fresh[PATH_MAX + 16];  /* the new one, until it is in its place */
	char before[PATH_MAX + 16];
	struct stat sb;
};

/* Another file of before may be there: it stays too. */
static bool
keep_before(struct files *f)
{
	for (unsigned i = 1; i < 100; i++) {
		if (i == 1)
			snprintf(f->before, sizeof(f->before), "%s.before", f->path);
		else
			snprintf(f->before, sizeof(f->before), "%s.before.%u", f->path, i);
		if (link(f->path, f->before) == 0)
			return true;
		if (errno != EEXIST)
			break;
	}
	return cli_fail("%s: the old file cannot be kept: %s", f->before, strerror(errno)) == 0;
}

/* The new file says what the old one said. */
static bool
means_the_same(struct files *f)
{
	struct config *old = NULL, *new = NULL;
	struct buf why = {0}, differences = {0};
	bool same = config_read_copy(f->path, &why, &old) == OK && config_read_copy(f->fresh, &why, &new) == OK;

	if (same)
		config_differences(new, old, "", &differences);
	if (!same)
		(void)cli_fail("%.*s; the file stays as it was", STR_FMT(buf_str(&why)));
	else if (differences.n > 0)
		(void)cli_fail("the new file would say something else for %.*s; the file stays as it was", STR_FMT(buf_str(&differences)));
	same = same && differences.n == 0;
	config_free(old);
	config_free(new);
	buf_free(&why);
	buf_free(&differences);
	return same;
}

static bool
write_fresh(struct files *f, struct str text)
{
	snprintf(f->fresh, sizeof(f->fresh), "%s.new-%ld", f->path, (long)getpid());
	if (file_replace(f->fresh, f->sb.st_mode & 07777, text) != OK || chmod(f->fresh, f->sb.st_mode & 07777) != 0 ||
	    (geteuid() == 0 && chown(f->fresh, f->sb.st_uid, f->sb.st_gid) != 0))
		return cli_fail("%s: %s", f->fresh, strerror(errno)) == 0;
	return true;
}

/* At every moment the name leads to the whole old file or the whole new one. */
static bool
replace(struct files *f, struct str text)
{
	bool good = write_fresh(f, text) && means_the_same(f) && keep_before(f);

	if (good && (file_rename(f->fresh, f->path) != OK || file_sync_names(f->path) != OK))
		good = cli_fail("%s: %s", f->path, strerror(errno)) == 0;
	if (!good)
		(void)unlink(f->fresh);
	return good;
}

static void
say(const struct files *f, struct str told)
{
	struct str line;

	while (str_split(&told, '\n', &line))
		if (line.n > 0)
			cli_print(stdout, "%s:%.*s\n", f->path, STR_FMT(line));
	cli_print(stdout, "%s is the file as it was\n", f->before);
}

static int
upgrade(struct files *f, bool print)
{
	struct buf text = {0}, out = {0}, told = {0}, why = {0};
	int code = EXIT_NOT_DONE;

	if (realpath(config_path(), f->path) == NULL || stat(f->path, &f->sb) != 0)
		buf_addf(&why, "%s: %s", config_path(), strerror(errno));
	else if (config_slurp(f->path, &text, &why) == OK && config_upgrade(buf_str(&text), &out, &told, &why) == OK)
		code = EXIT_DONE;
	if (code != EXIT_DONE) {
		(void)cli_fail("%.*s", STR_FMT(buf_str(&why)));
	} else if (print) {
		fwrite(out.p, 1, out.n, stdout);
	} else if (told.n == 0) {
		cli_print(stdout, "%s is in the form of today: nothing was changed\n", f->path);
	} else if (!S_ISREG(f->sb.st_mode)) {
		code = cli_fail("%s is no file: --print writes the new text", f->path);
	} else if (replace(f, buf_str(&out))) {
		say(f, buf_str(&told));
	} else {
		code = EXIT_NOT_DONE;
	}
	buf_free(&text);
	buf_free(&out);
	buf_free(&told);
	buf_free(&why);
	return code;
}

int
cli_config_upgrade(struct cli *cli)
{
	struct files files = {0};
	bool print = false;

	if (!cli_options(cli, (struct cli_option[]){{"print", NULL, &print}, {0}}) || cli->argc > 0)
		return cli_usage("config upgrade");
	if (config_path() == NULL)
		return cli_fail("there is no configuration file: " CONFIG_DEFAULT_PATH " is not there, and --config names none");
	return upgrade(&files, print);
}
