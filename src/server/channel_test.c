/* SPDX-License-Identifier: Apache-2.0 */
/* What comes over the channel is one of the rows of channel.tbl with its size, numbers, text and descriptors, or it is refused and nothing of it is left open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "server/channel.h"

struct packet {
	uint32_t type, index, value, zero;
	char text[CHANNEL_TEXT];
};

static int pair[2];

static int
setup(void **state)
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
}

static int
teardown(void **state)
{
	close(pair[0]);
	close(pair[1]);
	return 0;
}

static unsigned
open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

/* Sends what a fault or an intruder might: so many bytes, so many descriptors. */
static void
put(const void *p, size_t n, unsigned fds)
{
	struct iovec iov = {(void *)(uintptr_t)p, n};
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(8 * sizeof(int))];
	} control = {0};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fds > 0) {
		struct cmsghdr *c;

		h.msg_control = control.room;
		h.msg_controllen = CMSG_SPACE(fds * sizeof(int));
		c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(fds * sizeof(int));
		memset(CMSG_DATA(c), 0, fds * sizeof(int)); /* standard input */
	}
	assert_int_equal(sendmsg(pair[0], &h, 0), (ssize_t)n);
}

static enum status
get(enum channel_end from)
{
	struct message m = {.fd = {-1, -1}};
	enum status st = channel_receive(pair[1], from, false, &m);

	message_close(&m);
	return st;
}

/* Each row goes through, from its own end and with its own descriptors alone. */
static void
test_rows(void **state)
{
	static const struct {
		enum channel_end from;
		unsigned fds;
		uint32_t index, value;
	} rows[] = {
#define M(name, end, n, most, value) [CHANNEL_##name] = {end, n, most, value},
#include "server/channel.tbl"
#undef M
	};
	unsigned before = open_files();

	for (uint32_t type = 1; type < CHANNEL_TYPES; type++) {
		struct message m = {.type = (enum channel_type)type, .index = rows[type].index, .value = rows[type].value, .text = "text", .fd = {0, 0}}, got;
		struct packet p = {.type = type};

		assert_int_equal(channel_send(pair[0], &m), OK);
		assert_int_equal(channel_receive(pair[1], rows[type].from, false, &got), OK);
		assert_int_equal(got.type, type);
		assert_int_equal(got.index, m.index);
		assert_int_equal(got.value, m.value);
		assert_string_equal(got.text, "text");
		for (unsigned i = 0; i < 2; i++)
			assert_int_equal(got.fd[i] >= 0, i < rows[type].fds);
		for (unsigned i = 0; i < rows[type].fds; i++)
			assert_true(fcntl(got.fd[i], F_GETFD) & FD_CLOEXEC);
		message_close(&got);
		for (unsigned fds = 0; fds < 8; fds++) {
			put(&p, sizeof(p), fds);
			assert_int_equal(get(rows[type].from), fds == rows[type].fds ? OK : ERR_BAD_INPUT);
			put(&p, sizeof(p), fds);
			assert_int_equal(get(rows[type].from == WORKER ? SUPERVISOR : WORKER), ERR_BAD_INPUT);
		}
		p.index = rows[type].index + 1;
		put(&p, sizeof(p), rows[type].fds);
		assert_int_equal(get(rows[type].from), ERR_BAD_INPUT);
		p.index = 0;
		p.value = rows[type].value + 1;
		put(&p, sizeof(p), rows[type].fds);
		assert_int_equal(get(rows[type].from), ERR_BAD_INPUT);
	}
	assert_int_equal(open_files(), before);
}

/* Other sizes, types, a text without an end, bytes where none belong. */
static void
test_others(void **state)
{
	static char large[100000];
	struct packet p = {.type = CHANNEL_READY};

	for (size_t n = 1; n < sizeof(p); n++) {
		put(&p, n, 0);
		assert_int_equal(get(WORKER), ERR_BAD_INPUT);
	}
	memcpy(large, &p, sizeof(p));
	for (size_t n = sizeof(p) + 1; n < sizeof(large); n = n * 2 + 1) {
		put(large, n, n % 3 ? 0 : 1);
		assert_int_equal(get(WORKER), ERR_BAD_INPUT);
	}
	for (uint32_t type = CHANNEL_TYPES; type != 0 && type >= CHANNEL_TYPES; type = type * 2 + 1) {
		p.type = type;
		put(&p, sizeof(p), 0);
		assert_int_equal(get(WORKER), ERR_BAD_INPUT);
		if (type == UINT32_MAX)
			break;
	}
	p.type = 0;
	put(&p, sizeof(p), 0);
	assert_int_equal(get(WORKER), ERR_BAD_INPUT);
	p.type = CHANNEL_READY;
	p.zero = 1;
	put(&p, sizeof(p), 0);
	assert_int_equal(get(WORKER), ERR_BAD_INPUT);
	p.zero = 0;
	memset(p.text, 'x', sizeof(p.text));
	put(&p, sizeof(p), 0);
	assert_int_equal(get(WORKER), ERR_BAD_INPUT);
	p.text[sizeof(p.text) - 1] = '\0';
	put(&p, sizeof(p), 0);
	assert_int_equal(get(WORKER), OK);
	assert_int_equal(get(WORKER), ERR_AGAIN);
	shutdown(pair[0], SHUT_WR);
	assert_int_equal(get(WORKER), ERR_NOT_FOUND);
	shutdown(pair[1], SHUT_RDWR);
	assert_int_equal(channel_send(pair[0], &(struct message){.type = CHANNEL_READY}), ERR_UNAVAILABLE);
}

/* What is passed in memory can be read, up to a bound, and changed by nobody. */
static void
test_file(void **state)
{
	struct buf out = {0};
	int fd = channel_file(STR("some bytes")), none = channel_file(STR(""));

	assert_int_equal(channel_read_file(fd, 100, &out), OK);
	assert_true(str_eq(buf_str(&out), STR("some bytes")));
	assert_int_equal(channel_read_file(fd, 9, &out), ERR_LIMIT);
	buf_clear(&out);
	assert_int_equal(channel_read_file(none, 0, &out), OK);
	assert_int_equal(out.n, 0);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(channel_read_file(-1, 100, &out), ERR_IO);
	buf_free(&out);
	close(fd);
	close(none);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_others, setup, teardown),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
