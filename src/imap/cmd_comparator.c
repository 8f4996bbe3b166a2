/* SPDX-License-Identifier: Apache-2.0 */
/* COMPARATOR: which comparator SEARCH and SORT use. */
#include "imap/commands.h"
#include "imap/core/capability.h"
#include "imap/core/reply.h"
#include "mime/subject.h"
#include "query/comparator.h"


/* "* COMPARATOR i;octet (i;unicode-casemap i;octet)": the active one, and what matched where that is more than one (RFC 5255 4.8). */
static void
tell(struct cmd *cmd, comparator_set matched)
{
	const struct comparator *active = &cmd->session->comparator;
	struct buf *out = cmd_out(cmd);
	bool several = (matched & (matched - 1)) != 0;
	const char *before = " (";

	buf_addf(out, "* COMPARATOR %s%s", active->descending ? "-" : "", comparator_id(active->collation));
	for (unsigned c = 0; several && c <= MIME_OCTET; c++) {
		if (!(matched & 1u << c))
			continue;
		buf_addf(out, "%s%s", before, comparator_id(c));
		before = " ";
	}
	buf_adds(out, several ? ")\r\n" : "\r\n");
}

/* COMPARATOR, RFC 5255 4.7: the first argument that names any of ours decides; without arguments it only tells. */
enum cmd_next
cmd_comparator(struct cmd *cmd)
{
	struct args *a = &cmd->args;
	struct comparator choice = cmd->session->comparator, first;
	comparator_set matched = 0, set;
	bool asked = false;
	struct str order;
	enum status st;

	if (!capability_on(cmd->session, "I18NLEVEL=2"))
		return reply_hidden(cmd);
	while (arg_end(a) != OK) {
		if ((st = arg_space(a)) != OK || (st = arg_astring(a, &order)) != OK)
			return reply_syntax(cmd, st);
		if ((st = comparator_find(order, &set, &first)) == ERR_BAD_INPUT)
			return reply_usage(cmd);
		asked = true;
		if (st != OK)
			continue;
		if (matched == 0)
			choice = first;
		matched |= set;
	}
	if (asked && matched == 0)
		return reply_no(cmd, "BADCOMPARATOR", "No such comparator");
	cmd->session->comparator = choice;
	tell(cmd, matched);
	return reply_ok(cmd, "COMPARATOR completed");
}
