/* SPDX-License-Identifier: Apache-2.0 */
/*
 * language: what is said to people, in the language that the session has chosen (RFC 5255 3). Texts are English where they are said,
 * and are looked up in language.tbl by their English text when they are written: a session that has chosen nothing pays for nothing.
 * tools/texts checks that the table is complete. Any thread.
 */
#ifndef IMAP_CORE_LANGUAGE_H
#define IMAP_CORE_LANGUAGE_H

#include "imap/core/session.h"

enum language {
#define L(name, tag, doc) LANGUAGE_##name,
#include "imap/core/languages.tbl"
#undef L
	LANGUAGES
};

/* The text in that language, or as it is where the table has none. "FETCH completed" is also found as "%s completed". It lies in the table
 * or in memory of the thread, good until the thread asks again. */
const char *language_translate(enum language l, const char *english);

/* The text in the language of the session; see above. */
static inline const char *
language_text(const struct session *s, const char *english)
{
	return s->language <= LANGUAGE_EN || english == NULL ? english : language_translate(s->language, english);
}

/* "de" */
const char *language_tag(enum language l);
/* ERR_BAD_INPUT: not a language range (RFC 4647 2.1). ERR_NOT_FOUND: no language of ours by lookup (RFC 4647 3.4). "*" is not looked up but
 * refused with ERR_AGAIN: it stands for the default where nothing else in the list is found. */
must_check enum status language_lookup(struct str range, enum language *l_r);

#endif
