/* SPDX-License-Identifier: Apache-2.0 */
/* One spelling for a name, and what a name may be. */
#include "wire/mailbox_name.h"

#include "base/assert.h"
#include "base/utf8.h"
#include "wire/mutf7.h"

bool
mailbox_name_is_inbox(struct str name)
{
	return str_eq(name, STR("INBOX"));
}

struct str
mailbox_name_parent(struct str name)
{
	while (name.n > 0 && name.p[name.n - 1] != '/')
		name.n--;
	return str_head(name, name.n ? name.n - 1 : 0);
}

/* Adds the UTF-8 that raw stands for. */
static enum status
to_utf8(struct buf *out, struct str raw, bool utf8)
{
	if (str_chr(raw, '\0') != raw.n)
		return ERR_BAD_INPUT;
	/* Clients that think in UTF-8 only send it unasked; nothing else can be meant while no
	 * shift occurs (RFC 9051 5.1). */
	if (!utf8 && (str_is_ascii(raw) || str_chr(raw, '&') != raw.n))
		return mutf7_decode(out, raw);
	if (!utf8_valid(raw))
		return ERR_BAD_INPUT;
	buf_add(out, raw);
	return OK;
}

static bool
needs_no_change(struct str raw, bool utf8)
{
	for (size_t i = 0; i < raw.n; i++)
		if (raw.p[i] < 0x20 || raw.p[i] > 0x7e || (raw.p[i] == '&' && !utf8))
			return false;
	return true;
}

/* A copy with the first level INBOX in its one spelling. */
static struct str
copy(struct arena *a, struct str name)
{
	char *p = arena_cstr(a, name);

	if (str_case_starts(name, STR("INBOX")) && (name.n == 5 || name.p[5] == '/'))
		memcpy(p, "INBOX", 5);
	return str_of(p, name.n);
}

enum status
mailbox_name_canon(struct arena *a, struct str raw, bool utf8, struct str *name_r)
{
	struct buf plain = {0}, nfc = {0};
	enum status st;

	if (raw.n > 4 * MAILBOX_NAME_MAX)
		return ERR_LIMIT;
	if (needs_no_change(raw, utf8)) {
		*name_r = copy(a, raw);
		return OK;
	}
	if ((st = to_utf8(&plain, raw, utf8)) == OK && (st = utf8_nfc(&nfc, buf_str(&plain))) == OK)
		*name_r = copy(a, buf_str(&nfc));
	buf_free(&plain);
	buf_free(&nfc);
	return st;
}

/* Net-Unicode (RFC 5198) without controls, as RFC 9051 5.1 asks of names; no noncharacters. */
static bool
char_ok(int32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x2028 || c == 0x2029)
		return false;
	return (c & 0xfffe) != 0xfffe && !(c >= 0xfdd0 && c <= 0xfdef);
}

bool
mailbox_name_reserved(struct str name)
{
	struct str first = str_head(name, str_chr(name, '/'));

	return str_starts(first, STR("#")) || str_eq(first, STR("Shared")) || str_eq(first, STR("Other Users"));
}

bool
mailbox_name_others(struct str name)
{
	const struct str space = STR("Other Users/");
	struct str rest = str_from(name, space.n);
	size_t at = str_chr(rest, '/');

	return str_starts(name, space) && at > 0 && at + 1 < rest.n;
}

enum status
mailbox_name_check(struct str name)
{
	struct str rest = name, level;
	unsigned levels = 0;
	size_t len;

	if (name.n == 0)
		return ERR_BAD_INPUT;
	if (name.n > MAILBOX_NAME_MAX)
		return ERR_LIMIT;
	while (str_split(&rest, '/', &level)) {
		if (level.n == 0)
			return ERR_BAD_INPUT;
		/* Apple clients have made INBOX/INBOX, which other clients then take for INBOX
		 * (T22). */
		if (levels == 1 && str_caseeq(level, STR("INBOX")) &&
		    str_starts(name, STR("INBOX/")))
			return ERR_BAD_INPUT;
		if (level.n > MAILBOX_LEVEL_MAX || ++levels > MAILBOX_LEVELS_MAX)
			return ERR_LIMIT;
	}
	for (rest = name; rest.n > 0; rest = str_from(rest, len)) {
		if (!char_ok(utf8_next(rest, &len)))
			return ERR_BAD_INPUT;
		ensure(len > 0 && len <= rest.n);
	}
	return OK;
}
