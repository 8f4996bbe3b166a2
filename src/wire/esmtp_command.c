/* SPDX-License-Identifier: Apache-2.0 */
/* Commands, paths and parameters (RFC 5321, 6531, 3461, 1870). */
#include "wire/esmtp.h"

#include "base/assert.h"
#include "base/codec.h"
#include "base/utf8.h"

#define LOCAL_MAX 255 /* RFC 5321 asks for 64 octets; variable envelope return paths are longer */
#define DOMAIN_MAX 255

/* What is left of a line, read from the front. */
struct cursor {
	struct str s;
	struct arena *arena;
};

static bool
take(struct cursor *c, char want)
{
	if (c->s.n == 0 || c->s.p[0] != want)
		return false;
	c->s = str_from(c->s, 1);
	return true;
}

static void
spaces(struct cursor *c)
{
	while (take(c, ' ') || take(c, '\t'))
		;
}

/* ---- paths (RFC 5321 4.1.2, RFC 6531 3.3) ---- */

static bool
atext(char c)
{
	return ascii_alpha(c) || ascii_digit(c) || (c & 0x80) ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool
domain_char(char c)
{
	return ascii_alpha(c) || ascii_digit(c) || (c & 0x80) || c == '-' || c == '_' || c == '.';
}

/* The quoted form of a local part; the value without quotes goes to the arena. */
static bool
quoted_local(struct cursor *c, struct str *local_r)
{
	char *p = arena_alloc(c->arena, c->s.n);
	size_t n = 0, room = c->s.n;

	ensure(take(c, '"'));
	while (c->s.n > 0 && c->s.p[0] != '"') {
		if (c->s.p[0] == '\\')
			c->s = str_from(c->s, 1);
		if (c->s.n == 0 || (unsigned char)c->s.p[0] < 0x20 || c->s.p[0] == 0x7f)
			return false;
		p[n++] = c->s.p[0];
		c->s = str_from(c->s, 1);
	}
	ensure(n < room);
	*local_r = str_of(p, n);
	return take(c, '"');
}

/* Dots are taken anywhere: such addresses exist. */
static bool
local_part(struct cursor *c, struct str *local_r)
{
	size_t n = 0;

	if (c->s.n > 0 && c->s.p[0] == '"')
		return quoted_local(c, local_r);
	while (n < c->s.n && (atext(c->s.p[n]) || c->s.p[n] == '.'))
		n++;
	*local_r = str_head(c->s, n);
	c->s = str_from(c->s, n);
	return n > 0;
}

/* "[1.2.3.4]" or "[IPv6:...]" with its brackets. */
static bool
address_literal(struct cursor *c, struct str *domain_r)
{
	size_t n = str_chr(c->s, ']');

	if (n == c->s.n || n < 2)
		return false;
	for (size_t i = 1; i < n; i++)
		if (c->s.p[i] <= ' ' || c->s.p[i] == 0x7f || c->s.p[i] == '[' || c->s.p[i] == '\\')
			return false;
	*domain_r = str_head(c->s, n + 1);
	c->s = str_from(c->s, n + 1);
	return true;
}

static bool
domain(struct cursor *c, struct str *domain_r)
{
	size_t n = 0;

	if (c->s.n > 0 && c->s.p[0] == '[')
		return address_literal(c, domain_r);
	while (n < c->s.n && domain_char(c->s.p[n]))
		n++;
	*domain_r = str_head(c->s, n);
	c->s = str_from(c->s, n);
	/* No empty label. */
	return n > 0 && domain_r->p[0] != '.' && domain_r->p[n - 1] != '.' &&
	       str_find(*domain_r, STR(".."), 0) == SIZE_MAX;
}

/* "@a,@b:" is accepted and ignored (RFC 5321 4.1.1.3 and appendix C). */
static bool
source_route(struct cursor *c)
{
	struct str ignored;

	if (c->s.n == 0 || c->s.p[0] != '@')
		return true;
	do
		if (!take(c, '@') || !domain(c, &ignored))
			return false;
	while (take(c, ','));
	return take(c, ':');
}

static bool
mailbox(struct cursor *c, struct esmtp_path *path)
{
	const char *begin = c->s.p;

	if (!local_part(c, &path->local))
		return false;
	/* Beyond RFC 5321, which has only postmaster so: an account's name may be all of the address. */
	if (take(c, '@') && !domain(c, &path->domain))
		return false;
	path->address = str_of(begin, (size_t)(c->s.p - begin));
	path->utf8 = !str_is_ascii(path->address);
	return path->local.n <= LOCAL_MAX && path->domain.n <= DOMAIN_MAX &&
	       utf8_valid(path->address);
}

static bool
read_path(struct cursor *c, bool may_be_null, struct esmtp_path *path_r)
{
	struct esmtp_path path = {0};

	if (!take(c, '<'))
		return false;
	if (may_be_null && take(c, '>')) {
		*path_r = (struct esmtp_path){.null = true};
		return true;
	}
	if (!source_route(c) || !mailbox(c, &path) || !take(c, '>'))
		return false;
	*path_r = path;
	return true;
}

enum status
esmtp_address_parse(struct arena *a, struct str s, struct esmtp_path *path_r)
{
	struct cursor c = {s, a};
	struct esmtp_path path = {0};

	if (str_chr(s, '\0') < s.n || !mailbox(&c, &path) || c.s.n != 0)
		return ERR_BAD_INPUT;
	*path_r = path;
	return OK;
}

/* ---- parameters ---- */

/* xtext of RFC 3461 section 4: "+XX" stands for a byte. */
static bool
xtext(struct arena *a, struct str s, struct str *out_r)
{
	char *p = arena_alloc(a, s.n + 1);
	size_t n = 0;
	struct buf byte = {0};
	bool ok = true;

	for (size_t i = 0; i < s.n && ok; i++) {
		if (s.p[i] != '+') {
			p[n++] = s.p[i];
			continue;
		}
		buf_clear(&byte);
		ok = i + 2 < s.n && hex_decode(&byte, str_of(s.p + i + 1, 2)) == OK &&
		     byte.p[0] != '\0';
		if (ok)
			p[n++] = byte.p[0];
		i += 2;
	}
	buf_free(&byte);
	ensure(n <= s.n);
	*out_r = str_of(p, n);
	return ok;
}

static bool
param_size(struct arena *a, struct esmtp_command *cmd, struct str v)
{
	return v.n <= 20 && str_u64(v, INT64_MAX, &cmd->size);
}

static bool
param_body(struct arena *a, struct esmtp_command *cmd, struct str v)
{
	if (str_caseeq(v, STR("7BIT")))
		cmd->body = ESMTP_BODY_7BIT;
	else if (str_caseeq(v, STR("8BITMIME")))
		cmd->body = ESMTP_BODY_8BITMIME;
	else if (str_caseeq(v, STR("BINARYMIME")))
		cmd->body = ESMTP_BODY_BINARYMIME;
	else
		return false;
	return true;
}

static bool
param_smtputf8(struct arena *a, struct esmtp_command *cmd, struct str v)
{
	cmd->smtputf8 = true;
	return v.p == NULL;
}

static bool
param_ret(struct arena *a, struct esmtp_command *cmd, struct str v)
{
	cmd->ret_headers = str_caseeq(v, STR("HDRS"));
	return cmd->ret_headers || str_caseeq(v, STR("FULL"));
}

static bool
param_envid(struct arena *a, struct esmtp_command *cmd, struct str v)
{
	return v.n > 0 && v.n <= 300 && xtext(a, v, &cmd->envid);
}

static bool
param_auth(struct arena *a, struct esmtp_command *cmd, struct str v)
{
	if (str_eq(v, STR("<>"))) {
		cmd->auth = STR("");
		return true;
	}
	return v.n > 0 && v.n <= 1500 && xtext(a, v, &cmd->auth);
}

static bool
param_notify(struct arena *a, struct esmtp_command *cmd, struct str v)
{
	struct str word;

	if (str_caseeq(v, STR("NEVER"))) {
		cmd->notify = ESMTP_NOTIFY_NEVER;
		return true;
	}
	while (str_split(&v, ',', &word)) {
		if (str_caseeq(word, STR("SUCCESS")))
			cmd->notify |= ESMTP_NOTIFY_SUCCESS;
		else if (str_caseeq(word, STR("FAILURE")))
			cmd->notify |= ESMTP_NOTIFY_FAILURE;
		else if (str_caseeq(word, STR("DELAY")))
			cmd->notify |= ESMTP_NOTIFY_DELAY;
		else
			return false;
	}
	return cmd->notify != 0;
}

static bool
param_orcpt(struct arena *a, struct esmtp_command *cmd, struct str v)
{
	size_t semi = str_chr(v, ';');

	if (semi == 0 || semi == v.n || v.n > 1500 || !utf8_valid(v))
		return false;
	cmd->orcpt_type = str_head(v, semi);
	return xtext(a, str_from(v, semi + 1), &cmd->orcpt);
}

static const struct param {
	enum esmtp_verb verb;
	const char *name;
	bool (*read)(struct arena *a, struct esmtp_command *cmd, struct str value);
} params[] = {
    {ESMTP_MAIL, "SIZE", param_size},
    {ESMTP_MAIL, "BODY", param_body},
    {ESMTP_MAIL, "SMTPUTF8", param_smtputf8},
    {ESMTP_MAIL, "RET", param_ret},
    {ESMTP_MAIL, "ENVID", param_envid},
    {ESMTP_MAIL, "AUTH", param_auth},
    {ESMTP_RCPT, "NOTIFY", param_notify},
    {ESMTP_RCPT, "ORCPT", param_orcpt},
};

/* One "KEY=value"; v.p is NULL without "=". *seen has a bit for each that came. */
static enum esmtp_fault
read_param(struct arena *a, struct esmtp_command *cmd, struct str word, unsigned *seen)
{
	size_t eq = str_chr(word, '=');
	struct str v = eq < word.n ? str_from(word, eq + 1) : STR_NONE;

	for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
		if (params[i].verb != cmd->verb ||
		    !str_caseeq(str_head(word, eq), str_c(params[i].name)))
			continue;
		if (*seen & 1u << i || !params[i].read(a, cmd, v))
			return ESMTP_BAD_ARGS;
		*seen |= 1u << i;
		return ESMTP_FINE;
	}
	return ESMTP_BAD_PARAM;
}

static enum esmtp_fault
read_params(struct cursor *c, struct esmtp_command *cmd)
{
	unsigned seen = 0;
	enum esmtp_fault fault = ESMTP_FINE;

	while (fault == ESMTP_FINE && c->s.n > 0) {
		size_t n;

		if (c->s.p[0] != ' ' && c->s.p[0] != '\t')
			return ESMTP_BAD_ARGS;
		spaces(c);
		n = str_chr(c->s, ' ');
		if (n > 0)
			fault = read_param(c->arena, cmd, str_head(c->s, n), &seen);
		c->s = str_from(c->s, n);
	}
	return fault;
}

/* ---- verbs ---- */

/* "FROM:<path> params" or "TO:<path> params"; blanks after the colon are tolerated. */
static enum esmtp_fault
read_envelope(struct cursor *c, struct esmtp_command *cmd)
{
	bool mail = cmd->verb == ESMTP_MAIL;
	struct str word = mail ? STR("FROM:") : STR("TO:");
	enum esmtp_fault fault;

	if (!str_case_starts(c->s, word))
		return ESMTP_BAD_ARGS;
	c->s = str_from(c->s, word.n);
	spaces(c);
	if (!read_path(c, mail, &cmd->path))
		return mail ? ESMTP_BAD_SENDER : ESMTP_BAD_RCPT;
	if ((fault = read_params(c, cmd)) != ESMTP_FINE)
		return fault;
	return mail && cmd->path.utf8 && !cmd->smtputf8 ? ESMTP_NO_UTF8 : ESMTP_FINE;
}

/* "size [LAST]" (RFC 3030 section 2). */
static enum esmtp_fault
read_bdat(struct cursor *c, struct esmtp_command *cmd)
{
	size_t n = str_chr(c->s, ' ');
	struct str tail = str_trim(str_from(c->s, n));

	if (n > 20 || !str_u64(str_head(c->s, n), INT64_MAX, &cmd->chunk))
		return ESMTP_BAD_ARGS;
	cmd->last = str_caseeq(tail, STR("LAST"));
	return tail.n == 0 || cmd->last ? ESMTP_FINE : ESMTP_BAD_ARGS;
}

static enum esmtp_fault
read_nothing(struct cursor *c, struct esmtp_command *cmd)
{
	return c->s.n == 0 ? ESMTP_FINE : ESMTP_BAD_ARGS;
}

static enum esmtp_fault
read_rest(struct cursor *c, struct esmtp_command *cmd)
{
	cmd->arg = c->s;
	return ESMTP_FINE;
}

/* A domain or address literal; anything printable will do, MTAs send what they are called. */
static enum esmtp_fault
read_name(struct cursor *c, struct esmtp_command *cmd)
{
	cmd->arg = c->s;
	for (size_t i = 0; i < c->s.n; i++)
		if (c->s.p[i] <= ' ' && !(c->s.p[i] & 0x80))
			return ESMTP_BAD_ARGS;
	return c->s.n > 0 && c->s.n <= DOMAIN_MAX ? ESMTP_FINE : ESMTP_BAD_ARGS;
}

static const struct verb {
	const char *name;
	enum esmtp_verb verb;
	enum esmtp_fault (*read)(struct cursor *c, struct esmtp_command *cmd);
} verbs[] = {
    {"LHLO", ESMTP_LHLO, read_name},
    {"HELO", ESMTP_HELO, read_rest},
    {"EHLO", ESMTP_HELO, read_rest},
    {"MAIL", ESMTP_MAIL, read_envelope},
    {"RCPT", ESMTP_RCPT, read_envelope},
    {"DATA", ESMTP_DATA, read_nothing},
    {"BDAT", ESMTP_BDAT, read_bdat},
    {"RSET", ESMTP_RSET, read_nothing},
    {"NOOP", ESMTP_NOOP, read_rest},
    {"QUIT", ESMTP_QUIT, read_nothing},
    {"VRFY", ESMTP_VRFY, read_rest},
    {"EXPN", ESMTP_EXPN, read_rest},
    {"HELP", ESMTP_HELP, read_rest},
    {"AUTH", ESMTP_AUTH, read_rest},
    {"STARTTLS", ESMTP_STARTTLS, read_nothing},
};

enum esmtp_fault
esmtp_parse(struct arena *a, struct str line, struct esmtp_command *cmd_r)
{
	struct esmtp_command cmd = {.envid = STR_NONE};
	size_t n;
	struct cursor c;
	enum esmtp_fault fault = ESMTP_BAD_VERB;

	line = str_trim(line);
	n = str_chr(line, ' ');
	c = (struct cursor){str_trim(str_from(line, n)), a};
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (!str_caseeq(str_head(line, n), str_c(verbs[i].name)))
			continue;
		cmd.verb = verbs[i].verb;
		fault = verbs[i].read(&c, &cmd);
		break;
	}
	*cmd_r = cmd;
	return fault;
}
