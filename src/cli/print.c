/* SPDX-License-Identifier: Apache-2.0 */
/* What goes to a terminal or a program: names never act as terminal controls, JSON is well-formed whatever a name holds. */
#include <stdio.h>
#include <string.h>
#include "base/utf8.h"
#include "cli/cli.h"

static void __attribute__((format(printf, 3, 0)))
print(FILE *to, const char *before, const char *fmt, va_list ap)
{
	struct buf out = {0}, text = {0};
	struct str s;

	buf_vaddf(&text, fmt, ap);
	s = buf_str(&text);
	/* The line's own end, which the format has. */
	utf8_visible(&out, str_trim_suffix(s, '\n'));
	fprintf(to, "%s%.*s%s", before, STR_FMT(buf_str(&out)), str_ends(s, STR("\n")) ? "\n" : "");
	buf_free(&text);
	buf_free(&out);
}

void
cli_print(FILE *to, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print(to, "", fmt, ap);
	va_end(ap);
}

int
cli_vfail(const char *fmt, va_list ap)
{
	print(stderr, "mansio: ", fmt, ap);
	fputc('\n', stderr);
	return 1;
}

int
cli_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)cli_vfail(fmt, ap);
	va_end(ap);
	return 1;
}

/* Text as it may stand in JSON: bytes that are not UTF-8 become U+FFFD, what a terminal could take for a control is written as a number. */
static void
json_text(struct str s)
{
	size_t len;

	putchar('"');
	for (; s.n > 0; s = str_from(s, len)) {
		int32_t c = utf8_next(s, &len);

		if (c < 0)
			fputs("\\ufffd", stdout);
		else if (!utf8_is_visible(c))
			printf("\\u%04x", (unsigned)c);
		else
			printf("%s%.*s", c == '"' || c == '\\' ? "\\" : "", (int)len, s.p);
	}
	putchar('"');
}

void
cli_wrap(const char *text, const char *prefix, size_t columns)
{
	for (size_t column = 0; *text != '\0';) {
		size_t n = strcspn(text, " ");

		if (column > 0 && column + 1 + n > columns) {
			putchar('\n');
			column = 0;
		}
		column += (size_t)printf("%s%.*s", column > 0 ? " " : prefix, (int)n, text);
		text += n + (text[n] == ' ');
	}
	putchar('\n');
}

void
json_begin(struct json *j, bool on)
{
	*j = (struct json){.on = on};
	if (on)
		putchar('[');
}

static void
key(struct json *j, const char *name)
{
	printf("%s\"%s\": ", j->fields++ > 0 ? ", " : "", name);
}

void
json_row(struct json *j)
{
	printf(j->rows++ > 0 ? ",\n {\"version\": %d" : "\n {\"version\": %d", JSON_VERSION);
	j->fields = 1;
}

void
json_str(struct json *j, const char *name, struct str value)
{
	key(j, name);
	json_text(value);
}

void
json_number(struct json *j, const char *name, struct str digits)
{
	uint64_t n;

	key(j, name);
	if (str_u64(digits, UINT64_MAX, &n))
		printf("%.*s", STR_FMT(digits));
	else
		fputs("null", stdout);
}

void
json_bool(struct json *j, const char *name, bool value)
{
	key(j, name);
	fputs(value ? "true" : "false", stdout);
}

void
json_words(struct json *j, const char *name, const struct str *words, size_t n)
{
	key(j, name);
	putchar('[');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			fputs(", ", stdout);
		json_text(words[i]);
	}
	putchar(']');
}

void
json_row_end(struct json *j)
{
	putchar('}');
}

void
json_end(struct json *j)
{
	if (j->on)
		puts(j->rows > 0 ? "\n]" : "]");
}
