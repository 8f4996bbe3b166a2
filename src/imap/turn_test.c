/* SPDX-License-Identifier: Apache-2.0 */
/* A heavy turn is not held while a client is waited for (S20); nor is work done for one that is gone. */
#include "imap/imap_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>
#include "base/assert.h"
#include "imap/core/session.h"

#define LISTS 19
#define LIST 250 /* keywords in each: as many as a message may have, nearly */

/* Sends, and lets the server work until it has said this word. */
static void
until(struct test_door *t, struct test_client *c, struct str bytes, const char *word)
{
	test_client_send(t, c, bytes);
	for (int i = 0; i < 1000 && (c->got.n == 0 || memmem(c->got.p, c->got.n, word, strlen(word)) == NULL); i++)
		test_client_run(t, c);
	assert_non_null(memmem(c->got.p, c->got.n, word, strlen(word)));
}

/* So many keywords that a FLAGS line fills the output of who does not read. */
static void
make_keywords(struct test_door *t, struct test_client *c)
{
	struct buf b = {0};

	buf_add(&b, STR("a LOGIN alice secret\r\nb APPEND INBOX {20+}\r\nSubject: x\r\n\r\nwords\r\n\r\nc SELECT INBOX\r\n"));
	for (int i = 0; i < LISTS; i++) {
		char word[16];

		snprintf(word, sizeof(word), "d%d OK", i);
		buf_addf(&b, "d%d STORE 1 FLAGS.SILENT (", i);
		for (int k = 0; k < LIST; k++)
			buf_addf(&b, "%sa-keyword-of-a-length-that-makes-the-line-long-%d", k > 0 ? " " : "", i * LIST + k);
		buf_add(&b, STR(")\r\n"));
		until(t, c, buf_str(&b), word);
		buf_clear(&b);
		buf_clear(&c->got);
	}
	buf_free(&b);
}

static void
test_turn_let_go(void **state)
{
	struct pool *pool = pool_new(&(struct pool_options){.threads = 2, .heavy = 1});
	struct test_client deaf, other;
	struct heavy held, probe;
	struct test_door t;

	test_imap_open(&t);
	t.door.pool = pool;
	test_client_open(&t, &other);
	make_keywords(&t, &other);
	test_client_open(&t, &deaf);
	until(&t, &deaf, STR("a LOGIN alice secret\r\nb SELECT INBOX\r\nc SEARCH RETURN (UPDATE COUNT) BODY nowhere\r\n"
	    "d NOTIFY SET (selected (MessageNew MessageExpunge))\r\n"), "d OK");

	heavy_init(&held, pool, NULL, 1000);
	heavy_init(&probe, pool, NULL, 1001);
	assert_true(deaf.got.n > 200000);
	assert_true(heavy_enter(&held));
	/* All keywords are told, and then the search that is kept up has to wait for its turn. */
	until(&t, &other, STR("e STORE 1 +FLAGS (a-new-one)\r\n"), "e OK");
	test_client_run(&t, &other);
	heavy_leave(&held);
	assert_false(heavy_enter(&probe)); /* it was called */
	heavy_leave(&probe);
	test_client_run(&t, &other); /* it comes, but its client does not read */
	assert_true(heavy_enter(&probe));
	heavy_leave(&probe);

	/* Once that reads, it goes on. */
	until(&t, &deaf, STR("f NOOP\r\n"), "f OK");
	test_client_shut(&deaf);
	assert_true(test_client_end(&t, &other));
	buf_free(&deaf.got);
	buf_free(&other.got);
	test_door_close(&t);
	pool_free(pool);
}

static void
count_step(void *arg)
{
	++*(unsigned *)arg;
}

/* What a client sent ahead before it hung up is not worked off where nothing is to be told of it. */
static void
test_gone(void **state)
{
	struct test_client c;
	struct buf b = {0};
	struct test_door t;
	unsigned steps = 0;

	test_imap_steps(count_step, &steps);
	test_imap_open(&t);
	test_client_open(&t, &c);
	buf_add(&b, STR("a LOGIN alice secret\r\n"));
	for (int i = 0; i < 60; i++)
		buf_addf(&b, "b%d CREATE box%d\r\n", i, i);
	buf_add(&b, STR("c NOOP\r\n"));
	until(&t, &c, buf_str(&b), "c OK");
	buf_clear(&b);
	for (int i = 0; i < 200; i++)
		buf_addf(&b, "d%d LIST (RECURSIVEMATCH SUBSCRIBED) \"\" nothing\r\n", i);
	steps = 0;
	ensure(send(c.fd, b.p, b.n, MSG_NOSIGNAL) == (ssize_t)b.n);
	assert_true(test_client_end(&t, &c));
	assert_in_range(steps, 1, 1000); /* of 12,000 and more */
	buf_free(&c.got);
	buf_free(&b);
	test_door_close(&t);
	test_imap_steps(NULL, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_turn_let_go), cmocka_unit_test(test_gone)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
