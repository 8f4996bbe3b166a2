/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grants: each call that reads or changes asks for the rights that it needs, and for no others. Built with an access.c that gives the owner of a
 * mailbox what rights_of_owner says.
 */
#include "store/check_test.h"

#include "store/view.h"

unsigned rights_of_owner = RIGHTS_ALL;

static struct store *s;
static struct actor alice;
static struct runs all;

static int
set_up(void **state)
{
	(void)state;
	rights_of_owner = RIGHTS_ALL;
	s = test_store();
	alice = test_account(s, "alice");
	put(&alice, mailbox_id(&alice, "INBOX"), "one", 300, FLAG_DELETED, NULL);
	put(&alice, mailbox_id(&alice, "INBOX"), "two", 300, 0, "$Work");
	runs_add(&all, 1, 10);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	runs_free(&all);
	test_close(s);
	return 0;
}

/* ---- the calls, each with a mailbox to act on and another one ---- */

struct boxes {
	struct grant in, out;
	struct mailbox mb;
};

static enum status
flags(struct boxes *b, struct db_txn *txn, enum flag_op op, uint8_t bits, const char *keyword)
{
	struct str kw = str_c(keyword);
	struct flag_change c = {.op = op, .flags = bits, .keywords = &kw, .keywords_n = keyword != NULL};
	struct flag_result r = {0};
	enum status st = message_flags(&b->in, txn, &all, &c, &r);

	/* Nothing fails here, where the writer waits for the test. */
	if (st != OK && (r.changed.n > 0 || r.modseq != 0))
		st = ERR_UNKNOWN;
	runs_free(&r.changed);
	runs_free(&r.failed);
	return st;
}

static enum status
flags_seen(struct boxes *b, struct db_txn *txn)
{
	return flags(b, txn, FLAGS_ADD, FLAG_SEEN, NULL);
}

static enum status
flags_deleted(struct boxes *b, struct db_txn *txn)
{
	return flags(b, txn, FLAGS_REMOVE, FLAG_DELETED, NULL);
}

static enum status
flags_other(struct boxes *b, struct db_txn *txn)
{
	return flags(b, txn, FLAGS_ADD, FLAG_FLAGGED, NULL);
}

static enum status
flags_keyword(struct boxes *b, struct db_txn *txn)
{
	return flags(b, txn, FLAGS_REMOVE, 0, "$Work");
}

static enum status
flags_set(struct boxes *b, struct db_txn *txn)
{
	return flags(b, txn, FLAGS_SET, FLAG_DRAFT, NULL);
}

/* Of two flags one may be set. */
static enum status
flags_some(struct boxes *b, struct db_txn *txn)
{
	return flags(b, txn, FLAGS_ADD, FLAG_SEEN | FLAG_ANSWERED, NULL);
}

static enum status
append_one(struct boxes *b, struct db_txn *txn)
{
	const struct message_new *m;
	struct made d;
	uint64_t modseq;
	uint32_t uid;
	enum status st;

	made_begin(&d, s, "three", 300);
	m = &d.m;
	st = message_append_all(&b->in, txn, &m, 1, &uid, &modseq);
	made_end(&d);
	return st;
}

static enum status
copy_some(struct boxes *b, struct db_txn *txn, bool move, bool back)
{
	struct copy_result r = {0};
	enum status st = message_copy(back ? &b->out : &b->in, txn, &all, back ? &b->in : &b->out, move, &r);

	runs_free(&r.from);
	return st;
}

static enum status
copy_out(struct boxes *b, struct db_txn *txn)
{
	return copy_some(b, txn, false, false);
}

static enum status
move_out(struct boxes *b, struct db_txn *txn)
{
	return copy_some(b, txn, true, false);
}

static enum status
copy_in(struct boxes *b, struct db_txn *txn)
{
	return copy_some(b, txn, false, true);
}

static enum status
stage(struct boxes *b, struct db_txn *txn, bool back)
{
	struct copy_job *job = copy_begin(back ? &b->out : &b->in, &all, back ? &b->in : &b->out);
	enum status st = copy_step(txn, job);

	copy_free(job);
	return st;
}

static enum status
stage_out(struct boxes *b, struct db_txn *txn)
{
	return stage(b, txn, false);
}

static enum status
stage_in(struct boxes *b, struct db_txn *txn)
{
	return stage(b, txn, true);
}

static enum status
publish(struct boxes *b, struct db_txn *txn)
{
	struct copy_job *job = copy_begin(&b->out, &all, &b->in);
	struct copy_result r = {0};
	enum status st = copy_publish(txn, job, &r);

	copy_free(job);
	runs_free(&r.from);
	return st;
}

static enum status
expunge_some(struct boxes *b, struct db_txn *txn)
{
	struct runs gone = {0};
	uint64_t modseq;
	bool more;
	enum status st = message_expunge(&b->in, txn, NULL, 10, &gone, &more, &modseq);

	if (st != OK && gone.n > 0)
		st = ERR_UNKNOWN;
	runs_free(&gone);
	return st;
}

static enum status
recent(struct boxes *b, struct db_txn *txn)
{
	return mailbox_set_recent(&b->in, txn, 2);
}

static enum status
special(struct boxes *b, struct db_txn *txn)
{
	return mailbox_set_special(&b->in, txn, SPECIAL_ALL);
}

static enum status
annotate(struct boxes *b, struct db_txn *txn)
{
	struct metadata m = {STR("/shared/comment"), STR("x")};

	return metadata_set(&b->in, txn, &m, 1);
}

static enum status
read_annotation(struct boxes *b, struct db_txn *txn)
{
	struct arena arena = {0};
	struct metadata *list;
	size_t n;
	enum status st = metadata_get(&b->in, txn, &arena, STR("/shared/comment"), 0, &list, &n);

	arena_free(&arena);
	return st;
}

static enum status
create(struct boxes *b, struct db_txn *txn)
{
	int64_t id;

	return mailbox_create(&b->in.actor, txn, STR("Drafts/x/y"), 0, &id);
}

static enum status
delete(struct boxes *b, struct db_txn *txn)
{
	return mailbox_delete(&b->in.actor, txn, STR("Junk"));
}

static enum status
rename_top(struct boxes *b, struct db_txn *txn)
{
	struct mailbox_move move;

	return mailbox_rename(&b->in.actor, txn, STR("Junk"), STR("Rubbish"), &move);
}

static enum status
rename_below(struct boxes *b, struct db_txn *txn)
{
	struct mailbox_move move;

	return mailbox_rename(&b->in.actor, txn, STR("Junk"), STR("Drafts/Junk"), &move);
}

static enum status
open_view(struct boxes *b, struct db_txn *txn)
{
	struct view v;
	enum status st = view_open(&v, &b->in.actor, txn, &b->mb, true);

	if (st == OK)
		view_close(&v);
	return st;
}

static enum status
news(struct boxes *b, struct db_txn *txn)
{
	struct changes c;
	enum status st = changes_since(&b->in, txn, 1, NULL, 0, &c);

	if (st == OK)
		changes_free(&c);
	return st;
}

static enum status
read_email(struct boxes *b, struct db_txn *txn)
{
	struct arena arena = {0};
	struct email_cursor *c;
	struct email email;
	struct buf out = {0};
	enum status st = email_get(&b->in, txn, &arena, b->in.owner << 32 | 1, &email), cst;

	if (st == OK)
		st = email_read(&b->in, txn, &email, 0, 100, &out);
	cst = email_cursor_open(&b->in, txn, &c);
	if (cst == OK)
		email_cursor_close(c);
	if (cst != st || (st != OK && out.n > 0))
		st = ERR_UNKNOWN;
	arena_free(&arena);
	buf_free(&out);
	return st;
}

#define ANNOTATIONS (RIGHT_READ | RIGHT_SEEN | RIGHT_WRITE | RIGHT_INSERT | RIGHT_POST)

static const struct {
	const char *name;
	enum status (*fn)(struct boxes *b, struct db_txn *txn);
	unsigned all; /* rights that it needs all of */
	unsigned any; /* rights that it needs one of, and l; 0: none */
	unsigned one; /* rights that it needs one of; 0: none */
} calls[] = {
    {"\\Seen", flags_seen, RIGHT_SEEN, 0, 0},
    {"\\Deleted", flags_deleted, RIGHT_DELETE, 0, 0},
    {"\\Flagged", flags_other, RIGHT_WRITE, 0, 0},
    {"keyword", flags_keyword, RIGHT_WRITE, 0, 0},
    {"FLAGS", flags_set, 0, 0, RIGHT_SEEN | RIGHT_DELETE | RIGHT_WRITE},
    {"some FLAGS", flags_some, 0, 0, RIGHT_SEEN | RIGHT_WRITE},
    {"append", append_one, RIGHT_INSERT, 0, 0},
    {"copy from", copy_out, RIGHT_READ, 0, 0},
    {"move from", move_out, RIGHT_READ | RIGHT_DELETE | RIGHT_EXPUNGE, 0, 0},
    {"copy to", copy_in, RIGHT_INSERT, 0, 0},
    {"stage from", stage_out, RIGHT_READ, 0, 0},
    {"stage to", stage_in, RIGHT_INSERT, 0, 0},
    {"publish to", publish, RIGHT_INSERT, 0, 0},
    {"expunge", expunge_some, RIGHT_EXPUNGE, 0, 0},
    {"\\Recent", recent, RIGHT_READ, 0, 0},
    {"special use", special, RIGHT_REMOVE, 0, 0},
    {"set annotation", annotate, 0, ANNOTATIONS, 0},
    {"get annotation", read_annotation, 0, ANNOTATIONS, 0},
    {"create", create, RIGHT_CREATE, 0, 0},
    {"delete", delete, RIGHT_REMOVE, 0, 0},
    {"rename", rename_top, RIGHT_REMOVE, 0, 0},
    {"rename below", rename_below, RIGHT_REMOVE | RIGHT_CREATE, 0, 0},
    {"view", open_view, RIGHT_READ, 0, 0},
    {"changes", news, RIGHT_READ, 0, 0},
    {"email", read_email, RIGHT_READ, 0, 0},
};

static enum status
expected(size_t i, unsigned rights)
{
	bool ok = (rights & calls[i].all) == calls[i].all && (rights & RIGHTS_KNOW);

	if (calls[i].any != 0)
		ok &= (rights & RIGHT_LOOKUP) && (rights & calls[i].any);
	if (calls[i].one != 0)
		ok &= (rights & calls[i].one) != 0;
	return ok ? OK : rights & RIGHT_LOOKUP ? ERR_NO_PERM : ERR_NOT_FOUND;
}

/* Runs a call with those rights in a transaction that is undone, and compares what it says. */
static void
try(size_t i, unsigned rights)
{
	struct db_txn *txn = write_begin(s);
	struct arena arena = {0};
	struct boxes b = {.in = *GRANT_OF(alice), .out = *GRANT_OF(alice)};
	enum status st;

	st = mailbox_find(&alice, txn, &arena, STR("Trash"), &b.mb);
	b.out.mailbox = b.mb.id;
	if (st == OK)
		st = mailbox_find(&alice, txn, &arena, STR("INBOX"), &b.mb);
	b.in.mailbox = b.mb.id;
	b.in.rights = rights_of_owner = rights;
	if (st == OK)
		st = calls[i].fn(&b, txn);
	rights_of_owner = RIGHTS_ALL;
	(void)!write_end(ERR_CONFLICT);
	arena_free(&arena);
	if (st != expected(i, rights))
		fail_msg("%s with rights %x: %s, not %s", calls[i].name, rights, status_word(st), status_word(expected(i, rights)));
}

static void
each_right(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		try(i, RIGHTS_ALL);
		try(i, 0);
		for (unsigned right = RIGHT_LOOKUP; right < RIGHTS_ALL; right <<= 1) {
			try(i, RIGHTS_ALL & ~right);
			try(i, RIGHTS_ALL & ~RIGHT_LOOKUP & ~right);
			try(i, right);
			try(i, RIGHT_LOOKUP | right);
		}
		/* Those that it says it needs are enough. */
		try(i, RIGHT_LOOKUP | calls[i].all | (calls[i].any & -calls[i].any));
	}
	assert_int_equal(faults(s, true), 0);
}

/* Zeroes grant nothing, and do not crash. */
static void
nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		struct db_txn *txn = write_begin(s);
		struct boxes b = {.out = *GRANT_OF(alice)};
		enum status st = calls[i].fn(&b, txn);

		(void)!write_end(ERR_CONFLICT);
		assert_int_equal(st, ERR_NOT_FOUND);
	}
}

/* A mailbox's grant reads emails of its owner, whoever acts; what is kept for each reader is the actor's. */
static void
owner_and_actor(void **state)
{
	struct actor bob = test_account(s, "bob");
	struct grant g = {.actor = bob, .owner = alice.account, .mailbox = mailbox_id(&alice, "INBOX"), .rights = RIGHTS_ALL};
	struct metadata m[2] = {{STR("/private/comment"), STR("his")}, {STR("/shared/comment"), STR("all")}}, *list;
	struct arena arena = {0};
	struct email email;
	struct buf out = {0};
	size_t n;

	(void)state;
	put(&bob, mailbox_id(&bob, "INBOX"), "his", 300, 0, NULL);
	assert_int_equal(READ(s, email_get(GRANT_OF(bob), txn, &arena, bob.account << 32 | 1, &email)), OK);
	assert_int_equal(READ(s, email_get(&g, txn, &arena, alice.account << 32 | 1, &email)), OK);
	assert_int_equal(READ(s, email_read(&g, txn, &email, 0, 10, &out)), OK);
	assert_int_equal(out.n, 10);
	assert_int_equal(READ(s, email_get(&g, txn, &arena, bob.account << 32 | 1, &email)), ERR_NOT_FOUND);
	bob.admin = true; /* so that the mailbox is found; with rights of its own it will be */
	g.actor = bob;
	assert_int_equal(WRITE(s, metadata_set(&g, txn, m, 2)), OK);
	g.actor = alice;
	assert_int_equal(READ(s, metadata_get(&g, txn, &arena, m[0].name, 0, &list, &n)), OK);
	assert_int_equal(n, 0);
	assert_int_equal(READ(s, metadata_get(&g, txn, &arena, m[1].name, 0, &list, &n)), OK);
	assert_int_equal(n, 1);
	arena_free(&arena);
	buf_free(&out);
}

/* A mailbox keeps its owner: a grant that says otherwise is none. */
static void
wrong_owner(void **state)
{
	struct actor bob = test_account(s, "bob");
	struct boxes b = {.in = *GRANT_OF(bob)};

	(void)state;
	b.in.mailbox = mailbox_id(&alice, "INBOX");
	assert_int_equal(WRITE(s, append_one(&b, txn)), ERR_NOT_FOUND);
	assert_int_equal(WRITE(s, flags_seen(&b, txn)), ERR_NOT_FOUND);
	assert_int_equal(WRITE(s, expunge_some(&b, txn)), ERR_NOT_FOUND);
}

static enum status
try_other(struct db_txn *txn, void *grant)
{
	struct mailbox mb;

	return mailbox_get(&((struct grant *)grant)->actor, txn, NULL, ((struct grant *)grant)->mailbox, &mb);
}

/* A write that declares its own account alone may ask for another's mailbox: it is not there. */
static void
undeclared(void **state)
{
	struct actor bob = test_account(s, "bob");
	struct grant g = {.actor = bob, .mailbox = mailbox_id(&alice, "INBOX")};
	struct db_write w = {.fn = try_other, .arg = &g, .lane = (uint64_t)bob.account};

	(void)state;
	assert_int_equal(db_write_and_wait(store_db(s), &w), ERR_NOT_FOUND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(each_right, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(owner_and_actor, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(wrong_owner, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(undeclared, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
