/* SPDX-License-Identifier: Apache-2.0 */
/* A field's value as it is looked for: decoded, mapped, blanks joined; addresses without their comments. */
#include "mime/find.h"

#include "base/assert.h"
#include "mime/address.h"
#include "mime/header.h"
#include "mime/vector.h"

#define FOUND_MAX 16383

void
mime_find_free(struct mime_find *f)
{
	buf_free(&f->text);
	buf_free(&f->address);
	buf_free(&f->octets);
	buf_free(&f->tmp);
}

static inline bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Where the first run of blanks from i on is that has to become one space; b->n: there is none. */
static size_t
blank_run(const struct buf *b, size_t i)
{
	for (; i + 17 <= b->n; i += 16) {
		v16 v = v16_load(b->p + i), next = v16_load(b->p + i + 1);

		if (v16_any((v == '\t') | ((v == ' ') & ((next == ' ') | (next == '\t')))))
			break;
	}
	while (i < b->n && b->p[i] != '\t' && (b->p[i] != ' ' || i + 1 == b->n || !is_blank(b->p[i + 1])))
		i++;
	return i;
}

void
mime_join_blanks(struct buf *b, size_t start)
{
	size_t i = blank_run(b, start), to;

	ensure(start <= b->n && i <= b->n);
	for (to = i; i < b->n; i++) {
		if (!is_blank(b->p[i]))
			b->p[to++] = b->p[i];
		else if (i + 1 == b->n || !is_blank(b->p[i + 1]))
			b->p[to++] = ' ';
	}
	ensure(to <= b->n);
	b->n = to;
}

bool
mime_find_is_address(struct str name)
{
	static const struct str names[] = {STR("from"), STR("to"), STR("cc"), STR("bcc"), STR("sender"), STR("reply-to")};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_caseeq(name, names[i]))
			return true;
	return false;
}

/* "name <local@domain>", decoded, into f->tmp. */
static void
add_address(struct mime_find *f, const struct mime_address *a)
{
	if (a->kind == MIME_GROUP_END)
		return;
	if (f->tmp.n > 0)
		buf_add(&f->tmp, STR(", "));
	if (a->name.n > 0)
		mime_header_text(&f->tmp, a->name, STR_NONE);
	if (a->kind == MIME_GROUP_START || (a->local.n == 0 && a->domain.n == 0))
		return;
	if (a->name.n > 0)
		buf_add(&f->tmp, STR(" <"));
	mime_header_text(&f->tmp, a->local, STR_NONE);
	if (a->domain.n > 0) {
		buf_addc(&f->tmp, '@');
		mime_header_text(&f->tmp, a->domain, STR_NONE);
	}
	if (a->name.n > 0)
		buf_addc(&f->tmp, '>');
}

static void
find_addresses(struct mime_find *f, enum mime_collation c, struct str raw)
{
	struct arena arena = {0};
	struct mime_addresses list;
	struct mime_address a;

	buf_clear(&f->tmp);
	mime_addresses_init(&list, &arena, raw);
	while (mime_address_next(&list, &a))
		add_address(f, &a);
	arena_free(&arena);
	mime_collate(&f->address, c, buf_str(&f->tmp));
	mime_join_blanks(&f->address, 0);
	if (f->address.n > 0 && f->text.n > 0 && memmem(f->text.p, f->text.n, f->address.p, f->address.n) != NULL)
		buf_clear(&f->address);
}

void
mime_find(struct mime_find *f, enum mime_collation c, struct str raw, struct str addresses)
{
	buf_clear(&f->tmp);
	buf_clear(&f->text);
	buf_clear(&f->octets);
	buf_clear(&f->address);
	f->guess = !mime_header_strict(&f->tmp, &f->octets, raw, STR_NONE);
	mime_collate(&f->text, c, buf_str(&f->tmp));
	mime_join_blanks(&f->text, 0);
	mime_join_blanks(&f->octets, 0);
	if (addresses.n > 0)
		find_addresses(f, c, addresses);
}

static void
put(struct buf *out, struct str s, bool decoded)
{
	unsigned head;

	s = str_head(s, FOUND_MAX);
	ensure(s.n <= FOUND_MAX);
	head = (unsigned)s.n << 1 | decoded;
	buf_addc(out, (char)head);
	buf_addc(out, (char)(head >> 8));
	buf_add(out, s);
}

void
mime_found_add(struct buf *out, struct mime_find *work, struct str raw, bool addresses)
{
	mime_find(work, MIME_UNICODE_CASEMAP, raw, addresses ? raw : STR_NONE);
	put(out, buf_str(&work->text), true);
	if (work->address.n > 0)
		put(out, buf_str(&work->address), true);
	if (work->guess)
		put(out, buf_str(&work->octets), false);
}

bool
mime_found_next(struct str *rest, struct str *value_r, bool *decoded_r)
{
	unsigned head;

	if (rest->n < 2)
		return false;
	head = (unsigned char)rest->p[0] | (unsigned)(unsigned char)rest->p[1] << 8;
	if (head >> 1 > rest->n - 2)
		return false;
	*value_r = str_of(rest->p + 2, head >> 1);
	*decoded_r = head & 1;
	*rest = str_from(*rest, 2 + (head >> 1));
	return true;
}
