/* SPDX-License-Identifier: Apache-2.0 */
/* The life of contexts. */
#include "imap/news/context.h"

#include <stdlib.h>
#include "base/assert.h"
#include "imap/core/language.h"
#include "imap/core/reply.h"
#include "imap/news/session_memory.h"

struct context *
context_new(struct cmd *cmd, struct str items)
{
	struct context *c = x_new(struct context);

	c->tag = arena_str(&c->arena, cmd->tag);
	c->uid = cmd->uid;
	c->text = cmd->args.all.n;
	c->items = arena_str(&c->arena, items);
	return c;
}

void
context_free(struct context *c)
{
	if (c == NULL)
		return;
	query_free(&c->query);
	runs_free(&c->uids);
	runs_free(&c->fetch);
	sort_free(&c->fresh);
	free(c->order);
	free(c->came.m);
	free(c->left.m);
	arena_free(&c->arena);
	free(c);
}

size_t
context_size(const struct context *c)
{
	return c->arena.total + 3 * c->text + query_size(&c->query) + c->uids.cap * sizeof(*c->uids.run) + c->room * sizeof(*c->order);
}

struct context *
context_find(const struct session *s, struct str tag)
{
	struct context *c = s->selected->contexts;

	while (c != NULL && !str_eq(c->tag, tag))
		c = c->next;
	return c;
}

bool
contexts_fetch(const struct selected *sel)
{
	const struct context *c = sel->contexts;

	while (c != NULL && c->items.n == 0)
		c = c->next;
	return c != NULL;
}

/* ---- the end ---- */

void
context_cancel(struct session *s, struct context *c)
{
	struct selected *sel = s->selected;
	struct context **at = &sel->contexts;

	while (*at != c) {
		ensure(*at != NULL); /* of this mailbox */
		at = &(*at)->next;
	}
	*at = c->next;
	context_free(c);
	sel->view.keep_own = sel->contexts != NULL;
}

/* RFC 5267 4.3.1 */
static void
refuse(struct session *s, struct str tag, const char *why)
{
	struct buf *out = conn_out(s->conn);

	out_code_begin(out, STR(""), "NO");
	buf_add(out, STR("NOUPDATE "));
	out_quoted(out, tag, false);
	out_code_end(out, language_text(s, why));
}

void
context_withdraw(struct session *s, struct context *c, const char *why)
{
	refuse(s, c->tag, why);
	context_cancel(s, c);
}

void
contexts_withdraw(struct session *s, bool numbers, const char *why)
{
	struct context *c, *next;

	for (c = s->selected ? s->selected->contexts : NULL; c != NULL; c = next) {
		next = c->next;
		if (!numbers || !c->uid)
			context_withdraw(s, c, why);
	}
}

void
contexts_free(struct selected *sel)
{
	struct context *c;

	while ((c = sel->contexts) != NULL) {
		sel->contexts = c->next;
		context_free(c);
	}
}

/* ---- the beginning ---- */

static void
take_order(struct context *c, const struct runs *order)
{
	c->sorted = true;
	c->room = (size_t)runs_count(order);
	c->order = x_malloc((c->room ? c->room : 1) * sizeof(*c->order));
	for (size_t i = 0; i < order->n; i++)
		for (uint64_t uid = order->run[i].first; uid <= order->run[i].last; uid++)
			c->order[c->n++] = (uint32_t)uid;
}

/* Why it may not be, or NULL. */
static const char *
too_much(const struct context *c, struct session *s, const struct runs *uids, const struct runs *order)
{
	const struct selected *sel = s->selected;
	size_t bytes = uids->n * sizeof(*uids->run) + (order ? (size_t)runs_count(order) * sizeof(*c->order) : 0);
	unsigned n = 1;

	for (const struct context *other = sel->contexts; other != NULL; other = other->next) {
		bytes += context_size(other);
		n++;
	}
	if (n > CONTEXT_MAX)
		return "Too many contexts";
	if (context_size(c) > CONTEXT_PROGRAM)
		return "Too long a search to be kept";
	/* One context there must be (4.3.1): 4 bytes a message at the most. */
	if (n == 1 && order == NULL)
		return NULL;
	return bytes > CONTEXT_BYTES || session_hold(s, bytes) != OK ? "The results need too much memory" : NULL;
}

void
context_keep(struct context *c, struct session *s, struct query *query, const struct runs *uids, const struct runs *order,
    const char *why)
{
	c->query = *query;
	*query = (struct query){0};
	query_rest(&c->query);
	if (s->selected->gone_told)
		why = "The mailbox has been deleted";
	if (why != NULL || (why = too_much(c, s, uids, order)) != NULL) {
		refuse(s, c->tag, why);
		context_free(c);
		return;
	}
	ensure(context_find(s, c->tag) == NULL); /* its tag is how a client speaks of it */
	runs_add_all(&c->uids, uids);
	if (order != NULL)
		take_order(c, order);
	c->next = s->selected->contexts;
	s->selected->contexts = c;
	s->selected->view.keep_own = true;
}
