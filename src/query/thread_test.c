/* SPDX-License-Identifier: Apache-2.0 */
/*
 * THREAD beside RFC 5256 read literally: containers in an array, found by walking through all, rules applied until none applies any more.
 * Few messages, few ids and few subjects, so that circles, doubles, dummies and every case of gathering come often.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "query/thread.h"

#define MESSAGES 14
#define NODES 200
#define NONE (-1)

static uint64_t state = 3;

static unsigned
pick(unsigned n)
{
	state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned)(state >> 33) % n;
}

struct mail {
	struct buf packed;
	struct mime_summary summary;
	struct entry entry;
	int64_t sent;
};
static struct mail mail[MESSAGES];
static int n_mail;

static void
make(struct mail *m, uint32_t uid, unsigned ids)
{
	static const char *const subjects[] = {"one", "Re: one", "two", "re: two", "Fwd: one", "", "three"};
	struct arena arena = {0};
	struct mime_parser *p = mime_parser_new(&arena, NULL);
	struct buf header = {0};
	int zone;

	if (pick(6))
		buf_addf(&header, "Message-ID: <%u@x>\r\n", pick(ids));
	if (pick(4)) {
		buf_add(&header, STR("References:"));
		for (unsigned n = pick(4); n-- > 0;)
			buf_addf(&header, " <%u@x>", pick(ids));
		buf_add(&header, STR("\r\n"));
	}
	buf_addf(&header, "Subject: %s\r\nDate: %u Nov 2023 10:00:00 +0000\r\n\r\n", subjects[pick(7)], 1 + pick(9));
	mime_parser_add(p, buf_str(&header));
	m->packed = (struct buf){0};
	mime_summary_pack(&m->packed, mime_parser_finish(p), STR(""));
	assert_int_equal(mime_summary_open(buf_str(&m->packed), &m->summary), OK);
	assert_true(mime_summary_date(&m->summary, &m->sent, &zone));
	m->entry = (struct entry){.uid = uid, .internal_date = pick(9)};
	buf_free(&header);
	arena_free(&arena);
}

/* ---- the plain way ---- */

static struct container {
	uint64_t id;
	int row;    /* NONE: a dummy */
	int parent; /* NONE: at the top */
	bool dead;
} node[NODES];
static int nodes;

static int
new_node(uint64_t id)
{
	assert_true(nodes < NODES);
	node[nodes] = (struct container){.id = id, .row = NONE, .parent = NONE};
	return nodes++;
}

static int
node_of(uint64_t id)
{
	for (int i = 0; i < nodes; i++)
		if (id != 0 && node[i].id == id)
			return i;
	return new_node(id);
}

static bool
above(int high, int low)
{
	for (; low != NONE; low = node[low].parent)
		if (low == high)
			return true;
	return false;
}

/* Step 1. */
static void
link_message(int row)
{
	uint64_t id = mime_summary_message_id(&mail[row].summary);
	int self = id ? node_of(id) : new_node(0), last = NONE;

	if (node[self].row != NONE)
		self = new_node(0);
	node[self].row = row;
	for (size_t i = 0; i < mime_summary_n_refs(&mail[row].summary); i++) {
		int x = node_of(mime_summary_ref(&mail[row].summary, i));

		if (last != NONE && node[x].parent == NONE && !above(x, last))
			node[x].parent = last;
		last = x;
	}
	node[self].parent = NONE;
	if (last != NONE && !above(self, last))
		node[self].parent = last;
}

static int
children(int of)
{
	int n = 0;

	for (int i = 0; i < nodes; i++)
		n += !node[i].dead && node[i].parent == of;
	return n;
}

/* Step 3: dummies without children go, others are replaced by their children, but at the top only by a single one. */
static bool
prune_one(void)
{
	for (int d = 0; d < nodes; d++) {
		int n = children(d);

		if (node[d].dead || node[d].row != NONE || (n > 1 && node[d].parent == NONE))
			continue;
		for (int i = 0; i < nodes; i++)
			if (node[i].parent == d)
				node[i].parent = node[d].parent;
		node[d].dead = true;
		return true;
	}
	return false;
}

/* Is a sent before b? Of dummies their first children. */
static int first_child(int of);

static bool
earlier(int a, int b)
{
	int x = node[a].row == NONE ? node[first_child(a)].row : node[a].row;
	int y = node[b].row == NONE ? node[first_child(b)].row : node[b].row;

	return mail[x].sent != mail[y].sent ? mail[x].sent < mail[y].sent : x < y;
}

/* Of those below a node (or at the top), the first behind another one. */
static int
next_child(int of, int behind)
{
	int best = NONE;

	for (int i = 0; i < nodes; i++)
		if (!node[i].dead && node[i].parent == of && (behind == NONE || earlier(behind, i)) && (best == NONE || earlier(i, best)))
			best = i;
	return best;
}

static int
first_child(int of)
{
	return next_child(of, NONE);
}

static int
row_of(int i)
{
	return node[i].row == NONE ? node[first_child(i)].row : node[i].row;
}

static struct str
subject(int i)
{
	return mime_summary_key(&mail[row_of(i)].summary, MIME_KEY_SUBJECT);
}

static bool
reply(int i)
{
	return node[i].row != NONE && mime_summary_is_reply(&mail[node[i].row].summary);
}

/* Step 5. */
static void
gather(void)
{
	int table[NODES], n = 0, roots[NODES], n_roots = 0, k;
	struct str text[NODES];

	for (int r = first_child(NONE); r != NONE; r = next_child(NONE, r))
		roots[n_roots++] = r;
	for (int i = 0; i < n_roots; i++) {
		int r = roots[i];

		for (k = 0; k < n && !str_eq(text[k], subject(r)); k++)
			;
		if (subject(r).n == 0)
			continue;
		if (k == n || (node[table[k]].row != NONE && (node[r].row == NONE || (reply(table[k]) && !reply(r)))))
			table[k] = r;
		text[k] = subject(r);
		n += k == n;
	}
	for (int i = 0; i < n_roots; i++) {
		int r = roots[i], s;

		if (node[r].parent != NONE || subject(r).n == 0)
			continue;
		for (k = 0; !str_eq(text[k], subject(r)); k++)
			;
		s = table[k];
		if (s == r)
			continue;
		if (node[s].row == NONE && node[r].row == NONE) {
			for (int c = 0; c < nodes; c++)
				if (node[c].parent == r)
					node[c].parent = s;
			node[r].dead = true;
		} else if (node[s].row == NONE || (reply(r) && !reply(s))) {
			node[r].parent = s;
		} else {
			table[k] = new_node(0);
			node[r].parent = node[s].parent = table[k];
		}
	}
}

static void
by_subject_alone(void)
{
	for (int i = 0; i < n_mail; i++)
		node[new_node(0)].row = i;
	for (int i = 0; i < n_mail; i++) {
		int best = i;

		for (int k = 0; k < n_mail; k++)
			if (str_eq(subject(k), subject(i)) && earlier(k, best))
				best = k;
		node[i].parent = best == i ? NONE : best;
	}
}

static void
print_plain(struct buf *out, int i)
{
	if (node[i].row == NONE)
		buf_add(out, STR("(-"));
	else
		buf_addf(out, "(%d", node[i].row + 1);
	for (int c = first_child(i); c != NONE; c = next_child(i, c))
		print_plain(out, c);
	buf_addc(out, ')');
}

static int64_t
newest(int i)
{
	int64_t at = node[i].row == NONE ? INT64_MIN : mail[node[i].row].entry.internal_date;

	for (int c = 0; c < nodes; c++)
		if (!node[c].dead && node[c].parent == i && newest(c) > at)
			at = newest(c);
	return at;
}

static void
plain(struct buf *out, enum thread_algorithm algorithm)
{
	nodes = 0;
	if (algorithm == THREAD_ORDEREDSUBJECT) {
		by_subject_alone();
	} else {
		for (int i = 0; i < n_mail; i++)
			link_message(i);
		while (prune_one())
			;
	}
	if (algorithm == THREAD_REFERENCES)
		gather();
	/* internal dates are below 9 */
	for (int64_t at = 0; at < 9; at++)
		for (int r = first_child(NONE); r != NONE; r = next_child(NONE, r))
			if (algorithm == THREAD_REFS ? newest(r) == at : at == 0)
				print_plain(out, r);
}

/* ---- both ---- */

static void
print(const struct threading *t, struct buf *out, uint32_t v)
{
	if (v >= t->order.n)
		buf_add(out, STR("(-"));
	else
		buf_addf(out, "(%u", v + 1);
	for (uint32_t c = t->vertex[v].child; c != THREAD_NONE; c = t->vertex[c].next)
		print(t, out, c);
	buf_addc(out, ')');
}

static void
compare(const char *algorithm)
{
	struct threading t = {0};
	struct buf got = {0}, want = {0};

	assert_true(thread_init(&t, str_c(algorithm)));
	for (int i = 0; i < n_mail; i++)
		assert_int_equal(thread_add(&t, &(struct sort_row){.entry = &mail[i].entry, .seq = (uint32_t)i + 1, .summary = &mail[i].summary}), OK);
	while (!thread_some(&t))
		;
	for (uint32_t v = t.first; v != THREAD_NONE; v = t.vertex[v].next)
		print(&t, &got, v);
	plain(&want, t.algorithm);
	if (!str_eq(buf_str(&got), buf_str(&want)))
		fail_msg("%s: %.*s in place of %.*s", algorithm, STR_FMT(buf_str(&got)), STR_FMT(buf_str(&want)));
	buf_free(&got);
	buf_free(&want);
	thread_free(&t);
}

static void
as_the_rfc_says(void **test)
{
	(void)test;
	for (unsigned round = 0; round < 3000; round++) {
		unsigned ids = 2 + pick(MESSAGES + 4);

		n_mail = 1 + (int)pick(MESSAGES);
		for (int i = 0; i < n_mail; i++)
			make(&mail[i], (uint32_t)i + 1, ids);
		compare("REFERENCES");
		compare("REFS");
		compare("ORDEREDSUBJECT");
		for (int i = 0; i < n_mail; i++)
			buf_free(&mail[i].packed);
	}
}

/* A chain long enough for the link-cut tree, closed to a circle: one thread, cut where it would close. */
static void
chain(void **test)
{
	enum { LONG = 1000 };
	struct threading t = {0};
	struct buf packed[LONG] = {0};
	uint32_t v, n = 0;

	(void)test;
	assert_true(thread_init(&t, STR("REFS")));
	for (unsigned i = 0; i < LONG; i++) {
		/* From the newest to the oldest, so that whole trees are hung. */
		unsigned id = LONG - 1 - i;
		struct arena arena = {0};
		struct mime_parser *p = mime_parser_new(&arena, NULL);
		struct buf header = {0};
		struct mime_summary summary;
		struct entry e = {.uid = i + 1};

		buf_addf(&header, "Message-ID: <%u@x>\r\nReferences: <%u@x>\r\n\r\n", id, id ? id - 1 : LONG - 1);
		mime_parser_add(p, buf_str(&header));
		mime_summary_pack(&packed[i], mime_parser_finish(p), STR(""));
		assert_int_equal(mime_summary_open(buf_str(&packed[i]), &summary), OK);
		assert_int_equal(thread_add(&t, &(struct sort_row){.entry = &e, .summary = &summary}), OK);
		buf_free(&header);
		arena_free(&arena);
	}
	assert_non_null(t.links.cut);
	while (!thread_some(&t))
		;
	assert_int_equal(t.vertex[t.first].next, THREAD_NONE);
	for (v = t.first; v != THREAD_NONE; v = t.vertex[v].child) {
		assert_int_equal(v, LONG - 1 - n);
		n++;
	}
	assert_int_equal(n, LONG);
	thread_free(&t);
	for (unsigned i = 0; i < LONG; i++)
		buf_free(&packed[i]);
}

static void
algorithms(void **test)
{
	struct threading t = {0};

	(void)test;
	assert_false(thread_init(&t, STR("NONE")));
	assert_false(thread_init(&t, STR("REF")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(as_the_rfc_says),
	    cmocka_unit_test(chain),
	    cmocka_unit_test(algorithms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
