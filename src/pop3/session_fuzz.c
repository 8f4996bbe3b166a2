/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two whole POP3 sessions from greeting to QUIT, on a store in memory that is the same image each time. The first byte chooses how far each session is
 * when the input begins (two bits for each), and whether RETR sets \Seen; 0xfe in the input is where a segment ends, 0xfd is where the other client's
 * turn begins. What the server sends must be lines, it must end when the input does, and nothing is deleted of which no client was told.
 */
#include <stdlib.h>
#include "base/assert.h"
#include "base/log.h"
#include "deliver/deliver.h"
#include "pop3/pop3.h"
#include "session/language.h"
#include "session/play_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Begins of a session, which the first byte chooses from. */
static const char *const begins[] = {
    "", "USER alice\r\nPASS secret\r\n", "UTF8\r\nUSER alice\r\nPASS secret\r\nUIDL\r\n", "USER alice\r\nPASS secret\r\nDELE 2\r\nRETR 1\r\n",
};

/* What INBOX has: 8-bit headers of message and part, lines that begin with dots, a lone LF, no end of line. */
static const struct {
	const char *text, *uidl;
} mails[] = {
    {"Subject: one\r\n\r\n.\r\n..two\r\n.three\n.\nfour", ""},
    {"Subject: Gr\xc3\xbc\xc3\x9f" "e\r\nFrom: J\xc3\xb6 <j@x.org>, \xc3\xa9@x\r\nX: \xff\r\n\tb\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
     "Content-Disposition: attachment; filename=\"\xc3\xa9\"\r\n\r\nk\xc3\xb6rper\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nTo: \xe9\r\n\r\nx\r\n--b--\r\n",
	"brought"},
    {"", ""},
};
#define MAILS (sizeof(mails) / sizeof(*mails))

static struct pop3_service service = {.language = LANGUAGE_DE, .login_seconds = 60};

static void *
open_pop3(const struct door *door)
{
	service.door = door;
	return &service;
}

static const struct test_service kind = {.handler = &pop3_handler, .open = open_pop3};

/* ---- the image ---- */

struct filling {
	struct actor actor;
	struct delivery *delivery;
	struct delivery_target target;
};

static enum status
find_inbox(const struct actor *actor, struct db_txn *txn, struct mailbox *mb_r)
{
	struct arena arena = {0};
	enum status st = mailbox_find(actor, txn, &arena, STR("INBOX"), mb_r);

	arena_free(&arena);
	return st;
}

static enum status
store_mail(struct db_txn *txn, void *arg)
{
	struct filling *f = arg;
	struct mailbox mb;
	enum status st = find_inbox(&f->actor, txn, &mb);

	if (st == OK)
		st = grant_make(&f->actor, txn, &mb, &f->target.grant);
	return st == OK ? delivery_store(f->delivery, txn, &f->target, 1) : st;
}

static void
fill(struct test_door *t)
{
	for (size_t i = 0; i < MAILS; i++) {
		struct filling f = {.actor = {.store = t->store, .account = 1}};
		struct arena arena = {0};

		f.target.message.uidl = str_c(mails[i].uidl);
		f.delivery = delivery_new(t->store, 1, 0, NULL);
		ensure(delivery_add(f.delivery, str_c(mails[i].text)) == OK && delivery_finish(f.delivery) == OK);
		delivery_prepare(f.delivery, &f.target, &arena);
		ensure(db_write(store_db(t->store), store_mail, &f) == OK);
		delivery_free(f.delivery);
		arena_free(&arena);
	}
}

static uint32_t
mails_there(struct test_door *t)
{
	struct actor actor = {.store = t->store, .account = 1};
	struct mailbox mb;
	struct db_txn *txn;

	ensure(db_read_begin(store_db(t->store), &txn) == OK);
	ensure(find_inbox(&actor, txn, &mb) == OK);
	db_read_end(txn);
	return (uint32_t)mb.messages;
}

/* ---- what was said ---- */

/* In any language. */
static bool
told_of_deletions(struct str got)
{
	for (unsigned l = 0; l < LANGUAGES; l++) {
		struct str text = str_c(language_translate((enum language)l, "Goodbye, %u messages deleted"));

		if (str_find(got, str_head(text, str_chr(text, '%')), 0) != SIZE_MAX)
			return true;
	}
	return false;
}

static const char *
fault_of(struct str got)
{
	bool greeted = str_starts(got, STR("+OK "));

	for (size_t i = 0; i < got.n; i++)
		if (got.p[i] == '\n' && (i == 0 || got.p[i - 1] != '\r'))
			return "a line without CR";
	return !greeted ? "no greeting" : !str_ends(got, STR("\r\n")) ? "an unfinished line" : NULL;
}

static void
check(struct test_client *c)
{
	const char *fault = fault_of(buf_str(&c->got));

	if (fault != NULL) {
		log_set_level(LOG_LEVEL_INFO);
		log_event(EV_tool, "%s: %.*s", fault, STR_FMT(buf_str(&c->got)));
		abort();
	}
}

/* The input, segment by segment, to one client after the other. */
static void
play(struct test_door *t, struct test_client c[2], struct str in)
{
	unsigned who = 0;

	while (in.n > 0) {
		size_t n = 0;

		while (n < in.n && (unsigned char)in.p[n] < 0xfd)
			n++;
		test_client_send(t, &c[who], str_head(in, n));
		test_client_run(t, &c[who]);
		if (n < in.n && (unsigned char)in.p[n] == 0xfd)
			who = !who;
		in = str_from(in, n + 1);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct test_client c[2];
	struct test_door t;

	if (size < 1 || size > 65536)
		return 0;
	test_door_cheap();
	test_door_open_image(&t, &kind, fill, false);
	service.seen = data[0] & 16;
	for (unsigned i = 0; i < 2; i++) {
		test_client_open(&t, &c[i]);
		test_client_send(&t, &c[i], str_c(begins[data[0] >> 2 * i & 3]));
		test_client_run(&t, &c[i]);
	}
	play(&t, c, str_of(data + 1, size - 1));
	test_client_shut(&c[0]);
	ensure(test_client_end(&t, &c[1]));
	(void)test_client_end(&t, &c[0]);
	check(&c[0]);
	check(&c[1]);
	ensure(mails_there(&t) == MAILS || told_of_deletions(buf_str(&c[0].got)) || told_of_deletions(buf_str(&c[1].got)));
	buf_free(&c[0].got);
	buf_free(&c[1].got);
	test_door_close(&t);
	return 0;
}
