/* SPDX-License-Identifier: Apache-2.0 */
/* Lines and literals cut out of what comes, in any pieces; what is too long is dropped in step. */
#include "wire/imap_reader.h"

#include "base/assert.h"
#include "wire/imap_char.h"

enum state {
	START,        /* between commands */
	LINE,         /* in a line of a command */
	ASK,          /* the caller has not decided on a literal yet */
	COLLECT,      /* copying a literal */
	STREAM,       /* handing a literal out */
	DROP_LITERAL, /* getting back into step */
	DROP_LINE,
	RAW, /* in a line of imap_reader_line */
	RAW_DROP,
	DEAD,
};

const struct imap_limits imap_limits_before_login = {
    .line = 8192,
    .id = 64 << 10,
    .literal = 4096,
    .literals = 8192,
    .count = 64,
    .drop = 128 << 10,
    .before_login = true,
};
const struct imap_limits imap_limits_after_login = {
    .line = 1 << 20,
    .literal = 1 << 20,
    .literals = 4 << 20,
    .count = 10000,
    .drop = 128 << 20,
};

/* A buffer that grew past this is not kept for the next command. */
#define KEEP (16 << 10)

void
imap_reader_init(struct imap_reader *r, const struct imap_limits *limits)
{
	ensure(limits != NULL && limits->line > 0);
	*r = (struct imap_reader){.limits = limits, .buf = {.secret = limits->before_login}};
}

void
imap_reader_free(struct imap_reader *r)
{
	buf_free(&r->buf);
}

bool
imap_reader_idle(const struct imap_reader *r)
{
	return r->state == START;
}

void
imap_reader_park(struct imap_reader *r)
{
	if (r->state == START) {
		buf_free(&r->buf);
		r->command = r->chunk = STR_NONE;
	}
}

static void
start(struct imap_reader *r)
{
	if (r->buf.cap > KEEP)
		buf_free(&r->buf);
	buf_clear(&r->buf);
	if (r->buf.secret)
		explicit_bzero(r->tail, sizeof(r->tail));
	r->buf.secret = r->limits->before_login;
	r->line_start = r->line_bytes = r->literal_bytes = r->tail_len = 0;
	r->count = 0;
	r->line_done = false;
	r->dropped = 0;
	r->command = r->chunk = STR_NONE;
	r->why = NULL;
}

struct str
imap_reader_tag(const struct imap_reader *r)
{
	struct str s = buf_str(&r->buf);
	size_t n = 0;

	while (n < s.n && n <= IMAP_TAG_MAX && tag_char(s.p[n]))
		n++;
	if (n == 0 || n > IMAP_TAG_MAX || (n < s.n && s.p[n] != ' ') || (n == s.n && !r->line_done))
		return STR_NONE;
	return str_head(s, n);
}

/* Throws n bytes away; false when that was one too many. */
static bool
drop(struct imap_reader *r, struct str *in, size_t n)
{
	ensure(n <= in->n);
	*in = str_from(*in, n);
	r->dropped += n;
	return r->dropped <= r->limits->drop;
}

static enum imap_read
dead(struct imap_reader *r)
{
	r->state = DEAD;
	if (r->why == NULL)
		r->why = "Too much to skip";
	return IMAP_READ_FATAL;
}

static enum imap_read
not_imap(struct imap_reader *r)
{
	r->state = DEAD;
	return IMAP_READ_NOT_IMAP;
}

/* Answers BAD and goes on by dropping. Without a tag, before login, nothing is answered at all
 * (T07). */
static enum imap_read
bad(struct imap_reader *r, enum state next, const char *why)
{
	r->why = why;
	r->code = NULL;
	r->state = (int)next;
	if (r->limits->before_login && imap_reader_tag(r).n == 0)
		return not_imap(r);
	return IMAP_READ_BAD;
}

static enum imap_read
too_big(struct imap_reader *r, enum state next, const char *why)
{
	enum imap_read what = bad(r, next, why);

	r->code = "TOOBIG"; /* RFC 7888 section 5 */
	return what;
}

/* Remembers the end of a dropped line, where a literal may be announced. */
static void
keep_tail(struct imap_reader *r, struct str s)
{
	size_t keep;

	ensure(r->tail_len <= sizeof(r->tail));
	if (s.n >= sizeof(r->tail)) {
		memcpy(r->tail, s.p + s.n - sizeof(r->tail), sizeof(r->tail));
		r->tail_len = sizeof(r->tail);
		return;
	}
	keep = r->tail_len + s.n > sizeof(r->tail) ? sizeof(r->tail) - s.n : r->tail_len;
	ensure(keep <= r->tail_len && keep + s.n <= sizeof(r->tail));
	memmove(r->tail, r->tail + r->tail_len - keep, keep);
	if (s.n > 0)
		memcpy(r->tail + keep, s.p, s.n);
	r->tail_len = keep + s.n;
}

enum announced { NOT_ANNOUNCED, ANNOUNCED, TOO_LARGE };

/* Does the line (without its end) finish with [~]{n[+]}? RFC 9051 literal, RFC 7888, RFC 3516. At
 * most 20 digits. */
static enum announced
announcer(struct str line, struct imap_literal *lit_r)
{
	size_t end, at;
	bool sync = true;
	uint64_t size;

	if (line.n < 3 || line.p[line.n - 1] != '}')
		return NOT_ANNOUNCED;
	end = line.n - 1;
	if (line.p[end - 1] == '+')
		sync = false, end--;
	for (at = end; at > 0 && end - at < 20 && ascii_digit(line.p[at - 1]); at--)
		;
	if (at == end || at == 0 || line.p[at - 1] != '{')
		return NOT_ANNOUNCED;
	*lit_r = (struct imap_literal){.sync = sync, .binary = at > 1 && line.p[at - 2] == '~'};
	if (!str_u64(str_of(line.p + at, end - at), INT64_MAX, &size))
		return TOO_LARGE;
	lit_r->size = lit_r->left = size;
	return ANNOUNCED;
}

/* Where dropping goes on after a line that announced the literal. The client has its answer, so
 * it will not send one for which it awaits a "+ ". */
static enum state
after_announcer(struct imap_reader *r)
{
	return r->literal.sync ? START : DROP_LITERAL;
}

/* T07: does the first line look like a tag and a command's name, or like another protocol's? */
static bool
looks_like_imap(const struct imap_reader *r, struct str line)
{
	size_t i = imap_reader_tag(r).n;

	if (i == 0)
		return false;
	while (i < line.n && line.p[i] == ' ')
		i++;
	if (i < line.n && !ascii_alpha(line.p[i]))
		return false;
	for (; i < line.n && line.p[i] != ' '; i++)
		if (!ascii_alpha(line.p[i]) && !ascii_digit(line.p[i]) && line.p[i] != '-' &&
		    line.p[i] != '_' && line.p[i] != '{')
			return false;
	return true;
}

/* An announcer was read: the line goes into the command as it is, with CRLF. */
static enum imap_read
ask(struct imap_reader *r)
{
	ensure(r->state == LINE && r->literal.left == r->literal.size);
	buf_add(&r->buf, STR("\r\n"));
	r->line_start = r->buf.n;
	r->command = buf_str(&r->buf);
	if (++r->count > r->limits->count)
		return bad(r, after_announcer(r), "Too many literals");
	/* RFC 7888 section 5. */
	if (r->limits->literal_minus && !r->literal.sync && r->literal.size > 4096)
		return too_big(r, after_announcer(r), "Non-synchronizing literal too large");
	r->state = ASK;
	return IMAP_READ_LITERAL;
}

/* A whole line is in the buffer, without its LF. */
static enum imap_read
line_end(struct imap_reader *r)
{
	struct str line;
	bool first = r->line_start == 0;
	enum announced what;

	ensure(r->state == LINE && r->line_start <= r->buf.n);
	if (r->buf.n > r->line_start && r->buf.p[r->buf.n - 1] == '\r')
		r->buf.n--;
	r->line_done = true;
	line = str_from(buf_str(&r->buf), r->line_start);
	if (first && line.n == 0) { /* T08 */
		r->state = START;
		return IMAP_READ_MORE;
	}
	what = announcer(line, &r->literal);
	if (first && r->limits->before_login && !looks_like_imap(r, line))
		return not_imap(r);
	if (what == ANNOUNCED)
		return ask(r);
	if (what == TOO_LARGE)
		return too_big(r, r->literal.sync ? START : DEAD, "Literal too large");
	r->command = buf_str(&r->buf);
	r->state = START;
	return IMAP_READ_COMMAND;
}

static bool
is_id(const struct imap_reader *r)
{
	struct str s = buf_str(&r->buf);

	return str_case_starts(str_from(s, str_chr(s, ' ')), STR(" ID "));
}

static size_t
line_limit(const struct imap_reader *r)
{
	return r->limits->id > r->limits->line && is_id(r) ? r->limits->id : r->limits->line;
}

/* Copies as much of a line as there is; IMAP_READ_MORE also at an empty line. */
static enum imap_read
read_line(struct imap_reader *r, struct str *in)
{
	size_t n = str_chr(*in, '\n'), nul, limit = line_limit(r);
	size_t room = r->line_bytes < limit ? limit - r->line_bytes : 0;
	bool whole = n<in->n, over = n + whole> room;
	struct str part = str_head(*in, n < room ? n : room);

	if ((nul = str_chr(part, '\0')) < part.n) {
		buf_add(&r->buf, str_head(part, nul));
		*in = str_from(*in, nul + 1);
		return bad(r, DROP_LINE, "NUL in command");
	}
	buf_add(&r->buf, part);
	*in = str_from(*in, part.n);
	r->line_bytes += part.n;
	/* Its first bytes have just come, and it is one that may be longer. */
	if (over && line_limit(r) > limit)
		return IMAP_READ_MORE;
	if (over) {
		keep_tail(r, str_from(buf_str(&r->buf), r->line_start));
		return bad(r, DROP_LINE, "Command line too long");
	}
	if (!whole)
		return IMAP_READ_MORE;
	*in = str_from(*in, 1);
	r->line_bytes++;
	return line_end(r);
}

static enum imap_read
collect(struct imap_reader *r, struct str *in)
{
	struct str part = str_head(*in, r->literal.left < in->n ? (size_t)r->literal.left : in->n);
	size_t nul = r->literal.binary ? part.n : str_chr(part, '\0');

	ensure(r->literal.left > 0 && r->literal.left <= r->literal_bytes);
	buf_add(&r->buf, str_head(part, nul));
	if (nul < part.n) {
		*in = str_from(*in, nul + 1);
		r->literal.left -= nul + 1;
		return bad(r, DROP_LITERAL, "NUL in literal");
	}
	*in = str_from(*in, part.n);
	r->literal.left -= part.n;
	if (r->literal.left == 0) {
		r->line_start = r->buf.n;
		r->state = LINE;
	}
	return IMAP_READ_MORE;
}

static enum imap_read
stream(struct imap_reader *r, struct str *in)
{
	struct str part = str_head(*in, r->literal.left < in->n ? (size_t)r->literal.left : in->n);
	size_t nul = r->literal.binary ? part.n : str_chr(part, '\0');

	if (part.n == 0 && r->literal.left > 0)
		return IMAP_READ_MORE;
	if (nul < part.n) {
		*in = str_from(*in, nul + 1);
		r->literal.left -= nul + 1;
		return bad(r, DROP_LITERAL, "NUL in literal");
	}
	r->chunk = part;
	*in = str_from(*in, part.n);
	r->literal.left -= part.n;
	if (r->literal.left == 0)
		r->state = LINE;
	return IMAP_READ_CHUNK;
}

static enum imap_read
drop_literal(struct imap_reader *r, struct str *in)
{
	size_t n = r->literal.left < in->n ? (size_t)r->literal.left : in->n;

	/* Not worth reading to the end? Then not at all. */
	if (r->literal.left > r->limits->drop - r->dropped || !drop(r, in, n))
		return dead(r);
	r->literal.left -= n;
	if (r->literal.left == 0) {
		r->tail_len = 0;
		r->state = DROP_LINE;
	}
	return IMAP_READ_MORE;
}

static enum imap_read
drop_line(struct imap_reader *r, struct str *in)
{
	size_t n = str_chr(*in, '\n');
	bool whole = n < in->n;
	struct str line;

	keep_tail(r, str_head(*in, n));
	if (!drop(r, in, n + whole))
		return dead(r);
	if (!whole)
		return IMAP_READ_MORE;
	line = str_trim_suffix(str_of(r->tail, r->tail_len), '\r');
	switch (announcer(line, &r->literal)) {
	case ANNOUNCED: r->state = (int)after_announcer(r); break;
	case TOO_LARGE: r->state = r->literal.sync ? START : DEAD; break;
	case NOT_ANNOUNCED: r->state = START; break;
	}
	return r->state == DEAD ? dead(r) : IMAP_READ_MORE;
}

/* Drops to the end of a line in which no literal can be announced. */
static enum imap_read
raw_drop(struct imap_reader *r, struct str *in)
{
	size_t n = str_chr(*in, '\n');
	bool whole = n < in->n;

	if (!drop(r, in, n + whole))
		return dead(r);
	if (whole)
		r->state = START;
	return IMAP_READ_MORE;
}

/* The first byte of a command tells TLS and other binary protocols, which may never send a line
 * end (T07). */
static enum imap_read
begin(struct imap_reader *r, struct str in)
{
	char c = in.p[0];

	start(r);
	r->state = LINE;
	if (r->limits->before_login && !tag_char(c) && c != '\r' && c != '\n')
		return not_imap(r);
	return IMAP_READ_MORE;
}

/* One step in a state that consumes input; MORE tells that nothing has come of it yet. */
static enum imap_read
step(struct imap_reader *r, struct str *in)
{
	switch ((enum state)r->state) {
	case START: return begin(r, *in);
	case LINE: return read_line(r, in);
	case COLLECT: return collect(r, in);
	case DROP_LITERAL: return drop_literal(r, in);
	case DROP_LINE: return drop_line(r, in);
	case RAW: r->state = RAW_DROP; return raw_drop(r, in);
	case RAW_DROP: return raw_drop(r, in);
	case STREAM: return stream(r, in);
	case ASK: return IMAP_READ_LITERAL;
	case DEAD: break;
	}
	return dead(r);
}

/* States that may have something to tell without more input. */
static bool
restless(const struct imap_reader *r)
{
	return r->state == STREAM || r->state == ASK || r->state == DEAD ||
	       r->state == DROP_LITERAL;
}

enum imap_read
imap_reader_read(struct imap_reader *r, struct str *in)
{
	enum imap_read next = restless(r) ? step(r, in) : IMAP_READ_MORE;

	while (next == IMAP_READ_MORE && in->n > 0)
		next = step(r, in);
	ensure(next != IMAP_READ_CHUNK || r->chunk.n > 0 || r->literal.size == 0);
	return next;
}

enum status
imap_reader_collect(struct imap_reader *r)
{
	uint64_t size = r->literal.size;
	size_t all = r->limits->literals;

	if (r->state != ASK)
		return ERR_BAD_INPUT;
	if (r->limits->id > all && is_id(r))
		all = r->limits->id;
	if (size > r->limits->literal || size > all || r->literal_bytes > all - size)
		return ERR_LIMIT;
	r->literal_bytes += (size_t)size;
	ensure(r->literal_bytes <= all && r->literal.left == size);
	r->line_start = r->buf.n;
	r->state = size > 0 ? COLLECT : LINE;
	return OK;
}

size_t
imap_reader_memory(const struct imap_reader *r)
{
	size_t soon = r->state == COLLECT ? r->buf.n + (size_t)r->literal.left : 0;

	return soon > r->buf.cap ? soon : r->buf.cap;
}

void
imap_reader_stream(struct imap_reader *r)
{
	if (r->state == ASK)
		r->state = STREAM;
}

void
imap_reader_refuse(struct imap_reader *r)
{
	if (r->state == ASK) {
		r->state = (int)after_announcer(r);
	} else if (r->state == STREAM || r->state == COLLECT) {
		r->state = DROP_LITERAL;
	} else if (r->state == LINE) {
		keep_tail(r, str_from(buf_str(&r->buf), r->line_start));
		r->state = DROP_LINE;
	}
}

/* The line so far goes into the buffer; false when it became too long or holds NUL. */
static bool
raw_add(struct imap_reader *r, struct str part, size_t limit)
{
	/* The CR of the line end does not count, wherever input was cut. */
	if (part.n > limit + 1 || r->buf.n + part.n > limit + 1 || str_chr(part, '\0') < part.n)
		return false;
	buf_add(&r->buf, part);
	return true;
}

enum imap_read
imap_reader_line(struct imap_reader *r, struct str *in, size_t limit)
{
	enum imap_read next = IMAP_READ_MORE;
	size_t n;

	while (in->n > 0 && next == IMAP_READ_MORE && r->state != START && r->state != RAW)
		next = r->state == LINE ? (r->state = RAW, IMAP_READ_MORE) : step(r, in);
	if (in->n == 0 || next != IMAP_READ_MORE)
		return next;
	if (r->state == START) {
		start(r);
		r->state = RAW;
	}
	n = str_chr(*in, '\n');
	if (!raw_add(r, str_head(*in, n), limit)) {
		r->why = "Line too long or with NUL";
		r->state = RAW_DROP;
		return IMAP_READ_BAD;
	}
	if (n == in->n) {
		*in = str_from(*in, n);
		return IMAP_READ_MORE;
	}
	*in = str_from(*in, n + 1);
	if (r->buf.n > 0 && r->buf.p[r->buf.n - 1] == '\r')
		r->buf.n--;
	r->state = START;
	r->command = buf_str(&r->buf);
	if (r->buf.n <= limit)
		return IMAP_READ_COMMAND;
	r->why = "Line too long or with NUL";
	return IMAP_READ_BAD;
}
