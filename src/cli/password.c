/* SPDX-License-Identifier: Apache-2.0 */
/* A password for the command line: asked twice on a terminal, otherwise the first line of the input. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include "cli/cli.h"

static bool
read_line(FILE *from, struct buf *out)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n = getline(&line, &cap, from);

	if (n > 0) {
		struct str s = str_of(line, (size_t)n);

		s = str_trim_suffix(str_trim_suffix(s, '\n'), '\r');
		buf_clear(out);
		buf_add(out, s);
		explicit_bzero(line, (size_t)n);
	}
	free(line);
	return n > 0;
}

static bool
ask(FILE *tty, const char *prompt, const char *name, struct buf *out)
{
	struct termios old, quiet;
	bool ok;

	fprintf(stderr, "%s %s: ", prompt, name);
	if (tcgetattr(fileno(tty), &old) != 0)
		return false;
	quiet = old;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(fileno(tty), TCSAFLUSH, &quiet);
	ok = read_line(tty, out);
	tcsetattr(fileno(tty), TCSAFLUSH, &old);
	fputc('\n', stderr);
	return ok;
}

bool
cli_password(bool from_stdin, const char *name, struct buf *out)
{
	struct buf again = {0};
	FILE *tty;
	bool ok;

	if (from_stdin) {
		if (read_line(stdin, out))
			return true;
		return cli_fail("no password on standard input") == 0;
	}
	if ((tty = fopen("/dev/tty", "r")) == NULL)
		return cli_fail("no terminal to ask for a password: use --password-stdin") == 0;
	ok = ask(tty, "Password for", name, out) && ask(tty, "Again, for", name, &again);
	if (ok && !str_eq(buf_str(out), buf_str(&again))) {
		(void)cli_fail("the two passwords differ");
		ok = false;
	}
	buf_free(&again);
	fclose(tty);
	return ok;
}
