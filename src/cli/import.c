/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import: the verb, and the client's side of admin/verb_import.c. What is in a mailbox decides what is brought: of each content (formats/content.h) as
 * many as the source has more than the mailbox, wherever those came from.
 */
#include "cli/import.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/config.h"
#include "server/helper.h"
#include "store/imported.h"
#include "store/message.h"
#include "wire/flag.h"
#include "wire/mailbox_name.h"
#include "base/utf8.h"

#define CHUNK (128 * 1024)

/* Of one content in one mailbox. */
struct count {
	uint64_t there; /* and not yet matched by the source */
	uint64_t came;  /* of the source */
};

void
import_fail(struct import *im, const char *fmt, ...)
{
	va_list ap;

	im->failed = true;
	if (im->counting)
		return;
	if (im->progress.tty)
		fputc('\n', stderr);
	va_start(ap, fmt);
	(void)cli_vfail(fmt, ap);
	va_end(ap);
}

/* ---- answers of the store ---- */

static void
take_answer(struct import *im, const struct frame *f)
{
	struct arena arena = {0};
	struct str *fields;
	size_t n;
	uint64_t count, bytes;

	if (f->type == FRAME_TEXT) {
		import_fail(im, "%.*s", STR_FMT(f->payload));
	} else if (f->type == FRAME_RECORD && frame_fields(&arena, f->payload, &fields, &n) == OK && n == 3 &&
	    str_u64(fields[1], UINT64_MAX, &count) && str_u64(fields[2], UINT64_MAX, &bytes)) {
		progress_add(&im->progress, count, bytes);
	} else if (f->type == FRAME_EXIT) {
		(void)cli_exit_code(f->payload, false);
		im->status = ERR_UNAVAILABLE;
	}
	arena_free(&arena);
}

/* The server's answers are few and small: they are read between messages, so neither side waits for the other for ever. */
static void
take_answers(struct import *im)
{
	struct frame f;
	enum status st = OK;

	while (im->status == OK && (st = link_poll(&im->link, &f)) == OK)
		take_answer(im, &f);
	if (im->status == OK && st != ERR_AGAIN)
		im->status = st;
}

/* The keys in DATA frames up to an empty one, each given to fn. */
static void
read_ids(struct import *im, size_t size, void (*fn)(struct import *im, struct str id))
{
	struct frame f;

	while (im->status == OK && (im->status = link_next(&im->link, &f)) == OK) {
		if (f.type != FRAME_DATA) {
			take_answer(im, &f);
			continue;
		}
		if (f.payload.n == 0)
			return;
		for (size_t i = 0; i + size <= f.payload.n; i += size)
			fn(im, str_of(f.payload.p + i, size));
	}
}

/* ---- mailboxes ---- */

static struct count *
count_of(struct import *im, struct str id)
{
	struct buf key = {0};
	struct count *c;

	buf_add(&key, id);
	buf_add(&key, im->folder);
	if ((c = map_get(&im->have, buf_str(&key))) == NULL) {
		c = arena_new(&im->arena, struct count);
		map_put(&im->have, buf_str(&key), c);
	}
	buf_free(&key);
	return c;
}

static void
is_there(struct import *im, struct str id)
{
	count_of(im, id)->there++;
}

static void
came_earlier(struct import *im, struct str key)
{
	static char present;

	map_put(&im->earlier, key, &present);
}

static struct str
possible_name(struct import *im, struct str name, bool *other_r)
{
	struct buf b = {0};
	struct str canon, rest = name;

	*other_r = mailbox_name_canon(&im->arena, name, true, &canon) != OK || mailbox_name_check(canon) != OK;
	if (!*other_r)
		return canon;
	/* Bytes that are no UTF-8 are taken as Latin-1; what cannot stand in a name becomes '_'. */
	while (rest.n > 0) {
		size_t len = 1;
		int32_t c = utf8_next(rest, &len);

		if (c < 0) {
			c = (unsigned char)rest.p[0];
			len = 1;
		}
		utf8_add(&b, c < ' ' || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 ? '_' : (uint32_t)c);
		rest = str_from(rest, len);
	}
	name = arena_str(&im->arena, buf_str(&b));
	buf_free(&b);
	if (mailbox_name_canon(&im->arena, name, true, &canon) != OK || mailbox_name_check(canon) != OK)
		canon = STR("Imported");
	return canon;
}

/* A name that can be given, as near to the one that stands there as may be; *other_r: it is another. */
static struct str
good_name(struct import *im, struct str name, bool *other_r)
{
	struct str canon = possible_name(im, name, other_r);

	if (!mailbox_name_reserved(canon))
		return canon;
	*other_r = true;
	canon = arena_printf(&im->arena, "Imported/%.*s", STR_FMT(canon));
	return mailbox_name_check(canon) == OK ? canon : STR("Imported");
}

void
import_folder(struct import *im, struct str name, const char *special)
{
	static char told;
	bool first, other;
	struct str canon = good_name(im, name, &other);

	im->found++;
	if (im->counting) {
		if (other)
			(void)cli_fail("%.*s: not a name for a mailbox, it comes as \"%.*s\"", STR_FMT(name), STR_FMT(canon));
		return;
	}
	if (im->status != OK || str_eq(canon, im->folder))
		return;
	im->folder = canon;
	first = map_get(&im->folders, canon) == NULL;
	map_put(&im->folders, canon, &told);
	link_fields(&im->link, FRAME_RECORD, 4, (struct str[]){STR("folder"), canon, str_c(special), first ? STR("ids") : STR("")});
	if (first)
		read_ids(im, CONTENT_ID_SIZE, is_there);
}

/* ---- messages ---- */

struct sending {
	struct import *im;
	struct buf chunk;
	bool cr;        /* the last byte was one */
	uint64_t bytes;
};

/* Sends bytes in DATA frames with every bare LF as CRLF. */
static void
send_piece(void *arg, struct str s)
{
	struct sending *out = arg;

	out->bytes += s.n;
	while (s.n > 0) {
		size_t lf = str_chr(s, '\n'), n = lf < CHUNK ? lf : CHUNK;

		n = n < s.n ? n : s.n;
		buf_add(&out->chunk, str_head(s, n));
		if (n > 0)
			out->cr = s.p[n - 1] == '\r';
		s = str_from(s, n);
		if (n == lf && s.n > 0) {
			if (!out->cr)
				buf_addc(&out->chunk, '\r');
			buf_addc(&out->chunk, '\n');
			out->cr = false;
			s = str_from(s, 1);
		}
		if (out->chunk.n >= CHUNK) {
			link_send(&out->im->link, FRAME_DATA, buf_str(&out->chunk));
			buf_clear(&out->chunk);
		}
	}
}

static void
hash_piece(void *arg, struct str s)
{
	content_add(arg, s);
}

/* Names the content in its mailbox, the times-th of its kind: what was brought once (store/imported.h). */
static void
key_of(struct import *im, const unsigned char *id, uint64_t times, unsigned char key[SHA256_DIGEST_LENGTH])
{
	struct buf b = {0};

	pack_str(&b, im->folder);
	pack_str(&b, str_of(id, CONTENT_ID_SIZE));
	varint_add(&b, times);
	SHA256((const unsigned char *)b.p, b.n, key);
	buf_free(&b);
}

/* The message's keywords that can be kept, behind the fields that are there. How many fields there are. */
static size_t
add_keywords(struct import *im, const struct import_message *m, struct str *fields, size_t n)
{
	size_t first = n, bad = 0, many = m->keywords_more;

	for (size_t i = 0; i < m->keywords_n; i++) {
		bool twice = false;

		for (size_t k = first; k < n && !twice; k++)
			twice = str_caseeq(fields[k], m->keywords[i]);
		if (twice)
			continue;
		if (!flag_keyword_valid(m->keywords[i]))
			bad++;
		else if (n - first == KEYWORDS_PER_MESSAGE)
			many++;
		else
			fields[n++] = m->keywords[i];
	}
	if (bad > 0)
		import_fail(im, "%.*s: comes without %zu keywords, which are none that IMAP can name", STR_FMT(m->label), bad);
	if (many > 0)
		import_fail(im, "%.*s: comes without %zu of its keywords, a message can have %d", STR_FMT(m->label), many, KEYWORDS_PER_MESSAGE);
	return n;
}

static void
send_message(struct import *im, const struct import_message *m, struct str id, struct str key)
{
	struct str fields[8 + KEYWORDS_PER_MESSAGE] = {STR("message"), id, key};
	struct sending out = {.im = im};
	char numbers[3][24];
	bool good;
	size_t n;

	snprintf(numbers[0], 24, "%" PRId64, m->dated ? m->date : INT64_MIN + 1);
	snprintf(numbers[1], 24, "%d", m->zone);
	snprintf(numbers[2], 24, "%u", m->flags & FLAG_ALL);
	for (size_t i = 0; i < 3; i++)
		fields[3 + i] = str_c(numbers[i]);
	fields[6] = str_head(m->label, 1000);
	fields[7] = str_eq(im->folder, STR("INBOX")) ? m->uidl : STR("");
	n = add_keywords(im, m, fields, 8);
	link_fields(&im->link, FRAME_RECORD, n, fields);
	good = m->bytes(m->ctx, send_piece, &out);
	if (out.chunk.n > 0)
		link_send(&im->link, FRAME_DATA, buf_str(&out.chunk));
	buf_free(&out.chunk);
	/* What could not be read to its end is no message: the store forgets it. */
	link_fields(&im->link, FRAME_RECORD, 1, (struct str[]){good ? STR("end") : STR("drop")});
	if (!good)
		import_fail(im, "%.*s cannot be read", STR_FMT(m->label));
	take_answers(im);
}

/* It is there; what it had to come without, or would have, is said in each run. */
static void
is_present(struct import *im, const struct import_message *m)
{
	struct str kept[KEYWORDS_PER_MESSAGE];

	(void)add_keywords(im, m, kept, 0);
	im->present++;
	progress_add(&im->progress, 1, 0);
}

void
import_message(struct import *im, const struct import_message *m)
{
	unsigned char id[CONTENT_ID_SIZE], key[SHA256_DIGEST_LENGTH];
	struct count *c;

	im->found++;
	if (im->counting) {
		im->total++;
		return;
	}
	if (im->status != OK)
		return;
	if (!m->bytes(m->ctx, hash_piece, im->content)) {
		content_id(im->content, id);
		import_fail(im, "%.*s cannot be read", STR_FMT(m->label));
		return;
	}
	content_id(im->content, id);
	c = count_of(im, str_of(id, sizeof(id)));
	key_of(im, id, ++c->came, key);
	if (c->there > 0) {
		c->there--;
		is_present(im, m);
		return;
	}
	if (im->only_new && map_get(&im->earlier, str_of(key, IMPORT_KEY_SIZE)) != NULL) {
		is_present(im, m);
		return;
	}
	send_message(im, m, str_of(id, sizeof(id)), str_of(key, IMPORT_KEY_SIZE));
}

/* ---- the verb ---- */

static void
walk(struct import *im)
{
	im->folder = STR_NONE;
	for (size_t i = 0; i < im->roots_n && im->status == OK; i++) {
		const struct import_root *root = &im->roots[i];

		im->found = 0;
		if (root->path == NULL)
			import_fail(im, "%s: %s", root->given, strerror(root->error));
		else
			import_path(im, root->path, str_c(im->into));
	}
}

static int
finish(struct import *im)
{
	struct frame f;

	if (im->status == OK)
		link_send(&im->link, FRAME_END, STR(""));
	while (im->status == OK && (im->status = link_next(&im->link, &f)) == OK) {
		if (f.type == FRAME_EXIT) {
			progress_end(&im->progress);
			return cli_exit_code(f.payload, true);
		}
		take_answer(im, &f);
	}
	return im->status == ERR_UNAVAILABLE ? 1 : cli_fail("the server went away; start the import again to go on");
}

static int
run(struct import *im)
{
	int code = 1;

	cli_request(&im->link, 3, (struct str[]){STR("import"), str_c(im->user), im->only_new ? STR("only-new") : STR("")});
	read_ids(im, IMPORT_KEY_SIZE, came_earlier);
	if (im->status == ERR_UNAVAILABLE)
		return 1;
	im->counting = true;
	walk(im);
	im->counting = false;
	progress_begin(&im->progress, "messages", im->total, im->quiet);
	im->progress.tty = im->tty;
	walk(im);
	code = finish(im);
	if (im->present > 0)
		printf("%" PRIu64 " were there already\n", im->present);
	if (im->deleted > 0)
		printf("%" PRIu64 " that Thunderbird has deleted stayed away\n", im->deleted);
	return code != 0 || im->failed ? 1 : 0;
}

/* In the process apart. */
static int
import(struct import *im)
{
	char data[4096];
	struct buf why = {0};
	int code = EXIT_NOT_DONE;

	if (cli_data_dir(data, sizeof(data)) != OK)
		return code;
	im->tty = !im->quiet && isatty(2); /* later it may not ask */
	if (helper_begin(data, &why) != OK)
		(void)cli_fail("%.*s", STR_FMT(buf_str(&why)));
	else if (cli_connect(&im->link) == OK) {
		if (helper_close(&why) != OK)
			(void)cli_fail("%.*s", STR_FMT(buf_str(&why)));
		else {
			import_probe(im->roots);
			code = run(im);
		}
		cli_disconnect(&im->link);
	}
	buf_free(&why);
	map_free(&im->have);
	map_free(&im->earlier);
	map_free(&im->folders);
	arena_free(&im->arena);
	return code;
}

/* Where the data lie is looked up by who gave the command: another user's would be elsewhere. */
static bool
keep_data_dir(void)
{
	struct buf set = {0}, why = {0};
	char data[4096];
	bool ok = cli_data_dir(data, sizeof(data)) == OK;

	buf_addf(&set, "server.data=%s", data);
	if (ok && (ok = config_set(buf_str(&set), &why) == OK) == false)
		(void)cli_fail("%.*s", STR_FMT(buf_str(&why)));
	buf_free(&set);
	buf_free(&why);
	return ok;
}

int
cli_account_import(struct cli *cli)
{
	struct import im = {.into = "INBOX"};
	struct import_root *roots;
	const char *user = NULL;
	int code;

	if (!cli_options(cli, (struct cli_option[]){{"user", &user, NULL}, {"into", &im.into, NULL}, {"only-new", NULL, &im.only_new},
				  {"quiet", NULL, &im.quiet}, {0}}) ||
	    (im.user = cli_account(cli, user)) == NULL || cli->argc == 0)
		return cli_usage("account import");
	if (!keep_data_dir())
		return EXIT_NOT_DONE;
	im.roots_n = (size_t)cli->argc;
	im.roots = roots = x_malloc(im.roots_n * sizeof(*roots));
	for (size_t i = 0; i < im.roots_n; i++) {
		roots[i] = (struct import_root){.given = cli->argv[i], .path = realpath(cli->argv[i], NULL)};
		roots[i].error = errno;
	}
	im.content = content_new();
	code = import_apart(&im, roots, im.roots_n, import);
	content_free(im.content);
	for (size_t i = 0; i < im.roots_n; i++)
		free(roots[i].path);
	free(roots);
	return code;
}
