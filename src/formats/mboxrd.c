/* SPDX-License-Identifier: Apache-2.0 */
/* Two filters that hold back a line's begin until it is known whether it is a From line. */
#include "formats/mboxrd.h"

#include <string.h>

static const char word[] = "From ";

/* Writes what was held back; marked: it was a line with "From ", which gets a '>' more or less. */
static void
let_out(struct mboxrd *q, bool marked, struct buf *out)
{
	size_t quotes = q->quotes;

	if (marked)
		quotes += q->unquote ? (quotes > 0 ? (size_t)-1 : 0) : 1;
	for (size_t i = 0; i < quotes; i++)
		buf_addc(out, '>');
	buf_add(out, str_of(word, q->from));
	q->quotes = q->from = 0;
	q->mid = true;
}

static void
at_start(struct mboxrd *q, char c, struct buf *out)
{
	if (c == '>' && q->from == 0) {
		q->quotes++;
		return;
	}
	if (c == word[q->from]) {
		if (++q->from == sizeof(word) - 1)
			let_out(q, true, out);
		return;
	}
	let_out(q, false, out);
	buf_addc(out, c);
	q->mid = c != '\n';
}

void
mboxrd_add(struct mboxrd *q, struct str s, struct buf *out)
{
	while (s.n > 0) {
		if (!q->mid) {
			at_start(q, s.p[0], out);
			s = str_from(s, 1);
			continue;
		}
		size_t n = str_chr(s, '\n');

		n = n < s.n ? n + 1 : s.n;
		buf_add(out, str_head(s, n));
		q->mid = s.p[n - 1] != '\n';
		s = str_from(s, n);
	}
}

void
mboxrd_end(struct mboxrd *q, struct buf *out)
{
	if (!q->mid)
		let_out(q, false, out);
	q->mid = false;
}

void
lf_ends_add(struct lf_ends *l, struct str s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		if (l->cr && s.p[i] != '\n')
			buf_addc(out, '\r');
		l->cr = s.p[i] == '\r';
		if (!l->cr)
			buf_addc(out, s.p[i]);
	}
}

void
lf_ends_end(struct lf_ends *l, struct buf *out)
{
	if (l->cr)
		buf_addc(out, '\r');
	l->cr = false;
}
