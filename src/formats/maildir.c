/* SPDX-License-Identifier: Apache-2.0 */
/* Names of Maildir files and folders: flags, keywords, separators, each way. */
#include "formats/maildir.h"

#include <string.h>
#include "wire/flag.h"
#include "wire/mutf7.h"

#define NUMBERS_MAX 4096 /* of one message in Courier's list */

/* Where "2," begins behind its separator, or SIZE_MAX. The last one counts: a base may hold anything. */
static size_t
info_at(struct str file)
{
	for (size_t i = file.n; i >= 3; i--) {
		const char *p = file.p + i - 3;

		if ((p[0] == ':' || p[0] == ';' || p[0] == '!') && p[1] == '2' && p[2] == ',')
			return i;
	}
	return SIZE_MAX;
}

void
maildir_name_parse(struct str file, struct maildir_name *r)
{
	static const char letters[] = "STDFR";
	static const uint8_t flags[] = {FLAG_SEEN, FLAG_DELETED, FLAG_DRAFT, FLAG_FLAGGED, FLAG_ANSWERED};
	size_t at = info_at(file);

	*r = (struct maildir_name){.base = at == SIZE_MAX ? str_head(file, str_chr(file, ':')) : str_head(file, at - 3)};
	for (; at != SIZE_MAX && at < file.n; at++) {
		const char *l = memchr(letters, file.p[at], sizeof(letters) - 1);

		if (l != NULL)
			r->flags |= flags[l - letters];
		else if (file.p[at] == 'P')
			r->forwarded = true;
		else if (file.p[at] >= 'a' && file.p[at] <= 'z')
			r->letters |= UINT32_C(1) << (file.p[at] - 'a');
	}
}

void
maildir_letters_parse(struct arena *arena, struct str text, struct maildir_letters *r)
{
	struct str line;

	memset(r, 0, sizeof(*r));
	while (text.n > 0 && str_split(&text, '\n', &line)) {
		size_t space = str_chr(line, ' ');
		uint64_t n;

		if (space < line.n && str_u64(str_head(line, space), MAILDIR_LETTERS - 1, &n))
			r->keyword[n] = arena_str(arena, str_trim(str_from(line, space + 1)));
	}
}

void
maildir_keywords_parse(struct arena *arena, struct str text, struct maildir_keywords *r)
{
	struct str line;
	size_t cap = 0;

	*r = (struct maildir_keywords){0};
	while (text.n > 0 && str_split(&text, '\n', &line)) {
		line = str_trim(line);
		if (line.n == 0)
			continue;
		if (r->n == cap) {
			cap = cap * 2 + 8;
			r->name = arena_copy(arena, r->name, r->n, cap, sizeof(*r->name));
		}
		r->name[r->n++] = arena_str(arena, line);
	}
}

/* "base:0 3 7" */
static void
list_line(struct arena *arena, struct str line, const struct maildir_keywords *all, struct maildir_list *r)
{
	struct maildir_keywords *kw;
	struct str numbers, word;
	size_t colon = line.n;
	uint64_t n;

	while (colon > 0 && line.p[colon - 1] != ':')
		colon--;
	if (colon < 2)
		return;
	numbers = str_from(line, colon);
	kw = arena_new(arena, struct maildir_keywords);
	kw->name = arena_array(arena, numbers.n / 2 + 1, sizeof(*kw->name));
	while (numbers.n > 0 && str_split(&numbers, ' ', &word))
		if (str_u64(word, NUMBERS_MAX, &n) && n < all->n)
			kw->name[kw->n++] = all->name[n];
	map_put(&r->messages, arena_str(arena, str_head(line, colon - 1)), kw);
}

void
maildir_list_parse(struct arena *arena, struct str text, struct maildir_list *r)
{
	size_t names = str_find(text, STR("\n\n"), 0);
	struct maildir_keywords all;
	struct str line;

	/* No keywords at all: the empty line comes first. */
	if (text.n > 0 && text.p[0] == '\n')
		names = 0;
	maildir_keywords_parse(arena, str_head(text, names == SIZE_MAX ? text.n : names), &all);
	text = names == SIZE_MAX ? STR("") : str_from(text, names);
	while (text.n > 0 && str_split(&text, '\n', &line))
		list_line(arena, str_trim_suffix(line, '\r'), &all, r);
}

/* ---- UIDLs ---- */

static void
uidl_put(struct arena *arena, struct maildir_uidls *r, struct str file, struct str uidl)
{
	struct str *value = arena_new(arena, struct str);
	struct maildir_name name;

	maildir_name_parse(file, &name);
	*value = uidl;
	if (name.base.n > 0)
		map_put(&r->messages, arena_str(arena, name.base), value);
}

/* "12 P0001.ab W300 :base", or "12 base" in version 1. */
static void
dovecot_line(struct arena *arena, struct str line, bool fields, uint64_t validity, struct maildir_uidls *r)
{
	struct str word, uidl = STR_NONE;
	uint64_t uid;

	if (!str_split(&line, ' ', &word) || !str_u64(word, UINT32_MAX, &uid))
		return;
	while (fields && line.n > 0 && line.p[0] != ':') {
		if (!str_split(&line, ' ', &word))
			return;
		if (word.n > 1 && word.p[0] == 'P')
			uidl = arena_str(arena, str_from(word, 1));
	}
	if (uidl.n == 0)
		uidl = arena_printf(arena, "%08llx%08llx", (unsigned long long)uid, (unsigned long long)validity);
	uidl_put(arena, r, str_from(line, fields), uidl);
}

void
maildir_dovecot_uidls(struct arena *arena, struct str text, struct maildir_uidls *r)
{
	struct str line, word, head;
	uint64_t version, validity = 0;

	if (!str_split(&text, '\n', &head) || !str_split(&head, ' ', &word) || !str_u64(word, 3, &version) || version == 0 || version == 2)
		return;
	for (bool first = true; str_split(&head, ' ', &word) && validity == 0; first = false) {
		if (version == 1 ? first : word.n > 1 && word.p[0] == 'V')
			(void)str_u64(str_from(word, version == 3), UINT32_MAX, &validity);
	}
	while (validity > 0 && text.n > 0 && str_split(&text, '\n', &line))
		dovecot_line(arena, line, version == 3, validity, r);
}

/* A name as Courier has it for a UIDL. */
static struct str
courier_name(struct arena *arena, struct str base)
{
	struct buf b = {0};
	struct str s;

	for (size_t i = 0; i < base.n; i++) {
		unsigned char c = (unsigned char)base.p[i];

		if (c < 0x21 || c > 0x7e || c == '\'' || c == '"' || c == '+')
			buf_addf(&b, "+%02X", c);
		else
			buf_addc(&b, (char)c);
	}
	s = arena_str(arena, buf_str(&b));
	buf_free(&b);
	return s;
}

/* "file SIZE UID:UIDVALIDITY", in version 3 with ":0" or ":1" behind it; a name may have blanks. */
static void
courier_line(struct arena *arena, struct str line, struct maildir_uidls *r)
{
	size_t last = line.n, size;
	struct str ids, word;
	struct maildir_name name;
	uint64_t uid, validity = 0;

	while (last > 0 && line.p[last - 1] != ' ')
		last--;
	for (size = last > 0 ? last - 1 : 0; size > 0 && line.p[size - 1] != ' '; size--)
		;
	if (size < 2)
		return;
	ids = str_from(line, last);
	if (!str_split(&ids, ':', &word) || !str_u64(word, UINT64_MAX, &uid) || !str_split(&ids, ':', &word) || !str_u64(word, UINT64_MAX, &validity))
		return;
	line = str_head(line, size - 1);
	maildir_name_parse(line, &name);
	if (uid == 0)
		uidl_put(arena, r, line, courier_name(arena, name.base));
	else if (validity == 0)
		uidl_put(arena, r, line, arena_printf(arena, "UID%llu", (unsigned long long)uid));
	else
		uidl_put(arena, r, line, arena_printf(arena, "UID%llu-%llu", (unsigned long long)uid, (unsigned long long)validity));
}

void
maildir_courier_uidls(struct arena *arena, struct str text, struct maildir_uidls *r)
{
	struct str line;

	if (!str_starts(text, STR("/2 ")) && !str_starts(text, STR("/3 ")))
		return;
	(void)str_split(&text, '\n', &line);
	while (text.n > 0 && str_split(&text, '\n', &line))
		courier_line(arena, line, r);
}

/* One level, with "\2e" and its like undone: printable ASCII that is neither a letter nor a digit is what gets escaped; and what export writes for a '.',
 * which modified UTF-7 would have written as it is. */
static void
add_level(struct buf *out, struct str level, bool *changed_r)
{
	struct buf decoded = {0}, plain = {0};
	struct str s;

	for (size_t i = 0; i < level.n; i++) {
		int hi = i + 2 < level.n && level.p[i] == '\\' ? ascii_hex(level.p[i + 1]) : -1, lo = hi >= 0 ? ascii_hex(level.p[i + 2]) : -1;
		int c = lo >= 0 ? hi * 16 + lo : -1;

		if (c > ' ' && c < 0x7f && !ascii_digit((char)c) && !ascii_alpha((char)c)) {
			buf_addc(&plain, (char)c);
			i += 2;
		} else if (str_starts(str_from(level, i), STR("&AC4-"))) {
			buf_addc(&plain, '.');
			i += 4;
		} else {
			buf_addc(&plain, level.p[i]);
		}
	}
	s = mutf7_decode(&decoded, buf_str(&plain)) == OK ? buf_str(&decoded) : buf_str(&plain);
	for (size_t i = 0; i < s.n; i++) {
		*changed_r |= s.p[i] == '/';
		buf_addc(out, s.p[i] == '/' ? '_' : s.p[i]);
	}
	buf_free(&decoded);
	buf_free(&plain);
}

struct str
maildir_folder_name(struct arena *arena, struct str folder, bool dotted, bool *changed_r)
{
	struct buf name = {0};
	struct str level, s;

	*changed_r = false;
	if (!dotted) {
		add_level(&name, folder, changed_r);
	} else {
		folder = str_from(folder, folder.n > 0 && folder.p[0] == '.');
		while (str_split(&folder, '.', &level)) {
			if (name.n > 0)
				buf_addc(&name, '/');
			add_level(&name, level, changed_r);
		}
	}
	s = arena_str(arena, buf_str(&name));
	buf_free(&name);
	return s;
}
