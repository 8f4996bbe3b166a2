/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections over socket pairs and loopback: fragments, half close, slow readers, huge output,
 * commits, time-outs, limits. One thread drives the net, so that every run is the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>
#include "base/arena.h"
#include "base/clock.h"
#include "net/net_priv.h"
#include "net/net_test.h"

static struct net *net;
static int peer = -1;
static struct buf got;

static void
connect_pair(void)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	peer = fd[1];
	net_adopt(net, fd[0], &talk_handler, NULL, false);
	test_run(net);
}

static int
setup(void **state)
{
	net = test_net(NULL);
	talk_opened = talk_closed = 0;
	connect_pair();
	return 0;
}

static int
teardown(void **state)
{
	if (peer >= 0)
		close(peer);
	peer = -1;
	test_run(net);
	net_stop_now(net);
	test_run(net);
	assert_int_equal(talk_opened, talk_closed);
	net_free(net);
	buf_free(&got);
	net_thread_end();
	return 0;
}

static void
say(const char *text)
{
	assert_int_equal(write(peer, text, strlen(text)), strlen(text));
}

/* Takes what is there into got; false at the end of the stream. */
static bool
hear(void)
{
	for (;;) {
		ssize_t n;

		test_run(net);
		n = read(peer, buf_room(&got, 65536), 65536);
		if (n == 0)
			return false;
		if (n < 0)
			return errno != ECONNRESET;
		buf_wrote(&got, (size_t)n);
	}
}

#define EXPECT(text)                                                                               \
	do {                                                                                       \
		assert_true(str_eq(buf_str(&got), STR(text)));                                     \
		buf_clear(&got);                                                                   \
	} while (0)

static void
test_fragments(void **state)
{
	static const char all[] = "echo one\necho two\nagain 3\necho three\n";

	say(all);
	assert_true(hear());
	EXPECT("hello\none\ntwo\nagain\nthree\n");
	for (const char *p = all; *p; p++) {
		char one[2] = {*p, '\0'};

		say(one);
		test_run(net);
	}
	assert_true(hear());
	EXPECT("one\ntwo\nagain\nthree\n");
	for (unsigned seed = 1; seed < 30; seed++) {
		unsigned r = seed;

		for (const char *p = all; *p;) {
			size_t n = 1 + (size_t)rand_r(&r) % 12;

			n = n < strlen(p) ? n : strlen(p);
			assert_int_equal(write(peer, p, n), n);
			p += n;
			if (rand_r(&r) % 3)
				test_run(net);
		}
		assert_true(hear());
		EXPECT("one\ntwo\nagain\nthree\n");
	}
}

static void
test_half_close(void **state)
{
	/* A client that says all and closes its half still gets all answers, then the end. */
	say("echo one\nbig 300000\necho two\necho unfinished");
	shutdown(peer, SHUT_WR);
	assert_false(hear());
	assert_int_equal(got.n, 6 + 4 + 300000 + 2 + 4);
	assert_int_equal(talk_closed, 1);
}

static void
test_bye_with_unread_input(void **state)
{
	say("bye\necho never\n");
	for (int i = 0; i < 3; i++)
		(void)!write(peer, "more and more\n", 14);
	assert_false(hear());
	EXPECT("hello\nbye\n");
	close(peer);
	peer = -1;
	test_run(net);
	assert_int_equal(talk_closed, 1);
}

static void
test_slow_reader(void **state)
{
	size_t pending;
	unsigned runs;

	say("big 50000000\necho after\n");
	test_run(net);
	/* Stuck: no more memory than the mark and a step, and nothing runs. */
	pending = io_pending(talk_last->conn);
	assert_in_range(pending, OUT_LOW, OUT_HIGH + 1000);
	assert_true(talk_last->conn->out.cap < 3 * OUT_HIGH);
	runs = talk_last->runs;
	test_wait(net, 30, NULL);
	assert_int_equal(talk_last->runs, runs);
	/* A change waits until there is room. */
	conn_wake(talk_last->conn, CONN_EV_CHANGE);
	test_run(net);
	assert_int_equal(talk_last->runs, runs);
	assert_true(hear());
	assert_int_equal(got.n, 6 + 50000000 + 2 + 7 + 6);
}

static void
test_reader_vanishes(void **state)
{
	say("big 50000000\n");
	test_run(net);
	close(peer);
	peer = -1;
	test_wait(net, 50, NULL);
	assert_int_equal(talk_closed, 1);
}

static void
test_commit(void **state)
{
	struct conn *c = talk_last->conn;

	say("wait\necho next\n");
	assert_true(hear());
	EXPECT("hello\n");
	/* Neither input nor changes run it before the commit. */
	conn_wake(c, CONN_EV_CHANGE);
	say("echo more\n");
	assert_true(hear());
	EXPECT("");
	conn_wake(c, CONN_EV_WAKE);
	assert_true(hear());
	EXPECT("change\ndone\nnext\nmore\n");
}

static void
test_pause(void **state)
{
	int64_t begin = clock_mono();

	say("pause\necho next\n");
	while (hear() && got.n < 16 && clock_mono() - begin < 5000000)
		test_wait(net, 10, NULL);
	EXPECT("hello\ndone\nnext\n");
	assert_in_range(clock_mono() - begin, 30000, 2500000);
}

static void
test_commit_after_peer_went(void **state)
{
	struct conn *c = talk_last->conn;

	say("wait\n");
	test_run(net);
	conn_hold(c);
	close(peer);
	peer = -1;
	test_run(net);
	assert_int_equal(talk_closed, 0);
	conn_wake(c, CONN_EV_WAKE);
	test_run(net);
	assert_int_equal(talk_closed, 0); /* still held */
	conn_wake(c, CONN_EV_WAKE);     /* harmless */
	test_run(net);
	conn_release(c);
	test_run(net);
	assert_int_equal(talk_closed, 1);
	assert_int_equal(net_connections(net), 0);
}

static void
test_killed_while_held(void **state)
{
	struct conn *c = talk_last->conn;

	say("wait\n");
	test_run(net);
	conn_hold(c);
	net_stop_now(net);
	assert_false(hear());
	assert_int_equal(talk_closed, 0);
	conn_wake(c, CONN_EV_WAKE);
	conn_release(c);
	test_run(net);
	assert_int_equal(talk_closed, 1);
}

/* A slot is used again: what was meant for the one before it must not reach the new one. */
static void
test_generation(void **state)
{
	struct conn *c = talk_last->conn;
	uint32_t old = wake_generation(&c->word);

	close(peer);
	test_run(net);
	buf_clear(&got);
	connect_pair();
	assert_ptr_equal(talk_last->conn, c);
	conn_post(c, old, CONN_EV_STOP | BIT_KILL, false);
	say("echo alive\n");
	assert_true(hear());
	EXPECT("hello\nalive\n");
}

static void
test_input_limit(void **state)
{
	char line[2000];

	memset(line, 'y', sizeof(line));
	line[999] = '\0';
	say(line);
	assert_true(hear());
	say("yyy");
	assert_false(hear());
	EXPECT("hello\nlong\n");
}

static enum conn_next
deaf_run(struct conn *c, unsigned events)
{
	return CONN_INPUT; /* eats nothing */
}

static enum status
deaf_open(struct conn *c)
{
	conn_in_limit(c, 10000);
	return OK;
}

static unsigned deaf_closed;

static void
deaf_end(struct conn *c)
{
	deaf_closed++;
}

static void
test_input_full(void **state)
{
	static const struct conn_handler deaf = {"deaf", deaf_open, deaf_run, NULL, deaf_end, NULL};
	char junk[20000] = {0};
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	net_adopt(net, fd[0], &deaf, NULL, false);
	assert_int_equal(write(fd[1], junk, 9999), 9999);
	test_run(net);
	assert_int_equal(deaf_closed, 0);
	assert_int_equal(write(fd[1], junk, 1), 1);
	test_run(net);
	assert_int_equal(deaf_closed, 1);
	close(fd[1]);
}

static void
test_timeout(void **state)
{
	int64_t begin = clock_mono();

	conn_timeout(talk_last->conn, 1);
	say("echo x\n");
	test_wait(net, 300, NULL);
	assert_true(hear());
	EXPECT("hello\nx\n");
	while (hear() && clock_mono() - begin < 5000000)
		test_wait(net, 10, NULL);
	EXPECT("late\n");
	assert_in_range(clock_mono() - begin, 200000, 3500000);
}

/* One byte at a time does not hold off the login's deadline (S2). */
static void
test_deadline(void **state)
{
	int64_t begin = clock_mono();

	conn_deadline(talk_last->conn, 2);
	conn_timeout(talk_last->conn, 2);
	say("e");
	while (hear() && clock_mono() - begin < 5000000) {
		(void)!send(peer, "c", 1, MSG_NOSIGNAL);
		test_wait(net, 20, NULL);
	}
	EXPECT("hello\nlate\n");
	assert_in_range(clock_mono() - begin, 900000, 3500000);
}

static void
test_batched(void **state)
{
	struct conn *c = talk_last->conn;
	uint32_t now = net_now(net), first;

	conn_timeout_batched(c, 120);
	first = c->idle_at;
	assert_in_range(first, now + 60, now + 121);
	for (unsigned i = 0; i < 300; i++) {
		c->address.key[3] = (uint8_t)i;
		conn_timeout_batched(c, 120);
		assert_in_range(c->idle_at, now + 60, now + 122);
	}
}

static void
test_write_deadline(void **state)
{
	net->o.write_seconds = 1;
	say("big 50000000\n");
	test_run(net);
	assert_int_equal(talk_closed, 0);
	test_wait(net, 3500, NULL);
	assert_int_equal(talk_closed, 1);
}

static void
test_stop(void **state)
{
	net_stop(net);
	assert_false(hear());
	EXPECT("hello\nstop\n");
	assert_int_equal(net_connections(net), 0);
}

/* Idle: no buffers, a small struct, and rest() was called. */
static void
test_idle_memory(void **state)
{
	struct conn *c = talk_last->conn;

	say("echo x\nbig 200000\n");
	assert_true(hear());
	assert_null(c->in.p);
	assert_null(c->out.p);
	assert_true(talk_last->rests > 0);
	assert_in_range(sizeof(struct conn), 100, 480);
	/* Half a line costs what it needs. */
	say("half a line");
	test_run(net);
	assert_int_equal(conn_in(c).n, 11);
	assert_in_range(c->in.cap, 11, 256);
}

static void
test_wheel(void **state)
{
	static const unsigned seconds[] = {1, 2, 63, 64, 65, 1800, 4095, 4096, 4097, 100000};
	struct conn *c = talk_last->conn;

	for (size_t i = 0; i < sizeof(seconds) / sizeof(*seconds); i++) {
		uint32_t when = net_now(net) + seconds[i];

		timer_drop(c);
		timer_need(c, when);
		assert_in_range(atomic_load(&c->timer_when), 1, when + 1);
		if (seconds[i] < 4000)
			assert_in_range(atomic_load(&c->timer_when), when, when + 1);
		assert_in_range(net->wheel_next, 1, atomic_load(&c->timer_when));
		/* An earlier one moves it, a later one does not. */
		timer_need(c, when + 5);
		assert_in_range(atomic_load(&c->timer_when), 1, when + 1);
	}
	timer_drop(c);
	for (unsigned i = 0; i < WHEEL_SLOTS / 64; i++)
		assert_int_equal(net->wheel_map[i], 0);
}

static int
dial(unsigned port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void
test_listen(void **state)
{
	struct listener_options o = {.name = "talk", .address = "127.0.0.1", .handler = &talk_handler};
	struct listener *l, *l2;
	int fds[40];

	assert_int_equal(net_listen(net, &o, &l), OK);
	for (int i = 0; i < 40; i++)
		fds[i] = dial(net_listener_port(l));
	test_run(net);
	assert_int_equal(talk_opened, 41);
	assert_string_equal(conn_peer(talk_last->conn), "127.0.0.1");
	assert_true(conn_loopback(talk_last->conn));
	o.port = net_listener_port(l);
	assert_int_equal(net_listen(net, &o, &l2), ERR_EXISTS);
	o.address = "nonsense";
	assert_int_equal(net_listen(net, &o, &l2), ERR_BAD_INPUT);
	/* Too many: told so, closed. */
	net->o.max_connections = net_connections(net);
	close(peer);
	test_run(net);
	peer = dial(net_listener_port(l));
	test_run(net);
	close(fds[0]);
	fds[0] = dial(net_listener_port(l)); /* before the server saw the close: full */
	test_run(net);
	for (int i = 0; i < 40; i++)
		close(fds[i]);
	test_run(net);
	assert_int_equal(net_connections(net), 1);
}

static void
test_unix(void **state)
{
	char path[64];
	struct listener_options o = {.name = "talk", .kind = LISTEN_UNIX, .address = path,
	    .handler = &talk_handler};
	struct listener *l;

	snprintf(path, sizeof(path), "/tmp/mansio-net-test.%d", (int)getpid());
	assert_int_equal(net_listen(net, &o, &l), OK);
	assert_int_equal(net_listen(net, &o, &l), ERR_EXISTS);
	net_stop(net);
	assert_int_not_equal(access(path, F_OK), 0);
}

/* Out of descriptors: no spinning, and it goes on when there are some again (S13). */
static void
test_no_descriptors(void **state)
{
	struct listener_options o = {.name = "talk", .address = "127.0.0.1", .handler = &talk_handler};
	struct rlimit was, rl;
	struct listener *l;
	unsigned polls = 0;
	int fd, fd2, low = dup(0);

	assert_int_equal(net_listen(net, &o, &l), OK);
	fd = dial(net_listener_port(l));
	close(low);
	getrlimit(RLIMIT_NOFILE, &was);
	rl = was;
	rl.rlim_cur = (rlim_t)low; /* all lower numbers are in use */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
	test_run(net);
	assert_int_equal(talk_opened, 1);
	for (int i = 0; i < 20; i++)
		polls += net_poll(net, 5, 4);
	assert_in_range(polls, 0, 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	test_wait(net, 2500, NULL);
	assert_int_equal(talk_opened, 2);
	fd2 = dial(net_listener_port(l));
	test_run(net);
	assert_int_equal(talk_opened, 3);
	close(fd);
	close(fd2);
}

static void
test_address_limit(void **state)
{
	struct conn *c[4];

	net->o.max_strangers = 2;
	for (int i = 0; i < 4; i++) {
		c[i] = conn_make(net, -1, &talk_handler, "t", NULL);
		c[i]->address.key[0] = 7;
	}
	assert_int_equal(address_enter(c[0]), OK);
	assert_int_equal(address_enter(c[1]), OK);
	assert_int_equal(address_enter(c[2]), ERR_LIMIT);
	conn_known(c[0]);
	conn_known(c[0]);
	assert_int_equal(address_enter(c[2]), OK);
	assert_int_equal(address_enter(c[3]), ERR_LIMIT);
	/* However many are in already: they are not counted. */
	conn_known(c[1]);
	conn_known(c[2]);
	assert_int_equal(address_enter(c[3]), OK);
	address_leave(c[0]);
	for (int i = 1; i < 4; i++)
		address_leave(c[i]);
	assert_int_equal(net->addresses.n, 0);
	for (int i = 0; i < 4; i++) {
		wake_open(&c[i]->word, 0);
		wake_run(&c[i]->word);
		table_free(c[i]);
	}
}

static void
test_compress(void **state)
{
	z_stream in = {0}, out = {0};
	static char text[400000], wire[100000];
	size_t n;

	/* The command after COMPRESS comes in the same segment, compressed already; byte by byte
	 * next, all in one stream. */
	deflateInit2(&out, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
	inflateInit2(&in, -15);
	memcpy(wire, "compress\n", 9);
	out.next_in = (Bytef *)text;
	strcpy(text, "echo one\nbig 300000\n");
	out.avail_in = (uInt)strlen(text);
	out.next_out = (Bytef *)wire + 9;
	out.avail_out = sizeof(wire) - 9;
	deflate(&out, Z_SYNC_FLUSH);
	n = sizeof(wire) - out.avail_out;
	assert_int_equal(write(peer, wire, n), n);
	assert_true(hear());
	strcpy(text, "echo two\n");
	out.next_in = (Bytef *)text;
	out.avail_in = (uInt)strlen(text);
	out.next_out = (Bytef *)wire;
	out.avail_out = sizeof(wire);
	deflate(&out, Z_SYNC_FLUSH);
	n = sizeof(wire) - out.avail_out;
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(write(peer, wire + i, 1), 1);
		test_run(net);
	}
	assert_true(hear());
	assert_true(str_starts(buf_str(&got), STR("hello\nok\n")));
	assert_true(got.n < 20000);
	in.next_in = (Bytef *)got.p + 9;
	in.avail_in = (uInt)got.n - 9;
	in.next_out = (Bytef *)text;
	in.avail_out = sizeof(text);
	inflate(&in, Z_SYNC_FLUSH);
	n = sizeof(text) - in.avail_out;
	assert_int_equal(n, 4 + 300000 + 2 + 4);
	assert_memory_equal(text, "one\nxxx", 7);
	assert_memory_equal(text + n - 7, "x.\ntwo\n", 7);
	/* A bomb: a megabyte of one line is refused after the line's limit, not stored. */
	memset(text, 'y', sizeof(text));
	out.next_in = (Bytef *)text;
	out.avail_in = sizeof(text);
	out.next_out = (Bytef *)wire;
	out.avail_out = sizeof(wire);
	deflate(&out, Z_SYNC_FLUSH);
	n = sizeof(wire) - out.avail_out;
	assert_int_equal(write(peer, wire, n), n);
	assert_false(hear());
	deflateEnd(&out);
	inflateEnd(&in);
}

/* What a client sends: packed commands, the last of which ends the packing, and plain ones behind it. */
static size_t
pack_session(char *wire, size_t room, int flush, int last)
{
	static const char *const commands[] = {"echo one\n", "big 3000\n", "plain\n"};
	z_stream out = {0};
	size_t n;

	deflateInit2(&out, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
	out.next_out = (Bytef *)wire;
	out.avail_out = (uInt)room;
	for (int i = 0; i < 3; i++) {
		out.next_in = (Bytef *)(uintptr_t)commands[i];
		out.avail_in = (uInt)strlen(commands[i]);
		deflate(&out, i < 2 ? flush : last);
	}
	n = room - out.avail_out;
	deflateEnd(&out);
	return n;
}

static void
expect_session(void)
{
	static char text[5000];
	z_stream in = {0};
	size_t n;

	assert_true(str_starts(buf_str(&got), STR("ok\n")));
	inflateInit2(&in, -15);
	in.next_in = (Bytef *)got.p + 3;
	in.avail_in = (uInt)got.n - 3;
	in.next_out = (Bytef *)text;
	in.avail_out = sizeof(text);
	assert_int_equal(inflate(&in, Z_SYNC_FLUSH), Z_STREAM_END);
	n = sizeof(text) - in.avail_out;
	assert_int_equal(n, 4 + 3000 + 2 + 6);
	assert_memory_equal(text + n - 8, ".\nplain\n", 8);
	assert_true(str_eq(str_of(in.next_in, in.avail_in), STR("two\nthree\n")));
	inflateEnd(&in);
	buf_clear(&got);
}

/* UNAUTHENTICATE ends compression right after its CRLF, in both directions (RFC 8437 4.1), with plain commands pipelined behind
 * it, cut anywhere, and however the client ends its stream. And it can begin again. */
static void
test_compress_end(void **state)
{
	static const int flushes[][2] = {{Z_SYNC_FLUSH, Z_SYNC_FLUSH}, {Z_SYNC_FLUSH, Z_FINISH},
	    {Z_NO_FLUSH, Z_FINISH}, {Z_FULL_FLUSH, Z_FULL_FLUSH}, {Z_PARTIAL_FLUSH, Z_SYNC_FLUSH}};
	static const char plain[] = "echo two\necho three\n";
	char wire[1000];

	assert_true(hear());
	buf_clear(&got);
	for (size_t f = 0; f < sizeof(flushes) / sizeof(*flushes); f++) {
		size_t n = pack_session(wire, sizeof(wire), flushes[f][0], flushes[f][1]);

		memcpy(wire + n, plain, strlen(plain));
		n += strlen(plain);
		for (size_t cut = 0; cut <= n + 1; cut++) {
			uint64_t sent = conn_bytes_out(talk_last->conn);

			say("compress\n");
			for (size_t i = 0; cut > n && i < n; i++) { /* byte by byte */
				test_run(net);
				assert_int_equal(write(peer, wire + i, 1), 1);
			}
			if (cut <= n) {
				test_run(net);
				assert_int_equal(write(peer, wire, cut), cut);
				test_run(net);
				assert_int_equal(write(peer, wire + cut, n - cut), n - cut);
			}
			assert_true(hear());
			expect_session();
			assert_null(talk_last->conn->layer);
			assert_int_equal(conn_bytes_out(talk_last->conn) - sent, 3 + 4 + 3002 + 6 + 10);
		}
	}
}

/* Says some 40 kB of commands, compressed, and takes the answers. */
static void
say_much(void)
{
	static char text[41000], wire[50000];
	z_stream out = {0};
	size_t n = 0;

	deflateInit2(&out, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
	while (n < 40000)
		n += (size_t)snprintf(text + n, 100, "echo %d\n", rand());
	out.next_in = (Bytef *)text;
	out.avail_in = (uInt)n;
	out.next_out = (Bytef *)wire;
	out.avail_out = sizeof(wire);
	deflate(&out, Z_SYNC_FLUSH);
	n = sizeof(wire) - out.avail_out;
	deflateEnd(&out);
	assert_int_equal(write(peer, wire, n), n);
	assert_true(hear());
	buf_free(&got);
}

/* While it is idle only the last bytes are kept: 32 kB of the client's, 16 kB of ours. */
static void
test_compress_idle(void **state)
{
	size_t before = 0;

	test_compressors(true);
	/* The first time the thread makes the buffers that it keeps. */
	for (int round = 0; round < 3; round++) {
		say("compress\n");
		assert_true(hear());
		say_much();
		close(peer);
		test_run(net);
		connect_pair();
	}
	say("compress\n");
	assert_true(hear());
	buf_free(&got);
	before = mallinfo2().uordblks;
	for (int round = 0; round < 3; round++) {
		say_much();
		assert_true(talk_last->rests > 0);
		assert_in_range(mallinfo2().uordblks, before, before + 34000 + 16500);
	}
	test_compressors(false);
}

static void
test_compress_garbage(void **state)
{
	say("compress\n\xff\xff\xff\xff\xff\xff\xff");
	assert_false(hear());
	assert_int_equal(talk_closed, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_fragments),
		T(test_half_close),
		T(test_bye_with_unread_input),
		T(test_slow_reader),
		T(test_reader_vanishes),
		T(test_commit),
		T(test_pause),
		T(test_commit_after_peer_went),
		T(test_killed_while_held),
		T(test_generation),
		T(test_input_limit),
		T(test_input_full),
		T(test_timeout),
		T(test_deadline),
		T(test_batched),
		T(test_write_deadline),
		T(test_stop),
		T(test_idle_memory),
		T(test_wheel),
		T(test_listen),
		T(test_unix),
		T(test_no_descriptors),
		T(test_address_limit),
		T(test_compress),
		T(test_compress_end),
		T(test_compress_idle),
		T(test_compress_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
