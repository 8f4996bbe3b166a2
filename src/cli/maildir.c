/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of a Maildir: files in cur/ and new/; keywords are letters that Dovecot explains, or are listed by Courier. */
#include <errno.h>
#include <string.h>
#include "cli/import.h"
#include "formats/maildir.h"
#include "wire/flag.h"

#define LIST_MAX (64u << 20) /* bytes of a list of keywords, or of UIDLs */
#define KEYWORDS_MAX 1000    /* of a message, that are looked at */
#define CHUNK 65536
#define TRIES 5              /* to open a file that is given ever new names */

struct maildir {
	struct import *im;
	struct str path;
	struct maildir_letters letters;
	struct maildir_list courier;
	struct maildir_uidls uidls;
	struct arena arena;
	bool listed;         /* since messages were found gone: */
	struct map renamed;  /* base to "cur/NAME" or "new/NAME" */
	struct arena names;  /* of these */
};

/* ---- lists of keywords ---- */

static bool
list_of(struct maildir *md, const char *name, struct buf *text)
{
	struct str path = arena_printf(&md->arena, "%.*s/%s", STR_FMT(md->path), name);
	enum status st = import_file_whole(path.p, LIST_MAX, text);

	if (st != OK && st != ERR_NOT_FOUND)
		import_fail(md->im, "%.*s cannot be read: what it tells of messages is left out", STR_FMT(path));
	return st == OK;
}

/* Files beside Courier's list, newer than it: "BASE", and ".NUMBER.BASE" while Courier is at it. */
static void
courier_file(struct maildir *md, const char *dir, struct str name)
{
	struct str base = name;
	struct buf text = {0};
	struct maildir_keywords *kw;

	if (str_starts(name, STR(":")))
		return;
	if (str_starts(name, STR("."))) {
		base = str_from(name, 1);
		base = str_from(base, str_chr(base, '.') + 1);
	}
	if (base.n > 0 && import_file_whole(arena_printf(&md->arena, "%s/%.*s", dir, STR_FMT(name)).p, CHUNK, &text) == OK) {
		kw = arena_new(&md->arena, struct maildir_keywords);
		maildir_keywords_parse(&md->arena, buf_str(&text), kw);
		map_put(&md->courier.messages, base, kw);
	}
	buf_free(&text);
}

static void
read_lists(struct maildir *md)
{
	struct str dir = arena_printf(&md->arena, "%.*s/courierimapkeywords", STR_FMT(md->path));
	struct import_entry *list;
	struct buf text = {0};
	size_t n;

	if (list_of(md, "dovecot-keywords", &text))
		maildir_letters_parse(&md->arena, buf_str(&text), &md->letters);
	buf_clear(&text);
	if (list_of(md, "courierimapkeywords/:list", &text))
		maildir_list_parse(&md->arena, buf_str(&text), &md->courier);
	/* Where both have been, Dovecot came last: it took over what Courier's list says. */
	buf_clear(&text);
	if (list_of(md, "dovecot-uidlist", &text))
		maildir_dovecot_uidls(&md->arena, buf_str(&text), &md->uidls);
	else if (list_of(md, "courierpop3dsizelist", &text))
		maildir_courier_uidls(&md->arena, buf_str(&text), &md->uidls);
	buf_free(&text);
	if (import_list(&md->arena, dir.p, &list, &n) == OK)
		for (size_t i = 0; i < n; i++)
			if (list[i].type == ENTRY_FILE)
				courier_file(md, dir.p, list[i].name);
}

static size_t
keywords_of(struct maildir *md, const struct maildir_name *name, struct str *out)
{
	struct maildir_keywords *kw = map_get(&md->courier.messages, name->base);
	size_t n = 0, nameless = 0;

	if (name->forwarded)
		out[n++] = STR("$Forwarded");
	for (unsigned i = 0; i < MAILDIR_LETTERS; i++) {
		if (!(name->letters & UINT32_C(1) << i))
			continue;
		if (md->letters.keyword[i].n > 0)
			out[n++] = md->letters.keyword[i];
		else
			nameless++;
	}
	if (nameless > 0)
		import_fail(md->im, "%.*s: %.*s: comes without %zu keywords, whose letters no dovecot-keywords explains", STR_FMT(md->path),
		    STR_FMT(name->base), nameless);
	for (size_t i = 0; kw != NULL && i < kw->n && n < KEYWORDS_MAX; i++)
		out[n++] = kw->name[i];
	return n;
}

/* ---- messages ---- */

static bool
file_bytes(void *ctx, void (*fn)(void *arg, struct str bytes), void *arg)
{
	return import_file_bytes(ctx, 0, fn, arg);
}

static void
list_anew(struct maildir *md)
{
	static const char *const subs[] = {"cur", "new"};

	map_free(&md->renamed);
	arena_free(&md->names);
	for (size_t i = 0; i < sizeof(subs) / sizeof(*subs); i++) {
		struct import_entry *list;
		struct maildir_name name;
		size_t n;

		if (import_list(&md->names, arena_printf(&md->names, "%.*s/%s", STR_FMT(md->path), subs[i]).p, &list, &n) != OK)
			continue;
		for (size_t k = 0; k < n; k++) {
			maildir_name_parse(list[k].name, &name);
			if (list[k].type == ENTRY_FILE)
				map_put(&md->renamed, name.base, (void *)(uintptr_t)arena_printf(&md->names, "%s/%.*s", subs[i], STR_FMT(list[k].name)).p);
		}
	}
	md->listed = true;
}

/*
 * A mail program gave the file another name since it was listed: the one with the same base. That all were given others costs one more
 * list; that one is gone is said by a new one only. ERR_NOT_FOUND: it is gone; *name_r is its new name, and lives until the next call.
 */
static enum status
open_renamed(struct maildir *md, struct str base, struct str *name_r, struct import_file *f_r)
{
	enum status st = ERR_NOT_FOUND;

	for (int tries = 0; tries < TRIES && st == ERR_NOT_FOUND; tries++) {
		bool fresh = tries > 0 || !md->listed;
		const char *at;

		if (fresh)
			list_anew(md);
		if ((at = map_get(&md->renamed, base)) == NULL) {
			if (fresh)
				return ERR_NOT_FOUND;
			continue;
		}
		*name_r = str_c(at);
		st = import_file_open(arena_printf(&md->arena, "%.*s/%s", STR_FMT(md->path), at).p, f_r);
	}
	return st == ERR_NOT_FOUND ? ERR_AGAIN : st;
}

static void
read_message(struct maildir *md, const char *sub, struct str file)
{
	struct str path = arena_printf(&md->arena, "%.*s/%s/%.*s", STR_FMT(md->path), sub, STR_FMT(file)), again;
	struct str keywords[KEYWORDS_MAX + MAILDIR_LETTERS + 1];
	struct maildir_name name;
	struct import_file f;
	const struct str *uidl;
	enum status st;

	maildir_name_parse(file, &name);
	if ((st = import_file_open(path.p, &f)) == ERR_NOT_FOUND) {
		if ((st = open_renamed(md, name.base, &again, &f)) == ERR_NOT_FOUND)
			return; /* somebody deleted it: it is not in the source any more */
		if (st == OK) {
			path = arena_printf(&md->arena, "%.*s/%.*s", STR_FMT(md->path), STR_FMT(again));
			maildir_name_parse(str_from(again, strlen("cur/")), &name);
		}
	}
	if (st != OK) {
		import_fail(md->im, "%.*s cannot be read", STR_FMT(path));
		return;
	}
	uidl = map_get(&md->uidls.messages, name.base);
	import_message(md->im, &(struct import_message){.label = path, .uidl = uidl != NULL ? *uidl : STR(""), .bytes = file_bytes, .ctx = &f, .dated = true, .date = f.mtime,
	    .flags = name.flags, .keywords = keywords, .keywords_n = keywords_of(md, &name, keywords)});
	import_file_close(&f);
}

static void
read_sub(struct maildir *md, const char *sub)
{
	struct str dir = arena_printf(&md->arena, "%.*s/%s", STR_FMT(md->path), sub);
	struct import_entry *list;
	size_t n;

	if (import_list(&md->arena, dir.p, &list, &n) != OK) {
		/* Copies leave empty folders out. */
		if (errno != ENOENT)
			import_fail(md->im, "%.*s: %s", STR_FMT(dir), strerror(errno));
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (list[i].type == ENTRY_LINK)
			import_fail(md->im, "%.*s/%.*s is a symbolic link and is not followed; name it on the command line to bring it in", STR_FMT(dir),
			    STR_FMT(list[i].name));
		else if (list[i].name.p[0] == '.')
			continue;
		else if (list[i].type != ENTRY_FILE)
			import_fail(md->im, "%.*s/%.*s is no file: not brought in", STR_FMT(dir), STR_FMT(list[i].name));
		else if (md->im->counting)
			import_message(md->im, &(struct import_message){0});
		else
			read_message(md, sub, list[i].name);
	}
}

void
import_maildir(struct import *im, const char *path)
{
	struct maildir md = {.im = im, .path = str_c(path)};

	if (!im->counting)
		read_lists(&md);
	/* File names begin with the time of arrival: their order is the order of arrival. */
	read_sub(&md, "cur");
	read_sub(&md, "new");
	map_free(&md.courier.messages);
	map_free(&md.uidls.messages);
	map_free(&md.renamed);
	arena_free(&md.names);
	arena_free(&md.arena);
}
