/* SPDX-License-Identifier: Apache-2.0 */
/* An IMAP service in one thread, for tests and fuzzers. */
#include "imap/imap_test.h"

#include "base/assert.h"

static void (*at_step)(void *arg);
static void *at_step_arg;

void
test_imap_steps(void (*fn)(void *arg), void *arg)
{
	at_step = fn;
	at_step_arg = arg;
}

static void *
open_imap(const struct door *door)
{
	struct imap_options options = {.door = door, .settings = imap_settings_default, .at_step = at_step, .at_step_arg = at_step_arg};

	if (at_step != NULL)
		options.settings.step_us = 0;
	return imap_new(&options);
}

static void
close_imap(void *imap)
{
	imap_free(imap);
}

static const struct test_service service = {.handler = &imap_handler, .open = open_imap, .close = close_imap};

void
test_imap_open_faulty(struct test_door *t)
{
	static const struct test_service faulty = {.handler = &imap_handler, .open = open_imap, .close = close_imap, .faulty = true};

	test_door_open(t, &faulty);
}

void
test_imap_open(struct test_door *t)
{
	test_door_open(t, &service);
}

static const char one[] = "From: a@example.org\r\nSubject: one\r\nCc: b@c.d\r\n\r\nhello\r\n";
static const char two[] = "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nfirst\r\n"
			  "--x\r\nContent-Type: text/html\r\n\r\n<b>second</b>\r\n--x--\r\nend\r\n";

void
test_imap_fill(struct test_door *t)
{
	struct test_client c;
	struct buf b = {0};

	buf_add(&b, STR("a LOGIN alice secret\r\n"));
	buf_addf(&b, "b APPEND INBOX (\\Flagged kw1) {%zu+}\r\n%s\r\n", strlen(one), one);
	for (int i = 0; i < 3; i++)
		buf_addf(&b, "c APPEND INBOX (%s) {%zu+}\r\n%s\r\n", i == 2 ? "" : "\\Deleted", strlen(two), two);
	buf_add(&b, STR("d CREATE Work/old\r\ne SUBSCRIBE Work/old\r\nf SELECT INBOX\r\ng EXPUNGE\r\n"));
	for (int i = 0; i < 4; i++)
		buf_addf(&b, "c APPEND Work/old (%s) {%zu+}\r\n%s\r\n", i % 2 ? "" : "\\Deleted", strlen(two), two);
	buf_add(&b, STR("h SELECT Work/old\r\ni CLOSE\r\nj LOGOUT\r\n"));
	test_client_open(t, &c);
	test_client_send(t, &c, buf_str(&b));
	ensure(test_client_end(t, &c));
	buf_free(&b);
	buf_free(&c.got);
}

void
test_imap_open_image(struct test_door *t, void (*fill)(struct test_door *))
{
	static void (*kept_step)(void *arg);
	static void *kept_step_arg;

	test_door_open_image(t, &service, fill, kept_step != at_step || kept_step_arg != at_step_arg);
	kept_step = at_step;
	kept_step_arg = at_step_arg;
}

/* The size in a line's trailing {n}, or -1. */
static int64_t
announced(struct str line)
{
	size_t open = line.n;
	uint64_t n;

	if (line.n < 3 || line.p[line.n - 1] != '}')
		return -1;
	while (open > 0 && line.p[open - 1] != '{')
		open--;
	if (open == 0 || !str_u64(str_of(line.p + open, line.n - 1 - open), INT64_MAX, &n))
		return -1;
	return (int64_t)n;
}

const char *
test_fault(struct str got, bool utf8)
{
	bool begin = true;

	while (got.n > 0) {
		size_t end = str_find(got, STR("\r\n"), 0);
		struct str line;
		int64_t literal;

		if (end == SIZE_MAX)
			return "an unfinished line";
		line = str_head(got, end);
		got = str_from(got, end + 2);
		if (begin && (line.n < 2 || line.p[0] == ' '))
			return "a line that begins with nothing";
		for (size_t i = 0; i < line.n; i++)
			if (((unsigned char)line.p[i] < 32 && line.p[i] != '\t') || (unsigned char)line.p[i] == 127 ||
			    (!utf8 && (unsigned char)line.p[i] > 126))
				return "a control or 8-bit character outside literals";
		literal = announced(line);
		begin = literal < 0;
		if (literal < 0)
			continue;
		if ((uint64_t)literal > got.n)
			return "an unfinished literal";
		if (str_find(line, STR("~{"), 0) == SIZE_MAX && memchr(got.p, 0, (size_t)literal) != NULL)
			return "NUL in a literal";
		got = str_from(got, (size_t)literal);
	}
	return NULL;
}
