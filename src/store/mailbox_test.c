/* SPDX-License-Identifier: Apache-2.0 */
/* Mailboxes: names and their order (T22, T24, T29), parents (T25), special use (T26), subscriptions (T28), RENAME and DELETE (T30),
 * and that no account sees another's (S9). */
#include "store/grant_test.h"
#include "store/store_test.h"

static void
setup(struct store **s, struct actor *a)
{
	*s = test_store();
	*a = test_account(*s, "alice");
}

static enum status
create(const struct actor *a, const char *name)
{
	int64_t id;
	return WRITE(a->store, mailbox_create(a, txn, str_c(name), 0, &id));
}

static enum status
delete(const struct actor *a, const char *name)
{
	return WRITE(a->store, mailbox_delete(a, txn, str_c(name)));
}

static enum status
rename_to(const struct actor *a, const char *from, const char *to)
{
	struct mailbox_move move;
	return WRITE(a->store, mailbox_rename(a, txn, str_c(from), str_c(to), &move));
}

static enum status
find(const struct actor *a, const char *name, struct mailbox *mb)
{
	struct arena arena = {0};
	enum status st = READ(a->store, mailbox_find(a, txn, &arena, str_c(name), mb));
	arena_free(&arena);
	return st;
}

/* The list as one line: names, "-" before \Noselect, "+" after those with children, "*" after subscribed ones. */
static void
expect_list(const struct actor *a, const char *expect)
{
	struct arena arena = {0};
	struct mailbox *list;
	struct buf out = {0};
	size_t n;

	assert_int_equal(READ(a->store, mailbox_list(a, txn, &arena, &list, &n)), OK);
	for (size_t i = 0; i < n; i++) {
		buf_addf(&out, "%s%s%.*s%s%s", i ? " " : "", list[i].noselect ? "-" : "", STR_FMT(list[i].name),
		    list[i].children ? "+" : "", list[i].subscribed ? "*" : "");
	}
	buf_addc(&out, 0);
	assert_string_equal(out.p, expect);
	buf_free(&out);
	arena_free(&arena);
}

#define FIRST "INBOX* Archive* Drafts* Junk* Sent* Trash*"

static void
listing(void **state)
{
	struct store *s;
	struct actor a;

	(void)state;
	setup(&s, &a);
	expect_list(&a, FIRST);
	assert_int_equal(create(&a, "a"), OK);
	assert_int_equal(create(&a, "a!"), OK); /* '!' is before '/' as a byte */
	assert_int_equal(create(&a, "a/b/"), OK); /* T29 */
	assert_int_equal(create(&a, "INBOX/x"), OK);
	assert_int_equal(create(&a, "INBOXES"), OK);
	assert_int_equal(create(&a, "!"), OK);
	expect_list(&a, "INBOX+* INBOX/x ! Archive* Drafts* INBOXES Junk* Sent* Trash* a+ a/b a!");
	test_close(s);
}

static void
names(void **state)
{
	static const char *const bad[] = {"", "/", "/a", "a//b", "a\tb", ("a\x7f" "b"), "INBOX/INBOX", "a\xff", "a\nb"};
	static const char *const good[] = {"[x]", "50%", "a*b", "trailing ", "\"quoted\"", "back\\slash", "NIL", "..", "~", "&", "~/x",
	    "a..b", "\xe5\x8f\xb0\xe5\x8c\x97"};
	struct store *s;
	struct actor a;
	struct mailbox mb;
	char level[300], deep[64 * 2 + 3];

	(void)state;
	setup(&s, &a);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_not_equal(create(&a, bad[i]), OK);
		assert_int_equal(find(&a, bad[i], &mb), ERR_NOT_FOUND);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(create(&a, good[i]), OK);
		assert_int_equal(find(&a, good[i], &mb), OK);
		assert_int_equal(create(&a, good[i]), ERR_EXISTS);
	}
	memset(level, 'x', sizeof(level));
	level[256] = 0;
	assert_int_equal(create(&a, level), ERR_LIMIT);
	level[255] = 0;
	assert_int_equal(create(&a, level), OK);
	for (size_t i = 0; i < 65; i++)
		memcpy(deep + 2 * i, "d/", 3);
	assert_int_equal(create(&a, deep), ERR_LIMIT);
	deep[2 * 64] = 0;
	assert_int_equal(create(&a, deep), OK);
	/* A control character never passes for a separator. */
	assert_int_equal(find(&a, "d\x01" "d", &mb), ERR_NOT_FOUND);
	assert_int_equal(find(&a, "\x02", &mb), ERR_NOT_FOUND);
	test_close(s);
}

static void
parents(void **state)
{
	struct store *s;
	struct actor a;
	struct mailbox mb, child;

	(void)state;
	setup(&s, &a);
	/* Missing parents come into being and can be selected. */
	assert_int_equal(create(&a, "p/q/r"), OK);
	assert_int_equal(find(&a, "p", &mb), OK);
	assert_false(mb.noselect);
	assert_true(mb.uidvalidity > 0 && mb.uidnext == 1 && mb.modseq >= 1);
	/* DELETE of a parent leaves a name, which goes with its last child (T25). */
	assert_int_equal(delete(&a, "p"), OK);
	assert_int_equal(delete(&a, "p/q"), OK);
	expect_list(&a, FIRST " -p+* -p/q+* p/q/r");
	assert_int_equal(delete(&a, "p"), ERR_CONFLICT);
	assert_int_equal(create(&a, "p/s"), OK);
	assert_int_equal(delete(&a, "p/q/r"), OK);
	expect_list(&a, FIRST " -p+* p/s");
	/* CREATE turns the name into a mailbox, with a UIDVALIDITY of its own. */
	assert_int_equal(create(&a, "p"), OK);
	assert_int_equal(find(&a, "p", &child), OK);
	assert_false(child.noselect);
	assert_true(child.uidvalidity > mb.uidvalidity);
	assert_int_not_equal(child.id, mb.id);
	assert_int_equal(delete(&a, "p/s"), OK);
	expect_list(&a, FIRST " p*");
	assert_int_equal(delete(&a, "INBOX"), ERR_NO_PERM);
	assert_int_equal(delete(&a, "none"), ERR_NOT_FOUND);
	test_close(s);
}

static void
uidvalidity_rises(void **state)
{
	uint32_t last = 0;
	struct store *s;
	struct actor a;
	struct mailbox mb;

	(void)state;
	setup(&s, &a);
	for (int i = 0; i < 20; i++) {
		if (i == 10)
			clock_shift(-86400 * (int64_t)1000000); /* the clock goes back */
		assert_int_equal(create(&a, "x"), OK);
		assert_int_equal(find(&a, "x", &mb), OK);
		assert_true(mb.uidvalidity > last);
		last = mb.uidvalidity;
		assert_int_equal(delete(&a, "x"), OK);
	}
	clock_shift(0);
	test_close(s);
}

static void
renames(void **state)
{
	struct store *s;
	struct actor a;
	struct mailbox before, after;
	char level[256];

	(void)state;
	setup(&s, &a);
	assert_int_equal(create(&a, "w/x/y"), OK);
	assert_int_equal(create(&a, "w!"), OK);
	assert_int_equal(find(&a, "w/x", &before), OK);
	assert_int_equal(WRITE(s, mailbox_subscribe(&a, txn, STR("w/x"), true)), OK);
	assert_int_equal(rename_to(&a, "w", "new/deep/w2/"), OK);
	expect_list(&a, FIRST " new+* new/deep+* new/deep/w2+* new/deep/w2/x+* new/deep/w2/x/y w!");
	assert_int_equal(find(&a, "new/deep/w2/x", &after), OK);
	assert_int_equal(after.id, before.id);
	assert_int_equal(after.uidvalidity, before.uidvalidity);
	assert_int_equal(rename_to(&a, "none", "z"), ERR_NOT_FOUND);
	assert_int_equal(rename_to(&a, "new", "w!"), ERR_EXISTS);
	assert_int_equal(rename_to(&a, "new", "new"), ERR_EXISTS);
	assert_int_equal(rename_to(&a, "new", "new/child"), ERR_CONFLICT);
	assert_int_equal(rename_to(&a, "new", "INBOX"), ERR_EXISTS);
	assert_int_equal(rename_to(&a, "new", "a//b"), ERR_BAD_INPUT);
	/* A child's name would get too long: nothing happens. */
	memset(level, 'l', 255);
	level[255] = 0;
	struct buf longest = {0};
	for (int i = 0; i < 3; i++)
		buf_addf(&longest, "%s/", level);
	buf_addf(&longest, "%.*s%c", 231, level, 0);
	assert_int_equal(create(&a, longest.p), OK);
	assert_int_equal(rename_to(&a, "new/deep", longest.p), ERR_EXISTS);
	assert_int_equal(delete(&a, longest.p), OK);
	assert_int_equal(rename_to(&a, "new/deep", longest.p), ERR_LIMIT);
	assert_int_equal(find(&a, "new/deep/w2/x/y", &after), OK);
	buf_free(&longest);
	/* A \Noselect parent is left behind without children: it goes. */
	assert_int_equal(delete(&a, "new"), OK);
	assert_int_equal(rename_to(&a, "new/deep", "moved"), OK);
	assert_int_equal(find(&a, "new", &after), ERR_NOT_FOUND);
	test_close(s);
}

static void
rename_inbox(void **state)
{
	struct store *s;
	struct actor a;
	struct mailbox inbox, after;

	(void)state;
	setup(&s, &a);
	assert_int_equal(create(&a, "INBOX/child"), OK);
	assert_int_equal(find(&a, "INBOX", &inbox), OK);
	assert_int_equal(rename_to(&a, "INBOX", "INBOX/old"), OK);
	assert_int_equal(rename_to(&a, "INBOX", "Old"), OK);
	expect_list(&a, "INBOX+* INBOX/child INBOX/old Archive* Drafts* Junk* Old Sent* Trash*");
	assert_int_equal(find(&a, "INBOX", &after), OK);
	assert_int_equal(after.id, inbox.id);
	assert_int_equal(after.uidvalidity, inbox.uidvalidity);
	assert_int_equal(rename_to(&a, "INBOX", "Old"), ERR_EXISTS);
	test_close(s);
}

static void
special_use(void **state)
{
	struct store *s;
	struct actor a;
	struct mailbox mb;
	int64_t id;

	(void)state;
	setup(&s, &a);
	assert_int_equal(find(&a, "Drafts", &mb), OK);
	assert_int_equal(mb.special, SPECIAL_DRAFTS);
	assert_int_equal(WRITE(s, mailbox_create(&a, txn, STR("D2"), SPECIAL_DRAFTS, &id)), ERR_CONFLICT);
	assert_int_equal(find(&a, "D2", &mb), ERR_NOT_FOUND);
	assert_int_equal(WRITE(s, mailbox_create(&a, txn, STR("All"), SPECIAL_ALL, &id)), OK);
	assert_int_equal(WRITE(s, set_special_as(&a, txn, id, SPECIAL_JUNK)), ERR_CONFLICT);
	assert_int_equal(WRITE(s, set_special_as(&a, txn, id, SPECIAL_FLAGGED)), OK);
	assert_int_equal(find(&a, "All", &mb), OK);
	assert_int_equal(mb.special, SPECIAL_FLAGGED);
	/* Deleted, the use is free again. */
	assert_int_equal(delete(&a, "Drafts"), OK);
	assert_int_equal(WRITE(s, mailbox_create(&a, txn, STR("D2"), SPECIAL_DRAFTS, &id)), OK);
	/* RENAME keeps it. */
	assert_int_equal(rename_to(&a, "D2", "D3"), OK);
	assert_int_equal(find(&a, "D3", &mb), OK);
	assert_int_equal(mb.special, SPECIAL_DRAFTS);
	test_close(s);
}

static void
subscriptions(void **state)
{
	struct store *s;
	struct actor a;
	struct arena arena = {0};
	struct str *names_;
	size_t n;

	(void)state;
	setup(&s, &a);
	/* Also what is not there, twice, and what goes away. */
	assert_int_equal(WRITE(s, mailbox_subscribe(&a, txn, STR("ghost"), true)), OK);
	assert_int_equal(WRITE(s, mailbox_subscribe(&a, txn, STR("ghost"), true)), OK);
	assert_int_equal(WRITE(s, mailbox_subscribe(&a, txn, STR("a//b"), true)), ERR_BAD_INPUT);
	assert_int_equal(delete(&a, "Sent"), OK);
	assert_int_equal(WRITE(s, mailbox_subscribe(&a, txn, STR("Junk"), false)), OK);
	assert_int_equal(WRITE(s, mailbox_subscribe(&a, txn, STR("Junk"), false)), OK);
	assert_int_equal(READ(s, mailbox_subscriptions(&a, txn, &arena, &names_, &n)), OK);
	assert_int_equal(n, 6);
	assert_true(str_eq(names_[3], STR("Sent")));
	assert_true(str_eq(names_[5], STR("ghost")));
	arena_free(&arena);
	test_close(s);
}

/* ---- a tree that is renamed in steps ---- */

#define MANY 1700

static void
plant_tree(struct store *s, const struct actor *a)
{
	struct db_txn *txn = write_begin(s);
	char name[40];
	int64_t id;

	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "top/m%d/x%d", i % 40, i);
		assert_int_equal(mailbox_create(a, txn, str_c(name), 0, &id), OK);
	}
	assert_int_equal(write_end(OK), OK);
}

/* What is below a name: how many have the new name, how many of the old ones can be selected. */
static void
tree_is(struct store *s, int64_t old, int64_t new)
{
	assert_int_equal(test_number(s, "SELECT count(*) FROM mailbox WHERE (name = 'top' OR name LIKE 'top/%') AND noselect = 0"), old);
	assert_int_equal(test_number(s, "SELECT count(*) FROM mailbox WHERE name = 'new' OR name LIKE 'new/%'"), new);
}

static const char names_left[] = "SELECT count(*) FROM mailbox WHERE name = 'top' OR name LIKE 'top/%'",
                  under_way[] = "SELECT count(*) FROM meta WHERE key LIKE 'rename%'",
                  orphans[] = "SELECT count(*) FROM mailbox m WHERE name LIKE '%/%' AND NOT EXISTS (SELECT 1 FROM mailbox p"
		      " WHERE p.account = m.account AND p.name = rtrim(rtrim(m.name, replace(m.name, '/', '')), '/'))",
                  counted[] = "SELECT (SELECT count(*) FROM mailbox WHERE name IS NOT NULL) - mailboxes FROM account";

static void
tree(void **state)
{
	struct store *s;
	struct actor a;
	struct mailbox_move move;
	int64_t all = MANY + 40 + 1, steps = 1;
	struct mailbox mb;

	(void)state;
	setup(&s, &a);
	plant_tree(s, &a);
	assert_int_equal(WRITE(s, mailbox_subscribe(&a, txn, STR("top/m7/x7"), true)), OK);
	assert_int_equal(WRITE(s, mailbox_rename(&a, txn, STR("top"), STR("new"), &move)), OK);
	assert_true(move.more);
	tree_is(s, all - 501, 501);
	/* All that others see meanwhile is a tree. */
	while (move.more) {
		assert_int_equal(test_number(s, orphans), 0);
		assert_int_equal(test_number(s, counted), 0);
		assert_int_equal(find(&a, "top", &mb), OK);
		assert_true(mb.noselect);
		/* One at a time. */
		assert_int_equal(rename_to(&a, "new", "newer"), ERR_AGAIN);
		assert_int_equal(WRITE(s, mailbox_move_more(&a, txn, &move)), OK);
		steps++;
	}
	assert_int_equal(steps, 4);
	assert_int_equal(move.refused, OK);
	tree_is(s, 0, all);
	assert_int_equal(test_number(s, names_left), 0);
	assert_int_equal(test_number(s, orphans), 0);
	assert_int_equal(test_number(s, counted), 0);
	assert_int_equal(test_number(s, under_way), 0);
	assert_int_equal(find(&a, "new/m7/x7", &mb), OK);
	assert_int_equal(rename_to(&a, "new/m7", "other"), OK);
	test_close(s);
}

/* A client that goes, or a crash: the reaper goes on. What others made meanwhile is theirs. */
static void
tree_left(void **state)
{
	struct store *s;
	struct actor a;
	struct mailbox_move move;
	int64_t id;

	(void)state;
	setup(&s, &a);
	plant_tree(s, &a);
	assert_int_equal(WRITE(s, mailbox_rename(&a, txn, STR("top"), STR("new"), &move)), OK);
	assert_true(move.more);
	assert_int_equal(WRITE(s, mailbox_create(&a, txn, STR("top/m8/later"), 0, &id)), OK);
	assert_int_equal(WRITE(s, mailbox_create(&a, txn, STR("top/m0/behind"), 0, &id)), OK);
	assert_int_equal(WRITE(s, mailbox_delete(&a, txn, STR("top/m7"))), OK);
	assert_int_equal(WRITE(s, mailbox_create(&a, txn, STR("new/m9/x49"), 0, &id)), OK);
	assert_int_equal(store_reap(s, clock_seconds()), OK);
	assert_int_equal(test_number(s, under_way), 0);
	assert_int_equal(test_number(s, orphans), 0);
	assert_int_equal(test_number(s, counted), 0);
	/* What others made below the old name went along. What found its place taken stays: m0, m9, m9/x49. */
	tree_is(s, 3, MANY + 40 + 1 + 2);
	assert_int_equal(test_number(s, names_left), 4);
	assert_int_equal(WRITE(s, mailbox_move_more(&a, txn, &move)), OK);
	assert_false(move.more);
	test_close(s);
}

/* Nothing is begun that could not be finished. */
/* In as many snapshots as it takes. */
static enum status
rename_check(struct store *s, const struct actor *a, const char *from, const char *to)
{
	struct arena arena = {0};
	struct str after = STR("");
	enum status st;

	do
		st = READ(s, mailbox_rename_check(a, txn, &arena, str_c(from), str_c(to), &after));
	while (st == ERR_AGAIN);
	arena_free(&arena);
	return st;
}

static void
tree_too_long(void **state)
{
	struct store *s;
	struct actor a;
	char deep[200], *at = deep;

	(void)state;
	setup(&s, &a);
	plant_tree(s, &a);
	for (int i = 0; i < 63; i++)
		at += sprintf(at, "d/");
	*at = '\0';
	at[-1] = '\0';
	assert_int_equal(rename_check(s, &a, "top", deep), ERR_LIMIT);
	deep[strlen(deep) - 2] = '\0';
	assert_int_equal(rename_check(s, &a, "top", deep), OK);
	assert_int_equal(rename_check(s, &a, "Sent", deep), OK);
	test_close(s);
}

/* Damage gave the next in turn a name that none can have: nothing is begun. */
static void
tree_damaged(void **state)
{
	struct store *s;
	struct actor a;
	struct mailbox_move move;

	(void)state;
	setup(&s, &a);
	plant_tree(s, &a);
	assert_int_equal(WRITE(s, db_script(txn, "UPDATE mailbox SET name = name || printf('%.5000c', 'x') WHERE name LIKE 'top/%'")), OK);
	assert_int_equal(WRITE(s, mailbox_rename(&a, txn, STR("top"), STR("new"), &move)), ERR_CORRUPT);
	assert_int_equal(test_number(s, under_way), 0);
	test_close(s);
}

/* Nor does damage to what is under way, or to its note, keep the reaper from its work. */
static void
tree_left_damaged(void **state)
{
	static const char *const spoils[] = {"UPDATE mailbox SET name = name || printf('%.5000c', 'x') WHERE name LIKE 'top/%'",
	    "UPDATE meta SET value = x'01' WHERE key LIKE 'rename.%'"};
	struct store *s;
	struct actor a;
	struct mailbox_move move;

	(void)state;
	for (size_t i = 0; i < sizeof(spoils) / sizeof(*spoils); i++) {
		setup(&s, &a);
		plant_tree(s, &a);
		assert_int_equal(WRITE(s, mailbox_rename(&a, txn, STR("top"), STR("new"), &move)), OK);
		assert_int_equal(WRITE(s, db_script(txn, spoils[i])), OK);
		assert_int_equal(store_reap(s, clock_seconds()), OK);
		assert_int_equal(test_number(s, under_way), 0);
		assert_int_equal(test_number(s, counted), 0);
		assert_int_equal(WRITE(s, mailbox_move_more(&a, txn, &move)), OK);
		assert_false(move.more);
		test_close(s);
	}
}

/* S9: another account's mailboxes are not there. */
static void
isolation(void **state)
{
	struct store *s;
	struct actor a, b;
	struct mailbox mb, got;
	struct arena arena = {0};

	(void)state;
	setup(&s, &a);
	b = test_account(s, "bob");
	assert_int_equal(create(&a, "secret"), OK);
	assert_int_equal(find(&a, "secret", &mb), OK);
	assert_int_equal(find(&b, "secret", &got), ERR_NOT_FOUND);
	assert_int_equal(READ(s, mailbox_get(&a, txn, &arena, mb.id, &got)), OK);
	assert_true(str_eq(got.name, STR("secret")));
	assert_int_equal(READ(s, mailbox_get(&b, txn, &arena, mb.id, &got)), ERR_NOT_FOUND);
	assert_int_equal(delete(&b, "secret"), ERR_NOT_FOUND);
	assert_int_equal(rename_to(&b, "secret", "mine"), ERR_NOT_FOUND);
	assert_int_equal(WRITE(s, set_special_as(&b, txn, mb.id, SPECIAL_ALL)), ERR_NOT_FOUND);
	assert_int_equal(WRITE(s, set_recent_as(&b, txn, mb.id, 1)), ERR_NOT_FOUND);
	assert_int_equal(WRITE(s, mailbox_move_more(&b, txn, &(struct mailbox_move){mb.id, mb.id, 5, true})), ERR_NOT_FOUND);
	expect_list(&b, FIRST);
	struct actor nobody = {.store = s};
	assert_int_equal(find(&nobody, "secret", &got), ERR_NOT_FOUND);
	struct actor admin = {.store = s, .admin = true};
	assert_int_equal(READ(s, mailbox_get(&admin, txn, &arena, mb.id, &got)), OK);
	/* What is deleted is found by nobody. */
	assert_int_equal(delete(&a, "secret"), OK);
	assert_int_equal(READ(s, mailbox_get(&a, txn, &arena, mb.id, &got)), ERR_NOT_FOUND);
	arena_free(&arena);
	test_close(s);
}

/* Tens of thousands of mailboxes are listed in one sweep, and found without one. */
static void
many(void **state)
{
	struct store *s;
	struct actor a;
	struct arena arena = {0};
	struct mailbox *list;
	size_t n;
	int64_t t;

	(void)state;
	setup(&s, &a);
	struct db_txn *w = write_begin(s);
	for (int i = 0; i < 20000; i++) {
		char name[32];
		int64_t id;
		snprintf(name, sizeof(name), "m%d/x%d", i % 100, i);
		assert_int_equal(mailbox_create(&a, w, str_c(name), 0, &id), OK);
	}
	assert_int_equal(write_end(OK), OK);
	t = clock_mono();
	assert_int_equal(READ(s, mailbox_list(&a, txn, &arena, &list, &n)), OK);
	print_message("list of %zu: %lld us\n", n, (long long)(clock_mono() - t));
	assert_int_equal(n, 20000 + 100 + 6);
	t = clock_mono();
	for (int i = 0; i < 1000; i++)
		assert_int_equal(READ(s, mailbox_find(&a, txn, &arena, STR("m42/x4242"), &list[0])), OK);
	print_message("find: %lld ns\n", (long long)(clock_mono() - t));
	arena_free(&arena);
	t = clock_mono();
	assert_int_equal(rename_to(&a, "m42", "moved"), OK);
	print_message("rename of 201: %lld us\n", (long long)(clock_mono() - t));
	test_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(listing),
	    cmocka_unit_test(names),
	    cmocka_unit_test(parents),
	    cmocka_unit_test(uidvalidity_rises),
	    cmocka_unit_test(renames),
	    cmocka_unit_test(rename_inbox),
	    cmocka_unit_test(special_use),
	    cmocka_unit_test(subscriptions),
	    cmocka_unit_test(tree), cmocka_unit_test(tree_left), cmocka_unit_test(tree_too_long),
	    cmocka_unit_test(tree_damaged), cmocka_unit_test(tree_left_damaged),
	    cmocka_unit_test(isolation),
	    cmocka_unit_test(many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
