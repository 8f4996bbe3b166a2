/* SPDX-License-Identifier: Apache-2.0 */
/* HTML to text, for search and preview: enough of the syntax to tell text from the rest. */
#include "base/utf8.h"
#include "base/assert.h"
#include "mime/decode.h"
#include "mime/vector.h"

enum state { IN_TEXT, TAG_OPEN, TAG_NAME, TAG_REST, TAG_VALUE, TAG_UNQUOTED, TAG_QUOTED, TAG_BOGUS, IN_COMMENT, IN_ENTITY };

/* Elements whose content is not text; the last one is where it was asked for. */
static const char *const skipped[] = {"", "script", "style", "title"};
#define N_SKIPPED 4

/* Tags that do not end a word. */
static const struct str inline_tags[] = {
	STR("a"), STR("abbr"), STR("acronym"), STR("b"), STR("bdo"), STR("big"), STR("cite"), STR("code"),
	STR("dfn"), STR("em"), STR("font"), STR("i"), STR("ins"), STR("kbd"), STR("mark"), STR("o:p"),
	STR("q"), STR("s"), STR("samp"), STR("small"), STR("span"), STR("strike"), STR("strong"),
	STR("sub"), STR("sup"), STR("tt"), STR("u"), STR("var"), STR("wbr"),
};

static const struct {
	const char *name;
	uint16_t c;
} entities[] = {
	{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}, {"nbsp", 0xa0}, {"iexcl", 0xa1},
	{"cent", 0xa2}, {"pound", 0xa3}, {"curren", 0xa4}, {"yen", 0xa5}, {"brvbar", 0xa6}, {"sect", 0xa7},
	{"uml", 0xa8}, {"copy", 0xa9}, {"ordf", 0xaa}, {"laquo", 0xab}, {"not", 0xac}, {"shy", 0xad},
	{"reg", 0xae}, {"macr", 0xaf}, {"deg", 0xb0}, {"plusmn", 0xb1}, {"sup2", 0xb2}, {"sup3", 0xb3},
	{"acute", 0xb4}, {"micro", 0xb5}, {"para", 0xb6}, {"middot", 0xb7}, {"cedil", 0xb8}, {"sup1", 0xb9},
	{"ordm", 0xba}, {"raquo", 0xbb}, {"frac14", 0xbc}, {"frac12", 0xbd}, {"frac34", 0xbe},
	{"iquest", 0xbf}, {"Agrave", 0xc0}, {"Aacute", 0xc1}, {"Acirc", 0xc2}, {"Atilde", 0xc3}, {"Auml", 0xc4},
	{"Aring", 0xc5}, {"AElig", 0xc6}, {"Ccedil", 0xc7}, {"Egrave", 0xc8}, {"Eacute", 0xc9}, {"Ecirc", 0xca},
	{"Euml", 0xcb}, {"Igrave", 0xcc}, {"Iacute", 0xcd}, {"Icirc", 0xce}, {"Iuml", 0xcf}, {"ETH", 0xd0},
	{"Ntilde", 0xd1}, {"Ograve", 0xd2}, {"Oacute", 0xd3}, {"Ocirc", 0xd4}, {"Otilde", 0xd5}, {"Ouml", 0xd6},
	{"times", 0xd7}, {"Oslash", 0xd8}, {"Ugrave", 0xd9}, {"Uacute", 0xda}, {"Ucirc", 0xdb}, {"Uuml", 0xdc},
	{"Yacute", 0xdd}, {"THORN", 0xde}, {"szlig", 0xdf}, {"agrave", 0xe0}, {"aacute", 0xe1}, {"acirc", 0xe2},
	{"atilde", 0xe3}, {"auml", 0xe4}, {"aring", 0xe5}, {"aelig", 0xe6}, {"ccedil", 0xe7}, {"egrave", 0xe8},
	{"eacute", 0xe9}, {"ecirc", 0xea}, {"euml", 0xeb}, {"igrave", 0xec}, {"iacute", 0xed}, {"icirc", 0xee},
	{"iuml", 0xef}, {"eth", 0xf0}, {"ntilde", 0xf1}, {"ograve", 0xf2}, {"oacute", 0xf3}, {"ocirc", 0xf4},
	{"otilde", 0xf5}, {"ouml", 0xf6}, {"divide", 0xf7}, {"oslash", 0xf8}, {"ugrave", 0xf9},
	{"uacute", 0xfa}, {"ucirc", 0xfb}, {"uuml", 0xfc}, {"yacute", 0xfd}, {"thorn", 0xfe}, {"yuml", 0xff},
	{"OElig", 0x152}, {"oelig", 0x153}, {"Scaron", 0x160}, {"scaron", 0x161}, {"ensp", 0x2002},
	{"emsp", 0x2003}, {"thinsp", 0x2009}, {"zwnj", 0x200c}, {"zwj", 0x200d}, {"lrm", 0x200e},
	{"rlm", 0x200f}, {"ndash", 0x2013}, {"mdash", 0x2014}, {"lsquo", 0x2018}, {"rsquo", 0x2019},
	{"sbquo", 0x201a}, {"ldquo", 0x201c}, {"rdquo", 0x201d}, {"bdquo", 0x201e}, {"dagger", 0x2020},
	{"bull", 0x2022}, {"hellip", 0x2026}, {"prime", 0x2032}, {"lsaquo", 0x2039}, {"rsaquo", 0x203a},
	{"euro", 0x20ac}, {"trade", 0x2122}, {"larr", 0x2190}, {"uarr", 0x2191}, {"rarr", 0x2192},
	{"darr", 0x2193}, {"minus", 0x2212}, {"fnof", 0x192}, {"circ", 0x2c6}, {"tilde", 0x2dc}, {"Yuml", 0x178},
	{"Alpha", 0x391}, {"Beta", 0x392}, {"Gamma", 0x393}, {"Delta", 0x394}, {"Epsilon", 0x395}, {"Zeta", 0x396},
	{"Eta", 0x397}, {"Theta", 0x398}, {"Iota", 0x399}, {"Kappa", 0x39a}, {"Lambda", 0x39b}, {"Mu", 0x39c},
	{"Nu", 0x39d}, {"Xi", 0x39e}, {"Omicron", 0x39f}, {"Pi", 0x3a0}, {"Rho", 0x3a1}, {"Sigma", 0x3a3},
	{"Tau", 0x3a4}, {"Upsilon", 0x3a5}, {"Phi", 0x3a6}, {"Chi", 0x3a7}, {"Psi", 0x3a8}, {"Omega", 0x3a9},
	{"alpha", 0x3b1}, {"beta", 0x3b2}, {"gamma", 0x3b3}, {"delta", 0x3b4}, {"epsilon", 0x3b5}, {"zeta", 0x3b6},
	{"eta", 0x3b7}, {"theta", 0x3b8}, {"iota", 0x3b9}, {"kappa", 0x3ba}, {"lambda", 0x3bb}, {"mu", 0x3bc},
	{"nu", 0x3bd}, {"xi", 0x3be}, {"omicron", 0x3bf}, {"pi", 0x3c0}, {"rho", 0x3c1}, {"sigmaf", 0x3c2},
	{"sigma", 0x3c3}, {"tau", 0x3c4}, {"upsilon", 0x3c5}, {"phi", 0x3c6}, {"chi", 0x3c7}, {"psi", 0x3c8},
	{"omega", 0x3c9}, {"thetasym", 0x3d1}, {"upsih", 0x3d2}, {"piv", 0x3d6}, {"Dagger", 0x2021},
	{"permil", 0x2030}, {"Prime", 0x2033}, {"oline", 0x203e}, {"frasl", 0x2044}, {"harr", 0x2194},
	{"lArr", 0x21d0}, {"rArr", 0x21d2}, {"hArr", 0x21d4}, {"part", 0x2202}, {"prod", 0x220f}, {"sum", 0x2211},
	{"lowast", 0x2217}, {"radic", 0x221a}, {"infin", 0x221e}, {"cap", 0x2229}, {"int", 0x222b}, {"asymp", 0x2248},
	{"ne", 0x2260}, {"equiv", 0x2261}, {"le", 0x2264}, {"ge", 0x2265}, {"sdot", 0x22c5}, {"loz", 0x25ca},
	{"spades", 0x2660}, {"clubs", 0x2663}, {"hearts", 0x2665}, {"diams", 0x2666}, {"check", 0x2713},
};

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f';
}

void
mime_html_init(struct mime_html *h, bool title)
{
	*h = (struct mime_html){.title = title};
}

static void
flush_blank(struct mime_html *h, struct buf *out)
{
	if (h->blank)
		buf_addc(out, ' ');
	h->blank = false;
}

/* Length of the text at the start of s, which begins with a letter: up to a tag, an entity, or a blank that is not a single space. */
static size_t
text_run(struct str s)
{
	size_t n = 1;

	for (; n + 16 <= s.n; n += 16) {
		v16 v = v16_load(s.p + n), before = v16_load(s.p + n - 1), stop;

		stop = (v == '<') | (v == '&') | (v == '\t') | (v == '\r') | (v == '\n') | (v == '\f');
		if (v16_any(stop | ((v == ' ') & (before == ' '))))
			break;
	}
	while (n < s.n && s.p[n] != '<' && s.p[n] != '&' && (!is_space(s.p[n]) || (s.p[n] == ' ' && s.p[n - 1] != ' ')))
		n++;
	return n;
}

/* Plain text; a space at its end may be the first of several. */
static size_t
add_text(struct mime_html *h, struct str s, struct buf *out)
{
	size_t n = text_run(s);
	bool space = n > 1 && s.p[n - 1] == ' ';

	ensure(n > 0 && n <= s.n);
	if (h->skip != 0)
		return n;
	flush_blank(h, out);
	buf_add(out, str_head(s, n - space));
	h->blank = space;
	return n;
}

/* Whether c goes on with what followed the '&': a name, or a number, which ends at its last digit also where no ';' follows (HTML 13.2.5.80). */
static bool
entity_takes(const struct mime_html *h, char c)
{
	if (h->n_entity == 0)
		return ascii_alpha(c) || c == '#';
	if (h->entity[0] != '#')
		return ascii_alpha(c) || ascii_digit(c);
	if (h->n_entity == 1)
		return ascii_digit(c) || ascii_lower(c) == 'x';
	return ascii_digit(c) || (ascii_lower(h->entity[1]) == 'x' && ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
}

static uint32_t
entity_number(struct str s)
{
	uint32_t n = 0, base = 10;

	if (s.n > 0 && ascii_lower(s.p[0]) == 'x') {
		base = 16;
		s = str_from(s, 1);
	}
	for (size_t i = 0; i < s.n; i++) {
		uint32_t digit = ascii_digit(s.p[i]) ? (uint32_t)(s.p[i] - '0') :
		    (uint32_t)(ascii_lower(s.p[i]) - 'a' + 10);

		if (digit >= base || n > 0x10ffff)
			return 0;
		n = n * base + digit;
	}
	if (n >= 0x80 && n < 0xa0)
		return mime_windows_1252((unsigned char)n); /* as HTML 13.2.5.80 has it */
	return n > 0x10ffff || (n >= 0xd800 && n <= 0xdfff) ? 0 : n;
}

/* 0: not a character that we know. */
static uint32_t
entity_value(struct str s)
{
	if (s.n > 1 && s.p[0] == '#')
		return entity_number(str_from(s, 1));
	for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++)
		if (str_eq(s, str_c(entities[i].name)))
			return entities[i].c;
	return 0;
}

/* The '&' and what followed it; ended tells whether a ';' came. */
static void
entity_done(struct mime_html *h, struct buf *out, bool ended)
{
	struct str s = str_of(h->entity, h->n_entity);
	bool number = s.n > 1 && s.p[0] == '#' && s.n < sizeof(h->entity);
	uint32_t c = ended || number ? entity_value(s) : 0;

	ensure(h->state == IN_ENTITY && s.n <= sizeof(h->entity));
	h->state = IN_TEXT;
	if (h->skip != 0)
		return;
	if (c != 0 && c <= ' ') {
		h->blank = true;
		return;
	}
	flush_blank(h, out);
	if (c != 0) {
		utf8_add(out, c);
		return;
	}
	buf_addc(out, '&');
	buf_add(out, s);
	if (ended)
		buf_addc(out, ';');
}

static bool
is_inline(struct str name)
{
	for (size_t i = 0; i < sizeof(inline_tags) / sizeof(inline_tags[0]); i++)
		if (name.n > 0 && name.p[0] == inline_tags[i].p[0] && str_eq(name, inline_tags[i]))
			return true;
	return false;
}

/* A tag's name is complete. */
static void
tag_named(struct mime_html *h)
{
	struct str name = str_of(h->name, h->n_name);

	ensure(name.n <= sizeof(h->name) && h->skip < N_SKIPPED);
	if (h->skip != 0) {
		if (h->closing && str_eq(name, str_c(skipped[h->skip])))
			h->skip = 0;
		return;
	}
	if (!is_inline(name))
		h->blank = true;
	for (uint8_t i = 1; i < N_SKIPPED - h->title && !h->closing; i++)
		if (str_eq(name, str_c(skipped[i])))
			h->skip = i;
}

/* One byte behind a tag's name; false: it has still to be looked at. */
static bool
attribute_byte(struct mime_html *h, char c)
{
	switch ((enum state)h->state) {
	case TAG_REST:
		/* A quote opens a value only behind "=": elsewhere it is one too many. */
		if (c == '>')
			h->state = IN_TEXT;
		else if (c == '=')
			h->state = TAG_VALUE;
		return true;
	case TAG_VALUE:
		if (is_space(c))
			return true;
		h->state = c == '"' || c == '\'' ? TAG_QUOTED : TAG_UNQUOTED;
		h->quote = c;
		return h->state == TAG_QUOTED;
	case TAG_UNQUOTED:
		if (c == '>')
			h->state = IN_TEXT;
		else if (is_space(c))
			h->state = TAG_REST;
		return true;
	case TAG_BOGUS:
		if (c == '>')
			h->state = IN_TEXT;
		return true;
	case TAG_QUOTED:
		if (c == h->quote)
			h->state = TAG_REST;
		return true;
	default: return true;
	}
}

/* One byte inside '<' and '>'; false: it has still to be looked at. */
static bool
tag_byte(struct mime_html *h, char c, struct buf *out)
{
	switch ((enum state)h->state) {
	case TAG_OPEN:
		h->n_name = 0;
		h->closing = c == '/';
		/* In a script only its end counts, not what looks like a comment. */
		if (h->closing || (h->skip == 0 && (c == '!' || c == '?' || ascii_alpha(c)))) {
			h->state = TAG_NAME;
			if (c != '/')
				h->name[h->n_name++] = ascii_lower(c);
			return true;
		}
		/* "a < b", or a '<' in a script. */
		h->state = IN_TEXT;
		if (h->skip == 0) {
			flush_blank(h, out);
			buf_addc(out, '<');
		}
		return false;
	case TAG_NAME:
		if (h->n_name == 3 && memcmp(h->name, "!--", 3) == 0) {
			h->state = IN_COMMENT;
			h->n_entity = 2; /* dashes seen: "<!-->" is a whole comment */
			return false;
		}
		if (is_space(c) || c == '>' || c == '/') {
			bool bogus = h->n_name > 0 && (h->name[0] == '!' || h->name[0] == '?');

			tag_named(h);
			h->state = bogus ? TAG_BOGUS : TAG_REST;
			return c != '>';
		}
		if (h->n_name < sizeof(h->name))
			h->name[h->n_name++] = ascii_lower(c);
		return true;
	case TAG_REST:
	case TAG_VALUE:
	case TAG_UNQUOTED:
	case TAG_QUOTED:
	case TAG_BOGUS: return attribute_byte(h, c);
	case IN_COMMENT:
		if (c == '>' && h->n_entity >= 2)
			h->state = IN_TEXT;
		h->n_entity = c == '-' ? (uint8_t)(h->n_entity < 2 ? h->n_entity + 1 : 2) : 0;
		return true;
	case IN_TEXT:
	case IN_ENTITY: break;
	}
	return true;
}

/* What of a tag's attributes can be passed over at once. */
static size_t
skip_attributes(struct mime_html *h, struct str s)
{
	size_t n = 0;

	if (h->state == TAG_QUOTED)
		return str_chr(s, h->quote);
	while (h->state == TAG_REST && n < s.n && s.p[n] != '>' && s.p[n] != '=')
		n++;
	return n;
}

void
mime_html_add(struct mime_html *h, struct str in, struct buf *out)
{
	size_t i = 0;

	while (i < in.n) {
		char c = in.p[i];

		if (h->state == IN_ENTITY) {
			if (entity_takes(h, c) && h->n_entity < sizeof(h->entity)) {
				h->entity[h->n_entity++] = c;
				i++;
			} else {
				entity_done(h, out, c == ';');
				i += c == ';';
			}
		} else if (h->state != IN_TEXT) {
			size_t n = skip_attributes(h, str_from(in, i));
			i += n > 0 ? n : tag_byte(h, c, out);
		} else if (c == '<') {
			h->state = TAG_OPEN;
			i++;
		} else if (c == '&') {
			h->state = IN_ENTITY;
			h->n_entity = 0;
			i++;
		} else if (is_space(c)) {
			h->blank = true;
			i++;
		} else {
			i += add_text(h, str_from(in, i), out);
		}
	}
}

void
mime_html_finish(struct mime_html *h, struct buf *out)
{
	if (h->state == IN_ENTITY)
		entity_done(h, out, false);
	h->state = IN_TEXT;
}
