/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ISO-2022-JP, EUC-JP and HZ. Byte by byte, with the state in struct charset_pairs, so that it does not matter where input is cut. Whole characters
 * go on to iconv: JIS X 0208 with NEC's and IBM's rows and kana as code page 932, JIS X 0212 as EUC-JP, GB 2312 as GB18030.
 */
#include "base/utf8.h"
#include "mime/charset_priv.h"

enum set { ASCII, ROMAN, KANA, X0208, X0212, GB };

/* Characters on their way to iconv. */
struct chunk {
	struct mime_charset *c;
	struct buf *out;
	size_t n;
	char bytes[256];
};

static void
flush(struct chunk *k)
{
	if (k->n > 0)
		(void)charset_iconv(k->c, k->c->cd, str_of(k->bytes, k->n), k->out, true, true);
	k->n = 0;
}

static void
put(struct chunk *k, uint8_t b1, uint8_t b2)
{
	if (k->n + 2 > sizeof(k->bytes))
		flush(k);
	k->bytes[k->n++] = (char)b1;
	if (b2 != 0)
		k->bytes[k->n++] = (char)b2;
}

static void
bad(struct chunk *k)
{
	flush(k);
	charset_bad(k->c, k->out);
}

/* Row and cell, 0x21 to 0x7e each, as code page 932 writes them. */
static void
put_0208(struct chunk *k, uint8_t row, uint8_t cell)
{
	uint8_t b1 = (uint8_t)((row - 0x21) / 2 + 0x81), b2;

	if (b1 > 0x9f)
		b1 = (uint8_t)(b1 + 0x40);
	if (row % 2)
		b2 = (uint8_t)(cell + 0x1f + (cell >= 0x60));
	else
		b2 = (uint8_t)(cell + 0x7e);
	put(k, b1, b2);
}

static void
put_0212(struct chunk *k, uint8_t row, uint8_t cell)
{
	char bytes[3] = {(char)0x8f, (char)(row | 0x80), (char)(cell | 0x80)};
	size_t errors = k->c->errors, n;

	flush(k);
	n = k->out->n;
	(void)charset_iconv(k->c, k->c->cd2, str_of(bytes, 3), k->out, true, false);
	if (k->c->errors > errors) {
		/* One character, one stand-in. */
		k->out->n = n;
		k->c->errors = errors;
		charset_bad(k->c, k->out);
	}
}

static bool
is_7bit_graphic(uint8_t b)
{
	return b >= 0x21 && b <= 0x7e;
}

/* A byte of ASCII or what takes its place. */
static void
put_single(struct chunk *k, enum set set, uint8_t b)
{
	if (set == ROMAN && (b == 0x5c || b == 0x7e)) {
		flush(k);
		utf8_add(k->out, b == 0x5c ? 0xa5 : 0x203e);
	} else {
		put(k, b, 0);
	}
}

/* ---- ISO-2022-JP ---- */

/* A byte behind ESC. False: no escape sequence that is known; it is bad, and the byte counts for itself. */
static bool
escape(struct charset_pairs *p, uint8_t b)
{
	static const struct {
		const char *bytes;
		enum set set;
	} known[] = {
		{"(B", ASCII}, {"(J", ROMAN}, {"(H", ROMAN}, {"(I", KANA}, {"$@", X0208}, {"$B", X0208}, {"$(@", X0208}, {"$(B", X0208}, {"$(D", X0212},
	};

	p->escape[p->n_escape - 1] = (char)b;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (strncmp(known[i].bytes, p->escape, p->n_escape) != 0)
			continue;
		if (known[i].bytes[p->n_escape] == '\0') {
			p->set = known[i].set;
			p->n_escape = 0;
		} else {
			p->n_escape++;
		}
		return true;
	}
	p->n_escape = 0;
	return false;
}

static void
jis_byte(struct chunk *k, uint8_t b)
{
	struct charset_pairs *p = &k->c->pairs;

	if (p->n_escape > 0) {
		if (escape(p, b))
			return;
		bad(k);
	}
	if (p->lead != 0) {
		uint8_t lead = p->lead;

		p->lead = 0;
		if (is_7bit_graphic(b)) {
			(p->set == X0208 ? put_0208 : put_0212)(k, lead, b);
			return;
		}
		bad(k);
	}
	if (b == 0x1b) {
		p->n_escape = 1;
	} else if (b == 0x0e || b == 0x0f) {
		p->shifted = b == 0x0e;
	} else if (b == '\n' || b == '\r') {
		/* Each line begins in ASCII (RFC 1468). */
		p->set = ASCII;
		p->shifted = false;
		put(k, b, 0);
	} else if (b >= 0xa1 && b <= 0xdf) {
		put(k, b, 0);
	} else if ((p->shifted || p->set == KANA) && b >= 0x21 && b <= 0x5f) {
		put(k, b | 0x80, 0);
	} else if (b >= 0x80 || (p->set == KANA && b > 0x5f)) {
		bad(k);
	} else if (p->set >= X0208 && is_7bit_graphic(b)) {
		p->lead = b;
	} else {
		put_single(k, p->set, b);
	}
}

/* ---- EUC-JP ---- */

static void
euc_byte(struct chunk *k, uint8_t b)
{
	struct charset_pairs *p = &k->c->pairs;
	uint8_t lead = p->lead, lead2 = p->lead2;
	bool graphic = b >= 0xa1 && b <= 0xfe;

	if (lead == 0x8f && lead2 == 0 && graphic) {
		p->lead2 = b;
		return;
	}
	p->lead = p->lead2 = 0;
	if (lead == 0x8f && lead2 != 0 && graphic) {
		put_0212(k, lead2, b);
		return;
	}
	if (lead == 0x8e && b >= 0xa1 && b <= 0xdf) {
		put(k, b, 0);
		return;
	}
	if (lead >= 0xa1 && graphic) {
		put_0208(k, lead & 0x7f, b & 0x7f);
		return;
	}
	if (lead != 0)
		bad(k);
	if (b < 0x80)
		put(k, b, 0);
	else if (graphic || b == 0x8e || b == 0x8f)
		p->lead = b;
	else
		bad(k);
}

/* ---- HZ, RFC 1843 ---- */

static void
hz_byte(struct chunk *k, uint8_t b)
{
	struct charset_pairs *p = &k->c->pairs;
	uint8_t lead = p->lead;

	p->lead = 0;
	if (lead == '~' && (b == '{' || b == '}' || b == '\n')) {
		p->set = b == '{' ? GB : ASCII;
	} else if (lead == '~' && b == '~') {
		put(k, '~', 0);
	} else if (lead != 0 && p->set == GB && is_7bit_graphic(b)) {
		put(k, lead | 0x80, b | 0x80);
	} else {
		if (lead != 0)
			bad(k);
		if (b == '\n')
			p->set = ASCII;
		if (b == '~' || (p->set == GB && is_7bit_graphic(b)))
			p->lead = b;
		else if (b >= 0x80)
			bad(k);
		else
			put(k, b, 0);
	}
}

void
charset_pairs_add(struct mime_charset *c, struct str s, struct buf *out)
{
	struct chunk k = {.c = c, .out = out};

	for (size_t i = 0; i < s.n; i++) {
		uint8_t b = (uint8_t)s.p[i];

		if (c->kind == KIND_JIS)
			jis_byte(&k, b);
		else if (c->kind == KIND_EUCJP)
			euc_byte(&k, b);
		else
			hz_byte(&k, b);
	}
	flush(&k);
}

void
charset_pairs_finish(struct mime_charset *c, struct buf *out)
{
	if (c->pairs.lead != 0 || c->pairs.n_escape > 0)
		charset_bad(c, out);
	c->pairs = (struct charset_pairs){0};
}
