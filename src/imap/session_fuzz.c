/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two whole sessions from greeting to logout, on a store in memory that is the same image each time. The first byte chooses how far each session
 * is when the input begins (two bits for each); 0xfe in the input is where a segment ends, 0xfd is where the other client's turn begins. While a client has COMPRESS on, what it sends is packed. What the server
 * sends must be lines and literals, and it must end when the input does.
 */
#include <stdlib.h>
#include <zlib.h>
#include "base/assert.h"
#include "base/log.h"
#include "session/language.h"
#include "imap/imap_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Begins of a session, which the first byte chooses from. */
static const char *const begins[] = {
	"", "a LOGIN alice secret\r\n", "a LOGIN alice secret\r\nb SELECT INBOX\r\n",
	"a LOGIN alice secret\r\nb ENABLE QRESYNC\r\nc SELECT Work/old\r\n",
};

/* A client's end of the connection: it packs what it sends while COMPRESS is on, and reads what came. */
struct peer {
	struct test_client client;
	struct buf text;  /* what the server said, unpacked */
	size_t seen;      /* of client.got */
	z_stream out, in;
	bool packed;
	bool lost;        /* something looked like the begin of packed bytes and was none */
};

/* Behind the OK of COMPRESS, or SIZE_MAX. */
static size_t
packing_begins(struct str got)
{
	size_t first = SIZE_MAX;

	for (unsigned l = 0; l < LANGUAGES; l++) {
		struct str text = str_c(language_translate((enum language)l, "DEFLATE active"));
		size_t at = str_find(got, text, 0);

		if (at != SIZE_MAX && str_starts(str_from(got, at + text.n), STR("\r\n")) && at + text.n + 2 < first)
			first = at + text.n + 2;
	}
	return first;
}

static void
packing(struct peer *p, bool on)
{
	p->packed = on;
	if (on) {
		p->in = p->out = (z_stream){0};
		ensure(inflateInit2(&p->in, -15) == Z_OK);
		ensure(deflateInit2(&p->out, 1, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	} else {
		inflateEnd(&p->in);
		deflateEnd(&p->out);
	}
}

static struct str
unpack(struct peer *p, struct str got)
{
	static char bytes[65536];
	int r;

	p->in.next_in = (z_const Bytef *)(uintptr_t)got.p;
	p->in.avail_in = (uInt)got.n;
	do {
		p->in.next_out = (Bytef *)bytes;
		p->in.avail_out = sizeof(bytes);
		r = inflate(&p->in, Z_SYNC_FLUSH);
		buf_add(&p->text, str_of(bytes, sizeof(bytes) - p->in.avail_out));
	} while (r == Z_OK && p->in.avail_out == 0);
	got = str_from(got, got.n - p->in.avail_in);
	p->lost = p->lost || (r != Z_OK && r != Z_BUF_ERROR && r != Z_STREAM_END);
	if (r == Z_STREAM_END)
		packing(p, false);
	return got;
}

/* Reads what has come. */
static void
hear(struct peer *p)
{
	struct str got = str_from(buf_str(&p->client.got), p->seen);

	p->seen = p->client.got.n;
	while (got.n > 0 && !p->lost) {
		size_t n;

		if (p->packed) {
			got = unpack(p, got);
			continue;
		}
		n = packing_begins(got);
		buf_add(&p->text, str_head(got, n == SIZE_MAX ? got.n : n));
		got = n == SIZE_MAX ? STR("") : str_from(got, n);
		if (n != SIZE_MAX)
			packing(p, true);
	}
}

static void
say(struct test_door *t, struct peer *p, struct str bytes)
{
	struct buf wire = {0};

	if (p->packed && !p->lost) {
		size_t room = bytes.n + bytes.n / 8 + 64;

		p->out.next_in = (z_const Bytef *)(uintptr_t)bytes.p;
		p->out.avail_in = (uInt)bytes.n;
		p->out.next_out = (Bytef *)buf_room(&wire, room);
		p->out.avail_out = (uInt)room;
		(void)deflate(&p->out, Z_SYNC_FLUSH);
		buf_wrote(&wire, room - p->out.avail_out);
		bytes = buf_str(&wire);
	}
	test_client_send(t, &p->client, bytes);
	test_client_run(t, &p->client);
	hear(p);
	buf_free(&wire);
}

static void
check(const struct peer *p)
{
	struct str got = buf_str(&p->text);
	/* IMAP4rev2 or UTF8=ACCEPT may be among it; texts in another language are UTF-8 too. */
	bool utf8 = str_find(got, STR("* ENABLED"), 0) != SIZE_MAX || str_find(got, STR("* LANGUAGE"), 0) != SIZE_MAX;
	const char *fault = p->lost ? NULL : test_fault(got, utf8);

	if (fault == NULL)
		return;
	log_set_level(LOG_LEVEL_INFO);
	log_event(EV_tool, "%s: %.*s", fault, STR_FMT(got));
	abort();
}

/* The input, segment by segment, to one client after the other. */
static void
play(struct test_door *t, struct peer p[2], struct str in)
{
	unsigned who = 0;

	while (in.n > 0) {
		size_t n = 0;

		while (n < in.n && (unsigned char)in.p[n] < 0xfd)
			n++;
		say(t, &p[who], str_head(in, n));
		if (n < in.n && (unsigned char)in.p[n] == 0xfd)
			who = !who;
		in = str_from(in, n + 1);
	}
}

static void
leave(struct peer *p)
{
	hear(p);
	check(p);
	if (p->packed)
		packing(p, false);
	buf_free(&p->client.got);
	buf_free(&p->text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct peer p[2] = {0};
	struct test_door t;

	if (size < 1 || size > 65536)
		return 0;
	test_door_cheap();
	test_imap_open_image(&t, test_imap_fill);
	for (unsigned i = 0; i < 2; i++) {
		test_client_open(&t, &p[i].client);
		say(&t, &p[i], str_c(begins[data[0] >> 2 * i & 3]));
	}
	play(&t, p, str_of(data + 1, size - 1));
	test_client_shut(&p[0].client);
	ensure(test_client_end(&t, &p[1].client));
	(void)test_client_end(&t, &p[0].client);
	leave(&p[0]);
	leave(&p[1]);
	test_door_close(&t);
	return 0;
}
