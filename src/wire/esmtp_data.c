/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a message and the dots before it, a chunk at a time. */
#include "base/assert.h"
#include "wire/esmtp.h"

/* What stood just before the next byte. MID is not the start of a line; CR: the last byte was a
 * CR. */
enum { BEGIN, MID, CR, DOT, DOT_CR };

void
data_decoder_reset(struct data_decoder *d)
{
	*d = (struct data_decoder){.state = BEGIN};
}

/* Counts a decoded chunk and looks for what is odd in it. after_cr: the byte before it was a CR. */
static void
account(struct data_decoder *d, struct str s, bool after_cr)
{
	size_t i;

	ensure(s.n > 0);
	d->bytes += s.n;
	d->nul |= str_chr(s, '\0') < s.n;
	d->bare_cr |= after_cr && s.p[0] != '\n';
	for (i = str_chr(s, '\r'); i + 1 < s.n && !d->bare_cr;
	     i += 1 + str_chr(str_from(s, i + 1), '\r'))
		d->bare_cr = s.p[i + 1] != '\n';
}

/* The length of what may be passed on as it is: up to a CRLF behind which stands a dot, or all.
 * Sets the state that holds behind it. */
static size_t
plain_length(struct data_decoder *d, struct str s)
{
	size_t i = 0, at;

	ensure(s.n > 0 && d->state != DOT && d->state != DOT_CR);
	while ((at = str_chr(str_from(s, i), '\n')) < s.n - i) {
		i += at + 1;
		if (i - 1 > 0 ? s.p[i - 2] != '\r' : d->state != CR) {
			d->bare_lf = true;
		} else if (i == s.n || s.p[i] == '.') {
			d->state = BEGIN;
			return i;
		}
		if (i == s.n)
			break;
	}
	d->state = s.p[s.n - 1] == '\r' ? CR : MID;
	return s.n;
}

static enum data_next
pass(struct data_decoder *d, struct str *in, struct str *chunk_r)
{
	bool after_cr = d->state == CR;
	size_t n = plain_length(d, *in);

	ensure(n > 0 && n <= in->n);
	*chunk_r = str_head(*in, n);
	account(d, *chunk_r, after_cr);
	*in = str_from(*in, n);
	return DATA_CHUNK;
}

enum data_next
data_decode(struct data_decoder *d, struct str *in, struct str *chunk_r)
{
	while (in->n > 0) {
		char c = in->p[0];

		if (d->state == BEGIN && c == '.') {
			d->state = DOT;
		} else if (d->state == DOT && c == '\r') {
			d->state = DOT_CR;
		} else if (d->state == DOT_CR && c == '\n') {
			*in = str_from(*in, 1);
			d->state = BEGIN;
			return DATA_END;
		} else if (d->state == DOT_CR) {
			/* ". CR x": the dot was stuffing, the CR is text after all. */
			d->state = CR;
			d->bytes++;
			*chunk_r = STR("\r");
			return DATA_CHUNK;
		} else {
			if (d->state == DOT)
				d->state = MID;
			return pass(d, in, chunk_r);
		}
		*in = str_from(*in, 1);
	}
	return DATA_MORE;
}
