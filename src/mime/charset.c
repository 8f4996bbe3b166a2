/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Charsets to UTF-8. The few that most mail uses are done here; the rest is iconv's. Opening an iconv
 * descriptor costs far more than using it, so each thread keeps a few that it has used.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "mime/charset_priv.h"

#define CACHE_MAX 8

static __thread struct mime_charset *cache;
static pthread_key_t cache_key;
static pthread_once_t cache_once = PTHREAD_ONCE_INIT;

/* 0x80 to 0x9f of windows-1252; the five that it leaves open are the C1 controls. */
static const uint16_t cp1252[32] = {
	0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d,
	0x17d, 0x8f, 0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a,
	0x153, 0x9d, 0x17e, 0x178,
};

static void
charset_free(struct mime_charset *c)
{
	if (c->kind >= KIND_ICONV)
		iconv_close(c->cd);
	if (c->kind == KIND_JIS || c->kind == KIND_EUCJP)
		iconv_close(c->cd2);
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

/* Opens what the kind needs of iconv; false: there is no such. */
static bool
descriptors_open(struct mime_charset *c)
{
	static const char *const base[] = {[KIND_JIS] = "CP932", [KIND_EUCJP] = "CP932", [KIND_HZ] = "GB18030"};
	bool two = c->kind == KIND_JIS || c->kind == KIND_EUCJP;

	if (c->kind < KIND_ICONV)
		return true;
	if ((c->cd = iconv_open("UTF-8", c->kind == KIND_ICONV ? c->name : base[c->kind])) == (iconv_t)-1)
		return false;
	if (two && (c->cd2 = iconv_open("UTF-8", "EUC-JP")) == (iconv_t)-1) {
		iconv_close(c->cd);
		return false;
	}
	return true;
}

static iconv_t kept[64]; /* mime_charsets_load() */

void
mime_charsets_load(void)
{
	/* A module that nobody uses would be taken out again: these are never closed. */
	static const char *names[64] = {"CP932", "EUC-JP", "GB18030"};
	size_t n = 3, k;
	const char *name;

	for (size_t i = 0; (name = charset_of_table(i)) != NULL; i++) {
		for (k = 0; k < n && strcmp(names[k], name) != 0; k++)
			;
		if (k == n && *name != '\0' && n < sizeof(names) / sizeof(*names))
			names[n++] = name;
	}
	for (k = 0; k < n; k++)
		if (kept[k] == NULL)
			kept[k] = iconv_open("UTF-8", names[k]);
}

struct mime_charset *
mime_charset_open(struct str name)
{
	struct mime_charset *c, **at;
	enum charset_kind kind;
	char ours[CHARSET_NAME_MAX + 1];

	if (!charset_lookup(name, &kind, ours))
		return NULL;
	for (at = &cache; (c = *at) != NULL; at = &c->next) {
		if (c->kind == kind && strcmp(c->name, ours) == 0) {
			*at = c->next;
			return c;
		}
	}
	c = x_new(struct mime_charset);
	c->kind = kind;
	memcpy(c->name, ours, strlen(ours) + 1);
	if (descriptors_open(c))
		return c;
	free(c);
	return NULL;
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
	if (c->kind >= KIND_ICONV)
		iconv(c->cd, NULL, NULL, NULL, NULL);
	c->pairs = (struct charset_pairs){0};
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

void
charset_bad(struct mime_charset *c, struct buf *out)
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

uint32_t
mime_windows_1252(unsigned char b)
{
	return b >= 0x80 && b < 0xa0 ? cp1252[b - 0x80] : b;
}

static void
add_cp1252(unsigned char b, struct buf *out)
{
	utf8_add(out, mime_windows_1252(b));
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
				charset_bad(c, out);
			}
			n = 1;
		}
		i += n;
	}
	return i;
}

/* How long the bad character at the start of s is: a pair of bytes, where that is known. */
static size_t
bad_size(struct str s, bool whole)
{
	return whole && s.n > 1 && (s.p[0] & 0x80) ? 2 : 1;
}

/* What iconv made. Its UTF-8 is not RFC 3629's: UCS-4 has code points to 0x7fffffff, which it writes in up to six bytes. Each is one that is bad. */
static void
add_made(struct mime_charset *c, struct str s, struct buf *out)
{
	size_t i = 0, len;

	if (utf8_valid(s)) {
		buf_add(out, s);
		return;
	}
	while (i < s.n) {
		if (utf8_next(str_from(s, i), &len) >= 0) {
			buf_add(out, str_of(s.p + i, len));
			i += len;
			continue;
		}
		charset_bad(c, out);
		for (i++; i < s.n && (s.p[i] & 0xc0) == 0x80; i++)
			;
	}
}

size_t
charset_iconv(struct mime_charset *c, iconv_t cd, struct str s, struct buf *out, bool last, bool whole)
{
	union {
		const char *given;
		char *wanted; /* iconv's type lacks a const; it does not write there */
	} in = {.given = s.p};
	size_t left = s.n;

	while (left > 0) {
		char chunk[1024], *to = chunk;
		size_t room = sizeof(chunk), before = left, skip;
		size_t r = iconv(cd, &in.wanted, &left, &to, &room);
		int error = r == (size_t)-1 ? errno : 0;

		add_made(c, str_of(chunk, sizeof(chunk) - room), out);
		if (error == 0 || (error == E2BIG && (left < before || room < sizeof(chunk))))
			continue;
		if (error == EINVAL && !last && left < sizeof(c->held))
			break;
		charset_bad(c, out);
		skip = bad_size(str_of(in.given, left), whole);
		in.given += skip;
		left -= skip;
	}
	return s.n - left;
}

static void
add_all(struct mime_charset *c, struct str s, struct buf *out, bool last)
{
	size_t n = s.n;

	if (c->kind < KIND_ICONV)
		n = add_utf8(c, s, out, last);
	else if (c->kind == KIND_ICONV)
		n = charset_iconv(c, c->cd, s, out, last, false);
	else
		charset_pairs_add(c, s, out);
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
	if (c->kind > KIND_ICONV)
		charset_pairs_finish(c, out);
	if (c->kind == KIND_ICONV) {
		char chunk[64], *to = chunk;
		size_t room = sizeof(chunk);

		iconv(c->cd, NULL, NULL, &to, &room);
		add_made(c, str_of(chunk, sizeof(chunk) - room), out);
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
