/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs that do the same to many: those of the command line, and of a file, a line each. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cli/cli.h"

#define WORDS_MAX 10000 /* of a line, as of a record */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',';
}

int
cli_file_lines(const char *path, bool (*take)(void *arg, const char *where, struct str line), void *arg)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	char *line = NULL, where[4200];
	size_t cap = 0;
	ssize_t n;
	int bad = 0;

	if (f == NULL)
		return cli_fail("%s cannot be read: %s", path, strerror(errno));
	for (unsigned at = 1; (n = getline(&line, &cap, f)) > 0; at++) {
		snprintf(where, sizeof(where), "%s:%u", f == stdin ? "standard input" : path, at);
		if (!take(arg, where, str_of(line, (size_t)n)))
			bad = EXIT_NOT_DONE;
		explicit_bzero(line, (size_t)n);
	}
	if (ferror(f))
		bad = cli_fail("%s cannot be read: %s", path, strerror(errno));
	free(line);
	if (f != stdin)
		fclose(f);
	return bad;
}

/* A line's words; empty lines and comments are none. */
static bool
send_line(void *arg, const char *where, struct str s)
{
	struct link *link = arg;
	struct str *field = NULL;
	size_t n = 0, cap = 0;

	if (s.n > WORDS_MAX * 64) {
		cli_fail("%s: the line is too long", where);
		return false;
	}

	while (s.n > 0) {
		size_t len = 0;

		if (is_blank(s.p[0])) {
			s = str_from(s, 1);
			continue;
		}
		while (len < s.n && !is_blank(s.p[len]))
			len++;
		if (n + 1 >= cap) {
			cap = cap ? cap * 2 : 8;
			field = x_realloc(field, cap * sizeof(*field));
		}
		field[++n] = str_head(s, len);
		s = str_from(s, len);
	}
	if (n > 0 && field[1].p[0] != '#') {
		field[0] = str_c(where);
		link_fields(link, FRAME_RECORD, n + 1, field);
	}
	free(field);
	return true;
}

static void
send_args(struct link *link, struct cli *cli, bool each)
{
	struct str *field = x_calloc((size_t)cli->argc + 1, sizeof(*field));

	field[0] = STR("");
	for (int i = 0; i < cli->argc; i++)
		field[i + 1] = str_c(cli->argv[i]);
	if (each)
		for (int i = 0; i < cli->argc; i++)
			link_fields(link, FRAME_RECORD, 2, (struct str[]){STR(""), field[i + 1]});
	else if (cli->argc > 0)
		link_fields(link, FRAME_RECORD, (size_t)cli->argc + 1, field);
	free(field);
}

int
cli_lines(struct cli *cli, const char *what, bool each, const char *file, size_t n, const struct str *request)
{
	struct link link;
	int bad = 0;

	if (cli_connect(&link) != OK)
		return EXIT_NOT_DONE;
	/* It answers to many before all are sent. */
	link.takes_in = true;
	cli_request(&link, n, request);
	send_args(&link, cli, each);
	if (file != NULL)
		bad = cli_file_lines(file, send_line, &link);
	link_send(&link, FRAME_END, STR(""));
	bad |= cli_wait(&link, what, stderr, false);
	cli_disconnect(&link);
	return bad;
}
