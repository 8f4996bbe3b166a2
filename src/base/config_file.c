/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a settings file: sections, keys, values in quotes. */
#include "base/config_file.h"

#include <stdio.h>
#include <string.h>

#define SHOWN 100 /* bytes of a name in a message */

struct reader {
	struct arena *arena;
	struct str text;
	size_t at;
	unsigned line;       /* of at */
	unsigned blamed;     /* where the fault is */
	bool sections;       /* one was there */
	struct buf *why;
};

typedef enum status (*take_fn)(void *arg, const struct config_entry *e, struct buf *why);

static enum status fail(struct reader *r, unsigned line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static enum status
fail(struct reader *r, unsigned line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(r->why, fmt, ap);
	va_end(ap);
	r->blamed = line;
	return ERR_BAD_INPUT;
}

/* The next byte that is not blank, '\0' at the end. Comments and line ends are passed over. */
static char
peek(struct reader *r)
{
	while (r->at < r->text.n) {
		char c = r->text.p[r->at];

		if (c == '#') {
			r->at += str_chr(str_from(r->text, r->at), '\n');
			continue;
		}
		if (c == '\n')
			r->line++;
		else if (c != ' ' && c != '\t' && c != '\r')
			return c;
		r->at++;
	}
	return '\0';
}

static bool
bare(char c)
{
	return (unsigned char)c > ' ' && c != '\x7f' && strchr("#{}=,;\"'\\", c) == NULL;
}

static struct str
bare_word(struct reader *r)
{
	size_t from = r->at;

	while (r->at < r->text.n && bare(r->text.p[r->at]))
		r->at++;
	return str_of(r->text.p + from, r->at - from);
}

/* What stands there instead of what was wanted, for a person. */
static const char *
found(char c, char out[32])
{
	if (c == '\0')
		return "the end of the file";
	if ((unsigned char)c > ' ' && (unsigned char)c < 0x7f)
		snprintf(out, 32, "\"%c\"", c);
	else
		snprintf(out, 32, "the byte %#04x", (unsigned char)c);
	return out;
}

static enum status
quoted(struct reader *r, char quote, struct str *s_r)
{
	unsigned line = r->line;
	struct buf b = {0};
	enum status st = ERR_AGAIN;

	for (r->at++; st == ERR_AGAIN;) {
		char c = r->at < r->text.n ? r->text.p[r->at++] : '\n';

		if (c == '\n') {
			st = fail(r, line, "the text that begins with %c has no end on its line", quote);
		} else if (c == quote) {
			st = OK;
		} else if (quote == '"' && c == '\\') {
			char next = r->at < r->text.n ? r->text.p[r->at++] : '\0';

			if (next != '"' && next != '\\')
				st = fail(r, line, "a backslash in a text goes before \" or \\ only; a text in '...' needs none");
			else
				buf_addc(&b, next);
		} else {
			buf_addc(&b, c);
		}
	}
	if (st == OK)
		*s_r = arena_str(r->arena, buf_str(&b));
	buf_free(&b);
	return st;
}

static enum status
value(struct reader *r, struct str *s_r)
{
	char c = peek(r), word[32];

	if (c == '"' || c == '\'')
		return quoted(r, c, s_r);
	*s_r = bare_word(r);
	return s_r->n > 0 ? OK : fail(r, r->line, "a value is missing before %s", found(c, word));
}

static enum status
list(struct reader *r, struct config_entry *e)
{
	unsigned line = r->line;
	size_t cap = 0;
	char word[32];
	enum status st;

	e->list = true;
	for (r->at++; peek(r) != '}';) {
		if (e->n == cap) {
			size_t more = cap ? 2 * cap : 8;

			e->value = arena_grow(r->arena, e->value, e->n, cap, more, sizeof(*e->value));
			cap = more;
		}
		if (peek(r) == '\0')
			return fail(r, line, "the list has no }");
		if (e->n == CONFIG_VALUES_MAX)
			return fail(r, r->line, "more than %d values", CONFIG_VALUES_MAX);
		if ((st = value(r, &e->value[e->n])) != OK)
			return st;
		e->n++;
		if (peek(r) == ',')
			r->at++;
		else if (peek(r) != '}' && peek(r) != '\0')
			return fail(r, r->line, "a comma or } is missing before %s", found(peek(r), word));
	}
	r->at++;
	return OK;
}

/* key = value */
static enum status
setting(struct reader *r, struct config_entry *e)
{
	struct str *one = arena_new(r->arena, struct str);
	char word[32];
	enum status st;

	e->line = r->line;
	e->at = r->at;
	e->key = bare_word(r);
	if (e->key.n == 0)
		return fail(r, r->line, "the name of a setting was expected, not %s", found(peek(r), word));
	if (peek(r) != '=')
		return fail(r, e->line, "\"%.*s\" is not followed by =; %s", STR_FMT(str_head(e->key, SHOWN)),
		    peek(r) == '{' ? "the section before it has no }" : "a text with blanks stands in quotes");
	r->at++;
	if (peek(r) == '{')
		return list(r, e);
	if ((st = value(r, one)) != OK)
		return st;
	e->value = one;
	e->n = 1;
	return OK;
}

/* The name of a section, if it has one; the { behind it. */
static enum status
section_name(struct reader *r, struct str section, unsigned line, struct str *name_r)
{
	struct str name = STR_NONE;
	enum status st = OK;
	char c = peek(r);

	if (c == '"' || c == '\'' || bare(c))
		st = value(r, &name);
	if (st == OK && name.p != NULL && name.n == 0)
		st = fail(r, line, "the name of a section %.*s is empty", STR_FMT(str_head(section, SHOWN)));
	if (st == OK && peek(r) != '{')
		st = fail(r, line, "\"%.*s\" is not followed by {", STR_FMT(str_head(name.p != NULL ? name : section, SHOWN)));
	if (st == OK)
		*name_r = name;
	return st;
}

static enum status
hand_over(struct reader *r, struct config_entry *e, take_fn take, void *arg)
{
	r->blamed = e->line;
	e->end = r->at;
	return take(arg, e, r->why);
}

/* version = 1: what stands before all sections. */
static enum status
top_setting(struct reader *r, struct str key, unsigned line, take_fn take, void *arg)
{
	struct config_entry e = {.key = key, .line = line, .n = 1, .value = arena_new(r->arena, struct str), .at = (size_t)(key.p - r->text.p)};
	enum status st;

	if (!str_eq(key, STR("version")))
		return fail(r, line, "a setting stands in its section, such as imap { idle_timeout = 30m }: \"%.*s\" stands in none", STR_FMT(str_head(key, SHOWN)));
	if (r->sections)
		return fail(r, line, "version stands before all sections");
	r->at++;
	if ((st = value(r, e.value)) != OK)
		return st;
	return hand_over(r, &e, take, arg);
}

static enum status
section(struct reader *r, take_fn take, void *arg)
{
	struct str section = bare_word(r), shown = str_head(section, SHOWN);
	struct config_entry e;
	unsigned line = r->line;
	char word[32], c;
	enum status st;

	if (section.n == 0)
		return fail(r, r->line, "the name of a section was expected, not %s", found(peek(r), word));
	if (peek(r) == '=')
		return top_setting(r, section, line, take, arg);
	r->sections = true;
	e = (struct config_entry){.section = section, .line = line, .at = (size_t)(section.p - r->text.p)};
	if ((st = section_name(r, section, line, &e.name)) != OK)
		return st;
	r->at++;
	if ((st = hand_over(r, &e, take, arg)) != OK)
		return st;
	while ((c = peek(r)) != '}') {
		struct config_entry in = {.section = section, .name = e.name};

		if (c == '\0')
			return fail(r, line, "the section %.*s, which begins here, has no }", STR_FMT(shown));
		if (c == ';') {
			r->at++;
			continue;
		}
		if ((st = setting(r, &in)) != OK || (st = hand_over(r, &in, take, arg)) != OK)
			return st;
	}
	e = (struct config_entry){.section = section, .name = e.name, .line = r->line, .over = true, .at = r->at};
	r->at++;
	return hand_over(r, &e, take, arg);
}

enum status
config_file_parse(struct arena *arena, struct str text,
    enum status (*take)(void *arg, const struct config_entry *e, struct buf *why), void *arg, unsigned *line_r, struct buf *why)
{
	struct reader r = {.arena = arena, .text = text, .line = 1, .blamed = 1, .why = why};
	enum status st = OK;

	/* Some editors put it there. */
	while (str_starts(str_from(text, r.at), STR("\xef\xbb\xbf")))
		r.at += 3;
	if (text.n > CONFIG_FILE_MAX)
		st = fail(&r, 1, "larger than %d bytes", CONFIG_FILE_MAX);
	else if (text.n > 0 && memchr(text.p, '\0', text.n) != NULL)
		st = fail(&r, 1, "holds NUL: it is no text");
	while (st == OK && peek(&r) != '\0')
		st = section(&r, take, arg);
	if (st != OK)
		*line_r = r.blamed;
	return st;
}

enum status
config_file_list(struct arena *arena, struct str text, struct config_entry *e_r, struct buf *why)
{
	struct reader r = {.arena = arena, .text = text, .line = 1, .why = why};
	struct config_entry e = {.line = 1};
	char word[32];
	enum status st = OK;

	if (peek(&r) != '{')
		st = fail(&r, 1, "a list begins with {");
	else
		st = list(&r, &e);
	if (st == OK && peek(&r) != '\0')
		st = fail(&r, 1, "the list is followed by %s", found(peek(&r), word));
	if (st == OK)
		*e_r = e;
	return st;
}
