/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a request, its path and its query. */
#include "wire/http.h"

enum part { SIZE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF, TRAILER, TRAILER_LF };

void
http_body_begin(struct http_body *b, const struct http_request *req)
{
	*b = (struct http_body){.framing = req->framing, .left = req->framing == HTTP_LENGTH ? req->length : 0, .part = SIZE};
}

/* Up to left bytes of it. */
static enum status
take_data(struct http_body *b, struct str *in, struct buf *out, size_t max)
{
	struct str piece = str_head(*in, b->left < in->n ? (size_t)b->left : in->n);

	if (piece.n > max || out->n > max - piece.n)
		return ERR_LIMIT;
	buf_add(out, piece);
	b->left -= piece.n;
	*in = str_from(*in, piece.n);
	return OK;
}

static enum status
size_digit(struct http_body *b, char c)
{
	int digit = ascii_hex(c);

	if (digit >= 0) {
		/* Fifteen are more than anybody has. */
		if (++b->digits > 15)
			return ERR_BAD_INPUT;
		b->left = b->left << 4 | (unsigned)digit;
		return OK;
	}
	if (b->digits == 0 || (c != '\r' && c != ';' && c != ' ' && c != '\t'))
		return ERR_BAD_INPUT;
	b->part = c == '\r' ? SIZE_LF : EXTENSION;
	return OK;
}

/* What stands between the chunks (RFC 9112 7.1): one byte of it. over_r: it was the last. */
static enum status
chunk_byte(struct http_body *b, char c, bool *over_r)
{
	switch ((enum part)b->part) {
	case SIZE:
		return size_digit(b, c);
	case EXTENSION:
		if (++b->extra > HTTP_TRAILER_MAX || c == '\n' || c == '\0')
			return ERR_BAD_INPUT;
		if (c == '\r')
			b->part = SIZE_LF;
		return OK;
	case SIZE_LF:
		b->part = b->left > 0 ? DATA : TRAILER;
		return c == '\n' ? OK : ERR_BAD_INPUT;
	case DATA_CR:
		b->part = DATA_LF;
		return c == '\r' ? OK : ERR_BAD_INPUT;
	case DATA_LF:
		b->part = SIZE;
		b->digits = 0;
		return c == '\n' ? OK : ERR_BAD_INPUT;
	case TRAILER:
		if (++b->extra > HTTP_TRAILER_MAX || c == '\n' || c == '\0')
			return ERR_BAD_INPUT;
		if (c == '\r')
			b->part = TRAILER_LF;
		else
			b->line = true;
		return OK;
	case TRAILER_LF:
		*over_r = !b->line;
		b->line = false;
		b->part = TRAILER;
		return c == '\n' ? OK : ERR_BAD_INPUT;
	case DATA:
		break;
	}
	return ERR_BAD_INPUT;
}

static enum status
take_chunked(struct http_body *b, struct str *in, struct buf *out, size_t max)
{
	bool over = false;
	enum status st = OK;

	while (st == OK && !over && in->n > 0) {
		if (b->part != DATA) {
			st = chunk_byte(b, in->p[0], &over);
			*in = str_from(*in, 1);
			continue;
		}
		st = take_data(b, in, out, max);
		if (b->left == 0)
			b->part = DATA_CR;
	}
	return st != OK ? st : over ? OK : ERR_AGAIN;
}

enum status
http_body_take(struct http_body *b, struct str *in, struct buf *out, size_t max)
{
	enum status st;

	if (b->framing == HTTP_CHUNKED)
		return take_chunked(b, in, out, max);
	if (b->framing == HTTP_LENGTH && b->left > max)
		return ERR_LIMIT;
	st = take_data(b, in, out, max);
	return st != OK ? st : b->left == 0 ? OK : ERR_AGAIN;
}

/* ---- paths and queries ---- */

/* One character, which may be written as %XX. False: it is not well-formed, or NUL. */
static bool
take_char(struct str *s, char *c_r)
{
	*c_r = s->p[0];
	if (*c_r != '%') {
		*s = str_from(*s, 1);
		return true;
	}
	if (s->n < 3 || ascii_hex(s->p[1]) < 0 || ascii_hex(s->p[2]) < 0)
		return false;
	*c_r = (char)(ascii_hex(s->p[1]) << 4 | ascii_hex(s->p[2]));
	*s = str_from(*s, 3);
	return *c_r != '\0';
}

bool
http_path(struct str path, struct buf *out)
{
	while (path.n > 0) {
		bool written = path.p[0] == '%';
		char c;

		if (!take_char(&path, &c) || (written && c == '/'))
			return false;
		buf_addc(out, c);
	}
	return true;
}

static bool
form_text(struct str s, struct buf *out)
{
	while (s.n > 0) {
		char c = s.p[0];

		if (c == '+') {
			buf_addc(out, ' ');
			s = str_from(s, 1);
		} else if (take_char(&s, &c)) {
			buf_addc(out, c);
		} else {
			return false;
		}
	}
	return true;
}

bool
http_query(struct str query, struct str name, struct buf *out)
{
	struct buf key = {0};
	bool found = false, fine = true;

	while (query.n > 0 && !found && fine) {
		struct str pair, left;

		(void)str_split(&query, '&', &pair);
		(void)str_split(&pair, '=', &left);
		buf_clear(&key);
		if (!form_text(left, &key) || !str_caseeq(buf_str(&key), name))
			continue;
		found = true;
		fine = form_text(pair, out);
	}
	buf_free(&key);
	return found && fine;
}
