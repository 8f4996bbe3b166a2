/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes IMAP URLs: what is understood is written anew from what was understood, and means the same then. What is printed can stand in a
 * response code. */
#include "base/assert.h"
#include "base/utf8.h"
#include "wire/imap_char.h"
#include "wire/imap_out.h"
#include "wire/imap_url.h"
#include "wire/mailbox_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
encode(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (ascii_alpha(s.p[i]) || ascii_digit(s.p[i]) || s.p[i] == '/')
			buf_addc(out, s.p[i]);
		else
			buf_addf(out, "%%%02x", (unsigned char)s.p[i]);
	}
}

/* The section as out_section() prints it, without brackets and partial. False: a field's name would be a literal there. */
static bool
add_section(struct buf *out, struct section section)
{
	struct buf b = {0};
	bool good;

	section.partial = false;
	out_section(&b, &section);
	good = str_chr(buf_str(&b), '\n') == b.n;
	if (b.n > 2) {
		buf_adds(out, "/;section=");
		encode(out, str_of(b.p + 1, b.n - 2));
	}
	buf_free(&b);
	return good;
}

static bool
rewrite(struct buf *out, const struct imap_url *u)
{
	bool good;

	if (u->mailbox.n > 0) {
		buf_addc(out, '/');
		encode(out, u->mailbox);
		if (u->uidvalidity > 0)
			buf_addf(out, ";uidvalidity=%u", u->uidvalidity);
		buf_addc(out, '/');
	}
	buf_addf(out, ";uid=%u", u->uid);
	good = add_section(out, u->section);
	if (u->section.partial)
		buf_addf(out, "/;partial=%llu", (unsigned long long)u->section.first);
	if (u->section.partial && u->section.count != UINT64_MAX)
		buf_addf(out, ".%llu", (unsigned long long)u->section.count);
	return good;
}

static void
same(const struct imap_url *a, const struct imap_url *b)
{
	ensure(str_eq(a->mailbox, b->mailbox));
	ensure(a->uidvalidity == b->uidvalidity && a->uid == b->uid);
	ensure(a->section.kind == b->section.kind && a->section.parts == b->section.parts);
	for (size_t i = 0; i < a->section.parts; i++)
		ensure(a->section.part[i] == b->section.part[i]);
	ensure(a->section.fields == b->section.fields);
	for (size_t i = 0; i < a->section.fields; i++)
		ensure(str_eq(a->section.field[i], b->section.field[i]));
	ensure(a->section.partial == b->section.partial);
	if (a->section.partial)
		ensure(a->section.first == b->section.first && a->section.count == b->section.count);
}

/* url-resp-text (RFC 4469 5): what can stand between "BADURL " and "]". */
static void
check_print(struct str url)
{
	struct buf out = {0};

	imap_url_print(&out, url);
	ensure(out.n > 0 && out.n < 1000);
	for (size_t i = 0; i < out.n; i++)
		ensure(out.p[i] >= ' ' && out.p[i] <= '~' && out.p[i] != ']');
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = str_of(data, size);
	struct arena arena = {0};
	struct imap_url u, again;
	struct buf out = {0};

	check_print(s);
	if (imap_url_parse(&arena, s, &u) == OK) {
		ensure(u.uid > 0 && utf8_valid(u.mailbox));
		/* A name that begins with a slash would look like a server's. */
		if (rewrite(&out, &u) && out.n <= IMAP_URL_MAX && !str_starts(buf_str(&out), STR("//"))) {
			ensure(imap_url_parse(&arena, buf_str(&out), &again) == OK);
			same(&u, &again);
		}
	}
	buf_free(&out);
	arena_free(&arena);
	return 0;
}
