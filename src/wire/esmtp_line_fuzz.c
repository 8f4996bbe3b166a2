/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes LMTP lines and commands. */
#include "base/assert.h"
#include "base/utf8.h"
#include "wire/esmtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(struct str line)
{
	struct arena a = {0};
	struct esmtp_command cmd;
	struct esmtp_path path;
	struct buf out = {0};
	enum esmtp_fault fault = esmtp_parse(&a, line, &cmd);

	esmtp_fault_reply(&out, fault);
	if (fault == ESMTP_FINE && (cmd.verb == ESMTP_MAIL || cmd.verb == ESMTP_RCPT)) {
		ensure(cmd.path.null ? cmd.verb == ESMTP_MAIL : cmd.path.local.p != NULL);
		ensure(utf8_valid(cmd.path.address));
		if (!cmd.path.null)
			ensure(esmtp_address_parse(&a, cmd.path.address, &path) == OK &&
			       str_eq(path.local, cmd.path.local));
	}
	arena_free(&a);
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct esmtp_reader r;
	struct str in = str_of(data, size);
	enum esmtp_read next;

	esmtp_reader_init(&r);
	while ((next = esmtp_reader_read(&r, &in)) != ESMTP_READ_MORE && next != ESMTP_READ_FATAL) {
		ensure(r.line.n <= ESMTP_LINE_MAX);
		if (next == ESMTP_READ_LINE)
			check(r.line);
	}
	esmtp_reader_free(&r);
	check(str_of(data, size));
	return 0;
}
