/* SPDX-License-Identifier: Apache-2.0 */
/* BODY and BODYSTRUCTURE (RFC 9051 7.5.2) of a parsed message. */
#include "mime/bodystructure.h"

#include "base/utf8.h"
#include "mime/envelope.h"
#include "mime/params.h"

/* How one answer is written. */
struct style {
	const struct mime_message *m;
	enum mime_text mode;
	bool extended;
	bool bare; /* the tree alone: types, encodings, sizes */
};

/*
 * One parameter. Raw 8-bit values become RFC 2231 extended values for who reads no UTF-8; a name that has
 * stars already keeps its form.
 */
static void
param_add(struct buf *out, const struct style *st, const struct mime_param *param)
{
	struct buf text = {0}, name = {0}, value = {0};
	struct str charset = st->m->charset.n ? st->m->charset : STR("utf-8");

	if (st->mode == MIME_UTF8 || str_is_ascii(param->value) || str_chr(param->name, '*') < param->name.n ||
	    !(utf8_valid(param->value) ? mime_charset_convert(&text, STR("utf-8"), param->value, true) :
	    mime_charset_convert(&text, charset, param->value, true))) {
		mime_string_add(out, param->name, st->mode);
		buf_addc(out, ' ');
		mime_ntext_add(out, param->value, st->m->charset, st->mode);
		buf_free(&text);
		return;
	}
	buf_add(&name, param->name);
	buf_addc(&name, '*');
	buf_add(&value, STR("utf-8''"));
	mime_percent_encode(&value, buf_str(&text));
	mime_string_add(out, buf_str(&name), st->mode);
	buf_addc(out, ' ');
	mime_string_add(out, buf_str(&value), st->mode);
	buf_free(&text);
	buf_free(&name);
	buf_free(&value);
}

static void
params_add(struct buf *out, const struct style *st, const struct mime_param *params, uint32_t n)
{
	struct arena arena = {0};
	bool pieces = false;

	if (n == 0 || st->bare) {
		buf_add(out, STR("NIL"));
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		pieces |= str_chr(params[i].name, '*') < params[i].name.n;
	if (pieces)
		params = mime_params_join(&arena, params, n, &n);
	for (uint32_t i = 0; i < n; i++) {
		buf_addc(out, i ? ' ' : '(');
		param_add(out, st, &params[i]);
	}
	buf_addc(out, ')');
	arena_free(&arena);
}

static struct str
encoding_name(const struct mime_part *part)
{
	switch (part->cte) {
	case MIME_CTE_7BIT: return STR("7bit");
	case MIME_CTE_8BIT: return STR("8bit");
	case MIME_CTE_BINARY: return STR("binary");
	case MIME_CTE_QP: return STR("quoted-printable");
	case MIME_CTE_BASE64: return STR("base64");
	case MIME_CTE_UNKNOWN: break;
	}
	return part->encoding;
}

static void
disposition_add(struct buf *out, const struct style *st, const struct mime_part *part)
{
	if (part->disposition.p == NULL || st->bare) {
		buf_add(out, STR("NIL"));
		return;
	}
	buf_addc(out, '(');
	mime_string_add(out, part->disposition, st->mode);
	buf_addc(out, ' ');
	params_add(out, st, part->disposition_params, part->n_disposition_params);
	buf_addc(out, ')');
}

/* Disposition, language, location: what all parts have in common at their end. */
static void
extension_add(struct buf *out, const struct style *st, const struct mime_part *part)
{
	buf_addc(out, ' ');
	disposition_add(out, st, part);
	buf_addc(out, ' ');
	if (st->bare) {
		buf_add(out, STR("NIL NIL"));
		return;
	}
	for (uint32_t i = 0; i < part->n_languages; i++) {
		buf_addc(out, i ? ' ' : '(');
		mime_string_add(out, part->languages[i], st->mode);
	}
	buf_add(out, part->n_languages ? STR(")") : STR("NIL"));
	buf_addc(out, ' ');
	mime_nstring_add(out, part->location, st->mode);
}

/* The word, or where it is so long that many of them would be too much, another. */
static struct str
short_word(struct str word, const char *else_word)
{
	return word.n <= MIME_BARE_TYPE ? word : str_c(else_word);
}

void
mime_bare_type(const struct mime_part *part, struct str *type_r, struct str *subtype_r)
{
	*type_r = short_word(part->type, "application");
	*subtype_r = short_word(part->subtype, part->kind == MIME_LEAF_TEXT ? "plain" :
	    part->kind == MIME_MULTIPART ? "mixed" : "octet-stream");
}

/* The same as fields_add(), without what may be long. */
static void
bare_fields_add(struct buf *out, const struct style *st, const struct mime_part *part)
{
	struct str type, subtype;

	mime_bare_type(part, &type, &subtype);
	buf_addc(out, '(');
	mime_string_add(out, type, st->mode);
	buf_addc(out, ' ');
	mime_string_add(out, subtype, st->mode);
	buf_add(out, STR(" NIL NIL NIL "));
	mime_string_add(out, part->cte == MIME_CTE_UNKNOWN ? STR("x-unknown") : encoding_name(part), st->mode);
	buf_addc(out, ' ');
	buf_addu(out, part->body_end - part->body_start);
}

/* Type to octets: the beginning of all parts that are not multiparts (body-fields). */
static void
fields_add(struct buf *out, const struct style *st, const struct mime_part *part)
{
	if (st->bare) {
		bare_fields_add(out, st, part);
		return;
	}
	buf_addc(out, '(');
	mime_string_add(out, part->type, st->mode);
	buf_addc(out, ' ');
	mime_string_add(out, part->subtype, st->mode);
	buf_addc(out, ' ');
	params_add(out, st, part->params, part->n_params);
	buf_addc(out, ' ');
	mime_nstring_add(out, part->id, st->mode);
	buf_addc(out, ' ');
	mime_ntext_add(out, part->description, st->m->charset, st->mode);
	buf_addc(out, ' ');
	mime_ntext_add(out, encoding_name(part), st->m->charset, st->mode);
	buf_addc(out, ' ');
	buf_addu(out, part->body_end - part->body_start);
}

/* Lines, if it has any, md5, extension data, the end. */
static void
single_end(struct buf *out, const struct style *st, const struct mime_part *part, bool lines)
{
	if (lines) {
		buf_addc(out, ' ');
		buf_addu(out, part->lines);
	}
	if (st->extended) {
		buf_addc(out, ' ');
		mime_nstring_add(out, st->bare ? STR_NONE : part->md5, st->mode);
		extension_add(out, st, part);
	}
	buf_addc(out, ')');
}

static void
multipart_end(struct buf *out, const struct style *st, const struct mime_part *part)
{
	struct str type, subtype = part->subtype;

	if (st->bare)
		mime_bare_type(part, &type, &subtype);
	buf_addc(out, ' ');
	mime_string_add(out, subtype, st->mode);
	if (st->extended) {
		buf_addc(out, ' ');
		params_add(out, st, part->params, part->n_params);
		extension_add(out, st, part);
	}
	buf_addc(out, ')');
}

/* Whether the answer goes into this part. RFC 3501 knows no message/global: there it is a part like any
 * other, without envelope. */
static bool
goes_inside(const struct style *st, const struct mime_part *part)
{
	if (part->kind == MIME_MESSAGE)
		return st->mode == MIME_UTF8 || str_caseeq(part->subtype, STR("rfc822"));
	return part->kind == MIME_MULTIPART;
}

/* Writes part i as far as its first child, or all of it; true: go on with the child. */
static bool
begin(struct buf *out, const struct style *st, uint32_t i)
{
	const struct mime_part *part = &st->m->parts[i];

	if (part->kind == MIME_MULTIPART) {
		buf_addc(out, '(');
		return true;
	}
	fields_add(out, st, part);
	if (!goes_inside(st, part)) {
		single_end(out, st, part, part->kind == MIME_LEAF_TEXT);
		return false;
	}
	buf_addc(out, ' ');
	if (st->bare)
		buf_add(out, STR("(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"));
	else
		mime_envelope_add(out, st->m, part->child, st->mode);
	buf_addc(out, ' ');
	return true;
}

/* Ends the parts around i as far as they are done; returns the part to write next, or MIME_NO_PART. */
static uint32_t
end(struct buf *out, const struct style *st, uint32_t i)
{
	const struct mime_part *parts = st->m->parts;

	for (; parts[i].parent != MIME_NO_PART; i = parts[i].parent) {
		const struct mime_part *parent = &parts[parts[i].parent];

		if (parts[i].next != MIME_NO_PART)
			return parts[i].next;
		if (parent->kind == MIME_MULTIPART)
			multipart_end(out, st, parent);
		else
			single_end(out, st, parent, true);
	}
	return MIME_NO_PART;
}

/* False: it became longer than what is allowed, and was not finished. */
static bool
write_all(struct buf *out, const struct style *st, size_t max)
{
	size_t start = out->n;
	uint32_t i = 0;

	while (i != MIME_NO_PART && !out->failed && out->n - start <= max)
		i = begin(out, st, i) ? st->m->parts[i].child : end(out, st, i);
	return out->n - start <= max;
}

static void
write_some(struct buf *out, struct style st)
{
	size_t start = out->n;

	if (write_all(out, &st, MIME_BODYSTRUCTURE_MAX))
		return;
	out->n = start;
	st.bare = true;
	(void)write_all(out, &st, SIZE_MAX);
}

void
mime_bodystructure_add(struct buf *out, const struct mime_message *m, enum mime_text mode)
{
	write_some(out, (struct style){.m = m, .mode = mode, .extended = true});
}

void
mime_body_add(struct buf *out, const struct mime_message *m, enum mime_text mode)
{
	write_some(out, (struct style){.m = m, .mode = mode});
}

/* Reading our own output again. */

/* Length of the value at the start of s: string, literal, atom or list; 0: there is none. */
static size_t
value_size(struct str s)
{
	size_t i = 0, depth = 0;

	do {
		if (i >= s.n)
			return 0;
		switch (s.p[i]) {
		case '(': depth++, i++; continue;
		case ' ': i++; continue;
		case ')':
			if (depth == 0)
				return 0;
			depth--, i++;
			continue;
		case '"':
			for (i++; i < s.n && s.p[i] != '"'; i++)
				i += s.p[i] == '\\';
			i++;
			break;
		case '{': {
			size_t end = str_chr(str_from(s, i), '}');
			uint64_t n;

			if (!str_u64(str_of(s.p + i + 1, end ? end - 1 : 0), s.n, &n))
				return 0;
			i += end + 3 + (size_t)n;
			break;
		}
		default:
			while (i < s.n && s.p[i] != ' ' && s.p[i] != ')')
				i++;
		}
	} while (depth > 0);
	return i <= s.n ? i : 0;
}

struct copying {
	struct buf *out;
	struct str rest;
	struct buf stack; /* 'm' message, 'x' multipart */
	bool failed;
};

static bool
copy_char(struct copying *c, char want)
{
	if (c->rest.n == 0 || c->rest.p[0] != want)
		return c->failed = true, false;
	buf_addc(c->out, want);
	c->rest = str_from(c->rest, 1);
	return true;
}

static struct str
copy_value(struct copying *c)
{
	size_t n = value_size(c->rest);
	struct str v = str_head(c->rest, n);

	if (n == 0)
		c->failed = true;
	buf_add(c->out, v);
	c->rest = str_from(c->rest, n);
	return v;
}

/* Leaves out what comes before the part's ')'. */
static void
skip_to_end(struct copying *c)
{
	while (!c->failed && c->rest.n > 0 && c->rest.p[0] == ' ') {
		size_t n = value_size(str_from(c->rest, 1));

		c->failed = n == 0;
		c->rest = str_from(c->rest, n + 1);
	}
	copy_char(c, ')');
}

/* A part that is no multipart, behind its '('; true: a message, whose body comes next. */
static bool
copy_single(struct copying *c)
{
	bool text = str_caseeq(copy_value(c), STR("\"text\""));

	for (int i = 0; i < 6 && copy_char(c, ' '); i++)
		copy_value(c);
	if (text && copy_char(c, ' '))
		copy_value(c);
	/* Only an envelope is a list here: md5 is a string or NIL. */
	if (!text && c->rest.n > 1 && c->rest.p[0] == ' ' && c->rest.p[1] == '(' && copy_char(c, ' ')) {
		copy_value(c);
		copy_char(c, ' ');
		return true;
	}
	skip_to_end(c);
	return false;
}

/* A body has ended: what the part around it still needs. */
static void
copy_ends(struct copying *c)
{
	while (!c->failed && c->stack.n > 0) {
		if (c->stack.p[c->stack.n - 1] == 'x' && c->rest.n > 0 && c->rest.p[0] == '(')
			return;
		/* The lines of a message, the subtype of a multipart. */
		if (copy_char(c, ' '))
			copy_value(c);
		skip_to_end(c);
		c->stack.n--;
	}
}

enum status
mime_body_of_bodystructure(struct buf *out, struct str bodystructure)
{
	struct copying c = {.out = out, .rest = bodystructure};
	size_t start = out->n;

	do {
		if (!copy_char(&c, '('))
			break;
		if (c.rest.n > 0 && c.rest.p[0] == '(')
			buf_addc(&c.stack, 'x');
		else if (copy_single(&c))
			buf_addc(&c.stack, 'm');
		else
			copy_ends(&c);
	} while (!c.failed && c.stack.n > 0);
	if (c.rest.n > 0)
		c.failed = true;
	buf_free(&c.stack);
	if (!c.failed)
		return OK;
	out->n = start;
	return ERR_CORRUPT;
}
