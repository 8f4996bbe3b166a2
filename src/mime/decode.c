/* SPDX-License-Identifier: Apache-2.0 */
/* Transfer encodings, RFC 2045 6. */
#include "mime/decode.h"

#include "base/assert.h"
#include "mime/comment.h"
#include "mime/vector.h"

enum mime_cte
mime_cte_of(struct str value)
{
	static const struct {
		struct str name;
		enum mime_cte cte;
	} table[] = {
		{{"7bit", 4}, MIME_CTE_7BIT}, {{"8bit", 4}, MIME_CTE_8BIT}, {{"binary", 6}, MIME_CTE_BINARY},
		{{"quoted-printable", 16}, MIME_CTE_QP}, {{"base64", 6}, MIME_CTE_BASE64},
		/* What broken mailers write. */
		{{"7-bit", 5}, MIME_CTE_7BIT}, {{"8-bit", 5}, MIME_CTE_8BIT}, {{"none", 4}, MIME_CTE_7BIT},
		{{"7", 1}, MIME_CTE_7BIT}, {{"8", 1}, MIME_CTE_8BIT},
	};
	size_t n = 0;

	/* Comments may stand on both sides (RFC 2045 6.1 note, RFC 5322 3.2.2); some put quotes around it. */
	while (value.n > 0 && (is_space(value.p[0]) || value.p[0] == '(' || value.p[0] == '"'))
		value = str_from(value, value.p[0] == '(' ? comment_end(value, 0) : 1);
	while (n < value.n && !is_space(value.p[n]) && value.p[n] != ';' && value.p[n] != '(' && value.p[n] != '"')
		n++;
	value = str_head(value, n);
	if (value.n == 0)
		return MIME_CTE_7BIT;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (str_caseeq(value, table[i].name))
			return table[i].cte;
	return MIME_CTE_UNKNOWN;
}

void
mime_decoder_init(struct mime_decoder *d, enum mime_cte cte)
{
	*d = (struct mime_decoder){.cte = cte};
}

enum { B64_VALID = 0x40, B64_PAD = 0x82 };

/* 0: not base64; B64_VALID plus the value; or the other one above. */
static const uint8_t b64_table[256] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x7e, 0, 0, 0, 0x7f,
	0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x7b, 0x7c, 0x7d, 0, 0, 0, 0x82, 0, 0,
	0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e,
	0x4f, 0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0, 0, 0, 0, 0,
	0, 0x5a, 0x5b, 0x5c, 0x5d, 0x5e, 0x5f, 0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68,
	0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x72, 0x73, 0, 0, 0, 0, 0,
};

/* The bytes of a quantum that padding ends: two characters make one byte, three make two. */
static void
b64_flush(struct mime_decoder *d, char **p)
{
	if (d->n >= 2)
		*(*p)++ = (char)(d->n == 2 ? d->word >> 4 : d->word >> 10);
	if (d->n == 3)
		*(*p)++ = (char)(d->word >> 2);
	d->n = 0;
	d->word = 0;
}

/* One character that is not part of the fast loop. What is not base64 is passed over (RFC 2045 6.8): blanks, quoting marks, rubbish. */
static void
b64_slow(struct mime_decoder *d, uint8_t v, char **p)
{
	ensure(d->n < 4);
	if (v == B64_PAD) {
		/* "=" is evidence that the end of the data has been reached: what some list adds behind it is none. */
		b64_flush(d, p);
		d->ended = d->begun;
		return;
	}
	if (!(v & B64_VALID))
		return;
	d->begun = true;
	d->word = d->word << 6 | (v & 0x3f);
	if (++d->n == 4) {
		*(*p)++ = (char)(d->word >> 16);
		*(*p)++ = (char)(d->word >> 8);
		*(*p)++ = (char)d->word;
		d->n = 0;
		d->word = 0;
	}
}

static enum status
b64_add(struct mime_decoder *d, struct str in, struct buf *out)
{
	const unsigned char *s = (const unsigned char *)in.p, *end = s + in.n;
	char *start = buf_room(out, in.n / 4 * 3 + 6), *p = start;

	if (p == NULL)
		return ERR_LIMIT;
	while (s < end && !d->ended) {
		while (d->n == 0 && end - s >= 4) {
			uint32_t a = b64_table[s[0]], b = b64_table[s[1]], c = b64_table[s[2]], e = b64_table[s[3]];
			uint32_t w = (a & 63) << 18 | (b & 63) << 12 | (c & 63) << 6 | (e & 63);

			if (!(a & b & c & e & B64_VALID))
				break;
			*p++ = (char)(w >> 16);
			*p++ = (char)(w >> 8);
			*p++ = (char)w;
			s += 4;
			d->begun = true;
		}
		if (s < end)
			b64_slow(d, b64_table[*s++], &p);
	}
	ensure((size_t)(p - start) <= in.n / 4 * 3 + 6);
	buf_wrote(out, (size_t)(p - start));
	return OK;
}

/*
 * What is held: either blanks (in front of a line end they go, RFC 2045 6.7 rule 3), perhaps with a
 * CR behind them, or an '=' and what followed it.
 */
static void
qp_flush(struct mime_decoder *d, struct buf *out)
{
	buf_add(out, str_of(d->held, d->n_held));
	d->n_held = 0;
}

/* A byte after '='. False: not an escape, the bytes stand for themselves (RFC 2045 6.7, what robust implementations do). */
static bool
qp_escape(struct mime_decoder *d, char c, struct buf *out)
{
	bool blank = c == ' ' || c == '\t';

	ensure(d->n_held > 0 && d->held[0] == '=');
	if (d->n_held == 1) {
		/* A soft line break, perhaps with blanks that some gateway added behind '='. */
		if (c == '\n') {
			d->n_held = 0;
			return true;
		}
		if (blank || c == '\r' || ascii_hex(c) >= 0) {
			d->held[d->n_held++] = c;
			return true;
		}
		return false;
	}
	if (ascii_hex(d->held[1]) >= 0) {
		if (ascii_hex(c) < 0)
			return false;
		buf_addc(out, (char)(ascii_hex(d->held[1]) << 4 | ascii_hex(c)));
		d->n_held = 0;
		return true;
	}
	if (c == '\n') {
		d->n_held = 0;
		return true;
	}
	if ((blank || c == '\r') && d->n_held < sizeof(d->held)) {
		d->held[d->n_held++] = c;
		return true;
	}
	return false;
}

/* A byte after held blanks. False: the byte has still to be looked at. */
static bool
qp_blanks(struct mime_decoder *d, char c, struct buf *out)
{
	bool cr = d->held[d->n_held - 1] == '\r';

	if (c == '\n') {
		d->n_held = 0;
		buf_add(out, cr ? STR("\r\n") : STR("\n"));
		return true;
	}
	if (!cr && (c == ' ' || c == '\t' || c == '\r') && d->n_held < sizeof(d->held)) {
		d->held[d->n_held++] = c;
		return true;
	}
	qp_flush(d, out);
	return false;
}

/* A blank is held where a line end may follow it: where another blank or any of these does. */
static bool
qp_holds(char next)
{
	return next == ' ' || next == '\t' || next == '\r' || next == '\n' || next == '=';
}

/* Bytes that stand for themselves whatever comes next: most of a text, sixteen at a time. */
static size_t
qp_plain(struct str s)
{
	size_t i = 0;

	for (; i + 17 <= s.n; i += 16) {
		v16 v = v16_load(s.p + i), next = v16_load(s.p + i + 1), stop;

		stop = (v == '=') | (v == '\r');
		stop |= ((v == ' ') | (v == '\t')) &
		    ((next == ' ') | (next == '\t') | (next == '\r') | (next == '\n') | (next == '='));
		if (v16_any(stop))
			break;
	}
	for (; i < s.n && s.p[i] != '=' && s.p[i] != '\r'; i++) {
		if ((s.p[i] == ' ' || s.p[i] == '\t') && (i + 1 == s.n || qp_holds(s.p[i + 1])))
			break;
	}
	return i;
}

static enum status
qp_add(struct mime_decoder *d, struct str in, struct buf *out)
{
	size_t i = 0;

	while (i < in.n) {
		char c = in.p[i];
		size_t n;

		if (d->n_held > 0) {
			if (d->held[0] == '=' ? qp_escape(d, c, out) : qp_blanks(d, c, out)) {
				i++;
				continue;
			}
			if (d->n_held > 0)
				qp_flush(d, out);
		}
		if ((n = qp_plain(str_from(in, i))) > 0) {
			buf_add(out, str_of(in.p + i, n));
			i += n;
			continue;
		}
		ensure(d->n_held == 0);
		d->held[d->n_held++] = c;
		i++;
	}
	return out->failed ? ERR_LIMIT : OK;
}

enum status
mime_decoder_add(struct mime_decoder *d, struct str in, struct buf *out)
{
	if (d->cte == MIME_CTE_BASE64)
		return b64_add(d, in, out);
	if (d->cte == MIME_CTE_QP)
		return qp_add(d, in, out);
	buf_add(out, in);
	return out->failed ? ERR_LIMIT : OK;
}

static enum status
b64_finish(struct mime_decoder *d, struct buf *out)
{
	char *start, *p;

	if ((p = start = buf_room(out, 3)) == NULL)
		return ERR_LIMIT;
	b64_flush(d, &p);
	buf_wrote(out, (size_t)(p - start));
	return OK;
}

static enum status
qp_finish(struct mime_decoder *d, struct buf *out)
{
	bool soft = d->n_held > 0 && d->held[0] == '=' && (d->n_held == 1 || ascii_hex(d->held[1]) < 0);

	/* A soft line break that ends the part may have lost its line end to a delimiter; trailing blanks
	 * go as at the end of any line. */
	if (d->n_held > 0 && d->held[0] == '=' && !soft)
		qp_flush(d, out);
	else if (d->n_held > 0 && d->held[0] != '=' && d->held[d->n_held - 1] == '\r')
		buf_addc(out, '\r');
	ensure(d->n_held <= sizeof(d->held));
	d->n_held = 0;
	return out->failed ? ERR_LIMIT : OK;
}

enum status
mime_decoder_finish(struct mime_decoder *d, struct buf *out)
{
	if (d->cte == MIME_CTE_BASE64)
		return b64_finish(d, out);
	if (d->cte == MIME_CTE_QP)
		return qp_finish(d, out);
	return OK;
}
