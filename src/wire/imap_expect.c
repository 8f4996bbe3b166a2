/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of a command noted of its syntax error. */
#include "wire/imap_args.h"
#include "base/assert.h"
#include "wire/imap_char.h"

/* How much it says: a space and the end are tried first and give way to what comes after them. */
static unsigned
weight(enum arg_expected what)
{
	return what == EXPECT_SPACE ? 1 : what == EXPECT_END ? 2 : what == EXPECT_NOTHING ? 0 : 3;
}

static void
note(struct args *a, size_t at, enum arg_expected what)
{
	if (at > a->fault_at || (at == a->fault_at && weight(what) >= weight(a->expected))) {
		ensure(what < EXPECTATIONS);
		a->fault_at = at;
		a->expected = what;
	}
}

enum status
arg_expect_at(struct args *a, size_t at, enum arg_expected what)
{
	if (a->at > at)
		a->at = at;
	note(a, at, what);
	return ERR_BAD_INPUT;
}

void
args_take_fault(struct args *a, const struct args *from)
{
	note(a, from->fault_at, from->expected);
	a->not_utf8 |= from->not_utf8;
	a->no_mailbox |= from->no_mailbox;
}

const char *
args_expected(const struct args *a)
{
	static const char *const texts[] = {
		NULL,
#define X(name, text) text,
#include "wire/imap_expect.tbl"
#undef X
	};

	return a->fault_at >= a->at && a->expected < EXPECTATIONS ? texts[a->expected] : NULL;
}

struct str
args_before_fault(const struct args *a)
{
	size_t end = a->fault_at < a->all.n ? a->fault_at : a->all.n, from;

	while (end > 0 && a->all.p[end - 1] == ' ')
		end--;
	from = end;
	while (from > 0 && (atom_char(a->all.p[from - 1]) || a->all.p[from - 1] == '*' || a->all.p[from - 1] == ']'))
		from--;
	if (from == end && end > 0 && (a->all.p[end - 1] == '(' || a->all.p[end - 1] == ')'))
		from--;
	return str_of(a->all.p + from, end - from);
}
