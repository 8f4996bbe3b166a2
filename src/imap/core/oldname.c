/* SPDX-License-Identifier: Apache-2.0 */
/* LIST responses that tell the true name of a mailbox. */
#include "imap/core/oldname.h"
#include "base/utf8.h"

struct str
oldname_peek(const struct args *a, struct cmd *cmd)
{
	struct args copy = *a;
	struct str raw;

	if (!cmd_enabled(cmd, ENABLED_IMAP4REV2) || arg_astring(&copy, &raw) != OK || !utf8_valid(raw))
		return STR("");
	if (raw.n > 1)
		raw = str_trim_suffix(raw, '/');
	return arena_str(&cmd->arena, raw);
}

void
oldname_print(struct cmd *cmd, const char *attributes, struct str name, struct str written)
{
	struct buf *out = cmd_out(cmd);

	if (!cmd_enabled(cmd, ENABLED_IMAP4REV2))
		return;
	buf_add(out, STR("* LIST ("));
	buf_adds(out, attributes);
	buf_add(out, STR(") \"/\" "));
	out_mailbox(out, name, true);
	if (written.n && !str_eq(written, name)) {
		buf_add(out, STR(" (\"OLDNAME\" ("));
		out_mailbox(out, written, true);
		buf_add(out, STR("))"));
	}
	buf_add(out, STR("\r\n"));
}

void
oldname_print_if(struct cmd *cmd, const char *attributes, struct str name, struct str written)
{
	if (written.n && !str_eq(written, name))
		oldname_print(cmd, attributes, name, written);
}
