/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Damage and repair (S11): every block of the database file is zeroed and bit-flipped in turn, and the file cut at every block.
 * Nothing crashes or loops, check tells of the damage or there is none, and repair ends with a store in which check
 * finds nothing; a second repair changes nothing. A sample in the normal run, every block with
 * MANSIO_LONG=1, one of them with MANSIO_BLOCK=n.
 */
#include "store/check_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/log.h"
#include "store/changes_priv.h"

#define BLOCK 4096

static char dir[64];
static struct buf image; /* the sound file */

static const char *
in_dir(const char *file)
{
	static char path[2][400];
	static int at;

	at = !at;
	snprintf(path[at], sizeof(path[at]), "%s/%s", dir, file);
	return path[at];
}

static void
clear_dir(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		/* The reserve for a full disk costs time to make, and holds nothing. */
		if (e->d_name[0] != '.' && !str_ends(str_c(e->d_name), STR("-reserve")))
			unlink(in_dir(e->d_name));
	}
	closedir(d);
}

static int
files_in_dir(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int n = 0;

	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.' && !str_ends(str_c(e->d_name), STR("-wal")) && !str_ends(str_c(e->d_name), STR("-shm")) &&
		    !str_ends(str_c(e->d_name), STR("-reserve"));
	closedir(d);
	return n;
}

static void
write_image(struct str bytes)
{
	int fd;

	clear_dir();
	fd = open(in_dir("mansio.db"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes.p, bytes.n), (ssize_t)bytes.n);
	close(fd);
}

static enum status
open_it(struct store **s)
{
	return mend_open(&(struct store_options){.dir = dir, .no_reaper = true}, s);
}

/* Makes the sound file once. */
static struct db_sql first_tombstone = DB_SQL("SELECT min(modseq) FROM change WHERE mailbox = ?1 AND kind = 3");
static struct db_sql set_oldest = DB_SQL("UPDATE mailbox SET oldest_change = ?2 WHERE id = ?1");

static enum status
pack_older(struct db_txn *txn, int64_t mailbox)
{
	int64_t until;
	enum status st = db_get_ints(txn, &first_tombstone, &until, 1, "i", mailbox);

	if (st == OK)
		st = tombstones_pack(txn, mailbox, 0, (uint64_t)until);
	return st == OK ? db_exec(txn, &set_oldest, "ii", mailbox, until) : st;
}

static int
make(void **state)
{
	const char *tmp = getenv("TMPDIR");
	struct actor a, b;
	struct store *s;
	struct stat sb;
	int fd;

	(void)state;
	/* In memory where that can be: it syncs hundreds of times, for which others' writing makes it wait. */
	if (tmp == NULL)
		tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(dir, sizeof(dir), "%.40s/mansio-XXXXXX", tmp);
	assert_non_null(mkdtemp(dir));
	assert_int_equal(open_it(&s), OK);
	fill(s, &a, &b, 60);
	put(&a, mailbox_id(&a, "INBOX"), "large", 700000, 0, NULL);
	/* Of its two tombstones the older one, of a move, is packed. */
	assert_int_equal(WRITE(s, pack_older(txn, mailbox_id(&a, "INBOX"))), OK);
	assert_int_equal(faults(s, true), 0);
	test_close(s);
	fd = open(in_dir("mansio.db"), O_RDONLY);
	assert_true(fd >= 0 && fstat(fd, &sb) == 0);
	assert_int_equal(read(fd, buf_room(&image, (size_t)sb.st_size), (size_t)sb.st_size), sb.st_size);
	buf_wrote(&image, (size_t)sb.st_size);
	close(fd);
	log_set_fd(open("/dev/null", O_WRONLY));
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	clear_dir();
	unlink(in_dir("mansio.db-reserve"));
	rmdir(dir);
	buf_free(&image);
	return 0;
}

static void
print_lost(void *arg, const char *text)
{
	(void)arg;
	print_message("  lost: %s\n", text);
}

/* Reads what can be read of every mailbox: no crash, no loop. *n_r: messages. */
static void
read_all(struct store *s, int64_t account, uint64_t *n_r)
{
	struct actor a = {.store = s, .account = account};
	struct arena arena = {0};
	struct db_txn *txn;
	struct mailbox *list;
	size_t n = 0;

	if (db_read_begin(store_db(s), &txn) != OK)
		return;
	if (mailbox_list(&a, txn, &arena, &list, &n) != OK)
		n = 0;
	for (size_t i = 0; i < n; i++) {
		struct view v;
		struct view_iter it = VIEW_ITER(&v, NULL);

		if (list[i].noselect || view_open(&v, &a, txn, &list[i], true) != OK)
			continue;
		if (view_iter_begin(&it, txn) == OK) {
			while (view_iter_next(&it) != NULL)
				++*n_r;
		}
		(void)!view_iter_end(&it);
		view_close(&v);
	}
	db_read_end(txn);
	arena_free(&arena);
}

/* Serves and checks a damaged file; then repairs it. found_r: check or the opening told of the damage. */
static void
use_and_repair(struct str bytes, bool verbose, struct repair_report *r, uint64_t *faults_r)
{
	struct repair_report again = {0};
	struct check_report c = {0};
	uint64_t n = 0;
	struct store *s;
	enum status st;
	int files;

	write_image(bytes);
	if (open_it(&s) == OK) {
		read_all(s, 1, &n);
		read_all(s, 2, &n);
		st = store_check(s, true, &c);
		test_close(s);
		*faults_r = c.faults + (st != OK);
	} else
		*faults_r = 1;
	write_image(bytes);
	*r = (struct repair_report){.lost = verbose ? print_lost : NULL};
	st = store_repair(dir, r);
	if (st == ERR_CORRUPT && bytes.n < BLOCK * 3)
		return; /* nothing of it can be read */
	assert_int_equal(st, OK);
	assert_int_equal(open_it(&s), OK);
	n = faults(s, verbose);
	test_close(s);
	assert_int_equal(n, 0);
	files = files_in_dir();
	assert_int_equal(store_repair(dir, &again), OK);
	assert_int_equal(again.lost_n, 0);
	assert_int_equal(files_in_dir(), files);
}

static void
sound(void **state)
{
	struct repair_report r;
	uint64_t f = 0;

	(void)state;
	use_and_repair(buf_str(&image), true, &r, &f);
	assert_int_equal(f, 0);
	assert_int_equal(r.lost_n, 0);
	assert_int_equal(files_in_dir(), 1);
}

static enum status
spoil_names(struct db_txn *txn, void *arg)
{
	(void)arg;
	return db_script(txn, "UPDATE keyword SET name = 'a) UID 99 BODY[TEXT] {3}', fold = 'a) uid 99 body[text] {3}';"
	    "UPDATE mailbox SET name = 'a' || char(10), sort = 'a' || char(10) WHERE name = 'Sent';"
	    "UPDATE mailbox SET sort = 'elsewhere' WHERE name = 'Drafts' AND account = 1;"
    /* Clients had given others the names that stand in. */
    "UPDATE mailbox SET name = 'Recovered-' || (SELECT id FROM mailbox WHERE account = 1 AND name = 'a' || char(10)) WHERE name = 'Trash' AND account = 1;"
    "UPDATE mailbox SET sort = name WHERE name LIKE 'Recovered-%';"
    "INSERT INTO keyword SELECT mailbox, max(id) + 1, 'recovered-0', 'recovered-0' FROM keyword GROUP BY mailbox;"
    "INSERT INTO keyword SELECT mailbox, max(id) + 1, 'Good', 'evil' FROM keyword GROUP BY mailbox;"
    "UPDATE mailbox SET keywords = (SELECT max(id) + 1 FROM keyword k WHERE k.mailbox = mailbox.id) WHERE keywords > 0;"
	    "INSERT INTO subscription SELECT id, 'x' || char(13) FROM account");
}

/* Names that could not have come in get a stand-in where they are read, check tells of them, repair mends them, and no message is lost. */
static void
names_mended(void **state)
{
	struct actor a = {.account = 1};
	struct repair_report r = {0};
	struct arena arena = {0};
	struct keywords kw;
	struct mailbox *list;
	uint64_t before = 0, after = 0, f = 0;
	struct store *s;
	struct buf bytes = {0};
	struct stat sb;
	size_t n, bad = 0;
	int fd;

	(void)state;
	write_image(buf_str(&image));
	assert_int_equal(open_it(&s), OK);
	a.store = s;
	read_all(s, 1, &before);
	assert_int_equal(db_write(store_db(s), spoil_names, NULL), OK);
	assert_int_equal(READ(s, keywords_get(txn, &arena, mailbox_id(&a, "INBOX"), &kw)), OK);
	assert_true(kw.n > 0 && str_eq(kw.name[0], STR("recovered-0")));
	assert_int_equal(READ(s, mailbox_list(&a, txn, &arena, &list, &n)), OK);
	for (size_t i = 0; i < n; i++)
		bad += str_starts(list[i].name, STR("Recovered-"));
	assert_int_equal(bad, 2);
	test_close(s);
	fd = open(in_dir("mansio.db"), O_RDONLY);
	assert_true(fd >= 0 && fstat(fd, &sb) == 0);
	assert_int_equal(read(fd, buf_room(&bytes, (size_t)sb.st_size), (size_t)sb.st_size), sb.st_size);
	buf_wrote(&bytes, (size_t)sb.st_size);
	close(fd);
	use_and_repair(buf_str(&bytes), false, &r, &f);
	assert_true(f >= 5 && r.lost_n >= 5);
	assert_int_equal(open_it(&s), OK);
	a.store = s;
	read_all(s, 1, &after);
	assert_int_equal(before, after);
	assert_true(mailbox_id(&a, "Drafts") > 0);
	assert_int_equal(READ(s, keywords_get(txn, &arena, mailbox_id(&a, "INBOX"), &kw)), OK);
	assert_true(keywords_find(&kw, STR("recovered-0-2")) == 0 && keywords_find(&kw, STR("recovered-0")) > 0 && keywords_find(&kw, STR("good")) > 0);
	test_close(s);
	buf_free(&bytes);
	arena_free(&arena);
}

static size_t
stride(void)
{
	size_t blocks = image.n / BLOCK;

	return getenv("MANSIO_LONG") != NULL || blocks < 3 ? 1 : blocks / 3;
}

static void
each_block(void (*spoil)(char *block))
{
	size_t blocks = image.n / BLOCK, quiet = 0, step = stride();
	struct buf bytes = {0};

	for (size_t i = (size_t)time(NULL) % step; i < blocks; i += step) {
		struct repair_report r;
		uint64_t f = 0;

		if (getenv("MANSIO_BLOCK") != NULL)
			i = (size_t)atoi(getenv("MANSIO_BLOCK")) % blocks;
		buf_clear(&bytes);
		buf_add(&bytes, buf_str(&image));
		spoil(bytes.p + i * BLOCK);
		print_message("block %zu of %zu\n", i, blocks);
		use_and_repair(buf_str(&bytes), getenv("VERBOSE") != NULL, &r, &f);
		quiet += f == 0;
		if (getenv("MANSIO_BLOCK") != NULL)
			break;
	}
	print_message("%zu blocks without effect\n", quiet);
	buf_free(&bytes);
}

static void
zero(char *block)
{
	memset(block, 0, BLOCK);
}

static void
flip(char *block)
{
	for (int i = 0; i < 8; i++)
		block[(size_t)random() % BLOCK] ^= (char)(1 << (random() & 7));
}

static void
zeroed(void **state)
{
	(void)state;
	each_block(zero);
}

static void
flipped(void **state)
{
	(void)state;
	srandom(1);
	each_block(flip);
}

static void
cut(void **state)
{
	size_t blocks = image.n / BLOCK, step = stride();

	(void)state;
	for (size_t i = 1; i < blocks; i += step) {
		struct repair_report r;
		uint64_t f = 0;

		print_message("cut at %zu of %zu\n", i, blocks);
		use_and_repair(str_head(buf_str(&image), i * BLOCK), getenv("VERBOSE") != NULL, &r, &f);
		assert_true(f > 0);
	}
}

/* ---- what comes back ---- */

static enum status
script(struct db_txn *txn, void *arg)
{
	return db_script(txn, arg);
}

/* Spoils with SQL, repairs, and tells what is there then. */
static void
spoil_and_repair(const char *sql, struct repair_report *r, struct store **s_r)
{
	struct buf text = {0};
	struct store *s;

	write_image(buf_str(&image));
	assert_int_equal(open_it(&s), OK);
	buf_addf(&text, "%s%c", sql, 0);
	assert_int_equal(db_write(store_db(s), script, text.p), OK);
	test_close(s);
	buf_free(&text);
	*r = (struct repair_report){0};
	assert_int_equal(store_repair(dir, r), OK);
	assert_int_equal(open_it(s_r), OK);
	assert_int_equal(faults(*s_r, true), 0);
}

static struct mailbox
find(struct store *s, const char *name)
{
	struct actor a = {.store = s, .account = 1};
	struct arena arena = {0};
	struct mailbox mb = {0};

	(void)!READ(s, mailbox_find(&a, txn, &arena, str_c(name), &mb));
	arena_free(&arena);
	return mb;
}

static void
comes_back(void **state)
{
	struct repair_report r;
	struct mailbox before, after;
	struct changes c;
	struct store *s;

	(void)state;
	write_image(buf_str(&image));
	assert_int_equal(open_it(&s), OK);
	before = find(s, "INBOX");
	test_close(s);
	/* Pages of INBOX are lost: its messages come back from their births, under their UIDs; the expunged ones do not. */
	spoil_and_repair("UPDATE page SET data = x'00' WHERE id >> 32 = (SELECT id FROM mailbox WHERE account = 1 AND name = 'INBOX')",
	    &r, &s);
	after = find(s, "INBOX");
	assert_int_equal(after.messages, before.messages);
	assert_int_equal(after.uidvalidity, before.uidvalidity);
	assert_true(after.uidnext >= before.uidnext && after.modseq > before.modseq);
	assert_true(r.lost_n > 0);
	test_close(s);
	/* What was moved or copied in has no birth there: nothing is lost all the same. */
	spoil_and_repair("DELETE FROM page WHERE id >> 32 = (SELECT id FROM mailbox WHERE account = 1 AND name = 'Sent')", &r, &s);
	assert_int_equal(find(s, "Sent").messages, 0);
	assert_int_equal(find(s, "Recovered").messages, 3);
	test_close(s);
	/* The directory is made anew. */
	spoil_and_repair("DELETE FROM dir", &r, &s);
	assert_int_equal(find(s, "INBOX").messages, before.messages);
	test_close(s);
	/* Summaries and structures come from the bodies. */
	spoil_and_repair("UPDATE email SET summary = x'00'; DELETE FROM structure", &r, &s);
	assert_int_equal(find(s, "INBOX").messages, before.messages);
	test_close(s);
	/* Names. */
	spoil_and_repair("DELETE FROM mailbox WHERE account = 1 AND name = 'Work/Old'; DELETE FROM account WHERE id = 2", &r, &s);
	assert_int_equal(find(s, "INBOX").messages, before.messages);
	test_close(s);
	/* What led to what is lost, and who is counted in which domain. */
	spoil_and_repair("DELETE FROM address WHERE id = 1; UPDATE account SET domain = 'x.example'", &r, &s);
	assert_true(r.lost_n > 0);
	test_close(s);
	/* Packed tombstones: every UID that is not there gets a new one. */
	spoil_and_repair("UPDATE change SET uids = zeroblob(length(uids)) WHERE kind = 5", &r, &s);
	after = find(s, "INBOX");
	assert_int_equal(after.messages, before.messages);
	assert_int_equal(READ(s, changes_as(&(struct actor){.store = s, .account = 1}, txn, after.id, before.modseq, NULL, 0, &c)), OK);
	for (uint32_t uid = 5; uid <= 7; uid++)
		assert_true(runs_has(&c.gone, uid));
	assert_int_equal(runs_count(&c.gone), 3);
	changes_free(&c);
	test_close(s);
	/* A body: that message is gone, and has a tombstone. */
	spoil_and_repair("DELETE FROM blob WHERE id = (SELECT max(id) FROM blob)", &r, &s);
	assert_int_equal(find(s, "INBOX").messages, before.messages - 1);
	assert_int_equal(find(s, "INBOX").uidnext, before.uidnext);
	test_close(s);
}

static void
no_store(void **state)
{
	struct repair_report r = {0};

	(void)state;
	clear_dir();
	unlink(in_dir("mansio.db-reserve"));
	assert_int_equal(store_repair(dir, &r), ERR_NOT_FOUND);
	assert_int_equal(files_in_dir(), 0);
}

/* A repair was cut off between its last two steps: what it made is the store, and nobody may open the old one. */
static void
cut_off(void **state)
{
	struct store *s;
	struct actor a;

	(void)state;
	write_image(buf_str(&image));
	assert_int_equal(rename(in_dir("mansio.db"), in_dir("mansio.db.repaired")), 0);
	close(open(in_dir("mansio.db"), O_WRONLY | O_CREAT, 0600));
	assert_int_equal(store_open(&(struct store_options){.dir = dir, .no_reaper = true}, &s), ERR_AGAIN);
	assert_int_equal(open_it(&s), OK);
	a = (struct actor){.store = s, .account = 1};
	assert_int_not_equal(mailbox_id(&a, "Work"), 0);
	test_close(s);
	assert_int_equal(access(in_dir("mansio.db.repaired"), F_OK), -1);
	assert_int_equal(files_in_dir(), 2); /* and the old one under another name */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sound), cmocka_unit_test(names_mended),
	    cmocka_unit_test(comes_back),
	    cmocka_unit_test(zeroed),
	    cmocka_unit_test(flipped),
	    cmocka_unit_test(cut),
	    cmocka_unit_test(no_store),
	    cmocka_unit_test(cut_off),
	};
	return cmocka_run_group_tests(tests, make, unmake);
}
