/* SPDX-License-Identifier: Apache-2.0 */
/* IMAP URLs (RFC 5092), relative ones, as CATENATE uses them. */
#include "wire/imap_url.h"

#include "base/assert.h"
#include "wire/imap_char.h"
#include "wire/mailbox_name.h"

#define PRINT_MAX 900

/* ---- characters ---- */

/* bchar but "%" (RFC 5092 11). */
static bool
plain(char c)
{
	return ascii_alpha(c) || ascii_digit(c) || (c != '\0' && strchr("-._~!$'()*+,&=:@/", c) != NULL);
}

/* Percent-decoded, in the arena. Control characters are in no mailbox name and in no section. */
static enum status
decode(struct arena *arena, struct str s, struct str *s_r)
{
	char *p = arena_alloc(arena, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '%') {
			int high = i + 2 < s.n ? ascii_hex(s.p[i + 1]) : -1, low = high >= 0 ? ascii_hex(s.p[i + 2]) : -1;

			if (i + 2 >= s.n || high < 0 || low < 0)
				return ERR_BAD_INPUT;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (!plain(c)) {
			return ERR_BAD_INPUT;
		}
		if ((unsigned char)c < ' ' || c == 0x7f)
			return ERR_BAD_INPUT;
		p[n++] = c;
	}
	ensure(n <= s.n);
	*s_r = str_of(p, n);
	return OK;
}

/* Removes "." and ".." segments from a path without its leading "/" (RFC 3986 5.2.4). */
static struct str
without_dots(struct arena *arena, struct str path)
{
	char *p = arena_alloc(arena, path.n + 1);
	size_t n = 0;
	struct str rest = path, segment;
	bool dots = false;

	while (str_split(&rest, '/', &segment)) {
		dots = str_eq(segment, STR(".")) || str_eq(segment, STR(".."));
		if (dots && segment.n == 1)
			continue;
		if (dots) {
			/* Back to behind the "/" before the segment that goes. */
			for (n -= n > 0; n > 0 && p[n - 1] != '/'; n--)
				;
			continue;
		}
		ensure(n + segment.n <= path.n);
		memcpy(p + n, segment.p, segment.n);
		n += segment.n;
		p[n++] = '/';
	}
	/* No separator behind the last, but where dots stood last: there it names what is inside. */
	return str_of(p, n > 0 && !dots ? n - 1 : n);
}

/* ---- parts ---- */

/* Cuts "name" off the front, in any case. */
static bool
word(struct str *s, const char *name)
{
	struct str w = str_c(name);

	if (!str_case_starts(*s, w))
		return false;
	*s = str_from(*s, w.n);
	return true;
}

/* Cuts a number off the front. */
static bool
number(struct str *s, uint64_t min, uint64_t max, uint64_t *n_r)
{
	size_t n = 0;

	while (n < s->n && ascii_digit(s->p[n]))
		n++;
	if (!str_u64(str_head(*s, n), max, n_r) || *n_r < min)
		return false;
	*s = str_from(*s, n);
	return true;
}

/* "mailbox[;UIDVALIDITY=n]", without the "/" before it. */
static enum status
parse_mailbox(struct arena *arena, struct str ref, struct imap_url *u)
{
	size_t n = str_chr(ref, ';');
	struct str more = str_from(ref, n), name;
	uint64_t validity = 0;
	enum status st;

	if (n == 0)
		return ERR_BAD_INPUT;
	if (more.n > 0 && (!word(&more, ";UIDVALIDITY=") || !number(&more, 1, UINT32_MAX, &validity) || more.n > 0))
		return ERR_BAD_INPUT;
	if ((st = decode(arena, without_dots(arena, str_head(ref, n)), &name)) != OK)
		return st;
	/* UTF-8 whatever the session speaks (RFC 5092 8): "&" is just that. */
	if ((st = mailbox_name_canon(arena, name, true, &u->mailbox)) != OK)
		return st;
	u->uidvalidity = (uint32_t)validity;
	return u->mailbox.n > 0 ? OK : ERR_BAD_INPUT;
}

/* What stands behind ";SECTION=": a section-spec, percent-encoded. */
static enum status
parse_section(struct arena *arena, struct str encoded, struct section *section_r)
{
	struct section section;
	struct args a;
	struct str s;
	enum status st;

	if (encoded.n == 0)
		return ERR_BAD_INPUT;
	if ((st = decode(arena, encoded, &s)) != OK)
		return st;
	args_init(&a, arena_printf(arena, "[%.*s]", STR_FMT(s)), arena, false);
	if ((st = arg_section(&a, false, &section)) != OK)
		return st;
	/* Not "[]", and no "<first.count>" of its own. */
	if (arg_end(&a) != OK || section.partial)
		return ERR_BAD_INPUT;
	*section_r = section;
	return OK;
}

/* "first[.count]" behind ";PARTIAL=" */
static enum status
parse_partial(struct str s, struct section *section)
{
	section->partial = true;
	section->count = UINT64_MAX;
	if (!number(&s, 0, INT64_MAX, &section->first))
		return ERR_BAD_INPUT;
	if (word(&s, ".") && !number(&s, 1, INT64_MAX, &section->count))
		return ERR_BAD_INPUT;
	return s.n == 0 ? OK : ERR_BAD_INPUT;
}

/* ";UID=n[/;SECTION=...][/;PARTIAL=...]" */
static enum status
parse_message(struct arena *arena, struct str s, struct imap_url *u)
{
	enum status st = OK;
	uint64_t uid;

	if (!word(&s, ";UID=") || !number(&s, 1, UINT32_MAX, &uid))
		return ERR_BAD_INPUT;
	u->uid = (uint32_t)uid;
	if (word(&s, "/;SECTION=")) {
		size_t n = str_chr(s, ';');

		/* "/" may stand in a section, ";" not. */
		if (n < s.n && (n == 0 || s.p[--n] != '/'))
			return ERR_BAD_INPUT;
		st = parse_section(arena, str_head(s, n), &u->section);
		s = str_from(s, n);
	}
	if (st == OK && word(&s, "/;PARTIAL="))
		return parse_partial(s, &u->section);
	return st == OK && s.n > 0 ? ERR_BAD_INPUT : st;
}

enum status
imap_url_parse(struct arena *arena, struct str url, struct imap_url *url_r)
{
	struct imap_url u = {0};
	size_t at;
	enum status st;

	if (url.n > IMAP_URL_MAX)
		return ERR_LIMIT;
	if (url.n > 0 && url.p[0] == '/') {
		struct str s = str_from(url, 1);

		/* The ";" of UIDVALIDITY stands behind a name, that of UID behind a "/". */
		for (at = 0; at < s.n && !str_case_starts(str_from(s, at), STR("/;UID=")); at++)
			;
		/* "//" begins a server's name. */
		if (at == s.n || s.p[0] == '/')
			return ERR_BAD_INPUT;
		if ((st = parse_mailbox(arena, str_head(s, at), &u)) != OK)
			return st;
		url = str_from(s, at + 1);
	}
	if ((st = parse_message(arena, url, &u)) != OK)
		return st;
	ensure(u.uid > 0);
	*url_r = u;
	return OK;
}

void
imap_url_print(struct buf *out, struct str url)
{
	size_t end = out->n + PRINT_MAX;

	/* There has to be something. */
	if (url.n == 0)
		buf_add(out, STR("\"\""));
	for (size_t i = 0; i < url.n && out->n < end; i++) {
		unsigned char c = (unsigned char)url.p[i];

		if (c < ' ' || c > '~' || c == ']')
			buf_addf(out, "%%%02X", c);
		else
			buf_addc(out, (char)c);
	}
}
