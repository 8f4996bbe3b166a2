/* SPDX-License-Identifier: Apache-2.0 */
/* Lines, commands, dot-stuffing and the end of TOP: the grammar of POP3. */
#include "wire/pop3.h"

enum pop3_read
pop3_line(struct str *in, bool *skip, struct str *line_r)
{
	size_t n = str_chr(*in, '\n');
	bool whole = n < in->n, skipped = *skip;
	struct str line = str_trim_suffix(str_head(*in, n), '\r');

	if (!whole && !skipped && in->n <= POP3_LINE_MAX + 1)
		return POP3_READ_MORE;
	*in = str_from(*in, n + whole);
	*skip = !whole;
	if (skipped && !whole)
		return POP3_READ_MORE;
	if (skipped || line.n > POP3_LINE_MAX)
		return whole ? POP3_READ_LONG : POP3_READ_MORE;
	if (!whole)
		return POP3_READ_MORE;
	*line_r = line;
	return POP3_READ_LINE;
}

/* ---- arguments ---- */

static bool
no_arguments(struct str rest, struct pop3_command *cmd)
{
	return str_trim(rest).n == 0;
}

/* As it came, blanks and all. */
static bool
whole_text(struct str rest, struct pop3_command *cmd)
{
	cmd->text = rest;
	return rest.n > 0;
}

/* Splits off a number. One that is too large is one that no message has. */
static bool
number(struct str *rest, uint32_t beyond, uint32_t *n_r)
{
	size_t n = 0;
	uint64_t v = beyond;

	*rest = str_trim(*rest);
	while (n < rest->n && ascii_digit(rest->p[n]))
		n++;
	if (n == 0 || (n < rest->n && rest->p[n] != ' '))
		return false;
	if (!str_u64(str_head(*rest, n), UINT32_MAX, &v))
		v = beyond;
	*rest = str_from(*rest, n);
	*n_r = (uint32_t)v;
	return true;
}

static bool
one_message(struct str rest, struct pop3_command *cmd)
{
	cmd->given = true;
	return number(&rest, 0, &cmd->message) && str_trim(rest).n == 0;
}

static bool
perhaps_message(struct str rest, struct pop3_command *cmd)
{
	return str_trim(rest).n == 0 || one_message(rest, cmd);
}

static bool
message_and_lines(struct str rest, struct pop3_command *cmd)
{
	cmd->given = true;
	return number(&rest, 0, &cmd->message) && number(&rest, UINT32_MAX, &cmd->lines) && str_trim(rest).n == 0;
}

static bool
mechanism(struct str rest, struct pop3_command *cmd)
{
	size_t n;

	rest = str_trim(rest);
	n = str_chr(rest, ' ');
	cmd->text = str_head(rest, n);
	if (n < rest.n)
		cmd->initial = str_trim(str_from(rest, n));
	return str_chr(cmd->initial, ' ') == cmd->initial.n;
}

static bool
perhaps_word(struct str rest, struct pop3_command *cmd)
{
	cmd->text = str_trim(rest);
	return str_chr(cmd->text, ' ') == cmd->text.n;
}

static const struct {
	const char *name;
	enum pop3_verb verb;
	bool (*read)(struct str rest, struct pop3_command *cmd);
} verbs[] = {
    {"AUTH", POP3_AUTH, mechanism},
    {"CAPA", POP3_CAPA, no_arguments},
    {"DELE", POP3_DELE, one_message},
    {"LANG", POP3_LANG, perhaps_word},
    {"LIST", POP3_LIST, perhaps_message},
    {"NOOP", POP3_NOOP, no_arguments},
    {"PASS", POP3_PASS, whole_text},
    {"QUIT", POP3_QUIT, no_arguments},
    {"RETR", POP3_RETR, one_message},
    {"RSET", POP3_RSET, no_arguments},
    {"STAT", POP3_STAT, no_arguments},
    {"STLS", POP3_STLS, no_arguments},
    {"TOP", POP3_TOP, message_and_lines},
    {"UIDL", POP3_UIDL, perhaps_message},
    {"USER", POP3_USER, whole_text},
    {"UTF8", POP3_UTF8, no_arguments},
};

bool
pop3_parse(struct str line, struct pop3_command *cmd_r)
{
	size_t n = str_chr(line, ' ');

	*cmd_r = (struct pop3_command){.initial = STR_NONE};
	if (str_chr(line, '\0') < line.n)
		return false;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (!str_caseeq(str_head(line, n), str_c(verbs[i].name)))
			continue;
		cmd_r->verb = verbs[i].verb;
		return verbs[i].read(str_from(line, n + 1), cmd_r);
	}
	return false;
}

/* ---- messages ---- */

void
pop3_stuff(struct pop3_stuffing *s, struct str in, struct buf *out)
{
	size_t from = 0, i = 0;

	if (in.n == 0)
		return;
	if (s->last == '\n' && in.p[0] == '.')
		buf_addc(out, '.');
	while ((i += str_chr(str_from(in, i), '\n')) < in.n) {
		if ((i > 0 ? in.p[i - 1] : s->last) != '\r') {
			buf_add(out, str_of(in.p + from, i - from));
			buf_addc(out, '\r');
			from = i;
		}
		i++;
		if (i < in.n && in.p[i] == '.') {
			buf_add(out, str_of(in.p + from, i - from));
			buf_addc(out, '.');
			from = i;
		}
	}
	buf_add(out, str_from(in, from));
	s->last = in.p[in.n - 1];
}

void
pop3_stuff_end(struct pop3_stuffing *s, struct buf *out)
{
	if (s->last != '\n')
		buf_adds(out, s->last == '\r' ? "\n" : "\r\n");
	buf_adds(out, ".\r\n");
}

static bool
has_text(struct str part)
{
	for (size_t i = 0; i < part.n; i++)
		if (part.p[i] != '\r')
			return true;
	return false;
}

size_t
pop3_top(struct pop3_top *t, struct str in)
{
	size_t i = 0;

	for (;;) {
		size_t n = str_chr(str_from(in, i), '\n');

		t->over = t->body && t->left == 0;
		if (t->over || i >= in.n)
			return i;
		t->text = t->text || (!t->body && has_text(str_of(in.p + i, n)));
		i += n;
		if (i == in.n)
			return i;
		i++;
		if (t->body)
			t->left--;
		else
			t->body = !t->text;
		t->text = false;
	}
}
