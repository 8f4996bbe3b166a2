/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs are asked about messages of a store, and the same is asked in the plainest way of what went into it: every key alone, random trees
 * of all of them, in one go and interrupted at every place, in two mailboxes one after the other; and what fuzzy keys score.
 */
#include "store/check_test.h"

#include "query/query.h"

#define MESSAGES 60
#define BEGIN INT64_C(1700000000)

/* What a message was made of. */
struct known {
	uint32_t seq; /* 0: expunged */
	uint8_t flags;
	const char *keyword;
	int64_t date, sent;
	int16_t zone, sent_zone;
	bool has_sent;
	uint64_t size;
	int64_t thread;
	char subject[64], from[64], to[64], tag[64], body[200];
};

static struct store *store;
static struct actor alice;
static struct known known[MESSAGES + 1];
static struct view view;
static struct keywords keywords;
static struct arena arena;
static struct runs saved;
static uint64_t state = 1;

static unsigned
pick(unsigned n)
{
	state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned)(state >> 33) % n;
}

static const char *const words[] = {"alpha", "beta", "gamma", "delta", "alphabet", "gam"};
#define WORD words[pick(6)]

static void
make(uint32_t uid)
{
	static const char *const names[] = {NULL, "$One", "two", "$ONE"};
	struct known *k = &known[uid];
	struct made d = {0};
	struct str kw;
	uint32_t got;
	uint64_t modseq;

	k->flags = (uint8_t)pick(32) & (FLAG_ANSWERED | FLAG_FLAGGED | FLAG_DRAFT | FLAG_SEEN);
	k->keyword = names[pick(4)];
	k->date = BEGIN + (int64_t)pick(5 * 86400);
	k->zone = (int16_t)((int)pick(25) * 60 - 720);
	k->has_sent = pick(5) != 0;
	k->sent_zone = (int16_t)((int)pick(25) * 60 - 720);
	snprintf(k->subject, sizeof(k->subject), "%s %s", WORD, WORD);
	snprintf(k->from, sizeof(k->from), "%s@example.org", WORD);
	snprintf(k->to, sizeof(k->to), "%s@example.net", WORD);
	snprintf(k->tag, sizeof(k->tag), "%s", WORD);
	snprintf(k->body, sizeof(k->body), "%s %.*s\r\n", WORD, (int)pick(100),
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	buf_addf(&d.text, "From: %s\r\nTo: %s\r\nSubject: %s\r\nX-Tag: %s\r\nMessage-ID: <%u@x>\r\n", k->from, k->to, k->subject, k->tag, uid);
	if (uid % 4 == 0)
		buf_addf(&d.text, "In-Reply-To: <%u@x>\r\n", uid - 1);
	if (k->has_sent) {
		unsigned day = pick(9) + 10, hour = pick(24);
		int zone = k->sent_zone / 60;

		buf_addf(&d.text, "Date: %u Nov 2023 %02u:30:00 %c%02d00\r\n", day, hour, zone < 0 ? '-' : '+', zone < 0 ? -zone : zone);
		k->sent = INT64_C(1698796800) + (int64_t)(day - 1) * 86400 + hour * 3600 + 1800 - (int64_t)k->sent_zone * 60;
	}
	buf_addf(&d.text, "\r\n%s", k->body);
	made_parse(&d, store);
	k->size = d.text.n;
	d.m.internal_date = k->date;
	d.m.zone = k->zone;
	d.m.flags = k->flags | (uid == 3 || uid == 17 || uid == MESSAGES ? FLAG_DELETED : 0);
	kw = str_c(k->keyword);
	d.m.keywords = &kw;
	d.m.keywords_n = k->keyword != NULL;
	assert_int_equal(WRITE(store, append_as(&alice, txn, mailbox_id(&alice, "INBOX"), &d.m, &got, &modseq)), OK);
	assert_int_equal(got, uid);
	made_end(&d);
}

/* Threads are the store's: the test only compares them. */
static void
learn(struct db_txn *txn)
{
	struct view_iter it = VIEW_ITER(&view, NULL);
	struct email_cursor *c;
	const struct entry *e;
	struct email email;
	uint32_t seq = 0;

	assert_int_equal(email_cursor_open(GRANT_OF(alice), txn, &c), OK);
	assert_int_equal(view_iter_begin(&it, txn), OK);
	while ((e = view_iter_next(&it)) != NULL) {
		assert_int_equal(email_cursor_get(c, e->email, &email), OK);
		known[e->uid].thread = email.thread;
		known[e->uid].seq = ++seq;
	}
	assert_int_equal(view_iter_end(&it), OK);
	email_cursor_close(c);
	assert_int_equal(seq, MESSAGES - 3);
}

static int
set_up(void **test)
{
	struct mailbox mb;
	struct db_txn *txn;

	(void)test;
	store = test_store();
	alice = test_account(store, "alice");
	for (uint32_t uid = 1; uid <= MESSAGES; uid++)
		make(uid);
	expunge(&alice, mailbox_id(&alice, "INBOX"));
	assert_int_equal(db_read_begin(store_db(store), &txn), OK);
	assert_int_equal(mailbox_get(&alice, txn, &arena, mailbox_id(&alice, "INBOX"), &mb), OK);
	assert_int_equal(view_open(&view, &alice, txn, &mb, true), OK);
	assert_int_equal(keywords_get(txn, &arena, view.grant.mailbox, &keywords), OK);
	learn(txn);
	db_read_end(txn);
	runs_clear(&view.recent);
	runs_add(&view.recent, 5, 9);
	runs_add(&saved, 20, 31);
	return 0;
}

static int
tear_down(void **test)
{
	(void)test;
	view_close(&view);
	runs_free(&saved);
	arena_free(&arena);
	test_close(store);
	return 0;
}

/* ---- the plain way ---- */

/* "low:high" of the set that a node was made of; "*" is the last. */
struct plain_set {
	const char *text;
	uint32_t low, high;
	bool star;
};
static const struct plain_set sets[] = {
    {"4", 4, 4, false}, {"3:11", 3, 11, false}, {"*", 0, 0, true}, {"50:*", 50, 50, true}, {"900:*", 900, 900, true}, {"1:*", 1, 1, true},
};
static const struct plain_set *set_of[64]; /* of node i */
static const char *text_of[64];

static bool
in_set(const struct plain_set *s, uint32_t number, uint32_t last)
{
	uint32_t low = s->star && s->low == 0 ? last : s->low, high = s->star ? last : s->high;

	return low <= high ? number >= low && number <= high : number >= high && number <= low;
}

static int64_t
day_of(int64_t seconds, int zone)
{
	seconds += zone * 60;
	return seconds >= 0 ? seconds / 86400 : -1;
}

static bool
in_days(const struct query_node *n, int64_t seconds, int zone)
{
	int64_t day = day_of(seconds, zone);

	return day >= n->from && day <= n->to;
}

static bool
has(const char *text, const char *word)
{
	return strcasestr(text, word) != NULL;
}

static bool
plain_text(const struct query_node *n, const struct known *k, const char *word)
{
	switch (n->text_key) {
	case SEARCH_FROM: return has(k->from, word);
	case SEARCH_TO: return has(k->to, word);
	case SEARCH_SUBJECT: return has(k->subject, word);
	case SEARCH_HEADER: return has(k->tag, word);
	case SEARCH_BODY: return has(k->body, word);
	case SEARCH_TEXT: return has(k->from, word) || has(k->to, word) || has(k->subject, word) || has(k->tag, word) || has(k->body, word);
	default: return false; /* CC and BCC: no message has one */
	}
}

static bool
plain_leaf(const struct query *q, uint32_t i, const struct entry *e)
{
	const struct query_node *n = &q->nodes[i];
	const struct known *k = &known[e->uid];

	switch (n->op) {
	case QUERY_ALL: return true;
	case QUERY_FLAG: return (k->flags & n->flags) == n->flags;
	case QUERY_RECENT: return e->uid >= 5 && e->uid <= 9;
	case QUERY_KEYWORD: return k->keyword != NULL && str_caseeq(str_c(k->keyword), n->name);
	case QUERY_UIDS:
		if (n->set.saved)
			return e->uid >= 20 && e->uid <= 31;
		return n->uid_set ? in_set(set_of[i], e->uid, MESSAGES - 1) : in_set(set_of[i], k->seq, MESSAGES - 3);
	case QUERY_MODSEQ: return e->modseq >= n->size;
	case QUERY_LARGER: return k->size > n->size;
	case QUERY_SMALLER: return k->size < n->size;
	case QUERY_DATE: return in_days(n, k->date, k->zone);
	case QUERY_SENT: return k->has_sent && in_days(n, k->sent, k->sent_zone);
	case QUERY_SAVED: return in_days(n, e->save_date, 0);
	case QUERY_EMAILID: return e->email == n->id;
	case QUERY_THREADID: return k->thread == n->id;
	case QUERY_OLDER: return k->date <= q->now - (int64_t)n->size;
	case QUERY_YOUNGER: return k->date >= q->now - (int64_t)n->size;
	case QUERY_TEXTUAL: return plain_text(n, k, text_of[i]);
	default: fail(); return false;
	}
}

static bool
plain(const struct query *q, uint32_t i, const struct entry *e)
{
	const struct query_node *n = &q->nodes[i];
	bool v = n->op != QUERY_OR;

	if (n->op != QUERY_AND && n->op != QUERY_OR)
		return plain_leaf(q, i, e) != n->not;
	for (uint32_t k = i + 1; k < q->n; k++)
		if (q->nodes[k].parent == i)
			v = n->op == QUERY_OR ? v || plain(q, k, e) : v && plain(q, k, e);
	return v != n->not;
}

/* ---- programs ---- */

static void
some_days(struct query_node *n, int32_t day)
{
	unsigned kind = pick(3);

	n->from = kind == 0 ? INT32_MIN : day;
	n->to = kind == 1 ? INT32_MAX : kind == 0 ? day - 1 : day;
	n->first = kind == 0 ? INT64_MIN : (int64_t)day * 86400;
	n->last = kind == 1 ? INT64_MAX : ((int64_t)n->to + 1) * 86400 - 1;
}

static void
some_set(struct query *q, struct query_node *n)
{
	uint32_t i = q->n - 1;

	n->uid_set = pick(2);
	if (pick(5) == 0) {
		n->set.saved = true;
		return;
	}
	set_of[i] = &sets[pick(sizeof(sets) / sizeof(sets[0]))];
	assert_int_equal(arg_set_parse(str_c(set_of[i]->text), &n->set), OK);
}

static void
some_text(struct query *q, struct query_node *n)
{
	text_of[q->n - 1] = WORD;
	n->text_key = (enum search_key)pick(SEARCH_TO + 1);
	n->name = STR("x-tag");
	assert_int_equal(search_needle_new(STR_NONE, str_c(text_of[q->n - 1]), MIME_UNICODE_CASEMAP, &n->needle), OK);
}

static void
leaf(struct query *q, uint32_t parent, enum query_op op)
{
	struct query_node *n = query_add(q, parent, op);
	static const char *const names[] = {"$one", "TWO", "none"};

	n->not = pick(3) == 0;
	switch (op) {
	case QUERY_FLAG: n->flags = (uint8_t)(1u << pick(5)); break;
	case QUERY_KEYWORD: n->name = str_c(names[pick(3)]); break;
	case QUERY_UIDS: some_set(q, n); break;
	case QUERY_MODSEQ: n->size = pick(80); break;
	case QUERY_LARGER:
	case QUERY_SMALLER: n->size = known[1 + pick(MESSAGES)].size; break;
	case QUERY_DATE: some_days(n, (int32_t)(BEGIN / 86400) + (int32_t)pick(6)); break;
	case QUERY_SENT: some_days(n, 19671 + (int32_t)pick(10)); break;
	case QUERY_SAVED: some_days(n, (int32_t)(q->now / 86400) + (int32_t)pick(3) - 1); break;
	case QUERY_EMAILID: n->id = 1 + (int64_t)pick(MESSAGES); break;
	case QUERY_THREADID: n->id = known[1 + pick(MESSAGES)].thread; break;
	case QUERY_OLDER:
	case QUERY_YOUNGER: n->size = (uint64_t)(q->now - known[1 + pick(MESSAGES)].date); break;
	case QUERY_TEXTUAL: some_text(q, n); break;
	default: break;
	}
}

/* A tree of up to so many leaves below a node that is there. */
static void
tree(struct query *q, uint32_t parent, unsigned leaves, unsigned depth)
{
	while (leaves > 0) {
		unsigned below = depth < 4 && leaves > 1 ? pick(leaves) : 0;

		if (below < 2) {
			leaf(q, parent, (enum query_op)(QUERY_ALL + pick(QUERY_OPS - QUERY_ALL)));
			leaves--;
			continue;
		}
		struct query_node *n = query_add(q, parent, pick(2) ? QUERY_AND : QUERY_OR);

		n->not = pick(3) == 0;
		tree(q, q->n - 1, below, depth + 1);
		leaves -= below;
	}
}

/* ---- asking ---- */

static unsigned asked, patience; /* a step is over at each patience-th question; 0: never */

static bool
spent(void *arg)
{
	assert_ptr_equal(arg, &asked);
	return patience > 0 && ++asked % patience == 0;
}

static enum status
get_keywords(void *mailbox, struct db_txn *txn, const struct keywords **kw_r)
{
	assert_ptr_equal(mailbox, &keywords);
	*kw_r = &keywords;
	return OK;
}

static struct query
begin(struct arena *mine)
{
	struct query q = {.arena = mine, .now = clock_seconds()};

	q.env = (struct query_env){.view = &view, .keywords = get_keywords, .mailbox = &keywords, .saved = &saved,
	    .spent = spent, .arg = &asked};
	query_add(&q, 0, QUERY_AND);
	return q;
}

/* Begins a new step where one is over. */
static bool
ask(struct query *q, struct db_txn *txn, const struct entry *e)
{
	enum status st;
	bool hit = false;

	while ((st = query_message(q, e, &hit)) == ERR_AGAIN) {
		query_end(q);
		assert_int_equal(query_begin(q, txn), OK);
	}
	assert_int_equal(st, OK);
	return hit;
}

static void
resolve(struct query *q, struct db_txn *txn)
{
	enum status st;

	while ((st = query_resolve(q, txn)) == ERR_AGAIN)
		;
	assert_int_equal(st, OK);
}

/* Of every message: does the program say what the plain way says? */
static void
compare(struct query *q)
{
	struct view_iter it = VIEW_ITER(&view, NULL);
	const struct runs *only;
	const struct entry *e;
	struct db_txn *txn;

	query_whole(q);
	assert_int_equal(db_read_begin(store_db(store), &txn), OK);
	resolve(q, txn);
	only = query_only(q);
	assert_int_equal(query_begin(q, txn), OK);
	assert_int_equal(view_iter_begin(&it, txn), OK);
	while ((e = view_iter_next(&it)) != NULL) {
		bool want = plain(q, 0, e);

		if (ask(q, txn, e) != want)
			fail_msg("message %u: the program of %u nodes says %d", e->uid, q->n, !want);
		assert_true(!want || only == NULL || runs_has(only, e->uid));
	}
	assert_int_equal(view_iter_end(&it), OK);
	query_end(q);
	db_read_end(txn);
}

static void
each_key(void **test)
{
	(void)test;
	for (enum query_op op = QUERY_ALL; op < QUERY_OPS; op++)
		for (unsigned i = 0; i < 40; i++) {
			struct arena mine = {0};
			struct query q = begin(&mine);

			patience = i % 4;
			patience += patience == 1; /* each question in a step of its own comes to no end */
			leaf(&q, 0, op);
			compare(&q);
			query_free(&q);
			arena_free(&mine);
		}
}

static void
trees(void **test)
{
	(void)test;
	for (unsigned i = 0; i < 400; i++) {
		struct arena mine = {0};
		struct query q = begin(&mine);

		patience = i % 5;
		patience += patience == 1;
		tree(&q, 0, 1 + pick(20), 0);
		assert_true(q.n <= 64);
		compare(&q);
		query_free(&q);
		arena_free(&mine);
	}
}

/* Where nothing was saved "$" is empty; of no mailbox that is asked next anything stays. */
static void
elsewhere(void **test)
{
	struct arena mine = {0};
	struct query q = begin(&mine);
	struct view empty = {0};
	struct mailbox mb;
	struct db_txn *txn;

	(void)test;
	patience = 0;
	query_add(&q, 0, QUERY_UIDS)->set.saved = true;
	compare(&q);
	assert_int_equal(runs_count(query_only(&q)), 12);
	assert_int_equal(db_read_begin(store_db(store), &txn), OK);
	assert_int_equal(mailbox_get(&alice, txn, &mine, mailbox_id(&alice, "Sent"), &mb), OK);
	assert_int_equal(view_open(&empty, &alice, txn, &mb, true), OK);
	q.env.view = &empty;
	q.env.saved = NULL;
	resolve(&q, txn);
	assert_int_equal(query_only(&q)->n, 0);
	db_read_end(txn);
	view_close(&empty);
	query_free(&q);
	arena_free(&mine);
}

/* ---- fuzzy keys ---- */

/* The score of a message for OR or AND of two keys that are days and sizes, by hand (RFC 6203 5). */
static uint8_t
relevancy(enum query_op op, int32_t day, uint64_t size, struct entry *e)
{
	struct arena mine = {0};
	struct query q = begin(&mine);
	struct query_node *n;
	struct db_txn *txn;
	uint8_t score = 0;

	query_add(&q, 0, op);
	n = query_add(&q, 1, QUERY_DATE);
	n->from = n->to = day;
	n->first = (int64_t)day * 86400;
	n->last = n->first + 86399;
	n->fuzzy = true;
	n = query_add(&q, 1, QUERY_LARGER);
	n->size = size;
	n->fuzzy = true;
	query_whole(&q);
	assert_true(q.fuzzy && !q.textual && !q.heavy);
	assert_int_equal(db_read_begin(store_db(store), &txn), OK);
	assert_int_equal(query_begin(&q, txn), OK);
	if (ask(&q, txn, e))
		assert_int_equal(query_relevancy(&q, e, &score), OK);
	query_end(&q);
	db_read_end(txn);
	query_free(&q);
	arena_free(&mine);
	return score;
}

static void
scores(void **test)
{
	struct entry e = {.uid = 1, .internal_date = 100 * 86400 + 5, .size = 1000};

	(void)test;
	patience = 0;
	assert_int_equal(relevancy(QUERY_AND, 100, 900, &e), 100);
	assert_int_equal(relevancy(QUERY_AND, 102, 900, &e), (76 + 100) / 2);
	assert_int_equal(relevancy(QUERY_OR, 102, 900, &e), 100);
	assert_int_equal(relevancy(QUERY_OR, 97, 5000, &e), 64);
	assert_int_equal(relevancy(QUERY_AND, 97, 5000, &e), 0);  /* not nearly that large */
	assert_int_equal(relevancy(QUERY_AND, 92, 900, &e), 0);   /* more than a week off */
	assert_int_equal(relevancy(QUERY_AND, 93, 900, &e), (16 + 100) / 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_key),
	    cmocka_unit_test(trees),
	    cmocka_unit_test(elsewhere),
	    cmocka_unit_test(scores),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
