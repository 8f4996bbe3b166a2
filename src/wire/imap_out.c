/* SPDX-License-Identifier: Apache-2.0 */
/* Responses: conditions, strings, flags, sections. */
#include "wire/imap_out.h"

#include "base/assert.h"
#include "base/utf8.h"
#include "wire/imap_char.h"
#include "wire/mutf7.h"

/* Longer strings leave as literals: some clients bound their quoted strings. */
#define QUOTED_MAX 1000

/* Text of a line: what is not printable leaves as a space. */
static void
line_text(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c == 0x7f) {
			buf_add(out, str_head(s, i));
			buf_addc(out, ' ');
			s = str_from(s, i + 1);
			i = (size_t)-1;
		}
	}
	buf_add(out, s);
}

void
out_code_begin(struct buf *out, struct str tag, const char *cond)
{
	buf_add(out, tag.n > 0 ? tag : STR("*"));
	buf_addc(out, ' ');
	buf_adds(out, cond);
	buf_adds(out, " [");
}

void
out_code_end(struct buf *out, const char *text)
{
	buf_adds(out, "] ");
	line_text(out, text && *text ? str_c(text) : STR("Ok"));
	buf_adds(out, "\r\n");
}

void
out_tagged(struct buf *out, struct str tag, const char *cond, const char *code, const char *text)
{
	if (code != NULL && *code != '\0') {
		out_code_begin(out, tag, cond);
		line_text(out, str_c(code));
		out_code_end(out, text);
		return;
	}
	buf_add(out, tag.n > 0 ? tag : STR("*"));
	buf_addc(out, ' ');
	buf_adds(out, cond);
	buf_addc(out, ' ');
	line_text(out, text && *text ? str_c(text) : STR("Ok"));
	buf_adds(out, "\r\n");
}

void
out_untagged(struct buf *out, const char *cond, const char *code, const char *text)
{
	out_tagged(out, STR("*"), cond, code, text);
}

void
out_continue(struct buf *out, struct str text)
{
	buf_adds(out, "+ ");
	line_text(out, text);
	buf_adds(out, "\r\n");
}

void
out_number_line(struct buf *out, uint64_t n, const char *word)
{
	buf_adds(out, "* ");
	buf_addu(out, n);
	buf_addc(out, ' ');
	buf_adds(out, word);
	buf_adds(out, "\r\n");
}

/* ---- strings ---- */

/* May s stand in quotes? Controls could, by the grammar, but are safer in a literal. */
static bool
quotable(struct str s, bool utf8)
{
	bool eight_bit = false;

	if (s.n > QUOTED_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
		eight_bit |= c >= 0x80;
	}
	return !eight_bit || (utf8 && utf8_valid(s));
}

static void
add_quoted(struct buf *out, struct str s)
{
	buf_addc(out, '"');
	while (s.n > 0) {
		size_t n = 0;

		while (n < s.n && s.p[n] != '"' && s.p[n] != '\\')
			n++;
		buf_add(out, str_head(s, n));
		s = str_from(s, n);
		if (s.n > 0) {
			buf_addc(out, '\\');
			buf_addc(out, s.p[0]);
			s = str_from(s, 1);
		}
	}
	buf_addc(out, '"');
}

/* A literal may hold no NUL. */
static void
add_literal(struct buf *out, struct str s)
{
	size_t n;

	out_literal_header(out, s.n);
	while ((n = str_chr(s, '\0')) < s.n) {
		buf_add(out, str_head(s, n));
		buf_addc(out, '\x80');
		s = str_from(s, n + 1);
	}
	buf_add(out, s);
}

void
out_string(struct buf *out, struct str s, bool utf8)
{
	if (quotable(s, utf8))
		add_quoted(out, s);
	else
		add_literal(out, s);
}

void
out_nstring(struct buf *out, struct str s, bool utf8)
{
	if (s.p == NULL)
		buf_adds(out, "NIL");
	else
		out_string(out, s, utf8);
}

void
out_astring(struct buf *out, struct str s, bool utf8)
{
	bool atom = s.n > 0 && !str_caseeq(s, STR("NIL"));

	for (size_t i = 0; i < s.n && atom; i++)
		atom = astring_char(s.p[i]);
	if (atom)
		buf_add(out, s);
	else
		out_string(out, s, utf8);
}

void
out_quoted(struct buf *out, struct str s, bool utf8)
{
	bool keep = utf8 && utf8_valid(s);

	buf_addc(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c == 0x7f)
			continue;
		if (c == '"' || c == '\\')
			buf_addc(out, '\\');
		buf_addc(out, c >= 0x80 && !keep ? '?' : (char)c);
	}
	buf_addc(out, '"');
}

void
out_literal_header(struct buf *out, uint64_t n)
{
	buf_addc(out, '{');
	buf_addu(out, n);
	buf_adds(out, "}\r\n");
}

void
out_literal8_header(struct buf *out, uint64_t n)
{
	buf_addc(out, '~');
	out_literal_header(out, n);
}

void
out_literal8(struct buf *out, struct str s)
{
	out_literal8_header(out, s.n);
	buf_add(out, s);
}

/* ---- names, flags, sections ---- */

void
out_mailbox(struct buf *out, struct str name, bool utf8)
{
	struct buf wire = {0};
	bool plain = str_chr(name, '&') == name.n;

	for (size_t i = 0; i < name.n && plain; i++)
		plain = name.p[i] >= 0x20 && name.p[i] < 0x7f;
	if (plain || utf8) {
		out_astring(out, name, utf8);
		return;
	}
	mutf7_encode(&wire, name);
	out_astring(out, buf_str(&wire), false);
	buf_free(&wire);
}

void
out_flags_bare(struct buf *out, unsigned system, const struct str *keywords, size_t n, bool *first)
{
	static const unsigned order[] = {
	    FLAG_ANSWERED, FLAG_FLAGGED, FLAG_DELETED, FLAG_SEEN, FLAG_DRAFT, FLAG_RECENT};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if ((system & order[i]) == 0)
			continue;
		if (!*first)
			buf_addc(out, ' ');
		*first = false;
		buf_add(out, flag_name(order[i]));
	}
	for (size_t i = 0; i < n; i++) {
		if (!*first)
			buf_addc(out, ' ');
		*first = false;
		buf_add(out, keywords[i]);
	}
}

void
out_flags(struct buf *out, unsigned system, const struct str *keywords, size_t n)
{
	bool first = true;

	buf_addc(out, '(');
	out_flags_bare(out, system, keywords, n, &first);
	buf_addc(out, ')');
}

static const char *
section_word(enum section_kind kind)
{
	switch (kind) {
	case SECTION_ALL: return "";
	case SECTION_HEADER: return "HEADER";
	case SECTION_FIELDS: return "HEADER.FIELDS";
	case SECTION_FIELDS_NOT: return "HEADER.FIELDS.NOT";
	case SECTION_TEXT: return "TEXT";
	case SECTION_MIME: return "MIME";
	}
	die("a section of no kind");
}

void
out_section(struct buf *out, const struct section *sec)
{
	ensure(sec->kind != SECTION_MIME || sec->parts > 0);
	buf_addc(out, '[');
	for (size_t i = 0; i < sec->parts; i++) {
		if (i > 0)
			buf_addc(out, '.');
		buf_addu(out, sec->part[i]);
	}
	if (sec->parts > 0 && sec->kind != SECTION_ALL)
		buf_addc(out, '.');
	buf_adds(out, section_word(sec->kind));
	if (sec->kind == SECTION_FIELDS || sec->kind == SECTION_FIELDS_NOT) {
		ensure(sec->fields > 0);
		buf_adds(out, " (");
		for (size_t i = 0; i < sec->fields; i++) {
			if (i > 0)
				buf_addc(out, ' ');
			out_astring(out, sec->field[i], false);
		}
		buf_addc(out, ')');
	}
	buf_addc(out, ']');
	if (sec->partial) {
		buf_addc(out, '<');
		buf_addu(out, sec->first);
		buf_addc(out, '>');
	}
}
