/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses (RFC 5322 3.4) as they are met, not only as they should be. */
#include "mime/address.h"
#include "mime/comment.h"

#define NONE SIZE_MAX

/* One address as it is read: positions in the text s. */
struct reading {
	struct str s;
	size_t i;       /* the next character */
	size_t first;   /* where the first word begins, or NONE */
	size_t chain;   /* where the newest chain of words joined by '.' and '@' begins */
	size_t at;      /* the last '@' of the chain, or NONE */
	size_t end;     /* where the domain ends, once another word came; else NONE */
	size_t last;    /* end of the last word */
	bool glue;      /* the next word belongs to the chain */
	struct str comment;
};

/* Behind the quoted string that begins at i; i + 1 if it does not end. */
static size_t
quoted_end(struct mime_addresses *list, struct str s, size_t i)
{
	size_t k = i + 1;

	if (list->no_quote)
		return i + 1;
	for (; k < s.n; k++) {
		if (s.p[k] == '\\')
			k++;
		else if (s.p[k] == '"')
			return k + 1;
	}
	list->no_quote = true;
	return i + 1;
}

static size_t
atom_end(struct str s, size_t i)
{
	while (i < s.n && !is_space(s.p[i]) && (s.p[i] == '\0' || strchr("(),;:<>\"@.", s.p[i]) == NULL))
		i++;
	return i;
}

/* A domain literal; domains are short, so the search for its end is. */
static size_t
literal_end(struct str s, size_t i)
{
	size_t n = str_chr(str_head(str_from(s, i), 256), ']');

	return i + n < s.n && s.p[i + n] == ']' ? i + n + 1 : i + 1;
}

enum render { PHRASE, ADDR };

/* A phrase or a part of an address without comments, quoting, folding; blanks in a phrase become single
 * spaces, in an address they go. */
static struct str
render(struct mime_addresses *list, struct str s, enum render how)
{
	char *p;
	size_t n = 0, i = 0;
	bool blank = false;

	s = str_trim(s);
	for (; i < s.n; i++)
		if (s.p[i] == '"' || s.p[i] == '\\' || s.p[i] == '(' || s.p[i] == '\r' || s.p[i] == '\n' ||
		    s.p[i] == '\t' || (s.p[i] == ' ' && (how == ADDR || s.p[i + 1] == ' ')))
			break;
	if (i == s.n)
		return s;
	p = arena_alloc(list->arena, s.n);
	for (i = 0; i < s.n;) {
		size_t end, k;

		if (is_space(s.p[i])) {
			blank = true;
			i++;
			continue;
		}
		if (s.p[i] == '(') {
			blank = true;
			i = comment_end(s, i);
			continue;
		}
		if (blank && n > 0 && how == PHRASE)
			p[n++] = ' ';
		blank = false;
		end = s.p[i] == '"' ? quoted_end(list, s, i) : i + 1;
		if (end == i + 1) {
			p[n++] = s.p[i++];
			continue;
		}
		for (k = i + 1; k < end - 1; k++) {
			if (s.p[k] == '\\' && k + 1 < end - 1)
				k++;
			if (s.p[k] != '\r' && s.p[k] != '\n')
				p[n++] = s.p[k];
		}
		i = end;
	}
	while (n > 0 && how == PHRASE && p[n - 1] == ' ')
		n--;
	return str_of(p, n);
}

static struct str
render_comment(struct mime_addresses *list, struct str s)
{
	char *p;
	size_t n = 0;

	s = str_trim(s);
	if (s.n == 0)
		return STR_NONE;
	p = arena_alloc(list->arena, s.n);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n)
			i++;
		if (s.p[i] != '\r' && s.p[i] != '\n')
			p[n++] = s.p[i];
	}
	return str_of(p, n);
}

static struct str
none_if_empty(struct str s)
{
	return s.n > 0 ? s : STR_NONE;
}

static struct str
span(struct str s, size_t a, size_t b)
{
	return a < b ? str_of(s.p + a, b - a) : str_of(s.p + a, 0);
}

/* Whether the address in angle brackets goes on behind a comma at i: "<smith,bob@host>". */
static bool
angle_goes_on(struct str s, size_t i)
{
	struct str near = str_head(str_from(s, i), 256);
	size_t gt = str_chr(near, '>');

	return gt < near.n && str_chr(near, '<') > gt;
}

/* What stands between '<', where r->i is, and '>'. */
static void
read_angle(struct mime_addresses *list, struct reading *r, struct mime_address *a)
{
	struct str s = r->s;
	size_t i = r->i + 1, start, at = NONE;
	bool route = false;

	while (i < s.n && is_space(s.p[i]))
		i++;
	start = i;
	route = i < s.n && s.p[i] == '@';
	while (i < s.n && s.p[i] != '>' && (s.p[i] != ',' || route || angle_goes_on(s, i))) {
		if (s.p[i] == '"') {
			i = quoted_end(list, s, i);
			continue;
		}
		if (s.p[i] == '(') {
			i = comment_end(s, i);
			continue;
		}
		if (s.p[i] == '@')
			at = i;
		if (s.p[i] == ':' && route) {
			a->route = none_if_empty(render(list, span(s, start, i), ADDR));
			route = false;
			start = i + 1;
			at = NONE;
		}
		i++;
	}
	a->local = render(list, span(s, start, at == NONE ? i : at), ADDR);
	if (at != NONE)
		a->domain = none_if_empty(render(list, span(s, at + 1, i), ADDR));
	r->i = i < s.n && s.p[i] == '>' ? i + 1 : i;
}

static void
read_word(struct reading *r, size_t end)
{
	if (r->first == NONE)
		r->first = r->chain = r->i;
	else if (!r->glue && r->at == NONE)
		r->chain = r->i;
	else if (!r->glue && r->end == NONE)
		r->end = r->last;
	r->glue = false;
	r->i = r->last = end;
}

/* One token that is part of an address without angle brackets, or of the name before them. */
static void
read_token(struct mime_addresses *list, struct reading *r)
{
	char c = r->s.p[r->i];

	if (is_space(c) || c == '>' || c == ')') {
		r->i++;
	} else if (c == '(') {
		size_t end = comment_end(r->s, r->i);
		bool closed = end > r->i + 1 && r->s.p[end - 1] == ')';

		r->comment = span(r->s, r->i + 1, closed ? end - 1 : end);
		r->i = end;
	} else if (c == '"') {
		read_word(r, quoted_end(list, r->s, r->i));
	} else if (c == '.' || c == '@') {
		if (r->first == NONE)
			r->first = r->chain = r->i;
		if (c == '@' && r->end == NONE)
			r->at = r->i;
		r->glue = true;
		r->last = ++r->i;
	} else if (c == '[' && r->glue && r->at != NONE) {
		read_word(r, literal_end(r->s, r->i));
	} else {
		size_t end = atom_end(r->s, r->i);
		/* "a"b without a blank between is one word. */
		bool joined = r->first != NONE && r->last == r->i;

		r->glue |= joined;
		read_word(r, end > r->i ? end : r->i + 1);
	}
}

/* The end of an address that had no angle brackets. */
static bool
plain_address(struct mime_addresses *list, struct reading *r, struct mime_address *a)
{
	size_t end = r->end != NONE ? r->end : r->last;

	if (r->first == NONE)
		return false;
	if (r->at != NONE) {
		a->local = render(list, span(r->s, r->chain, r->at), ADDR);
		a->domain = none_if_empty(render(list, span(r->s, r->at + 1, end), ADDR));
		a->name = none_if_empty(render(list, span(r->s, r->first, r->chain), PHRASE));
	} else if (r->chain == r->first) {
		a->local = render(list, span(r->s, r->first, end), ADDR);
	} else {
		/* Several words and no address: better a name than a mailbox (T60). */
		a->name = none_if_empty(render(list, span(r->s, r->first, r->last), PHRASE));
		a->local = STR("");
	}
	return true;
}

static bool
read_address(struct mime_addresses *list, struct mime_address *a)
{
	struct reading r = {.s = list->rest, .first = NONE, .chain = NONE, .at = NONE, .end = NONE};
	bool angle = false, found;

	*a = (struct mime_address){.kind = MIME_ADDRESS};
	while (r.i < r.s.n) {
		char c = r.s.p[r.i];

		if (c == ',' || c == ';' || (c == '<' && angle))
			break;
		if (c == '<') {
			if (r.first != NONE)
				a->name = none_if_empty(render(list, span(r.s, r.first, r.i), PHRASE));
			read_angle(list, &r, a);
			angle = true;
		} else if (c == ':' && !angle && r.at == NONE && !list->in_group && r.first != NONE) {
			a->kind = MIME_GROUP_START;
			a->name = render(list, span(r.s, r.first, r.i), PHRASE);
			list->in_group = true;
			list->rest = str_from(r.s, r.i + 1);
			return true;
		} else if (c == ':') {
			/* A group in a group: only its members count. */
			if (r.at == NONE && !angle)
				r.first = r.chain = NONE;
			r.i++;
		} else {
			read_token(list, &r);
		}
	}
	list->rest = str_from(r.s, r.i);
	found = angle || plain_address(list, &r, a);
	if (found && a->name.p == NULL && r.comment.p != NULL)
		a->name = none_if_empty(render_comment(list, r.comment));
	return found;
}

void
mime_addresses_init(struct mime_addresses *list, struct arena *a, struct str raw)
{
	*list = (struct mime_addresses){.rest = raw, .arena = a, .left = MIME_ADDRESSES_MAX};
}

bool
mime_address_next(struct mime_addresses *list, struct mime_address *address_r)
{
	while (list->rest.n > 0 && list->left > 0) {
		char c = list->rest.p[0];

		if (is_space(c) || c == ',' || c == ';') {
			list->rest = str_from(list->rest, 1);
			if (c != ';' || !list->in_group)
				continue;
			break;
		}
		if (read_address(list, address_r)) {
			list->left--;
			return true;
		}
	}
	if (!list->in_group)
		return false;
	list->in_group = false;
	*address_r = (struct mime_address){.kind = MIME_GROUP_END};
	return true;
}
