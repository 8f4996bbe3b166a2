/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Charsets to UTF-8. The few that most mail uses are done here; the rest is iconv's. Opening an iconv
 * descriptor costs far more than using it, so each thread keeps a few that it has used.
 */
#include <errno.h>
#include <iconv.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "mime/decode.h"

#define NAME_MAX_BYTES 40
#define CACHE_MAX 8

enum charset_kind { KIND_UTF8, KIND_ASCII, KIND_CP1252, KIND_ICONV };

struct mime_charset {
	struct mime_charset *next; /* in the cache */
	enum charset_kind kind;
	iconv_t cd;
	char name[NAME_MAX_BYTES + 1]; /* what iconv calls it */
	char held[16];                 /* the beginning of a character */
	size_t n_held;
	size_t errors; /* how often U+FFFD stood in */
};

static __thread struct mime_charset *cache;
static pthread_key_t cache_key;
static pthread_once_t cache_once = PTHREAD_ONCE_INIT;

/* Names that mail uses for supersets of what they say, and what iconv does not know. */
static const struct {
	const char *mail, *ours;
	enum charset_kind kind;
} aliases[] = {
	{"utf-8", "", KIND_UTF8}, {"utf8", "", KIND_UTF8}, {"unicode-1-1-utf-8", "", KIND_UTF8},
	{"us-ascii", "", KIND_ASCII}, {"ascii", "", KIND_ASCII}, {"ansi_x3.4-1968", "", KIND_ASCII},
	{"unknown-8bit", "", KIND_ASCII}, {"x-unknown", "", KIND_ASCII}, {"unknown", "", KIND_ASCII},
	{"default", "", KIND_ASCII}, {"default_charset", "", KIND_ASCII}, {"8bit", "", KIND_ASCII},
	{"iso-8859-1", "", KIND_CP1252}, {"iso8859-1", "", KIND_CP1252}, {"iso_8859-1", "", KIND_CP1252},
	{"latin1", "", KIND_CP1252}, {"windows-1252", "", KIND_CP1252}, {"cp1252", "", KIND_CP1252},
	{"cp-1252", "", KIND_CP1252}, {"ansi", "", KIND_CP1252}, {"x-ansi", "", KIND_CP1252},
	{"iso-8859-9", "CP1254", KIND_ICONV}, {"iso-8859-8-i", "ISO-8859-8", KIND_ICONV},
	{"iso-8859-8-e", "ISO-8859-8", KIND_ICONV}, {"iso-8859-6-i", "ISO-8859-6", KIND_ICONV},
	{"gb2312", "GB18030", KIND_ICONV}, {"gbk", "GB18030", KIND_ICONV}, {"x-gbk", "GB18030", KIND_ICONV},
	{"gb_2312-80", "GB18030", KIND_ICONV}, {"hz-gb-2312", "HZ", KIND_ICONV},
	{"ks_c_5601-1987", "CP949", KIND_ICONV}, {"ks_c_5601", "CP949", KIND_ICONV},
	{"ksc5601", "CP949", KIND_ICONV}, {"euc-kr", "CP949", KIND_ICONV},
	{"shift_jis", "CP932", KIND_ICONV}, {"shift-jis", "CP932", KIND_ICONV}, {"sjis", "CP932", KIND_ICONV},
	{"x-sjis", "CP932", KIND_ICONV}, {"x-euc-jp", "EUC-JP", KIND_ICONV}, {"big5", "BIG5-HKSCS", KIND_ICONV},
	{"tis-620", "CP874", KIND_ICONV}, {"unicode-1-1-utf-7", "UTF-7", KIND_ICONV},
	{"x-mac-roman", "MACINTOSH", KIND_ICONV}, {"x-windows-1251", "CP1251", KIND_ICONV},
};

/* 0x80 to 0x9f of windows-1252; the five that it leaves open are the C1 controls. */
static const uint16_t cp1252[32] = {
	0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d,
	0x17d, 0x8f, 0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a,
	0x153, 0x9d, 0x17e, 0x178,
};

static void
charset_free(struct mime_charset *c)
{
	if (c->kind == KIND_ICONV)
		iconv_close(c->cd);
	free(c);
}

static void
cache_free(void *p)
{
	struct mime_charset *c, *next;

	(void)p;
	for (c = cache; c != NULL; c = next) {
		next = c->next;
		charset_free(c);
	}
	cache = NULL;
}

static void
cache_init(void)
{
	(void)pthread_key_create(&cache_key, cache_free);
}

/* What it is and what iconv calls it; false: no charset has such a name. */
static bool
lookup(struct str name, enum charset_kind *kind_r, char *ours)
{
	size_t star = str_chr(name, '*');

	/* RFC 2231 5: a language may follow. */
	name = str_trim(str_head(name, star));
	*kind_r = KIND_ASCII;
	ours[0] = '\0';
	if (name.n == 0)
		return true;
	if (name.n > NAME_MAX_BYTES)
		return false;
	*kind_r = KIND_ICONV;
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
		if (str_caseeq(name, str_c(aliases[i].mail))) {
			*kind_r = aliases[i].kind;
			memcpy(ours, aliases[i].ours, strlen(aliases[i].ours) + 1);
			return true;
		}
	}
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		/* No slash: iconv would read options behind it. */
		if (!ascii_alpha(c) && !ascii_digit(c) && strchr("-_.:+", c) == NULL)
			return false;
		ours[i] = ascii_upper(c);
	}
	ours[name.n] = '\0';
	return true;
}

struct mime_charset *
mime_charset_open(struct str name)
{
	struct mime_charset *c, **at;
	enum charset_kind kind;
	char ours[NAME_MAX_BYTES + 1];
	iconv_t cd = NULL;

	if (!lookup(name, &kind, ours))
		return NULL;
	for (at = &cache; (c = *at) != NULL; at = &c->next) {
		if (c->kind == kind && strcmp(c->name, ours) == 0) {
			*at = c->next;
			return c;
		}
	}
	if (kind == KIND_ICONV && (cd = iconv_open("UTF-8", ours)) == (iconv_t)-1)
		return NULL;
	c = x_new(struct mime_charset);
	c->kind = kind;
	c->cd = cd;
	memcpy(c->name, ours, sizeof(ours));
	return c;
}

void
mime_charset_close(struct mime_charset *c)
{
	struct mime_charset **at;
	size_t n = 0;

	if (c == NULL)
		return;
	pthread_once(&cache_once, cache_init);
	(void)pthread_setspecific(cache_key, &cache_key);
	if (c->kind == KIND_ICONV)
		iconv(c->cd, NULL, NULL, NULL, NULL);
	c->n_held = c->errors = 0;
	c->next = cache;
	cache = c;
	/* The one unused for longest goes. */
	for (at = &cache; *at != NULL; at = &(*at)->next) {
		if (++n > CACHE_MAX) {
			charset_free(*at);
			*at = NULL;
			return;
		}
	}
}

static void
bad(struct mime_charset *c, struct buf *out)
{
	c->errors++;
	buf_add(out, STR("\xef\xbf\xbd"));
}

static size_t
ascii_run(struct str s)
{
	size_t i = 0;
	uint64_t word;

	for (; i + 8 <= s.n; i += 8) {
		memcpy(&word, s.p + i, 8);
		if (word & 0x8080808080808080u)
			break;
	}
	while (i < s.n && !(s.p[i] & 0x80))
		i++;
	return i;
}

static void
add_cp1252(unsigned char b, struct buf *out)
{
	utf8_add(out, b >= 0x80 && b < 0xa0 ? cp1252[b - 0x80] : b);
}

/* Whether s, not UTF-8 as it stands, could be the beginning of a UTF-8 character. */
static bool
cut_utf8(struct str s)
{
	unsigned char c = (unsigned char)s.p[0];
	size_t need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;

	if (c < 0xc2 || c > 0xf4 || s.n >= need)
		return false;
	for (size_t i = 1; i < s.n; i++)
		if ((s.p[i] & 0xc0) != 0x80)
			return false;
	return true;
}

/* Returns how much of s was used: all but a cut character. */
static size_t
add_utf8(struct mime_charset *c, struct str s, struct buf *out, bool last)
{
	size_t i = 0, len;

	while (i < s.n) {
		struct str rest = str_from(s, i);
		size_t n = ascii_run(rest);

		if (n > 0) {
			buf_add(out, str_head(rest, n));
		} else if (c->kind == KIND_CP1252) {
			add_cp1252((unsigned char)rest.p[0], out);
			n = 1;
		} else if (utf8_next(rest, &len) >= 0) {
			buf_add(out, str_head(rest, n = len));
		} else if (!last && cut_utf8(rest)) {
			return i;
		} else {
			if (c->kind == KIND_ASCII) {
				/* A guess: good enough to read, not for who wants to be sure. */
				add_cp1252((unsigned char)rest.p[0], out);
				c->errors++;
			} else {
				bad(c, out);
			}
			n = 1;
		}
		i += n;
	}
	return i;
}

static size_t
add_iconv(struct mime_charset *c, struct str s, struct buf *out, bool last)
{
	union {
		const char *given;
		char *wanted; /* iconv's type lacks a const; it does not write there */
	} in = {.given = s.p};
	size_t left = s.n;

	while (left > 0) {
		char chunk[1024], *to = chunk;
		size_t room = sizeof(chunk), before = left;
		size_t r = iconv(c->cd, &in.wanted, &left, &to, &room);
		int error = r == (size_t)-1 ? errno : 0;

		buf_add(out, str_of(chunk, sizeof(chunk) - room));
		if (error == 0 || (error == E2BIG && (left < before || room < sizeof(chunk))))
			continue;
		if (error == EINVAL && !last && left < sizeof(c->held))
			break;
		bad(c, out);
		in.given++;
		left--;
	}
	return s.n - left;
}

static void
add_all(struct mime_charset *c, struct str s, struct buf *out, bool last)
{
	size_t n = c->kind == KIND_ICONV ? add_iconv(c, s, out, last) : add_utf8(c, s, out, last);

	c->n_held = s.n - n;
	if (c->n_held > 0)
		memmove(c->held, s.p + n, c->n_held);
}

void
mime_charset_add(struct mime_charset *c, struct str in, struct buf *out)
{
	/* Complete the cut character with one byte after the other: it needs few. */
	while (c->n_held > 0 && in.n > 0) {
		char joined[sizeof(c->held) + 1];
		size_t n = c->n_held;

		memcpy(joined, c->held, n);
		joined[n] = in.p[0];
		in = str_from(in, 1);
		c->n_held = 0;
		add_all(c, str_of(joined, n + 1), out, false);
	}
	if (in.n > 0)
		add_all(c, in, out, false);
}

void
mime_charset_finish(struct mime_charset *c, struct buf *out)
{
	char rest[sizeof(c->held)];
	size_t n = c->n_held;

	memcpy(rest, c->held, n);
	c->n_held = 0;
	if (n > 0)
		add_all(c, str_of(rest, n), out, true);
	if (c->kind == KIND_ICONV) {
		char chunk[64], *to = chunk;
		size_t room = sizeof(chunk);

		iconv(c->cd, NULL, NULL, &to, &room);
		buf_add(out, str_of(chunk, sizeof(chunk) - room));
	}
}

bool
mime_charset_broken(const struct mime_charset *c)
{
	return c->errors > 0;
}

bool
mime_charset_convert(struct buf *out, struct str name, struct str in, bool strict)
{
	struct mime_charset *c = mime_charset_open(name);
	size_t start = out->n;
	bool good;

	if (c == NULL)
		return false;
	mime_charset_add(c, in, out);
	mime_charset_finish(c, out);
	good = !strict || c->errors == 0;
	if (!good)
		out->n = start;
	mime_charset_close(c);
	return good;
}

bool
mime_charset_known(struct str name)
{
	struct mime_charset *c = mime_charset_open(name);

	mime_charset_close(c);
	return c != NULL;
}
