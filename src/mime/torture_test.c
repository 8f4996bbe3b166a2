/* SPDX-License-Identifier: Apache-2.0 */
/* Every mail of the collection of tricky mails, if it is there: as it is, with CRLF, and cut anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include <ftw.h>
#include <unistd.h>
#include "mime/whole_check.h"

static size_t n_files, n_bytes;

static struct str
file_read(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct buf b = {0};
	size_t n;

	assert_non_null(f);
	while ((n = fread(buf_room(&b, 65536), 1, 65536, f)) > 0)
		buf_wrote(&b, n);
	fclose(f);
	return buf_str(&b);
}

static void
check_file(struct str s)
{
	struct buf crlf = {0};

	check_message(s, NULL, (unsigned)n_files);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\n' && (i == 0 || s.p[i - 1] != '\r'))
			buf_addc(&crlf, '\r');
		buf_addc(&crlf, s.p[i]);
	}
	check_message(buf_str(&crlf), NULL, (unsigned)n_files + 1);
	/* A message that ends anywhere (S3). */
	for (size_t cut = s.n % 97; cut < s.n && s.n < 20000; cut += 1 + s.n / 23)
		check_message(str_head(s, cut), NULL, (unsigned)cut);
	buf_free(&crlf);
}

static int
visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const char *name = strrchr(path, '/');

	(void)ftw;
	if (type == FTW_F && name != NULL && strcmp(name, "/README.md") != 0 && st->st_size < 4 << 20) {
		struct str s = file_read(path);
		union {
			const char *p;
			void *mine;
		} u = {.p = s.p};

		check_file(s);
		free(u.mine);
		n_files++;
		n_bytes += (size_t)st->st_size;
	}
	return 0;
}

static void
test_torture(void **state)
{
	static const char *const places[] = {"../shared/mail/torture", "../../shared/mail/torture"};
	const char *dir = getenv("MANSIO_TORTURE");

	(void)state;
	/* From the source root, or from a build folder in it. */
	for (size_t i = 0; dir == NULL && i < sizeof(places) / sizeof(places[0]); i++)
		if (access(places[i], R_OK) == 0)
			dir = places[i];
	if (dir == NULL || nftw(dir, visit, 16, FTW_PHYS) != 0 || n_files == 0) {
		print_message("SKIPPED: no folder ../shared/mail/torture (or $MANSIO_TORTURE) with tricky mails\n");
		skip();
	}
	print_message("%zu mails, %zu bytes\n", n_files, n_bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_torture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
