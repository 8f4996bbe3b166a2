/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes POP3: lines and commands, and the bytes of a message on their way out, in two pieces. */
#include "base/assert.h"
#include "wire/pop3.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
lines(struct str in)
{
	struct pop3_command cmd;
	struct str line;
	bool skip = false;
	enum pop3_read next;

	while ((next = pop3_line(&in, &skip, &line)) != POP3_READ_MORE) {
		if (next != POP3_READ_LINE)
			continue;
		ensure(line.n <= POP3_LINE_MAX && str_chr(line, '\n') == line.n);
		if (pop3_parse(line, &cmd))
			ensure(cmd.verb != POP3_UNKNOWN && cmd.text.n <= line.n);
	}
	ensure(in.n <= POP3_LINE_MAX + 1);
}

/* A client that reads lines finds one end, at the end. */
static void
is_whole(struct str out)
{
	size_t at = 0, n;

	for (; at < out.n; at += n + 1) {
		struct str line = str_from(out, at);

		n = str_chr(line, '\n');
		ensure(n > 0 && n < line.n && line.p[n - 1] == '\r');
		ensure((n == 2 && line.p[0] == '.') == (at + n + 1 == out.n));
	}
}

static void
message(struct str in, size_t cut, uint32_t left)
{
	struct pop3_stuffing s = POP3_STUFFING;
	struct pop3_top top = {.left = left};
	struct str parts[] = {str_head(in, cut), str_from(in, cut)};
	struct buf out = {0};

	for (size_t i = 0; i < 2 && !top.over; i++)
		pop3_stuff(&s, str_head(parts[i], pop3_top(&top, parts[i])), &out);
	pop3_stuff_end(&s, &out);
	is_whole(buf_str(&out));
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_of(data, size);

	lines(in);
	message(in, size > 0 ? data[0] % size : 0, size > 1 ? data[1] : 0);
	message(in, size / 2, UINT32_MAX);
	return 0;
}
