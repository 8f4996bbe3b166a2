/* SPDX-License-Identifier: Apache-2.0 */
/* What a session holds, counted. */
#include "imap/news/session_memory.h"

#include "imap/news/context.h"
#include "imap/news/notify.h"

static size_t
selected_memory(const struct selected *sel)
{
	size_t n = 0;

	if (sel == NULL)
		return 0;
	for (const struct context *c = sel->contexts; c != NULL; c = c->next)
		n += context_size(c);
	n += (sel->view.ghosts.cap + sel->view.recent.cap + sel->saved.cap + sel->notify_own.cap) * sizeof(struct run);
	return sizeof(*sel) + n + sel->kw_arena.held;
}

size_t
session_memory(const struct session *s)
{
	return sizeof(*s) + conn_memory(s->conn) + imap_reader_memory(&s->reader) + selected_memory(s->selected) + notify_memory(s->notify);
}

void
session_count(struct session *s)
{
	if (s != NULL)
		charge_is(&s->login.charge, session_memory(s));
}

enum status
session_hold(struct session *s, size_t n)
{
	return charge_need(&s->login.charge, session_memory(s) + n);
}
