/* SPDX-License-Identifier: Apache-2.0 */
/* What a syntax error says. */
#include "imap/core/syntax.h"

#include "imap/core/language.h"

#define WORD_MAX 40 /* bytes of the client's that are repeated */

/* Puts the parts into the places of the sentence. */
static const char *
fill(struct arena *arena, const char *sentence, const struct str *parts)
{
	struct buf b = {0};
	const char *text;

	for (const char *p = sentence; *p != '\0'; p++) {
		if (p[0] != '%' || p[1] != 's') {
			buf_addc(&b, *p);
			continue;
		}
		buf_add(&b, *parts++);
		p++;
	}
	text = arena_cstr(arena, buf_str(&b));
	buf_free(&b);
	return text;
}

static bool
may_be_repeated(struct str word)
{
	for (size_t i = 0; i < word.n; i++)
		if ((unsigned char)word.p[i] <= 0x20 || (unsigned char)word.p[i] >= 0x7f)
			return false;
	return word.n > 0 && word.n <= WORD_MAX;
}

const char *
syntax_text(struct cmd *cmd, const char *otherwise)
{
	struct session *s = cmd->session;
	const char *expected = args_expected(&cmd->args);
	struct str word = args_before_fault(&cmd->args), parts[3];

	if (expected == NULL || cmd->row == NULL)
		return otherwise;
	parts[0] = str_c(cmd->row->name);
	parts[1] = str_c(language_text(s, expected));
	if (s->state == STATE_NOT_AUTH)
		return fill(&cmd->arena, language_text(s, "%s: %s is expected"), parts);
	if (may_be_repeated(word)) {
		parts[2] = word;
		return fill(&cmd->arena, language_text(s, "%s: %s after %s is expected"), parts);
	}
	parts[2] = arena_printf(&cmd->arena, "%zu", cmd->args.fault_at + 1);
	return fill(&cmd->arena, language_text(s, "%s: %s at character %s is expected"), parts);
}
