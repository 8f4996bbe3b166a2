/* SPDX-License-Identifier: Apache-2.0 */
/* Briefs in memory, the least used of which goes first; making one, and looking for a key in it. */
#include "search/brief.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/lock.h"
#include "base/magic.h"
#include "mime/find.h"
#include "mime/summary.h"
#include "search/field.h"
#include "search/scan.h"

struct value {
	uint32_t end;  /* in text, of the line feed behind it */
	uint8_t email; /* the last byte of its id */
	bool octets;   /* could not be decoded */
};

struct brief {
	enum magic magic;
	struct brief *next;          /* in the hash table */
	struct brief *newer, *older; /* by use */
	unsigned refs;               /* the cache's is one of them; under its lock once the brief was put there */
	struct search_cache *cache;  /* NULL: it was never there */
	enum brief_field field;
	int64_t block;               /* ids >> 8 */
	uint64_t has[BRIEF_EMAILS / 64];
	bool octets;                 /* some value is */
	struct buf text;             /* values, casemapped or octets, a line feed behind each (there is none inside) */
	struct value *value;
	uint32_t n, cap;
	struct mime_find work;       /* while it is made */
};

#define SLOTS 4096
struct search_cache {
	struct lock lock;
	size_t bytes, most;
	struct brief *newest, *oldest;
	struct brief *slot[SLOTS];
};

#define N(z) {z, sizeof(z) - 1}
static const struct str lines[] = {N("\nSUBJECT"), N("\nFROM"), N("\nTO"), N("\nCC"), N("\nBCC"), N("\nMESSAGE-ID")};

enum brief_field
brief_field_of(struct str name)
{
	int i;

	for (i = 0; i < BRIEF_FIELDS && !str_caseeq(name, str_from(lines[i], 1)); i++)
		;
	return (enum brief_field)i;
}

/* ---- the cache ---- */

struct search_cache *
search_cache_new(size_t bytes)
{
	struct search_cache *c;

	if (bytes == 0)
		return NULL;
	c = x_new(struct search_cache);
	c->most = bytes;
	lock_init(&c->lock, LOCK_search_brief);
	return c;
}

size_t
search_cache_bytes(struct search_cache *c)
{
	size_t bytes;

	lock_take(&c->lock);
	bytes = c->bytes;
	lock_give(&c->lock);
	return bytes;
}

static size_t
bytes_of(const struct brief *b)
{
	return sizeof(*b) + b->text.cap + b->cap * sizeof(*b->value);
}

static struct brief **
slot_of(struct search_cache *c, enum brief_field field, int64_t block)
{
	uint64_t h = ((uint64_t)block * BRIEF_FIELDS + field) * UINT64_C(0x9e3779b97f4a7c15);

	return &c->slot[h >> 52];
}

static void
brief_free(struct brief *b)
{
	ensure(b->magic == MAGIC_BRIEF);
	b->magic = MAGIC_DEAD;
	buf_free(&b->text);
	mime_find_free(&b->work);
	free(b->value);
	free(b);
}

static void
use_first(struct search_cache *c, struct brief *b)
{
	b->older = c->newest;
	b->newer = NULL;
	if (c->newest)
		c->newest->newer = b;
	else
		c->oldest = b;
	c->newest = b;
}

static void
use_unlink(struct search_cache *c, struct brief *b)
{
	*(b->newer ? &b->newer->older : &c->newest) = b->older;
	*(b->older ? &b->older->newer : &c->oldest) = b->newer;
}

/* Takes it out of the cache; who holds it keeps it. */
static void
drop(struct search_cache *c, struct brief *b)
{
	struct brief **at = slot_of(c, b->field, b->block);

	while (*at != b) {
		ensure(*at != NULL);
		at = &(*at)->next;
	}
	*at = b->next;
	use_unlink(c, b);
	ensure(b->cache == c && b->refs > 0 && c->bytes >= bytes_of(b));
	c->bytes -= bytes_of(b);
	if (--b->refs == 0)
		brief_free(b);
}

static struct brief *
look_up(struct search_cache *c, enum brief_field field, int64_t block)
{
	struct brief *b = *slot_of(c, field, block);

	while (b && (b->block != block || b->field != field))
		b = b->next;
	return b;
}

struct brief *
brief_get(struct search_cache *c, enum brief_field field, int64_t email)
{
	struct brief *b;

	lock_take(&c->lock);
	if ((b = look_up(c, field, email >> 8)) != NULL) {
		ensure(b->magic == MAGIC_BRIEF && b->refs > 0);
		b->refs++;
		use_unlink(c, b);
		use_first(c, b);
	}
	lock_give(&c->lock);
	return b;
}

void
brief_put(struct search_cache *c, struct brief *b)
{
	struct brief **at, *old;

	ensure(b->magic == MAGIC_BRIEF && b->cache == NULL && b->refs == 1);
	b->cap = b->n ? b->n : 1;
	b->value = x_realloc(b->value, b->cap * sizeof(*b->value));
	mime_find_free(&b->work);
	b->work = (struct mime_find){0};
	b->cache = c;
	lock_take(&c->lock);
	if ((old = look_up(c, b->field, b->block)) != NULL)
		drop(c, old);
	at = slot_of(c, b->field, b->block);
	b->next = *at;
	*at = b;
	use_first(c, b);
	c->bytes += bytes_of(b);
	while (c->bytes > c->most) {
		ensure(c->oldest != NULL);
		drop(c, c->oldest);
	}
	lock_give(&c->lock);
}

void
brief_unref(struct brief *b)
{
	struct search_cache *c;
	bool last;

	if (b == NULL)
		return;
	if ((c = b->cache) == NULL) {
		brief_free(b);
		return;
	}
	lock_take(&c->lock);
	ensure(b->magic == MAGIC_BRIEF && b->refs > 0);
	last = --b->refs == 0;
	lock_give(&c->lock);
	if (last)
		brief_free(b);
}

void
search_cache_free(struct search_cache *c)
{
	if (c == NULL)
		return;
	while (c->oldest)
		drop(c, c->oldest);
	ensure(c->bytes == 0 && c->newest == NULL);
	lock_fini(&c->lock);
	free(c);
}

/* ---- making ---- */

struct brief *
brief_copy(const struct brief *old, enum brief_field field, int64_t email)
{
	struct brief *b = x_new(struct brief);

	b->magic = MAGIC_BRIEF;
	b->refs = 1;
	b->field = field;
	b->block = email >> 8;
	if (old == NULL)
		return b;
	memcpy(b->has, old->has, sizeof(b->has));
	b->octets = old->octets;
	buf_add(&b->text, buf_str(&old->text));
	b->n = b->cap = old->n;
	b->value = x_malloc((b->cap ? b->cap : 1) * sizeof(*b->value));
	if (b->n)
		memcpy(b->value, old->value, b->n * sizeof(*b->value));
	return b;
}

bool
brief_is_for(const struct brief *b, int64_t email)
{
	return b->block == email >> 8;
}

bool
brief_has(const struct brief *b, int64_t email)
{
	return b->has[(email & 255) / 64] >> (email & 63) & 1;
}

/* One string more, as search_match() would compare it. */
static void
value_add(struct brief *b, int64_t email, struct str text, bool decoded)
{
	ensure(email >> 8 == b->block && b->cache == NULL);
	buf_add(&b->text, text);
	b->octets |= !decoded;
	if (b->n == b->cap) {
		b->cap = b->cap ? b->cap * 2 : BRIEF_EMAILS;
		b->value = x_realloc(b->value, b->cap * sizeof(*b->value));
	}
	b->value[b->n++] = (struct value){.end = (uint32_t)b->text.n, .email = (uint8_t)email, .octets = !decoded};
	buf_addc(&b->text, '\n');
}

static void
field_add(struct brief *b, int64_t email, struct str raw)
{
	struct mime_find *f = &b->work;

	mime_find(f, MIME_UNICODE_CASEMAP, raw, mime_find_is_address(str_from(lines[b->field], 1)) ? raw : STR_NONE);
	value_add(b, email, buf_str(&f->text), true);
	if (f->address.n > 0)
		value_add(b, email, buf_str(&f->address), true);
	if (f->guess)
		value_add(b, email, buf_str(&f->octets), false);
}

bool
brief_add(struct brief *b, int64_t email, struct str header)
{
	struct field_seek seek = {header, lines[b->field], false};
	size_t text_n = b->text.n, sum = 0;
	uint32_t n = b->n;
	struct mime_field f;

	while (sum <= BRIEF_VALUES_MAX && field_next(&seek, &f)) {
		sum += f.value.n + 1;
		if (sum <= BRIEF_VALUES_MAX)
			field_add(b, email, f.value);
	}
	if (sum > BRIEF_VALUES_MAX) {
		b->text.n = text_n;
		b->n = n;
		return false;
	}
	b->has[(email & 255) / 64] |= UINT64_C(1) << (email & 63);
	return true;
}

bool
brief_add_found(struct brief *b, int64_t email, struct str values)
{
	struct str value;
	bool decoded;

	while (mime_found_next(&values, &value, &decoded))
		value_add(b, email, value, decoded);
	b->has[(email & 255) / 64] |= UINT64_C(1) << (email & 63);
	return true;
}

/* ---- matching ---- */

bool
brief_answers(const struct search_needle *needle)
{
	struct str key = buf_str(&needle->key);

	return !needle->octet && needle->collation == MIME_UNICODE_CASEMAP && (key.n == 0 || memchr(key.p, '\n', key.n) == NULL);
}

/* Where the key stands in text next, from `from` on; SIZE_MAX. An ASCII key is found fast without regard to case, and then looked at. */
static size_t
find(struct str text, const struct search_needle *needle, size_t from)
{
	struct str key = buf_str(&needle->field);
	const char *p;

	if (!needle->ascii) {
		p = memmem(text.p + from, text.n - from, key.p, key.n);
		return p ? (size_t)(p - text.p) : SIZE_MAX;
	}
	while ((from = scan_ascii_at(text, key, from)) != SIZE_MAX && memcmp(text.p + from, key.p, key.n) != 0)
		from++;
	return from;
}

static bool
octets_match(struct str value, const struct search_needle *needle)
{
	return memmem(value.p, value.n, needle->field_octets.p, needle->field_octets.n) != NULL;
}

static struct str
value_text(const struct brief *b, uint32_t i)
{
	uint32_t from = i ? b->value[i - 1].end + 1 : 0;

	return str_of(b->text.p + from, b->value[i].end - from);
}

static bool
value_match(const struct brief *b, uint32_t i, const struct search_needle *needle)
{
	struct str text = value_text(b, i);

	if (needle->key.n == 0)
		return true;
	return b->value[i].octets ? octets_match(text, needle) : find(text, needle, 0) != SIZE_MAX;
}

bool
brief_match(const struct brief *b, int64_t email, const struct search_needle *needle)
{
	bool met = false;

	/* From the end: an email that was just added is there, and its values stand together. */
	for (uint32_t i = b->n; i-- > 0;) {
		if (b->value[i].email == (uint8_t)email) {
			met = true;
			if (value_match(b, i, needle))
				return true;
		} else if (met) {
			break;
		}
	}
	return false;
}

static void
set(uint64_t *bits, uint8_t email)
{
	bits[email / 64] |= UINT64_C(1) << (email & 63);
}

/* The value in which the byte lies, from value i on. */
static uint32_t
value_at(const struct brief *b, uint32_t i, size_t at)
{
	uint32_t high = b->n;

	while (i < high) {
		uint32_t mid = i + (high - i) / 2;

		if (b->value[mid].end < at)
			i = mid + 1;
		else
			high = mid;
	}
	return i;
}

void
brief_match_all(const struct brief *b, const struct search_needle *needle, uint64_t bits_r[BRIEF_EMAILS / 64])
{
	struct str text = buf_str(&b->text);
	uint32_t v = 0;
	size_t at = 0;

	memset(bits_r, 0, BRIEF_EMAILS / 64 * sizeof(*bits_r));
	for (uint32_t i = 0; needle->key.n == 0 && i < b->n; i++)
		set(bits_r, b->value[i].email);
	if (needle->key.n == 0)
		return;
	/* The key has no line feed, so no match lies in two values. */
	while (at < text.n && (at = find(text, needle, at)) != SIZE_MAX) {
		v = value_at(b, v, at);
		if (!b->value[v].octets)
			set(bits_r, b->value[v].email);
		at = (size_t)b->value[v].end + 1;
	}
	for (uint32_t i = 0; b->octets && i < b->n; i++)
		if (b->value[i].octets && octets_match(value_text(b, i), needle))
			set(bits_r, b->value[i].email);
}
