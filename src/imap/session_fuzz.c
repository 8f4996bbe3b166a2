/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole session from greeting to logout, with a store in memory that is new each time. The first byte chooses how far the session is
 * when the input begins; 0xfe in the input is where a segment ends, 0xfd is where the other client's turn begins. What the server
 * sends must be lines and literals, and it must end when the input does.
 */
#include <stdlib.h>
#include "base/assert.h"
#include "base/log.h"
#include "imap/imap_test.h"
#include "imap/language.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char one[] = "From: a@example.org\r\nSubject: one\r\nCc: b@c.d\r\n\r\nhello\r\n";
static const char two[] = "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nfirst\r\n"
			  "--x\r\nContent-Type: text/html\r\n\r\n<b>second</b>\r\n--x--\r\nend\r\n";

static void
log_in(struct test_imap *t, struct test_client c[2])
{
	struct buf b = {0};

	buf_add(&b, STR("a LOGIN alice secret\r\n"));
	buf_addf(&b, "b APPEND INBOX (\\Flagged kw1) {%zu+}\r\n%s\r\n", strlen(one), one);
	buf_addf(&b, "c APPEND INBOX {%zu+}\r\n%s\r\n", strlen(two), two);
	buf_add(&b, STR("d CREATE Work/old\r\n"));
	test_client_send(t, &c[0], buf_str(&b));
	test_client_run(t, &c[0]);
	buf_free(&b);
	test_client_send(t, &c[1], STR("a LOGIN alice secret\r\nb SELECT INBOX\r\n"));
	test_client_run(t, &c[1]);
}

/* What comes compressed cannot be read here. */
static bool
compressed(struct str got)
{
	for (unsigned l = 0; l < LANGUAGES; l++)
		if (str_find(got, str_c(language_translate((enum language)l, "DEFLATE active")), 0) != SIZE_MAX)
			return true;
	return false;
}

static void
check(const struct test_client *c)
{
	struct str got = buf_str(&c->got);
	/* IMAP4rev2 or UTF8=ACCEPT may be among it; texts in another language are UTF-8 too. */
	bool utf8 = str_find(got, STR("* ENABLED"), 0) != SIZE_MAX || str_find(got, STR("* LANGUAGE"), 0) != SIZE_MAX;
	const char *fault = test_fault(got, utf8);

	if (fault == NULL || compressed(got))
		return;
	log_set_level(LOG_LEVEL_INFO);
	log_event(EV_tool, "%s: %.*s", fault, STR_FMT(buf_str(&c->got)));
	abort();
}

/* The input, segment by segment, to one client after the other. */
static void
play(struct test_imap *t, struct test_client c[2], struct str in)
{
	unsigned who = 0;

	while (in.n > 0) {
		size_t n = 0;

		while (n < in.n && (unsigned char)in.p[n] < 0xfd)
			n++;
		test_client_send(t, &c[who], str_head(in, n));
		test_client_run(t, &c[who]);
		if (n < in.n && (unsigned char)in.p[n] == 0xfd)
			who = !who;
		in = str_from(in, n + 1);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct test_imap t;
	struct test_client c[2];

	if (size < 1 || size > 65536)
		return 0;
	log_set_level(LOG_LEVEL_ERROR);
	test_imap_open(&t);
	for (unsigned i = 0; i < 2; i++)
		test_client_open(&t, &c[i]);
	if (data[0] & 1)
		log_in(&t, c);
	if (data[0] & 2)
		test_client_send(&t, &c[0], STR("e SELECT INBOX\r\n"));
	play(&t, c, str_of(data + 1, size - 1));
	test_client_shut(&c[0]);
	ensure(test_client_end(&t, &c[1]));
	(void)test_client_end(&t, &c[0]);
	for (unsigned i = 0; i < 2; i++) {
		check(&c[i]);
		buf_free(&c[i].got);
	}
	test_imap_close(&t);
	return 0;
}
