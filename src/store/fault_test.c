/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store under faults (S12): power cuts around every sync, and the Nth read or write that fails. After each the store opens, mansio
 * check finds nothing, and the mailboxes are as they were after some operation that is not older than the last one acknowledged:
 * nothing acknowledged is lost, nothing is there in half, no UID is given twice. In memory.
 */
#include "store/grant_test.h"
#include "store/store_test.h"

#include <fcntl.h>

#include "base/log.h"
#include "db/fault_test.h"
#include "db/vfs/faultvfs.h"
#include "db/vfs/memvfs.h"
#include "store/mend/check.h"
#include "store/copy.h"
#include "store/message.h"
#include "store/view.h"

#define DIR "/faulty"
#define IMAGE "/image"
#define OPS 60

struct op {
	bool ok;           /* acknowledged */
	size_t acked;      /* events then */
	struct buf state;  /* of both mailboxes after it, if it succeeds */
};
static struct op ops[OPS + 1];
static int64_t box[2];

/* A failed sync: the outcome is unknown and the process must stop. */
static bool fatal;

static void
on_fatal(void *arg, const char *why)
{
	(void)arg;
	(void)why;
	fatal = true;
}

static enum status
open_store(const char *dir, const char *vfs, struct store **s_r)
{
	return store_open(&(struct store_options){.dir = dir, .vfs = vfs, .no_reaper = true, .fatal = on_fatal}, s_r);
}

/* ---- the state as text ---- */

static enum status
describe_box(const struct actor *actor, struct db_txn *txn, int64_t id, struct buf *out)
{
	struct view_iter it = {0};
	struct arena arena = {0};
	struct mailbox mb;
	const struct entry *e;
	struct view v = {0};
	enum status st = mailbox_get(actor, txn, &arena, id, &mb);

	if (st == OK)
		st = view_open(&v, actor, txn, &mb, true);
	if (st == OK) {
		buf_addf(out, "next %u modseq %llu:", mb.uidnext, (unsigned long long)mb.modseq);
		it = (struct view_iter)VIEW_ITER(&v, NULL);
		st = view_iter_begin(&it, txn);
	}
	if (st == OK) {
		while ((e = view_iter_next(&it)) != NULL)
			buf_addf(out, " %u/%u/%u", e->uid, e->flags, e->keywords_n);
		st = view_iter_end(&it);
	}
	buf_addc(out, '\n');
	view_close(&v);
	arena_free(&arena);
	return st;
}

static enum status
describe(const struct actor *actor, struct db_txn *txn, struct buf *out)
{
	enum status st;

	buf_clear(out);
	st = describe_box(actor, txn, box[0], out);
	return st == OK ? describe_box(actor, txn, box[1], out) : st;
}

/* ---- operations ---- */

struct doing {
	struct actor actor;
	int i;
	struct blob_stage *stage;
	struct copy_job *job;
	struct buf *state;
};

static enum status
append(struct db_txn *txn, struct doing *r)
{
	struct str keyword = STR("word");
	struct message_new m = {.stage = r->stage,
	    .size = blob_stage_size(r->stage),
	    .summary = STR("s"),
	    .structure = STR("t"),
	    .message_id_hash = (uint64_t)r->i + 1,
	    .keywords = &keyword,
	    .keywords_n = (size_t)r->i % 2,
	    .flags = (uint8_t)(r->i % 32)};
	uint32_t uid;
	uint64_t modseq;

	return append_as(&r->actor, txn, box[0], &m, &uid, &modseq);
}

static enum status
flags(struct db_txn *txn, struct doing *r)
{
	struct flag_change c = {.op = FLAGS_ADD, .flags = r->i % 2 ? FLAG_SEEN : FLAG_DELETED};
	struct flag_result result = {0};
	struct runs uids = {0};
	enum status st;

	runs_add(&uids, 1 + (uint32_t)r->i / 3, 3 + (uint32_t)r->i / 3);
	st = flags_as(&r->actor, txn, box[0], &uids, &c, &result);
	runs_free(&uids);
	runs_free(&result.changed);
	return st;
}

static enum status
expunge(struct db_txn *txn, struct doing *r)
{
	struct runs gone = {0};
	uint64_t modseq;
	bool more;
	enum status st = expunge_as(&r->actor, txn, box[r->i % 2], NULL, 100, &gone, &more, &modseq);

	runs_free(&gone);
	return st;
}

static enum status
copy(struct db_txn *txn, struct doing *r, bool move)
{
	struct copy_result result = {0};
	struct runs uids = {0};
	enum status st;

	runs_add(&uids, (uint32_t)r->i / 3 + 1, (uint32_t)r->i);
	st = copy_as(&r->actor, txn, box[0], &uids, box[1], move, &result);
	runs_free(&uids);
	runs_free(&result.from);
	return st;
}

static enum status
publish(struct db_txn *txn, struct doing *r)
{
	struct copy_result result = {0};
	enum status st = copy_publish(txn, r->job, &result);

	runs_free(&result.from);
	return st;
}

static enum status
operate(struct db_txn *txn, void *arg)
{
	struct doing *r = arg;
	enum status st;

	switch (r->i % 12) {
	case 3:
	case 7:
		st = flags(txn, r);
		break;
	case 5:
	case 10:
		st = expunge(txn, r);
		break;
	case 6:
		st = copy(txn, r, false);
		break;
	case 8:
		st = copy(txn, r, true);
		break;
	case 9:
		st = publish(txn, r);
		break;
	default:
		st = append(txn, r);
	}
	return st == OK ? describe(&r->actor, txn, r->state) : st;
}

static enum status
step_fn(struct db_txn *txn, void *arg)
{
	struct doing *r = arg;

	return copy_step(txn, r->job);
}

/* What goes before the operation itself. */
static enum status
prepare(struct store *s, struct doing *r)
{
	static char bytes[700000];
	struct runs uids = {0};
	enum status st = OK;

	if (r->i % 12 == 9) {
		runs_add(&uids, 1, 1000);
		r->job = copy_begin_as(&r->actor, box[0], &uids, box[1]);
		runs_free(&uids);
		while (st == OK && copy_more(r->job))
			if ((st = db_write(store_db(s), step_fn, r)) == OK)
				copy_stepped(r->job);
	} else {
		r->stage = blob_stage_new(store_blobs(s), (uint64_t)r->actor.account);
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (char)(i * i * 31 + (size_t)r->i);
		/* Some spill, most do not. */
		st = blob_stage_add(r->stage, str_of(bytes, r->i == 24 ? sizeof(bytes) : 100 + (size_t)r->i * 20));
		if (st == OK)
			st = blob_stage_finish(r->stage);
	}
	return st;
}

static enum status
run_op(struct store *s, const struct actor *actor, int i)
{
	struct doing r = {.actor = *actor, .i = i, .state = &ops[i].state};
	enum status st = prepare(s, &r);

	if (st == OK)
		st = db_write(store_db(s), operate, &r);
	ops[i].ok = st == OK;
	ops[i].acked = faultvfs_events();
	copy_free(r.job);
	blob_stage_free(r.stage);
	if (i % 20 == 19)
		(void)!store_reap(s, clock_seconds() + 1000000);
	return st;
}

struct begin {
	struct store *store;
	struct actor actor;
};

static enum status
begin_fn(struct db_txn *txn, void *arg)
{
	struct begin *b = arg;
	enum status st;

	b->actor = (struct actor){.store = b->store};
	st = account_create(b->store, txn, STR("alice"), &b->actor.account);
	for (int i = 0; i < 2 && st == OK; i++)
		st = mailbox_create(&b->actor, txn, i ? STR("B") : STR("A"), 0, &box[i]);
	return st;
}

static enum status
begin(struct store *s, struct actor *actor)
{
	struct begin b = {.store = s};
	enum status st = db_write(store_db(s), begin_fn, &b);

	*actor = b.actor;
	return st;
}

static void
forget(void)
{
	for (int i = 0; i <= OPS; i++) {
		buf_free(&ops[i].state);
		ops[i] = (struct op){0};
	}
}

/* ---- afterwards ---- */

static void
found(void *arg, const char *text)
{
	if (strstr(text, "its summary is") || strstr(text, "its structure is"))
		return;
	++*(int *)arg;
	print_message("check: %s\n", text);
}

/* The store opens, is sound, and is at the state after one of the operations from..to. Returns which, or -1. */
static int
look(const char *dir, const char *vfs, struct actor actor, int from, int to)
{
	struct buf state = {0};
	struct store *s = NULL;
	int faults = 0, at = -1;
	struct check_report report = {.found = found, .arg = &faults};

	assert_int_equal(open_store(dir, vfs, &s), OK);
	actor.store = s;
	assert_int_equal(READ(s, describe(&actor, txn, &state)), OK);
	assert_int_equal(store_check(s, true, &report), OK);
	assert_int_equal(faults, 0);
	for (int i = from; i <= to; i++)
		if (str_eq(buf_str(&ops[i].state), buf_str(&state)))
			at = i;
	if (at < 0)
		print_message("operations %d to %d, found: %.*s", from, to, STR_FMT(buf_str(&state)));
	buf_free(&state);
	test_close(s);
	return at;
}

static void
put_image(void *arg, const char *path, struct str bytes)
{
	char name[128];

	(void)arg;
	snprintf(name, sizeof(name), IMAGE "%s", path + strlen(DIR));
	memvfs_put(name, bytes);
}

/* ops[0] is the empty state. */
static void
first_state(struct store *s, const struct actor *actor)
{
	struct actor a = *actor;

	assert_int_equal(READ(s, describe(&a, txn, &ops[0].state)), OK);
	ops[0].ok = true;
	ops[0].acked = faultvfs_events();
}

static void
power_cuts(void **state)
{
	struct actor actor;
	struct store *s;
	size_t first;
	int images = 0;

	(void)state;
	memvfs_remove(DIR "/mansio.db");
	faultvfs_plan(NULL);
	faultvfs_record(true);
	assert_int_equal(open_store(DIR, FAULTVFS_NAME, &s), OK);
	assert_int_equal(begin(s, &actor), OK);
	first_state(s, &actor);
	first = faultvfs_events();
	for (int i = 1; i <= OPS; i++)
		assert_int_equal(run_op(s, &actor, i), OK);
	test_close(s);
	for (size_t cut = first; cut <= faultvfs_events(); cut++) {
		int from = 0;

		if (!faultvfs_is_sync(cut) && (cut == 0 || !faultvfs_is_sync(cut - 1)) && cut % 29 != 0)
			continue;
		while (from < OPS && ops[from + 1].acked <= cut)
			from++;
		faultvfs_image(cut, (enum cut)(cut % CUT_MODES), (unsigned)cut * 7 + 1, put_image, NULL);
		if (look(IMAGE, MEMVFS_NAME, actor, from, from < OPS ? from + 1 : OPS) < 0)
			fail_msg("power cut after event %zu of %zu", cut, faultvfs_events());
		memvfs_remove(IMAGE "/mansio.db");
		images++;
	}
	faultvfs_record(false);
	print_message("%d images\n", images);
	assert_true(images > OPS);
	forget();
	memvfs_remove(DIR "/mansio.db");
}

/* Runs all operations with that fault; false: it did not happen any more. */
static bool
run_with(const struct fault *fault)
{
	struct actor actor;
	struct store *s = NULL;
	int last_ok = 0, at;
	bool hit;

	memvfs_remove(DIR "/mansio.db");
	faultvfs_plan(NULL);
	assert_int_equal(open_store(DIR, FAULTVFS_NAME, &s), OK);
	assert_int_equal(begin(s, &actor), OK);
	first_state(s, &actor);
	faultvfs_plan(fault);
	fatal = false;
	for (int i = 1; i <= OPS && !fatal; i++)
		if (run_op(s, &actor, i) == OK)
			last_ok = i;
	hit = faultvfs_hit();
	faultvfs_plan(NULL);
	test_close(s);
	/* What failed is not there, so the state is exactly that of the last success; or what is unknown is. */
	at = look(DIR, FAULTVFS_NAME, actor, last_ok, fatal && last_ok < OPS ? last_ok + 1 : last_ok);
	if (at < 0)
		fail_msg("%s %u: not the state of operation %d", fault_op_word(fault->op), fault->nth, last_ok);
	forget();
	return hit;
}

static void
failing(enum fault_op op, enum fault_how how, bool lasting, unsigned stride)
{
	unsigned n = 1;

	for (;; n += stride) {
		struct fault f = {op, n, how, lasting};

		if (!run_with(&f))
			break;
		assert_in_range(n, 1, 20000);
	}
	print_message("%s %s: up to call %u\n", fault_op_word(op), lasting ? "lasting" : "once", n);
	assert_true(n > 20);
}

static void
faults(void **state)
{
	(void)state;
	failing(FAULT_WRITE, FAULT_EIO, false, 1);
	failing(FAULT_WRITE, FAULT_ENOSPC, true, 3);
	failing(FAULT_SYNC, FAULT_EIO, false, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(power_cuts),
	    cmocka_unit_test(faults),
	};

	return cmocka_run_group_tests(tests, set_up_faults, NULL);
}
