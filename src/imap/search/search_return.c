/* SPDX-License-Identifier: Apache-2.0 */
/* RETURN options are read; answers of SEARCH and SORT are told in steps. */
#include "imap/search/search_return.h"

#include <stdlib.h>
#include "base/digits.h"
#include "imap/core/run_list.h"
#include "imap/fetch/fetch.h"

/* ---- reading ---- */

/* UPDATE, or UPDATE (fetch-att ...), RFC 5465 7: the items are checked now and read again when there is something to fetch. */
static enum status
read_update(struct search_return *ret, struct cmd *cmd)
{
	struct args *a = &cmd->args, items = *a;
	struct fetch *f;
	enum status st;

	/* Once: each has items of its own. */
	if (ret->update)
		return ERR_BAD_INPUT;
	ret->update = true;
	if (arg_peek(a) != ' ' || arg_space(&items) != OK || arg_peek(&items) != '(')
		return OK;
	f = arena_new(&cmd->arena, struct fetch);
	f->cmd = cmd;
	*a = items;
	if ((st = fetch_parse(f, a)) == OK)
		ret->items = str_of(items.all.p + items.at, a->at - items.at);
	return st;
}

static enum status
read_option(struct search_return *ret, struct cmd *cmd)
{
	struct args *a = &cmd->args;

	if (arg_keyword(a, "MIN"))
		ret->min = true;
	else if (arg_keyword(a, "MAX"))
		ret->max = true;
	else if (arg_keyword(a, "ALL"))
		ret->all = true;
	else if (arg_keyword(a, "COUNT"))
		ret->count = true;
	else if (arg_keyword(a, "SAVE"))
		ret->save = true;
	else if (arg_keyword(a, "RELEVANCY"))
		ret->relevancy = true;
	else if (arg_keyword(a, "UPDATE"))
		return read_update(ret, cmd);
	else if (arg_keyword(a, "CONTEXT"))
		ret->context = true; /* a hint (RFC 5267 4.2) */
	else if (ret->partial.given || !arg_keyword(a, "PARTIAL"))
		return arg_expect(a, EXPECT_SEARCH_RETURN);
	else if (arg_space(a) != OK)
		return ERR_BAD_INPUT;
	else
		return partial_parse(&ret->partial, a);
	return OK;
}

enum status
search_return_parse(struct search_return *ret, struct cmd *cmd)
{
	struct args *a = &cmd->args;
	enum status st;

	if (!arg_keyword(a, "RETURN"))
		return OK;
	ret->given = true;
	if ((st = arg_space(a)) != OK || (st = arg_open(a)) != OK)
		return st;
	if (arg_peek(a) == ')')
		ret->all = true; /* the empty list stands for ALL (RFC 4731 3.1, T71) */
	else
		do
			st = read_option(ret, cmd);
		while (st == OK && arg_more(a));
	if (st != OK || (st = arg_close(a)) != OK)
		return st;
	/* One of them only (RFC 9394 3.1). */
	if (ret->partial.given && ret->all)
		return ERR_BAD_INPUT;
	return arg_space(a);
}

/* ---- "$" ---- */

/* A list in any order as a set. */
static void
add_list(struct runs *set, const struct runs *list)
{
	struct run_pile pile = {0};

	run_pile_add(&pile, list);
	run_pile_into(&pile, set, NULL);
}

void
search_return_saved(const struct search_return *ret, const struct runs *uids, const struct runs *order,
    struct runs *saved_r)
{
	struct runs slice = {0};

	runs_clear(saved_r);
	if (ret->all || ret->count || (!ret->min && !ret->max && !ret->partial.given)) {
		runs_add_all(saved_r, uids);
		return;
	}
	if (ret->partial.given)
		run_list_slice(order, &ret->partial, &slice);
	add_list(saved_r, &slice);
	runs_free(&slice);
	if (ret->min && order->n)
		runs_add(saved_r, order->run[0].first, order->run[0].first);
	if (ret->max && order->n)
		runs_add(saved_r, order->run[order->n - 1].last, order->run[order->n - 1].last);
}

/* ---- telling ---- */

static char *
put_piece(char *p, struct run r)
{
	p = put_u32(p, r.first);
	if (r.last != r.first) {
		*p++ = ':';
		p = put_u32(p, r.last);
	}
	return p;
}

/* "1:3,7", in steps. */
static enum cmd_next
tell_set(struct search_tell *t, struct conn *c)
{
	struct buf *out = conn_out(c);

	for (; t->run < t->list->n; t->run++) {
		char *p, *start;

		if (conn_out_full(c))
			return CMD_WAIT_OUTPUT;
		if ((p = start = buf_room(out, 32)) == NULL)
			break;
		if (t->run > 0)
			*p++ = ',';
		p = put_piece(p, t->list->run[t->run]);
		buf_wrote(out, (size_t)(p - start));
	}
	return CMD_DONE;
}

/* " 8 9 10": count numbers that follow each other, by counting in their text. p has room for PIECE bytes each. */
#define PIECE 16
static char *
put_numbers(char *p, uint32_t first, uint32_t count)
{
	char text[PIECE] = " ";
	size_t n = (size_t)(put_u32(text + 1, first) - text);

	while (count-- > 0) {
		size_t i = n - 1;

		memcpy(p, text, PIECE);
		p += n;
		while (i > 0 && text[i] == '9')
			text[i--] = '0';
		if (i > 0) {
			text[i]++;
		} else {
			text[1] = '1';
			text[n++] = '0';
		}
	}
	return p;
}

/* " 2 5 7", in steps. */
static enum cmd_next
tell_numbers(struct search_tell *t, struct conn *c)
{
	struct buf *out = conn_out(c);

	for (; t->run < t->list->n; t->run++, t->number = 0) {
		const struct run *r = &t->list->run[t->run];
		uint64_t next = t->number ? t->number : r->first;

		while (next <= r->last) {
			uint32_t count = r->last - next < 64 ? (uint32_t)(r->last - next) + 1 : 64;
			char *p;

			t->number = (uint32_t)next;
			if (conn_out_full(c))
				return CMD_WAIT_OUTPUT;
			if ((p = buf_room(out, count * PIECE)) != NULL)
				buf_wrote(out, (size_t)(put_numbers(p, t->number, count) - p));
			next += count;
		}
	}
	return CMD_DONE;
}

static void
begin_list(struct search_tell *t, const struct runs *list)
{
	t->list = list;
	t->run = 0;
	t->number = 0;
}

/* "* SEARCH 2 5 7", also when nothing was found (T70); "(MODSEQ 7)" only when something was (RFC 7162 3.1.5). */
static enum cmd_next
tell_plain(struct search_tell *t, struct conn *c)
{
	struct buf *out = conn_out(c);
	enum cmd_next next;

	if (t->list == NULL) {
		buf_addf(out, "* %s", t->word);
		begin_list(t, t->found);
	}
	if ((next = tell_numbers(t, c)) != CMD_DONE)
		return next;
	if (t->modseq && t->found->n)
		buf_addf(out, " (MODSEQ %llu)", (unsigned long long)t->modseq);
	buf_add(out, STR("\r\n"));
	return CMD_DONE;
}

/* What comes first of all: the correlators, MIN and MAX. Clients know the order MIN MAX ALL COUNT, then MODSEQ (T108). */
static void
tell_head(struct search_tell *t, struct buf *out)
{
	const struct runs *found = t->found;

	correlators_print(out, &t->of);
	if (t->ret->min && found->n)
		buf_addf(out, " MIN %u", found->run[0].first);
	if (t->ret->max && found->n)
		buf_addf(out, " MAX %u", found->run[found->n - 1].last);
}

static void
tell_counts(struct search_tell *t, struct buf *out)
{
	if (t->ret->count)
		buf_addf(out, " COUNT %llu", (unsigned long long)runs_count(t->found));
	if (t->modseq && t->found->n)
		buf_addf(out, " MODSEQ %llu", (unsigned long long)t->modseq);
}

static void
begin_partial(struct search_tell *t, struct buf *out)
{
	const struct partial *p = &t->ret->partial;
	const char *minus = p->from_end ? "-" : "";

	run_list_slice(t->found, p, &t->slice);
	buf_addf(out, " PARTIAL (%s%u:%s%u ", minus, p->a, minus, p->b);
	if (t->slice.n == 0)
		buf_add(out, STR("NIL"));
	begin_list(t, &t->slice);
}

/* " RELEVANCY (4 99 42)": of what PARTIAL tells, otherwise of all (RFC 6203 4). */
static void
begin_scores(struct search_tell *t, struct buf *out)
{
	uint64_t total = runs_count(t->found), first = 1;

	t->score = 0;
	t->scores_end = total;
	if (t->ret->partial.given && partial_range(&t->ret->partial, total, &first, &t->scores_end))
		t->score = first - 1;
	else if (t->ret->partial.given)
		t->scores_end = 0;
	buf_add(out, STR(" RELEVANCY ("));
}

static enum cmd_next
tell_scores(struct search_tell *t, struct conn *c)
{
	struct buf *out = conn_out(c);

	while (t->score < t->scores_end) {
		if (conn_out_full(c))
			return CMD_WAIT_OUTPUT;
		buf_addf(out, "%u", t->scores[t->score]);
		if (++t->score < t->scores_end)
			buf_addc(out, ' ');
	}
	buf_addc(out, ')');
	return CMD_DONE;
}

enum part { HEAD, PARTIAL, ALL, SCORES };

/* The set that is being told, and what comes after it. */
static enum cmd_next
tell_sets(struct search_tell *t, struct conn *c)
{
	struct buf *out = conn_out(c);
	enum cmd_next next;

	if (t->part == PARTIAL) {
		if (t->list && (next = tell_set(t, c)) != CMD_DONE)
			return next;
		if (t->list)
			buf_addc(out, ')');
		t->list = NULL;
		if (t->ret->all && t->found->n) {
			buf_add(out, STR(" ALL "));
			begin_list(t, t->found);
		}
		t->part = ALL;
	}
	return t->list ? tell_set(t, c) : CMD_DONE;
}

enum cmd_next
search_tell(struct search_tell *t, struct conn *c)
{
	struct buf *out = conn_out(c);
	enum cmd_next next;

	if (!t->ret->given)
		return tell_plain(t, c);
	if (t->part == HEAD) {
		tell_head(t, out);
		if (t->ret->partial.given)
			begin_partial(t, out);
		t->part = PARTIAL;
	}
	if (t->part < SCORES) {
		if ((next = tell_sets(t, c)) != CMD_DONE)
			return next;
		tell_counts(t, out);
		if (t->ret->relevancy)
			begin_scores(t, out);
		t->part = SCORES;
	}
	if (t->ret->relevancy && (next = tell_scores(t, c)) != CMD_DONE)
		return next;
	buf_add(out, STR("\r\n"));
	return CMD_DONE;
}

void
search_tell_free(struct search_tell *t)
{
	runs_free(&t->slice);
}
