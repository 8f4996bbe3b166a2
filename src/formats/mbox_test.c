/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/arena.h"
#include "formats/content.h"
#include "formats/listing.h"
#include "formats/mbox_priv.h"
#include "formats/mboxrd.h"
#include "wire/flag.h"

struct memory {
	struct str s;
	size_t most; /* bytes a read gives */
};

static int64_t
memory_read(void *arg, uint64_t at, char *p, size_t n)
{
	struct memory *m = arg;

	if (at >= m->s.n)
		return 0;
	n = n < m->s.n - at ? n : m->s.n - (size_t)at;
	n = n < m->most ? n : m->most;
	memcpy(p, m->s.p + at, n);
	return (int64_t)n;
}

static void
gather(void *arg, struct str s)
{
	buf_add(arg, s);
}

struct read {
	size_t n;
	struct buf text[64];
	uint8_t flags[64];
	int64_t date[64];
	struct buf keywords[64];
	bool deleted[64], internal[64];
};

/* Reads all; the status of the last call. */
static enum status
read_all(struct str file, size_t most, struct read *r)
{
	struct memory mem = {file, most};
	struct mbox *m = mbox_new(&(struct mbox_source){memory_read, &mem, file.n});
	struct mbox_message msg;
	enum status st;

	memset(r, 0, sizeof(*r));
	while ((st = mbox_next(m, &msg)) == OK && r->n < 64) {
		size_t i = r->n++;

		r->flags[i] = msg.flags;
		r->date[i] = msg.dated ? msg.date : -1;
		r->deleted[i] = msg.deleted;
		r->internal[i] = msg.internal;
		for (size_t k = 0; k < msg.keywords_n; k++) {
			buf_add(&r->keywords[i], msg.keywords[k]);
			buf_addc(&r->keywords[i], ' ');
		}
		assert_int_equal(mbox_bytes(m, &msg, gather, &r->text[i]), OK);
	}
	mbox_free(m);
	return st;
}

static void
drop(struct read *r)
{
	for (size_t i = 0; i < r->n; i++) {
		buf_free(&r->text[i]);
		buf_free(&r->keywords[i]);
	}
}

static void
is(struct str got, const char *want)
{
	if (!str_eq(got, str_c(want)))
		fail_msg("\"%.*s\" is not \"%s\"", STR_FMT(got), want);
}

#define D "From a@example.org Sun Sep  9 01:46:40 2001\n"

/* A file, and what its messages are, each ended by '|' (T141). */
static const struct {
	const char *file;
	const char *messages;
} table[] = {
    {D "A: 1\n\nx\n\n" D "B: 2\n\ny\n", "A: 1\n\nx\n|B: 2\n\ny\n|"},
    /* a text with a time is no From line */
    {D "A: 1\n\nx\n\nFrom Monday at 10:30 we meet\nat ten\n\n" D "B: 2\n\ny\n", "A: 1\n\nx\n\nFrom Monday at 10:30 we meet\nat ten\n|B: 2\n\ny\n|"},
    {D "A: 1\n\nFrom me to you 10:30:00\nFrom 10:30 on\n", "A: 1\n\nFrom me to you 10:30:00\nFrom 10:30 on\n|"},
    /* forms: Thunderbird's, none of a date, zones, no seconds, RFC 5322's date, two-digit year, UUCP */
    {"From - Sun Sep 09 01:46:40 2001\nSubject: 1\n\nx\n\nFrom - \nSubject: 2\n\ny\n\nFrom \nSubject: 3\n\nz\n",
        "Subject: 1\n\nx\n|Subject: 2\n\ny\n|Subject: 3\n\nz\n|"},
    {"From alice@example.org\nSubject: 1\n\nx\n\nFrom bob@example.org\nSubject: 2\n\ny\n", "Subject: 1\n\nx\n|Subject: 2\n\ny\n|"},
    {D "A: 1\n\nx\n\nFrom b Sun Sep  9 01:46 2001\nB: 2\n\ny\n\nFrom c Sun Sep  9 01:46:40 MET DST 2001\nC: 3\n\n\nFrom d Sun, 9 Sep 2001 01:46:40 +0200\nD: 4\n\n"
       "\nFrom e Sun Sep  9 01:46:40 2001 +0200\nE: 5\n\n\nFrom f g <h@i> Sun Sep  9 1:46:40 01\nF: 6\n\n\nFrom u!v Sun Sep  9 01:46:40 2001 remote from w\nG: 7\n\n",
        "A: 1\n\nx\n|B: 2\n\ny\n|C: 3\n\n|D: 4\n\n|E: 5\n\n|F: 6\n\n|G: 7\n\n|"},
    /* without an empty line before */
    {D "A: 1\n\nx\n" D "B: 2\n\ny\n" D "C: 3\n\nz", "A: 1\n\nx\n|B: 2\n\ny\n|C: 3\n\nz|"},
    {D "A: 1\n\nx\n" D "no field here\n", "A: 1\n\nx\n" D "no field here\n|"},
    {D "A: 1\n" D "B: 2\n\ny\n", "A: 1\n|B: 2\n\ny\n|"},
    /* Content-Length that is right, one that is not */
    {D "A: 1\nContent-Length: 55\n\nx\n\n" D "B: 2\n\ny\n\n" D "C: 3\n\nz\n", "A: 1\n\nx\n\n" D "B: 2\n\ny\n|C: 3\n\nz\n|"},
    {D "A: 1\nContent-Length: 30\n\nx\n\n" D "C: 3\n\nz\n", "A: 1\n\nx\n|C: 3\n\nz\n|"},
    {D "A: 1\nContent-Length: 99999999999999999999\n\nx\n\n" D "C: 3\n\nz\n", "A: 1\n\nx\n|C: 3\n\nz\n|"},
    {D "Content-Length: 2\nA: 1\n\nx\n\n" D "C: 3\n\nz\n", "Content-Length: 2\nA: 1\n\nx\n|C: 3\n\nz\n|"},
    /* a byte order mark, empty lines first, CRLF, two From lines */
    {"\xef\xbb\xbf" D "A: 1\n\nx\n", "A: 1\n\nx\n|"},
    {"\n\r\n\n" D "A: 1\n\nx\n", "A: 1\n\nx\n|"},
    {"From a Sun Sep  9 01:46:40 2001\r\nA: 1\r\n\r\nx\r\n\r\nFrom b Sun Sep  9 01:46:40 2001\r\nB: 2\r\n\r\ny\r\n\r\n", "A: 1\r\n\r\nx\r\n|B: 2\r\n\r\ny\r\n|"},
    {"From - Sun Sep  9 01:46:40 2001\n" D "A: 1\n\nx\n", "A: 1\n\nx\n|"},
    /* quoting stays where nobody knows who did it, and goes where we did */
    {D "A: 1\n\n>From x\n", "A: 1\n\n>From x\n|"},
    {D "X-Mansio-Export: mboxrd 1000000000 120\nStatus: RO\nX-Status: \nX-Keywords:\nA: 1\n\n>From x\n>>From y\nFrom\n>Fromage\n", "A: 1\n\nFrom x\n>From y\nFrom\n>Fromage\n|"},
    {"From - Sun Sep  9 01:46:40 2001\nX-Mozilla-Status: 0001\nX-Mozilla-Status2: 00000000\nA: 1\n\n>From x\n>>From y\n", "A: 1\n\nFrom x\n>From y\n|"},
    /* a sender's own lines stay */
    {D "A: 1\nStatus: RO\nB: 2\n\nx\n", "A: 1\nStatus: RO\nB: 2\n\nx\n|"},
    {D "A: 1\nX-Status: D\n\nx\n", "A: 1\nX-Status: D\n\nx\n|"},
    {D "A: 1\nStatus: RO\nX-Status: D\n\nx\n", "A: 1\n\nx\n|"},
    {D, "|"},
    {D "\n", "\n|"},
};

static void
reads(void **state)
{
	struct read *r = x_new(struct read);

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		for (size_t most = 1; most < 100000; most = most * 7 + 1) {
			struct buf all = {0};

			assert_int_equal(read_all(str_c(table[i].file), most, r), ERR_NOT_FOUND);
			for (size_t k = 0; k < r->n; k++) {
				buf_add(&all, buf_str(&r->text[k]));
				buf_addc(&all, '|');
				assert_false(r->flags[k] & FLAG_DELETED);
			}
			is(buf_str(&all), table[i].messages);
			buf_free(&all);
			drop(r);
		}
	}
	assert_int_equal(read_all(STR("Subject: x\n\nFrom a\n"), 99, r), ERR_BAD_INPUT);
	assert_int_equal(read_all(STR("From Monday at 10:30 we meet\nat ten\n"), 99, r), ERR_BAD_INPUT);
	assert_int_equal(read_all(STR(""), 99, r), ERR_BAD_INPUT);
	free(r);
}

static void
notes(void **state)
{
	struct read *r = x_new(struct read);

	(void)!read_all(STR("From MAILER-DAEMON Sun Sep  9 01:46:40 2001\nSubject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\n"
		   "X-IMAP: 1000000000 0000000007 Urgent\nStatus: RO\n\ndata\n\n"
		   D "A: 1\nStatus: RO\nX-Status: AD\nX-Keywords: Urgent                      \nX-UID: 5\n\nx\n\n"
		   /* the sender's: the UID was not given yet, or was given before */
		   D "A: 2\nStatus: RO\nX-Status: D\nX-Keywords: Mine\nX-UID: 9\n\nx\n\n" D "A: 3\nX-Status: D\nX-UID: 4\n\nx\n\n" D "A: 4\nStatus: O\nX-UID: 7\n\nx\n"),
	    4096, r);
	assert_int_equal(r->n, 5);
	assert_true(r->internal[0] && !r->internal[1]);
	assert_int_equal(r->flags[1], FLAG_SEEN | FLAG_ANSWERED | FLAG_DELETED);
	is(buf_str(&r->keywords[1]), "Urgent ");
	is(buf_str(&r->text[1]), "A: 1\n\nx\n");
	assert_int_equal(r->flags[2], FLAG_SEEN);
	assert_int_equal(r->keywords[2].n, 0);
	assert_int_equal(r->flags[3], 0);
	is(buf_str(&r->text[3]), "A: 3\nX-Status: D\nX-UID: 4\n\nx\n");
	assert_int_equal(r->flags[4], 0);
	drop(r);
	(void)!read_all(STR("From - Sun Sep  9 01:46:40 2001\nX-Account-Key: account1\nX-UIDL: 7\nX-Mozilla-Status: 1007\nX-Mozilla-Status2: 00000000\n"
		   "X-Mozilla-Keys: $label1 work                   \nA: 1\n\nx\n\nFrom - Sun Sep  9 01:46:40 2001\nX-Mozilla-Status: 0009\n"
		   "X-Mozilla-Status2: 00000000\nA: 2\n\nx\n\nFrom - Sun Sep  9 01:46:40 2001\nA: 3\nX-Mozilla-Status: 0009\n\nx\n"), 4096, r);
	assert_int_equal(r->n, 3);
	assert_int_equal(r->flags[0], FLAG_SEEN | FLAG_ANSWERED | FLAG_FLAGGED);
	is(buf_str(&r->keywords[0]), "$Forwarded $label1 work ");
	is(buf_str(&r->text[0]), "X-Account-Key: account1\nX-UIDL: 7\nA: 1\n\nx\n");
	assert_true(r->deleted[1] && !r->deleted[0] && !r->deleted[2]);
	drop(r);
	(void)!read_all(STR(D "X-Mansio-Export: mboxrd -5 -90\nStatus: O\nX-Status: DT\nX-Keywords: a b\nA: 1\n\nx\n" D "Status: RO\nX-Status: F\nA: 2\n\n>From\n"),
	    4096, r);
	assert_int_equal(r->date[0], -5);
	assert_int_equal(r->flags[0], FLAG_DELETED | FLAG_DRAFT);
	assert_int_equal(r->date[1], 999999000 + 1000);
	assert_int_equal(r->flags[1], FLAG_SEEN | FLAG_FLAGGED);
	is(buf_str(&r->keywords[0]), "a b ");
	drop(r);
	free(r);
}

/* Long lines, long headers, and a file that ends before it should. */
static void
bounds(void **state)
{
	struct read *r = x_new(struct read);
	struct buf b = {0};

	buf_adds(&b, D "A: 1\nB: ");
	for (size_t i = 0; i < 3 * MBOX_HEADER_MAX; i++)
		buf_addc(&b, 'x');
	buf_adds(&b, "\n\n");
	for (size_t i = 0; i < 400000; i++)
		buf_addc(&b, 'y');
	buf_adds(&b, "From a@b\nFrom ");
	for (size_t i = 0; i < 200000; i++)
		buf_addc(&b, 'z');
	buf_adds(&b, "\n\n" D "C: 1\n\nlast\n");
	assert_int_equal(read_all(buf_str(&b), 1 << 20, r), ERR_NOT_FOUND);
	assert_int_equal(r->n, 2);
	is(buf_str(&r->text[1]), "C: 1\n\nlast\n");
	assert_int_equal(r->text[0].n + r->text[1].n + 2 * strlen(D) + 1, b.n);
	drop(r);
	/* the reader was told of more bytes than come */
	struct memory mem = {str_head(buf_str(&b), 5000), 100};
	struct mbox *m = mbox_new(&(struct mbox_source){memory_read, &mem, b.n});
	struct mbox_message msg;
	struct buf got = {0};

	assert_int_equal(mbox_next(m, &msg), OK);
	assert_int_equal(mbox_bytes(m, &msg, gather, &got), OK);
	assert_int_equal(mbox_next(m, &msg), ERR_NOT_FOUND);
	mbox_free(m);
	buf_free(&got);
	buf_free(&b);
	free(r);
}

static void
from_dates(void **state)
{
	static const struct {
		const char *line;
		enum mbox_form form;
		int64_t date;
	} dates[] = {{"From a Sun Sep  9 01:46:40 2001", FROM_DATED, 1000000000}, {"From a Sun Sep  9 03:46:40 2001 +0200", FROM_DATED, 1000000000},
	    {"From a Sat Sep  8 20:46:40 EST 2001", FROM_DATED, 1000000000}, {"From a 2001-09-09T01:46:40Z", FROM_DATED, 1000000000},
	    {"From a Sun Sep 31 01:46:40 2001", FROM_NONE, 0}, {"From a Sun Feb 29 01:46:40 2001", FROM_NONE, 0}, {"From x we met at 10:00 on 1 Jan 2001", FROM_NONE, 0},
	    {"From ", FROM_WEAK, 0}, {"From me", FROM_WEAK, 0}, {"From me to you", FROM_NONE, 0}, {"From: a", FROM_NONE, 0}, {"from a Sun Sep  9 01:46:40 2001", FROM_NONE, 0}};
	struct mbox_from from;

	for (size_t i = 0; i < sizeof(dates) / sizeof(*dates); i++) {
		enum mbox_form form = mbox_from_parse(str_c(dates[i].line), &from);

		if (form != dates[i].form)
			fail_msg("%s: %d", dates[i].line, form);
		if (form == FROM_DATED)
			assert_int_equal(from.date, dates[i].date);
	}
}

static void
id_of(const char *text, size_t cut, unsigned char id[CONTENT_ID_SIZE])
{
	struct content *c = content_new();

	for (struct str s = str_c(text); s.n > 0; s = str_from(s, cut < s.n ? cut : s.n))
		content_add(c, str_head(s, cut < s.n ? cut : s.n));
	content_id(c, id);
	content_free(c);
}

static void
contents(void **state)
{
	static const char *const same[][2] = {{"A: 1\r\n\r\nx\r\n", "A: 1\n\nx\n"}, {"A: 1\n\nx\n", "A: 1\n\nx"}, {"A: 1\n\nx\n", "A: 1\n\nx\n\n\n"},
	    {"A: 1\r\r\n\nx", "A: 1\n\nx"}, {"A: 1\nStatus: RO\nX-UID: 7\n\nx", "A: 1\n\nx"}, {"x-keywords: a\n b\nA: 1\nStatus: O\n\nx", "A: 1\nstatus: R\n\nx"},
	    {"A: 1\n", "A: 1"}};
	static const char *const other[][2] = {{"A: 1\n\nx\n", "A: 1\nx\n"}, {"A: 1\n\nStatus: O\n", "A: 1\n\nStatus: R\n"}, {"A: 1\n\n\rx", "A: 1\n\nx"},
	    {"A: 1\n\n\nx", "A: 1\n\nx"}, {"Statuses: 1\n\n", "Statuses: 2\n\n"}, {"A: 1\n Status: 1\n\n", "A: 1\n\n"}, {"Stat", "Status"}};
	unsigned char a[CONTENT_ID_SIZE], b[CONTENT_ID_SIZE];

	for (size_t cut = 1; cut < 40; cut += 3) {
		for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
			id_of(same[i][0], 1000, a);
			id_of(same[i][1], cut, b);
			if (memcmp(a, b, sizeof(a)) != 0)
				fail_msg("%zu: %s", i, same[i][0]);
		}
		for (size_t i = 0; i < sizeof(other) / sizeof(*other); i++) {
			id_of(other[i][0], cut, a);
			id_of(other[i][1], 1000, b);
			if (memcmp(a, b, sizeof(a)) == 0)
				fail_msg("%zu: %s", i, other[i][0]);
		}
	}
}

static void
quotes(void **state)
{
	static const char text[] = "From a\n>From b\n>>From\nFrom\n>F\n>\nx From y\nFrom ";
	static const char quoted[] = ">From a\n>>From b\n>>From\nFrom\n>F\n>\nx From y\n>From ";
	struct buf out = {0}, back = {0};

	for (size_t cut = 1; cut < sizeof(text); cut++) {
		struct mboxrd on = {0}, off = {.unquote = true};

		buf_clear(&out);
		buf_clear(&back);
		for (struct str s = str_c(text); s.n > 0; s = str_from(s, cut < s.n ? cut : s.n))
			mboxrd_add(&on, str_head(s, cut < s.n ? cut : s.n), &out);
		mboxrd_end(&on, &out);
		is(buf_str(&out), quoted);
		for (struct str s = buf_str(&out); s.n > 0; s = str_from(s, cut < s.n ? cut : s.n))
			mboxrd_add(&off, str_head(s, cut < s.n ? cut : s.n), &back);
		mboxrd_end(&off, &back);
		is(buf_str(&back), text);
	}
	buf_free(&out);
	buf_free(&back);
}

static void
listings(void **state)
{
	struct str text = STR("a.mbox\tWork/A\t\n\nnonsense\nb\t\tx\n.S\tSent\tsent\r\n");
	struct listing_row row;
	struct buf name = {0}, other = {0};

	assert_true(listing_next(&text, &row) && str_eq(row.file, STR("a.mbox")) && str_eq(row.mailbox, STR("Work/A")) && row.use.n == 0);
	assert_true(listing_next(&text, &row) && str_eq(row.mailbox, STR("Sent")) && str_eq(row.use, STR("sent")));
	assert_false(listing_next(&text, &row));
	assert_false(listing_file_name(&name, STR("Work/a.b/\xc3\xa4"), true));
	is(buf_str(&name), ".Work.a&AC4-b.&AOQ-");
	buf_clear(&name);
	assert_false(listing_file_name(&name, STR("../x"), false));
	is(buf_str(&name), "&AC4-&AC4-.x");
	buf_clear(&name);
	char aes[241];
	for (size_t i = 0; i < 240; i += 2)
		memcpy(aes + i, "\xc3\xa4", 2);
	assert_true(listing_file_name(&name, str_of(aes, 240), true));
	assert_true(name.n <= LISTING_NAME_MAX);
	assert_true(listing_file_name(&other, str_of(aes, 238), true));
	assert_false(str_eq(buf_str(&name), buf_str(&other)));
	buf_free(&name);
	buf_free(&other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(reads), cmocka_unit_test(notes), cmocka_unit_test(bounds), cmocka_unit_test(from_dates),
	    cmocka_unit_test(contents), cmocka_unit_test(quotes), cmocka_unit_test(listings)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
