/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes requests of HTTP: what is read does not depend on how the bytes come in pieces, and lies within them; what a stricter look at the same
 * bytes would take for the end of the head is it; a body has the length that it says.
 */
#include "base/assert.h"
#include "wire/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BODY_MAX 4096

static bool
within(struct str part, struct str all)
{
	return part.n == 0 || (part.p >= all.p && part.p + part.n <= all.p + all.n);
}

static void
check_head(const struct http_request *req, struct str head)
{
	ensure(within(req->path, head) || str_eq(req->path, STR("/")));
	ensure(within(req->query, head) && within(req->host, head) && req->fields <= HTTP_FIELDS_MAX);
	ensure(req->path.n > 0 && (req->path.p[0] == '/' || str_eq(req->path, STR("*"))));
	for (size_t i = 0; i < req->fields; i++) {
		ensure(within(req->field[i].name, head) && within(req->field[i].value, head) && req->field[i].name.n > 0);
		ensure(str_chr(req->field[i].value, '\n') == req->field[i].value.n && str_chr(req->field[i].value, '\r') == req->field[i].value.n);
	}
	ensure(!(req->framing == HTTP_CHUNKED && http_field_value(req, STR("Content-Length")).p != NULL));
	ensure(req->framing != HTTP_LENGTH || req->length > 0);
}

/* Byte by byte, and then what came of it. */
static enum http_read
in_bytes(struct str in, struct http_request *req, size_t *used, unsigned *status)
{
	struct http_reader r = {0};
	enum http_read what = HTTP_READ_MORE;

	for (size_t n = 1; n <= in.n && what == HTTP_READ_MORE; n++)
		what = http_head(&r, str_head(in, n), req, used, status);
	return what;
}

static enum status
body(const struct http_request *req, struct str *in, size_t step, struct buf *out)
{
	struct http_body b;
	enum status st;

	http_body_begin(&b, req);
	if (req->framing == HTTP_NO_BODY)
		return OK;
	do {
		struct str piece = str_head(*in, step);
		size_t had = piece.n;

		st = http_body_take(&b, &piece, out, BODY_MAX);
		*in = str_from(*in, had - piece.n);
		ensure(st != ERR_AGAIN || piece.n == 0);
	} while (st == ERR_AGAIN && in->n > 0);
	return st;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_of(data, size), a, b;
	struct http_request whole, bytes;
	struct http_reader r = {0};
	size_t used = 0, used_bytes = 0;
	unsigned status = 0, status_bytes = 0;
	enum http_read what = http_head(&r, in, &whole, &used, &status);
	struct buf out = {0}, out_bytes = {0};

	ensure(what == in_bytes(in, &bytes, &used_bytes, &status_bytes) || in.n == 0 || what == HTTP_READ_BAD);
	if (what == HTTP_READ_BAD)
		ensure(*http_reason(status) != '\0');
	if (what != HTTP_READ_HEAD)
		return 0;
	ensure(used == used_bytes && used <= HTTP_HEAD_MAX + 4);
	check_head(&whole, str_head(in, used));
	a = b = str_from(in, used);
	ensure(body(&whole, &a, SIZE_MAX, &out) == body(&whole, &b, 1, &out_bytes));
	ensure(str_eq(buf_str(&out), buf_str(&out_bytes)) && out.n <= BODY_MAX && (whole.framing != HTTP_LENGTH || out.n <= whole.length));
	buf_clear(&out);
	if (http_path(whole.path, &out))
		ensure(str_chr(buf_str(&out), '\0') == out.n);
	buf_clear(&out);
	(void)http_query(whole.query, STR("emailaddress"), &out);
	buf_free(&out);
	buf_free(&out_bytes);
	return 0;
}
