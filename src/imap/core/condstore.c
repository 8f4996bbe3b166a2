/* SPDX-License-Identifier: Apache-2.0 */
/* Enabling CONDSTORE, HIGHESTMODSEQ and VANISHED lines. */
#include "imap/core/condstore.h"
#include "base/digits.h"
#include "imap/core/capability.h"
#include "imap/core/language.h"

/* Runs of one VANISHED line. */
#define LINE_RUNS 500

uint64_t
condstore_told(const struct selected *sel)
{
	const struct view *v = &sel->view;

	return v->flags_told < v->gone_told ? v->flags_told : v->gone_told;
}

void
condstore_print(struct session *s)
{
	struct buf *out = conn_out(s->conn);

	out_code_begin(out, STR(""), "OK");
	buf_add(out, STR("HIGHESTMODSEQ "));
	buf_addu(out, condstore_told(s->selected));
	out_code_end(out, language_text(s, "You know everything up to here"));
}

void
condstore_enable(struct cmd *cmd)
{
	struct session *s = cmd->session;

	if ((s->enabled & ENABLED_CONDSTORE) || !capability_on(s, "CONDSTORE"))
		return;
	s->enabled |= ENABLED_CONDSTORE;
	if (s->selected && !s->selected->view.deleted)
		condstore_print(s);
}

static void
put_run(struct buf *out, const struct run *r, bool first)
{
	char *p = buf_room(out, 24), *start = p;

	if (p == NULL)
		return;
	if (!first)
		*p++ = ',';
	p = put_u32(p, r->first);
	if (r->last > r->first) {
		*p++ = ':';
		p = put_u32(p, r->last);
	}
	buf_wrote(out, (size_t)(p - start));
}

bool
vanished_print(struct session *s, const struct runs *uids, bool earlier, size_t *at)
{
	struct buf *out = conn_out(s->conn);

	while (*at < uids->n) {
		size_t end = *at + LINE_RUNS < uids->n ? *at + LINE_RUNS : uids->n;

		if (conn_out_full(s->conn))
			return false;
		buf_adds(out, earlier ? "* VANISHED (EARLIER) " : "* VANISHED ");
		for (size_t i = *at; i < end; i++)
			put_run(out, &uids->run[i], i == *at);
		buf_add(out, STR("\r\n"));
		*at = end;
	}
	return true;
}
