/* SPDX-License-Identifier: Apache-2.0 */
/* What COMPRESS sends: streams that share compressors, in any order and from several threads, each read by an unpacker that reads on. */
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <cmocka.h>
#include "base/arena.h"
#include "net/net_priv.h"

/* A server's end and a client's. */
struct line {
	struct pack pack;
	z_stream client;
	unsigned seed;
	uint64_t said;
};

static void
line_open(struct line *l, unsigned seed)
{
	*l = (struct line){.seed = seed * 2654435761u};
	pack_init(&l->pack);
	assert_int_equal(inflateInit2(&l->client, -15), Z_OK);
}

static void
line_close(struct line *l)
{
	inflateEnd(&l->client);
	pack_fini(&l->pack);
}

static unsigned
dice(struct line *l, unsigned sides)
{
	l->seed = l->seed * 1103515245u + 12345;
	return (l->seed >> 8) % sides;
}

/* Some words of few, so that they come again at any distance. */
static void
compose(struct line *l, struct buf *text, size_t n)
{
	while (text->n < n)
		buf_addf(text, "* %u FETCH (UID %u FLAGS (\\Seen)) word%u\r\n", dice(l, 300), dice(l, 3000), dice(l, 50));
}

/* What was said arrives; returns the bytes that it took on the way. */
static size_t
say(struct line *l, struct str text, unsigned how)
{
	struct buf wire = {0}, heard = {0};
	size_t n;
	int r = Z_OK;

	assert_int_equal(pack_out(&l->pack, text, &wire, how), OK);
	n = wire.n;
	l->client.next_in = (Bytef *)wire.p;
	l->client.avail_in = (uInt)n;
	l->client.next_out = (Bytef *)buf_room(&heard, text.n + 1);
	l->client.avail_out = (uInt)text.n + 1;
	r = inflate(&l->client, Z_SYNC_FLUSH);
	if (r != (how & FILTER_LAST ? Z_STREAM_END : Z_OK) && !(r == Z_BUF_ERROR && text.n == 0))
		fail_msg("inflate says %d (%s) after %llu bytes", r, l->client.msg ? l->client.msg : "", (unsigned long long)l->said);
	assert_int_equal(l->client.avail_in, 0);
	buf_wrote(&heard, text.n + 1 - l->client.avail_out);
	assert_true(str_eq(buf_str(&heard), text));
	assert_true(how & FILTER_LAST || l->pack.n == (l->said + text.n < 16384 ? l->said + text.n : 16384));
	l->said += text.n;
	buf_free(&wire);
	buf_free(&heard);
	return n;
}

static void
babble(struct line *l)
{
	static const unsigned most[] = {1, 60, 300, 5000, 16383, 16385, 40000, 200000};
	struct buf text = {0};

	if (dice(l, 20) > 0)
		compose(l, &text, 1 + dice(l, most[dice(l, 8)]));
	say(l, buf_str(&text), dice(l, 2) ? FILTER_WAITING : 0);
	buf_free(&text);
}

#define LINES 40 /* more than there are compressors */

static void
test_many(void **state)
{
	struct line l[LINES];
	unsigned seed = 7;

	for (unsigned i = 0; i < LINES; i++)
		line_open(l + i, i + 1);
	for (unsigned i = 0; i < 1500; i++) {
		seed = seed * 1103515245u + 12345;
		/* Now one for a while, now all in turn. */
		babble(l + (i / 100 % 2 ? (seed >> 8) % LINES : (seed >> 8) % 3));
		if (i % 50 == 0) {
			struct line *old = l + (seed >> 20) % LINES;

			say(old, STR("the last words"), FILTER_LAST);
			line_close(old);
			line_open(old, i);
		}
	}
	for (unsigned i = 0; i < LINES; i++)
		line_close(l + i);
}

/* The same answer again costs next to nothing, from one's own compressor and from one that is told the window. */
static void
test_window(void **state)
{
	struct line one, others[LINES];
	struct buf text = {0};
	size_t first, again, told;

	line_open(&one, 1);
	compose(&one, &text, 600);
	first = say(&one, buf_str(&text), 0);
	again = say(&one, buf_str(&text), 0);
	assert_true(first > 100);
	assert_in_range(again, 1, 30);
	for (unsigned i = 0; i < LINES; i++) {
		line_open(others + i, i);
		babble(others + i);
	}
	told = say(&one, buf_str(&text), 0);
	assert_in_range(told, 1, 30);
	/* A new stream knows nothing of it. */
	say(&one, STR(""), FILTER_LAST);
	line_close(&one);
	line_open(&one, 2);
	assert_int_equal(say(&one, buf_str(&text), 0), first);
	line_close(&one);
	for (unsigned i = 0; i < LINES; i++)
		line_close(others + i);
	buf_free(&text);
}

/* A stream keeps 16 kB, and no more than it sent; without streams nothing is left but what malloc() keeps of small pieces. */
static void
test_memory(void **state)
{
	static struct line l[LINES];
	size_t before, empty = SIZE_MAX - 60000;

	for (int round = 0; round < 2; round++) {
		for (unsigned i = 0; i < LINES; i++) {
			line_open(l + i, i);
			say(l + i, STR("short"), 0);
			assert_in_range(l[i].pack.cap, 1, 512);
		}
		for (unsigned i = 0; i < LINES; i++)
			inflateEnd(&l[i].client); /* the client's part */
		before = mallinfo2().uordblks + mallinfo2().hblkhd;
		for (unsigned i = 0; i < LINES; i++) {
			struct buf text = {0}, wire = {0};

			compose(l + i, &text, 100000);
			assert_int_equal(pack_out(&l[i].pack, buf_str(&text), &wire, 0), OK);
			buf_free(&text);
			buf_free(&wire);
		}
		assert_in_range(mallinfo2().uordblks + mallinfo2().hblkhd, before, before + LINES * 16500);
		for (unsigned i = 0; i < LINES; i++)
			pack_fini(&l[i].pack);
		assert_in_range(mallinfo2().uordblks + mallinfo2().hblkhd, 0, empty + 60000);
		empty = mallinfo2().uordblks + mallinfo2().hblkhd;
	}
}

/* Each stream is one thread's at a time, now this one's, now that one's. */
static struct line shared[LINES];
static pthread_mutex_t shared_lock[LINES];

static void *
talk(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;

	for (unsigned i = 0; i < 300; i++) {
		unsigned n;

		seed = seed * 1103515245u + 12345;
		n = (seed >> 8) % (i / 50 % 2 ? LINES : 4);
		pthread_mutex_lock(shared_lock + n);
		babble(shared + n);
		pthread_mutex_unlock(shared_lock + n);
	}
	return NULL;
}

static void
test_threads(void **state)
{
	pthread_t t[4];

	for (unsigned i = 0; i < LINES; i++) {
		line_open(shared + i, i + 100);
		pthread_mutex_init(shared_lock + i, NULL);
	}
	for (uintptr_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(t + i, NULL, talk, (void *)(i + 1)), 0);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	for (unsigned i = 0; i < LINES; i++) {
		line_close(shared + i);
		pthread_mutex_destroy(shared_lock + i);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
