/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts an mbox into messages: where one begins, whatever program wrote it. */
#include "formats/mbox.h"

#include <stdlib.h>
#include <string.h>
#include "base/arena.h"
#include "formats/mbox_priv.h"
#include "formats/mboxrd.h"

#define LINE_WINDOW 65536     /* bytes looked at in one go */
#define HEADER_WINDOW 16384   /* bytes behind a From line in which a header shows */
#define READ_SIZE 262144
#define LEADING_MAX 4096      /* empty lines before the first message */

struct mbox {
	struct mbox_source source;
	char *window;
	size_t window_cap, window_n;
	uint64_t window_at;
	bool failed;
	uint64_t next;            /* the From line of the next message */
	struct mbox_file file;
	struct mbox_notes notes;
	struct buf raw;           /* the header as it stands there */
	uint64_t number;
};

struct mbox *
mbox_new(const struct mbox_source *source)
{
	struct mbox *m = x_new(struct mbox);

	m->source = *source;
	m->file.first = true;
	return m;
}

void
mbox_free(struct mbox *m)
{
	if (m == NULL)
		return;
	free(m->window);
	buf_free(&m->notes.header);
	buf_free(&m->raw);
	free(m);
}

/* The bytes from offset at: n of them, fewer only at the end of the file. Until the next call. */
static struct str
peek(struct mbox *m, uint64_t at, size_t n)
{
	size_t behind;

	if (at >= m->window_at && at - m->window_at <= m->window_n && m->window_n - (size_t)(at - m->window_at) >= n)
		return str_of(m->window + (at - m->window_at), n);
	if (m->window_cap < n + READ_SIZE) {
		m->window_cap = n + READ_SIZE;
		m->window = x_realloc(m->window, m->window_cap);
	}
	/* What is there of it moves to the front. */
	if (at >= m->window_at && at - m->window_at < m->window_n) {
		behind = m->window_n - (size_t)(at - m->window_at);
		memmove(m->window, m->window + (at - m->window_at), behind);
		m->window_n = behind;
	} else {
		m->window_n = 0;
	}
	m->window_at = at;
	while (m->window_n < n && at + m->window_n < m->source.size) {
		uint64_t left = m->source.size - at - m->window_n;
		size_t room = m->window_cap - m->window_n;
		int64_t got = m->source.read(m->source.arg, at + m->window_n, m->window + m->window_n, left < room ? (size_t)left : room);

		m->failed |= got < 0;
		if (got <= 0)
			break;
		m->window_n += (size_t)got;
	}
	return str_of(m->window, m->window_n < n ? m->window_n : n);
}

static struct str
first_line(struct str s)
{
	return str_trim_suffix(str_head(s, str_chr(s, '\n')), '\r');
}

/* Does a message begin at this offset, which is the start of a line? blank: the line before is empty. */
static bool
begins(struct mbox *m, uint64_t at, bool blank, bool first, struct mbox_from *from)
{
	struct str s = peek(m, at, HEADER_WINDOW), line = first_line(s), rest;
	enum mbox_form form = mbox_from_parse(line, from);

	if (form == FROM_NONE || str_chr(s, '\n') == s.n)
		return form == FROM_DATED && blank;
	rest = str_from(s, str_chr(s, '\n') + 1);
	if (form == FROM_DATED)
		return blank || mbox_is_field(first_line(rest));
	if (first)
		return mbox_is_field(first_line(rest));
	return blank && mbox_is_header(rest, at + s.n >= m->source.size);
}

/* Is the line that ends before the offset (of a line's start) empty? */
static bool
blank_before(struct mbox *m, uint64_t at, uint64_t from)
{
	size_t back = at - from < 3 ? (size_t)(at - from) : 3;
	struct str s = peek(m, at - back, back);

	if (back == 0)
		return true; /* the line after the header */
	return str_ends(s, STR("\n\n")) || str_ends(s, STR("\n\r\n")) || (back == at - from && (str_eq(s, STR("\n")) || str_eq(s, STR("\r\n"))));
}

/* The next From line at or behind offset at, a line's start; the size of the file where there is none. */
static uint64_t
find_from(struct mbox *m, uint64_t at)
{
	uint64_t begin = at, here = at;
	struct mbox_from from;

	for (;;) {
		struct str s = peek(m, here, LINE_WINDOW);
		size_t i = 0, n = s.n;

		if (n == 0)
			return here;
		/* Candidates are looked at one after the other: looking moves the window. */
		while (i < n) {
			size_t lf;

			if (n - i >= 5 && memcmp(s.p + i, "From ", 5) == 0) {
				if (begins(m, here + i, blank_before(m, here + i, begin), false, &from))
					return here + i;
				s = peek(m, here, n);
				if (s.n < n)
					return here + s.n;
			}
			lf = str_chr(str_from(s, i), '\n');
			if (i + lf >= n)
				break;
			i += lf + 1;
			if (n - i < 5 && n == LINE_WINDOW)
				break;
		}
		if (n < LINE_WINDOW)
			return here + n;
		/* A line that is longer than the window begins no message: its middle is passed over. */
		if (i > 0) {
			here += i;
			continue;
		}
		for (here += n; (s = peek(m, here, LINE_WINDOW)).n > 0; here += s.n) {
			size_t lf = str_chr(s, '\n');

			if (lf < s.n) {
				here += lf + 1;
				break;
			}
		}
	}
}

/* Where the message ends that begins behind its header at body, by the length that was noted; false: it is wrong. */
static bool
by_length(struct mbox *m, uint64_t body, uint64_t length, struct mbox_message *r)
{
	uint64_t end = body + length;
	struct mbox_from from;
	struct str s;
	size_t skip = 0;

	if (length > m->source.size || end > m->source.size)
		return false;
	if (end > body && end < m->source.size && (s = peek(m, end - 1, 1)).n == 1 && s.p[0] != '\n') {
		/* The body's last line has no end of its own: the one that follows belongs to the mbox. */
		s = peek(m, end, 2);
		if (!str_starts(s, STR("\n")) && !str_eq(s, STR("\r\n")))
			return false;
	}
	s = peek(m, end, 4);
	while (skip < s.n && (s.p[skip] == '\n' || s.p[skip] == '\r'))
		skip++;
	if (end + skip < m->source.size && !begins(m, end + skip, true, false, &from))
		return false;
	r->end = end;
	m->next = end + skip;
	return true;
}

/* Where it ends by the next From line: the empty line before that belongs to the mbox. */
static void
by_from(struct mbox *m, uint64_t body, struct mbox_message *r)
{
	uint64_t next = find_from(m, body);
	size_t back = next - body < 4 ? (size_t)(next - body) : 4;
	struct str s = peek(m, next - back, back);

	r->end = next;
	m->next = next;
	if (str_ends(s, STR("\n\r\n")) || (back == 2 && str_eq(s, STR("\r\n"))))
		r->end -= 2;
	else if (str_ends(s, STR("\n\n")) || (back == 1 && str_eq(s, STR("\n"))))
		r->end -= 1;
}

/* Passes over a byte order mark and empty lines. ERR_BAD_INPUT: then no message begins. */
static enum status
to_first(struct mbox *m)
{
	struct str s = peek(m, 0, LEADING_MAX);
	struct mbox_from from;
	size_t at = str_starts(s, STR("\xef\xbb\xbf")) ? 3 : 0;

	while (at < s.n && (s.p[at] == '\n' || s.p[at] == '\r'))
		at++;
	if (m->failed)
		return ERR_IO;
	if (!begins(m, at, true, true, &from))
		return ERR_BAD_INPUT;
	m->next = at;
	return OK;
}

/* The header from offset at: up to its empty line, or what fits. */
static struct str
header_at(struct mbox *m, uint64_t at)
{
	size_t n = 0, want = READ_SIZE / 4;
	struct mbox_from from;
	struct str s;

	for (s = peek(m, at, want);;) {
		struct str line = str_from(s, n);
		size_t lf = str_chr(line, '\n');

		if (lf == line.n) {
			if (s.n < want)
				return s;
			if (want >= MBOX_HEADER_MAX)
				return str_head(s, n > 0 ? n : s.n);
			want *= 2;
			s = peek(m, at, want);
			continue;
		}
		/* The next message begins without an empty line: this one is a header only. */
		if (lf > 5 && mbox_from_parse(first_line(line), &from) == FROM_DATED && n > 0)
			return str_head(s, n);
		n += lf + 1;
		if (lf == 0 || (lf == 1 && line.p[0] == '\r'))
			return str_head(s, n);
	}
}

static void
fill(struct mbox *m, const struct mbox_from *from, enum mbox_form form, struct mbox_message *r)
{
	const struct mbox_notes *n = &m->notes;

	r->number = ++m->number;
	r->dated = n->dated || form == FROM_DATED;
	r->date = n->dated ? n->date : from->date;
	r->zone = n->dated ? n->zone : from->zoned ? from->zone : 0;
	r->flags = n->flags;
	r->keywords = n->keywords;
	r->keywords_n = n->keywords_n;
	r->keywords_more = n->keywords_more;
	r->deleted = n->deleted;
	r->internal = n->internal;
	r->quoted = n->quoted;
	r->header = buf_str(&n->header);
}

/* Where the header begins behind the From line at offset at, of which s are the first bytes: messages that were copied from one mbox to another have two. */
static uint64_t
behind_from(struct mbox *m, uint64_t at, struct str s)
{
	struct mbox_from from;

	for (int i = 0; i < 2; i++) {
		at += str_chr(s, '\n') < s.n ? str_chr(s, '\n') + 1 : s.n;
		s = peek(m, at, HEADER_WINDOW);
		if (mbox_from_parse(first_line(s), &from) == FROM_NONE || !mbox_is_field(first_line(str_from(s, str_chr(s, '\n') + 1))))
			break;
	}
	return at;
}

enum status
mbox_next(struct mbox *m, struct mbox_message *r)
{
	struct mbox_from from = {0};
	enum mbox_form form;
	struct str s, header;
	uint64_t at;
	enum status st;

	if (m->number == 0 && (st = to_first(m)) != OK)
		return st;
	s = peek(m, m->next, MBOX_FROM_MAX + 2);
	if (s.n == 0)
		return m->failed ? ERR_IO : ERR_NOT_FOUND;
	form = mbox_from_parse(first_line(s), &from);
	at = behind_from(m, m->next, s);
	header = header_at(m, at);
	buf_clear(&m->raw);
	buf_add(&m->raw, header);
	buf_clear(&m->notes.header);
	mbox_header_read(&m->file, buf_str(&m->raw), &m->notes);
	*r = (struct mbox_message){.body = at + header.n};
	fill(m, &from, form, r);
	if (m->notes.length == UINT64_MAX || !by_length(m, r->body, m->notes.length, r))
		by_from(m, r->body, r);
	return m->failed ? ERR_IO : OK;
}

enum status
mbox_bytes(struct mbox *m, const struct mbox_message *msg, void (*fn)(void *arg, struct str bytes), void *arg)
{
	struct mboxrd quotes = {.unquote = true};
	struct buf out = {0};
	uint64_t at = msg->body;

	fn(arg, msg->header);
	while (at < msg->end) {
		uint64_t left = msg->end - at;
		struct str s = peek(m, at, left < LINE_WINDOW ? (size_t)left : LINE_WINDOW);

		if (s.n == 0)
			break;
		at += s.n;
		if (!msg->quoted) {
			fn(arg, s);
			continue;
		}
		buf_clear(&out);
		mboxrd_add(&quotes, s, &out);
		fn(arg, buf_str(&out));
	}
	buf_clear(&out);
	mboxrd_end(&quotes, &out);
	if (msg->quoted)
		fn(arg, buf_str(&out));
	buf_free(&out);
	return m->failed || at < msg->end ? ERR_IO : OK;
}
