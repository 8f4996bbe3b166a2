/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of a message from briefs; briefs are made as messages are asked about. */
#include "mime/summary.h"
#include "base/assert.h"
#include "search/match_priv.h"

static void
let_go(struct search_matcher *m, struct match_brief *x)
{
	ensure(!x->own || x->brief != NULL);
	for (size_t i = 0; x->brief && i < MATCH_MEMOS; i++)
		if (m->memo[i].brief == x->brief)
			m->memo[i].brief = NULL;
	if (x->own)
		brief_put(m->cache, x->brief);
	else
		brief_unref(x->brief);
	*x = (struct match_brief){0};
}

void
match_briefs_end(struct search_matcher *m)
{
	for (int f = 0; f < BRIEF_FIELDS; f++)
		let_go(m, &m->briefs[f]);
}

/* Puts the message into the brief, of which there is a copy of our own then. */
static enum status
take_in(struct search_matcher *m, enum brief_field field, struct match_brief *x)
{
	static const enum mime_slice slices[BRIEF_FIELDS] = {
		[BRIEF_SUBJECT] = MIME_SLICE_SUBJECT,
		[BRIEF_FROM] = MIME_SLICE_FROM,
		[BRIEF_TO] = MIME_SLICE_TO,
		[BRIEF_CC] = MIME_SLICE_CC,
		[BRIEF_BCC] = MIME_SLICE_BCC,
		[BRIEF_MESSAGE_ID] = MIME_SLICE_MESSAGE_ID,
	};
	struct mime_summary s;
	struct str values;
	struct brief *b;
	bool found;
	enum status st;

	if (m->have_email)
		st = mime_summary_open(m->email.summary, &s);
	else
		st = email_cursor_slice(m->cursor, m->id, slices[field], &s);
	if (st != OK)
		return st;
	found = mime_summary_found(&s, &values);
	if (!found)
		(void)mime_summary_header(&s, &values);
	if (values.p == NULL)
		return ERR_NOT_FOUND;
	if (!x->own) {
		b = brief_copy(x->brief, field, m->id);
		let_go(m, x);
		*x = (struct match_brief){.brief = b, .own = true};
	}
	return (found ? brief_add_found : brief_add)(x->brief, m->id, values) ? OK : ERR_NOT_FOUND;
}

/* A brief that does not change is looked through once for all its emails. */
static bool
by_memo(struct search_matcher *m, enum brief_field field, const struct brief *b)
{
	const struct search_needle *needle = m->scan.needle;
	struct match_memo *memo = &m->memo[((uintptr_t)needle / 64 + field) % MATCH_MEMOS];

	/* Another key has the place: which it is depends on addresses, so neither may turn the other out for each message. */
	if (memo->brief != NULL && (memo->brief != b || memo->needle != needle))
		return brief_match(b, m->id, needle);
	if (memo->brief == NULL) {
		memo->brief = b;
		memo->needle = needle;
		brief_match_all(b, needle, memo->bits);
	}
	return memo->bits[(m->id & 255) / 64] >> (m->id & 63) & 1;
}

enum status
match_by_brief(struct search_matcher *m, enum brief_field field, bool *hit_r)
{
	struct match_brief *x = &m->briefs[field];
	enum status st;

	if (m->cache == NULL || m->fuzzy || !brief_answers(m->scan.needle))
		return ERR_NOT_FOUND;
	/* The cache is everybody's. */
	if ((st = grant_email(m->grant, m->id)) != OK)
		return st;
	if (x->brief == NULL || !brief_is_for(x->brief, m->id)) {
		let_go(m, x);
		x->brief = brief_get(m->cache, field, m->id);
	}
	if ((x->brief == NULL || !brief_has(x->brief, m->id)) && (st = take_in(m, field, x)) != OK)
		return st;
	ensure(brief_is_for(x->brief, m->id) && brief_has(x->brief, m->id));
	*hit_r = x->own ? brief_match(x->brief, m->id, m->scan.needle) : by_memo(m, field, x->brief);
	return OK;
}
