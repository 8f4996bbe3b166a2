/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_walk: what a path is. Everything that is found in it is brought in, is known to be no mail (the index files of mail programs), or is
 * named, and then the exit status tells.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cli/import.h"
#include "formats/maildir.h"
#include "formats/mbox.h"

#define LISTING_MAX (16u << 20)

/* A folder while it is read. */
struct place {
	struct import *im;
	const char *path;
	struct str name;           /* the mailbox that it is */
	int depth;
	struct import_entry *list; /* in the import's arena */
	size_t n;
	struct map names;          /* of an export: file name to struct listing_row */
	struct buf listing;
	bool maildir;
	bool dotted;               /* ".A.B" in it are mailboxes */
};

struct str
import_join(struct import *im, struct str parent, struct str child)
{
	if (parent.n == 0 || str_eq(parent, STR("INBOX")))
		return arena_str(&im->arena, child);
	return arena_printf(&im->arena, "%.*s/%.*s", STR_FMT(parent), STR_FMT(child));
}

const char *
import_special(struct str name)
{
	static const char *const table[][2] = {{"Archive", "archive"}, {"Archives", "archive"}, {"Drafts", "drafts"},
	    {"Junk", "junk"}, {"Spam", "junk"}, {"Sent", "sent"}, {"Sent Items", "sent"}, {"Sent Messages", "sent"},
	    {"Trash", "trash"}, {"Deleted Items", "trash"}, {"Deleted Messages", "trash"}};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (str_caseeq(name, str_c(table[i][0])))
			return table[i][1];
	return "";
}

static bool
has(const struct place *p, const char *name, int type)
{
	const struct import_entry *e = import_find(p->list, p->n, name);

	return e != NULL && (int)e->type == type;
}

/* Copies leave empty folders out: one of cur and new is enough. */
static bool
has_maildir(const struct place *p)
{
	return has(p, "cur", ENTRY_DIR) || has(p, "new", ENTRY_DIR) || has(p, "maildirfolder", ENTRY_FILE);
}

static bool
one_of(struct str name, const char *const *list, size_t n, bool (*like)(struct str, struct str))
{
	for (size_t i = 0; i < n; i++)
		if (like(name, str_c(list[i])))
			return true;
	return false;
}
#define ONE_OF(name, list, like) one_of(name, list, sizeof(list) / sizeof(*(list)), like)

/* ---- stores that cannot be read ---- */

static bool
all_digits(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_digit(s.p[i]))
			return false;
	return s.n > 0;
}

/* Files whose names are numbers; an mbox may be called 2026. */
static bool
is_mh(const struct place *p)
{
	size_t numbers = 0, files = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (p->list[i].type != ENTRY_FILE || p->list[i].name.p[0] == '.')
			continue;
		files++;
		if (!all_digits(p->list[i].name))
			continue;
		if (++numbers == 1 && mbox_is(arena_printf(&p->im->arena, "%s/%.*s", p->path, STR_FMT(p->list[i].name)).p))
			return false;
	}
	return has(p, ".mh_sequences", ENTRY_FILE) || (numbers > 0 && numbers == files);
}

/* Dovecot's u.123 and m.123, Cyrus' 123. */
static bool
numbered(const struct place *p, const char *prefix)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->list[i].type == ENTRY_FILE && str_starts(p->list[i].name, str_c(prefix)) &&
		    all_digits(str_from(p->list[i].name, strlen(prefix))))
			return true;
	return false;
}

/* A store of another server, and the way to go; NULL: none that is known. */
static const char *
foreign(const struct place *p)
{
	if (has(p, "dbox-Mails", ENTRY_DIR) || (numbered(p, "u.") && !has(p, "cur", ENTRY_DIR)))
		return "is Dovecot's sdbox, which is not read: 'doveadm backup -u USER maildir:FOLDER' makes a Maildir of it, import that";
	if ((has(p, "storage", ENTRY_DIR) && has(p, "mailboxes", ENTRY_DIR)) || has(p, "dovecot.map.index", ENTRY_FILE) ||
	    (numbered(p, "m.") && !has(p, "cur", ENTRY_DIR)))
		return "is Dovecot's mdbox, which is not read: 'doveadm backup -u USER maildir:FOLDER' makes a Maildir of it, import that";
	if (has(p, "cyrus.header", ENTRY_FILE) || has(p, "cyrus.index", ENTRY_FILE))
		return "is a mailbox of Cyrus' spool, which is not read: bring the mail over IMAP, as docs/migration.md tells";
	if (!has(p, "cur", ENTRY_DIR) && !has(p, "new", ENTRY_DIR) && is_mh(p))
		return "is an MH folder, which is not read: 'packf +FOLDER -file FILE.mbox' (nmh) makes an mbox of it, import that";
	return NULL;
}

/* ---- names ---- */

static void
read_listing(struct place *p)
{
	struct str path = arena_printf(&p->im->arena, "%s/" LISTING_FILE, p->path), text;
	struct listing_row row, *kept;

	if (!has(p, LISTING_FILE, ENTRY_FILE) || import_file_whole(path.p, LISTING_MAX, &p->listing) != OK)
		return;
	for (text = buf_str(&p->listing); listing_next(&text, &row);) {
		kept = arena_new(&p->im->arena, struct listing_row);
		*kept = (struct listing_row){row.file, arena_str(&p->im->arena, row.mailbox), arena_str(&p->im->arena, row.use)};
		map_put(&p->names, row.file, kept);
	}
}

static struct str
without(struct str name, const char *ending)
{
	if (str_ends(name, str_c(ending)) && name.n > strlen(ending))
		name.n -= strlen(ending);
	return name;
}

/* The mailbox of an entry, and its special use. */
static struct str
mailbox_of(struct place *p, const struct import_entry *e, const char **special_r)
{
	const struct listing_row *row = map_get(&p->names, e->name);
	bool dot = e->name.p[0] == '.' && p->dotted, changed = false;
	struct str child = e->name, full;

	if (row != NULL) {
		*special_r = row->use.n > 0 ? arena_cstr(&p->im->arena, row->use) : "";
		return import_join(p->im, p->name, row->mailbox);
	}
	if (e->type == ENTRY_DIR)
		child = without(without(child, ".sbd"), ".mbox");
	else
		child = without(without(without(child, ".txt"), ".mbox"), ".eml");
	/* Apple Mail: a folder NAME.mbox with a file mbox in it. */
	if (e->type == ENTRY_FILE && str_eq(child, STR("mbox")) && str_ends(str_c(p->path), STR(".mbox"))) {
		full = p->name;
	} else {
		child = maildir_folder_name(&p->im->arena, child, dot, &changed);
		full = import_join(p->im, p->name, child);
	}
	if (changed && p->im->counting)
		(void)cli_fail("%s/%.*s: a '/' within a name is '_' here", p->path, STR_FMT(e->name));
	*special_r = import_special(full);
	return full;
}

/* ---- files ---- */

/* What mail programs keep beside mail. */
static bool
known_file(const struct place *p, struct str name)
{
	static const char *const beginnings[] = {"dovecot", "courier", "maildir", "bincimap", "mbsync", "isync", LISTING_FILE, ".", "sieve"};
	static const char *const endings[] = {".msf", ".dat", ".index", ".cache", ".log", ".lock", ".sieve", ".svbin", ".json", ".sqlite"};
	static const char *const whole[] = {"subscriptions", "filterlog.html", "junklog.html", "table_of_contents", "Info.plist", "shared-maildirs",
	    "folders.db", "mailboxes.db"};

	if (ONE_OF(name, endings, str_ends) || ONE_OF(name, whole, str_eq))
		return true;
	return ONE_OF(name, beginnings, str_starts) && (p->maildir || name.p[0] == '.' || str_eq(name, STR(LISTING_FILE)) || str_starts(name, STR("dovecot")));
}

/* An mbox without a message: nothing in it tells, its name and its neighbours do. */
static bool
empty_mbox(const struct place *p, const struct import_entry *e)
{
	struct arena a = {0};
	enum import_type type;
	uint64_t size = 1;
	/* Its neighbours are asked only where there is nothing in it. */
	bool yes = import_look(arena_printf(&a, "%s/%.*s", p->path, STR_FMT(e->name)).p, &type, &size) == OK && size == 0 && (str_ends(e->name, STR(".mbox")) || map_get(&p->names, e->name) != NULL ||
	    has(p, arena_printf(&a, "%.*s.msf", STR_FMT(e->name)).p, ENTRY_FILE) || has(p, arena_printf(&a, "%.*s.sbd", STR_FMT(e->name)).p, ENTRY_DIR) ||
	    str_chr(e->name, '.') == e->name.n);
	arena_free(&a);
	return yes;
}

static bool
looks_like_mail(const char *path)
{
	struct import_file f;
	char bytes[16384];
	int64_t n;

	if (import_file_open(path, &f) != OK)
		return false;
	n = import_file_read(&f, 0, bytes, sizeof(bytes));
	import_file_close(&f);
	return n > 0 && mbox_is_header(str_of(bytes, (size_t)n), n < (int64_t)sizeof(bytes));
}

static void
take_file(struct place *p, const struct import_entry *e)
{
	const char *path = arena_printf(&p->im->arena, "%s/%.*s", p->path, STR_FMT(e->name)).p, *special;
	struct str name;

	name = mailbox_of(p, e, &special);
	if (str_ends(e->name, STR(".eml"))) {
		import_folder(p->im, p->name, import_special(p->name));
		import_eml(p->im, path);
	} else if (mbox_is(path)) {
		import_mbox(p->im, path, name, special);
	} else if (known_file(p, e->name)) {
		return;
	} else if (empty_mbox(p, e)) {
		import_mbox(p->im, path, name, special);
	} else if (str_ends(e->name, STR(".txt")) && looks_like_mail(path)) {
		import_folder(p->im, p->name, import_special(p->name));
		import_eml(p->im, path);
	} else {
		import_fail(p->im, "%s is neither an mbox nor an .eml file: not brought in", path);
	}
}

/* ---- folders ---- */

static void import_dir(struct import *im, const char *path, struct str name, const char *special, int depth);

static bool
is_maildir(const char *path)
{
	struct place p = {.path = path};
	struct arena arena = {0};
	bool yes = import_list(&arena, path, &p.list, &p.n) == OK && has_maildir(&p);

	arena_free(&arena);
	return yes;
}

/* Is there a Maildir in it, at any depth? */
static bool
holds_maildir(const char *path, int depth)
{
	struct place p = {.path = path};
	struct arena arena = {0};
	bool found = import_list(&arena, path, &p.list, &p.n) == OK && has_maildir(&p);

	for (size_t i = 0; i < p.n && !found && depth < IMPORT_DEPTH_MAX; i++)
		found = p.list[i].type == ENTRY_DIR &&
		    holds_maildir(arena_printf(&arena, "%s/%.*s", path, STR_FMT(p.list[i].name)).p, depth + 1);
	arena_free(&arena);
	return found;
}

/*
 * A hidden folder that is none of a Maildir++: what KMail keeps below the mailbox NAME lies in ".NAME.directory"; other ones are no mail
 * (.imap with Dovecot's indexes, .git), or it is said. True: that was all.
 */
static bool
take_hidden(struct place *p, const struct import_entry *e, const char *path)
{
	static const char *const known[] = {".imap", ".git", ".Trash-"};
	struct str name = str_from(without(e->name, ".directory"), 1);
	bool kmail = name.n > 0 && name.n + 1 < e->name.n;
	bool changed;

	if (e->name.p[0] != '.' || map_get(&p->names, e->name) != NULL || (p->dotted && (!kmail || is_maildir(path))))
		return false;
	if (kmail && p->depth < IMPORT_DEPTH_MAX) {
		name = import_join(p->im, p->name, maildir_folder_name(&p->im->arena, name, false, &changed));
		import_dir(p->im, path, name, import_special(name), p->depth + 1);
	} else if (!ONE_OF(e->name, known, str_starts) && holds_maildir(path, p->depth)) {
		import_fail(p->im, "%s is hidden, and holds mail: not brought in; name it on the command line", path);
	}
	return true;
}

static void
take_dir(struct place *p, const struct import_entry *e)
{
	static const char *const known[] = {"courierimapkeywords", "courierimaphieracl", "courierimapuiddb", "sieve", "dovecot.index.cache", "tmp"};
	const char *path = arena_printf(&p->im->arena, "%s/%.*s", p->path, STR_FMT(e->name)).p, *special;
	struct str name;

	if (p->maildir && (str_eq(e->name, STR("cur")) || str_eq(e->name, STR("new"))))
		return;
	/* A mailbox may have the name of what a server keeps there. */
	if (p->maildir && ONE_OF(e->name, known, str_eq) && !is_maildir(path))
		return;
	if (take_hidden(p, e, path))
		return;
	if (p->depth >= IMPORT_DEPTH_MAX) {
		import_fail(p->im, "%s lies too deep: not brought in", path);
		return;
	}
	name = mailbox_of(p, e, &special);
	import_dir(p->im, path, name, special, p->depth + 1);
}

/* Is one of the hidden folders a Maildir? */
static bool
dotted_children(const struct place *p)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->list[i].type == ENTRY_DIR && p->list[i].name.p[0] == '.' &&
		    is_maildir(arena_printf(&p->im->arena, "%s/%.*s", p->path, STR_FMT(p->list[i].name)).p))
			return true;
	}
	return false;
}

static void
take_entries(struct place *p)
{
	for (size_t i = 0; i < p->n && p->im->status == OK; i++) {
		const struct import_entry *e = &p->list[i];

		switch (e->type) {
		case ENTRY_FILE: take_file(p, e); break;
		case ENTRY_DIR: take_dir(p, e); break;
		case ENTRY_LINK:
			import_fail(p->im, "%s/%.*s is a symbolic link and is not followed; name it on the command line to bring it in", p->path,
			    STR_FMT(e->name));
			break;
		case ENTRY_OTHER:
			if (e->name.p[0] != '.')
				import_fail(p->im, "%s/%.*s is no file: not brought in", p->path, STR_FMT(e->name));
			break;
		}
	}
}

static void
import_dir(struct import *im, const char *path, struct str name, const char *special, int depth)
{
	struct place p = {.im = im, .path = path, .name = name, .depth = depth};
	const char *why;

	if (import_list(&im->arena, path, &p.list, &p.n) != OK) {
		import_fail(im, "%s: %s", path, strerror(errno));
		return;
	}
	if ((why = foreign(&p)) != NULL) {
		import_fail(im, "%s %s", path, why);
		return;
	}
	read_listing(&p);
	p.maildir = has_maildir(&p);
	p.dotted = p.maildir || has(&p, LISTING_FILE, ENTRY_FILE) || dotted_children(&p);
	if (p.maildir) {
		import_folder(im, name, special);
		import_maildir(im, path);
	}
	take_entries(&p);
	map_free(&p.names);
	buf_free(&p.listing);
}

void
import_path(struct import *im, const char *path, struct str into)
{
	enum import_type type;
	uint64_t size;

	if (import_look(path, &type, &size) != OK) {
		import_fail(im, "%s: %s", path, strerror(errno));
	} else if (type == ENTRY_DIR) {
		bool failed = im->failed;

		im->failed = false;
		import_dir(im, path, into, import_special(into), 0);
		if (im->found == 0 && !im->failed)
			import_fail(im, "%s holds no mail that is understood: a Maildir, mbox files, .eml files, or folders of them are", path);
		im->failed |= failed;
	} else if (type != ENTRY_FILE) {
		import_fail(im, "%s is neither a file nor a folder", path);
	} else if (!str_ends(str_c(path), STR(".eml")) && mbox_is(path)) {
		import_mbox(im, path, into, "");
	} else if (str_ends(str_c(path), STR(".eml")) || looks_like_mail(path)) {
		import_folder(im, into, "");
		import_eml(im, path);
	} else {
		import_fail(im, "%s is neither an mbox nor a message: not brought in", path);
	}
}
