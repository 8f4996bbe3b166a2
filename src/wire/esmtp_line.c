/* SPDX-License-Identifier: Apache-2.0 */
/* Lines and replies. Commands: esmtp_command.c. DATA: esmtp_data.c. */
#include "base/assert.h"
#include "wire/esmtp.h"

/* Dropped of a line that does not end, before giving up. */
#define DROP_MAX (64 << 10)

void
esmtp_reader_init(struct esmtp_reader *r)
{
	*r = (struct esmtp_reader){0};
}

void
esmtp_reader_free(struct esmtp_reader *r)
{
	buf_free(&r->buf);
	*r = (struct esmtp_reader){0};
}

bool
esmtp_reader_idle(const struct esmtp_reader *r)
{
	return r->done || (r->buf.n == 0 && r->dropped == 0);
}

/* Takes bytes that hold no LF. Anything past the limit is counted only. */
static void
add(struct esmtp_reader *r, struct str s)
{
	size_t room = ESMTP_LINE_MAX + 1 - r->buf.n; /* one more for the CR */

	ensure(r->buf.n <= ESMTP_LINE_MAX + 1 && !r->done);
	buf_add(&r->buf, str_head(s, room));
	if (s.n > room)
		r->dropped += s.n - room;
}

/* The line is complete but for its LF. */
static enum esmtp_read
finish(struct esmtp_reader *r)
{
	struct str line = buf_str(&r->buf);
	bool crlf = r->dropped == 0 && line.n > 0 && line.p[line.n - 1] == '\r';

	r->done = true;
	if (crlf)
		line.n--;
	if (r->dropped > 0 || line.n > ESMTP_LINE_MAX)
		return ESMTP_READ_LONG;
	if (!crlf || str_chr(line, '\0') < line.n || str_chr(line, '\r') < line.n)
		return ESMTP_READ_BARE;
	r->line = line;
	return ESMTP_READ_LINE;
}

enum esmtp_read
esmtp_reader_read(struct esmtp_reader *r, struct str *in)
{
	size_t n = str_chr(*in, '\n');
	bool whole = n < in->n;

	if (in->n == 0)
		return ESMTP_READ_MORE;
	if (r->done) {
		buf_clear(&r->buf);
		r->dropped = 0;
		r->done = false;
		r->line = STR_NONE;
	}
	add(r, str_head(*in, n));
	*in = str_from(*in, n + whole);
	if (r->dropped > DROP_MAX)
		return ESMTP_READ_FATAL;
	return whole ? finish(r) : ESMTP_READ_MORE;
}

/* ---- replies ---- */

static void
text_line(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_addc(out, (unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f ? ' ' : s.p[i]);
}

static void
reply_start(struct buf *out, int code, const char *enhanced)
{
	ensure(code >= 200 && code < 600);
	buf_addf(out, "%03d ", code);
	if (enhanced != NULL) {
		buf_adds(out, enhanced);
		buf_addc(out, ' ');
	}
}

void
esmtp_reply(struct buf *out, int code, const char *enhanced, const char *text)
{
	reply_start(out, code, enhanced);
	text_line(out, str_c(text));
	buf_adds(out, "\r\n");
}

void
esmtp_reply_for(
    struct buf *out, int code, const char *enhanced, struct str address, const char *text)
{
	reply_start(out, code, enhanced);
	buf_addc(out, '<');
	text_line(out, str_head(address, 512));
	buf_adds(out, "> ");
	text_line(out, str_c(text));
	buf_adds(out, "\r\n");
}

void
esmtp_reply_part(struct buf *out, int code, const char *text)
{
	buf_addf(out, "%03d-", code);
	text_line(out, str_c(text));
	buf_adds(out, "\r\n");
}

void
esmtp_fault_reply(struct buf *out, enum esmtp_fault fault)
{
	switch (fault) {
	case ESMTP_FINE: esmtp_reply(out, 250, "2.0.0", "Ok"); break;
	case ESMTP_BAD_VERB: esmtp_reply(out, 500, "5.5.1", "Command not recognized"); break;
	case ESMTP_BAD_ARGS: esmtp_reply(out, 501, "5.5.4", "Syntax error in arguments"); break;
	case ESMTP_BAD_SENDER: esmtp_reply(out, 501, "5.1.7", "Bad sender address"); break;
	case ESMTP_BAD_RCPT: esmtp_reply(out, 501, "5.1.3", "Bad recipient address"); break;
	case ESMTP_BAD_PARAM: esmtp_reply(out, 555, "5.5.4", "Parameter not recognized"); break;
	case ESMTP_NO_UTF8: esmtp_reply(out, 553, "5.6.7", "Address needs SMTPUTF8"); break;
	}
}
