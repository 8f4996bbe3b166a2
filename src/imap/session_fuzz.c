/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two whole sessions from greeting to logout, on a store in memory that is the same image each time. The first byte chooses how far each session
 * is when the input begins (two bits for each); 0xfe in the input is where a segment ends, 0xfd is where the other client's turn begins. What the server
 * sends must be lines and literals, and it must end when the input does.
 */
#include <stdlib.h>
#include "base/assert.h"
#include "base/log.h"
#include "imap/imap_test.h"
#include "imap/language.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Begins of a session, which the first byte chooses from. */
static const char *const begins[] = {
	"", "a LOGIN alice secret\r\n", "a LOGIN alice secret\r\nb SELECT INBOX\r\n",
	"a LOGIN alice secret\r\nb ENABLE QRESYNC\r\nc SELECT Work/old\r\n",
};

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
	test_imap_open_image(&t, test_imap_fill);
	for (unsigned i = 0; i < 2; i++) {
		test_client_open(&t, &c[i]);
		test_client_send(&t, &c[i], str_c(begins[data[0] >> 2 * i & 3]));
		test_client_run(&t, &c[i]);
	}
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
