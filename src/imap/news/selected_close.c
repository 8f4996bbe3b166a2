/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a selected mailbox: what watches it ends with it. */
#include "imap/news/selected_close.h"

#include <stdlib.h>
#include "imap/core/language.h"
#include "imap/news/context.h"
#include "imap/news/update.h"
#include "wire/imap_out.h"

void
selected_close(struct session *s)
{
	struct selected *sel = s->selected;

	if (sel == NULL)
		return;
	hub_unwatch(s->imap->hub, &sel->watcher);
	update_free(sel);
	contexts_free(sel);
	view_close(&sel->view);
	runs_free(&sel->notify_own);
	runs_free(&sel->saved);
	arena_free(&sel->kw_arena);
	free((void *)(uintptr_t)sel->name.p);
	free(sel);
	s->selected = NULL;
	if (s->state == STATE_SELECTED)
		s->state = STATE_AUTH;
}

void
selected_lost(struct session *s)
{
	struct selected *sel = s->selected;

	update_free(sel);
	contexts_free(sel);
	sel->view.keep_own = false;
	runs_clear(&sel->saved);
	runs_clear(&sel->notify_own);
	sel->notify_from = 0;
}

void
selected_gone(struct session *s)
{
	out_untagged(conn_out(s->conn), "OK", "CLOSED", language_text(s, "The mailbox has been deleted"));
	selected_lost(s);
	s->selected->gone_told = s->selected->closed_told = true;
}
