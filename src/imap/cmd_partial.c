/* SPDX-License-Identifier: Apache-2.0 */
/* PARTIAL, which FETCH with BODY[]<...> has replaced. */
#include "imap/commands.h"
#include "imap/core/reply.h"
#include "imap/fetch/fetch.h"

/*
 * PARTIAL, RFC 1730 6.4.6 (obsolete, RFC 2062 6.4.OBS.1): some octets of one item of one message, the first octet being number 1. The
 * answer is FETCH's, without the range.
 */
enum cmd_next
cmd_partial(struct cmd *cmd)
{
	struct fetch *f = arena_new(&cmd->arena, struct fetch);
	struct args *a = &cmd->args;
	struct arg_set set = {0};
	uint64_t first, count;
	uint32_t number;
	enum status st;

	f->cmd = cmd;
	if ((st = arg_space(a)) != OK || (st = arg_nz_number(a, &number)) != OK || (st = arg_space(a)) != OK ||
	    (st = fetch_parse_text(f, a)) != OK || (st = arg_space(a)) != OK || (st = arg_number64(a, &first)) != OK ||
	    (st = arg_space(a)) != OK || (st = arg_number64(a, &count)) != OK || (st = arg_end(a)) != OK)
		return reply_syntax(cmd, st);
	if (first == 0 || f->items[0].section.partial)
		return reply_bad(cmd, "The first octet is number 1");
	f->items[0].section.partial = true;
	f->items[0].section.first = first - 1;
	f->items[0].section.count = count;
	runs_add(&set.runs, number, number);
	return fetch_begin(cmd, f, &set);
}
