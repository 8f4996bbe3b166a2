/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes LMTP lines and commands. */
#include "base/assert.h"
#include "base/utf8.h"
#include "wire/lmtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(struct str line)
{
	struct arena a = {0};
	struct lmtp_command cmd;
	struct lmtp_path path;
	struct buf out = {0};
	enum lmtp_fault fault = lmtp_parse(&a, line, &cmd);

	lmtp_fault_reply(&out, fault);
	if (fault == LMTP_FINE && (cmd.verb == LMTP_MAIL || cmd.verb == LMTP_RCPT)) {
		ensure(cmd.path.null ? cmd.verb == LMTP_MAIL : cmd.path.local.p != NULL);
		ensure(utf8_valid(cmd.path.address));
		if (!cmd.path.null)
			ensure(lmtp_address_parse(&a, cmd.path.address, &path) == OK &&
			       str_eq(path.local, cmd.path.local));
	}
	arena_free(&a);
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lmtp_reader r;
	struct str in = str_of(data, size);
	enum lmtp_read next;

	lmtp_reader_init(&r);
	while ((next = lmtp_reader_read(&r, &in)) != LMTP_READ_MORE && next != LMTP_READ_FATAL) {
		ensure(r.line.n <= LMTP_LINE_MAX);
		if (next == LMTP_READ_LINE)
			check(r.line);
	}
	lmtp_reader_free(&r);
	check(str_of(data, size));
	return 0;
}
