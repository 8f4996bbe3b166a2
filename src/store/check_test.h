/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of check and repair: real messages, and a small store that holds some of everything. */
#ifndef STORE_CHECK_TEST_H
#define STORE_CHECK_TEST_H

#include "store/grant_test.h"
#include "store/store_test.h"

#include "mime/preview.h"
#include "mime/structure.h"
#include "mime/summary.h"
#include "store/address.h"
#include "store/mend/check.h"
#include "store/message.h"
#include "store/view.h"

struct made {
	struct buf text, summary, structure;
	struct blob_stage *stage;
	struct message_new m;
	uint64_t references[MIME_REFS_MAX];
};

/* The message whose text is in d->text, ready to be appended. */
static inline void
made_parse(struct made *d, struct store *s)
{
	struct arena arena = {0};
	struct mime_parser *p = mime_parser_new(&arena, NULL);
	const struct mime_message *mm;
	struct mime_summary summary;

	mime_parser_add(p, buf_str(&d->text));
	mm = mime_parser_finish(p);
	mime_summary_pack(&d->summary, mm, STR("preview"));
	mime_structure_pack(&d->structure, mm);
	d->stage = blob_stage_new(store_blobs(s), 1);
	assert_int_equal(blob_stage_add(d->stage, buf_str(&d->text)), OK);
	assert_int_equal(blob_stage_finish(d->stage), OK);
	d->m = (struct message_new){.stage = d->stage, .size = d->text.n, .summary = buf_str(&d->summary),
	    .structure = buf_str(&d->structure), .internal_date = 1000000000, .references = d->references};
	assert_int_equal(mime_summary_open(d->m.summary, &summary), OK);
	d->m.message_id_hash = mime_summary_message_id(&summary);
	d->m.references_n = mime_summary_n_refs(&summary);
	for (size_t i = 0; i < d->m.references_n; i++)
		d->references[i] = mime_summary_ref(&summary, i);
	arena_free(&arena);
}

/* One with the given subject and a text of about n bytes. */
static inline void
made_begin(struct made *d, struct store *s, const char *subject, size_t n)
{
	*d = (struct made){0};
	buf_addf(&d->text, "From: a@example.org\r\nSubject: %s\r\nMessage-ID: <%s@x>\r\n\r\n", subject, subject);
	for (unsigned i = 0; d->text.n < n; i++)
		buf_addf(&d->text, "line %u of the text of %s\r\n", i * 2654435761u, subject);
	made_parse(d, s);
}

static inline void
made_end(struct made *d)
{
	blob_stage_free(d->stage);
	buf_free(&d->text);
	buf_free(&d->summary);
	buf_free(&d->structure);
}

static inline uint32_t
put(const struct actor *a, int64_t mailbox, const char *subject, size_t n, uint8_t flags, const char *keyword)
{
	struct str kw = str_c(keyword);
	struct made d;
	uint32_t uid = 0;
	uint64_t modseq;

	made_begin(&d, a->store, subject, n);
	d.m.flags = flags;
	d.m.keywords = &kw;
	d.m.keywords_n = keyword != NULL;
	assert_int_equal(WRITE(a->store, append_as(a, txn, mailbox, &d.m, &uid, &modseq)), OK);
	made_end(&d);
	return uid;
}

static inline int64_t
mailbox_id(const struct actor *a, const char *name)
{
	struct arena arena = {0};
	struct mailbox mb = {0};
	enum status st = READ(a->store, mailbox_find(a, txn, &arena, str_c(name), &mb));

	arena_free(&arena);
	return st == OK ? mb.id : 0;
}

static inline void
copy(const struct actor *a, int64_t from, uint32_t first, uint32_t last, int64_t to, bool move)
{
	struct copy_result r = {0};
	struct runs uids = {0};

	runs_add(&uids, first, last);
	assert_int_equal(WRITE(a->store, copy_as(a, txn, from, &uids, to, move, &r)), OK);
	runs_free(&uids);
	runs_free(&r.from);
}

static inline void
set_flags(const struct actor *a, int64_t mailbox, uint32_t first, uint32_t last, enum flag_op op, uint8_t flags)
{
	struct flag_change change = {.op = op, .flags = flags};
	struct flag_result r = {0};
	struct runs uids = {0};

	runs_add(&uids, first, last);
	assert_int_equal(WRITE(a->store, flags_as(a, txn, mailbox, &uids, &change, &r)), OK);
	runs_free(&uids);
	runs_free(&r.changed);
	runs_free(&r.failed);
}

static inline void
expunge(const struct actor *a, int64_t mailbox)
{
	struct runs gone = {0};
	uint64_t modseq;
	bool more;

	assert_int_equal(WRITE(a->store, expunge_as(a, txn, mailbox, NULL, 1000, &gone, &more, &modseq)), OK);
	runs_free(&gone);
}

/* Two accounts with mail, copies, moves, expunged messages, keywords, a deleted mailbox. */
static inline void
fill(struct store *s, struct actor *a, struct actor *b, int n)
{
	struct address_fault fault;
	char subject[32];
	int64_t inbox, work, sent;

	*a = test_account(s, "alice");
	*b = test_account(s, "bob");
	assert_int_equal(WRITE(s, mailbox_create(a, txn, STR("Work/Old"), 0, &work)), OK);
	assert_int_equal(WRITE(s, address_add(s, txn, ADDRESS_ALIAS, STR("info"), (struct str[]){STR("alice")}, 1, &fault)), OK);
	assert_int_equal(WRITE(s, address_add(s, txn, ADDRESS_GROUP, STR("staff"), (struct str[]){STR("info"), STR("bob")}, 2, &fault)), OK);
	inbox = mailbox_id(a, "INBOX");
	sent = mailbox_id(a, "Sent");
	for (int i = 1; i <= n; i++) {
		snprintf(subject, sizeof(subject), "message%d", i);
		put(a, inbox, subject, (size_t)(300 + i * 37 % 3000), i % 3 ? 0 : FLAG_SEEN, i % 5 ? NULL : "$Label1");
		if (i % 4 == 0)
			put(b, mailbox_id(b, "INBOX"), subject, 500, 0, NULL);
	}
	copy(a, inbox, 2, 4, work, false);
	copy(a, inbox, 5, 7, sent, true);
	set_flags(a, inbox, 8, 9, FLAGS_ADD, FLAG_DELETED);
	expunge(a, inbox);
	set_flags(a, inbox, 10, 12, FLAGS_ADD, FLAG_FLAGGED);
	assert_int_equal(WRITE(s, mailbox_create(a, txn, STR("Gone"), 0, &work)), OK);
	copy(a, inbox, 1, 2, work, false);
	assert_int_equal(WRITE(s, mailbox_delete(a, txn, STR("Gone"))), OK);
}

static inline void
print_fault(void *arg, const char *text)
{
	if (arg != NULL)
		print_message("  %s\n", text);
}

/* The number of faults. */
static inline uint64_t
faults(struct store *s, bool print)
{
	struct check_report r = {.found = print_fault, .arg = print ? s : NULL};

	assert_int_equal(store_check(s, true, &r), OK);
	return r.faults;
}

#endif
