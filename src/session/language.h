/* SPDX-License-Identifier: Apache-2.0 */
/*
 * language: what is said to people, in the language that a session has chosen (RFC 5255 3, RFC 6856 3). Texts are English where they are said,
 * and are looked up in language.tbl by their English text when they are written: a session that has chosen nothing pays for nothing.
 * tools/texts checks that the table is complete. Any thread.
 */
#ifndef SESSION_LANGUAGE_H
#define SESSION_LANGUAGE_H

#include "base/status.h"
#include "base/str.h"

enum language {
#define L(name, tag, doc) LANGUAGE_##name,
#include "session/languages.tbl"
#undef L
	LANGUAGES
};

/* The text in that language, or as it is where the table has none. "FETCH completed" is also found as "%s completed". It lies in the table
 * or in memory of the thread, good until the thread asks again. Where it is a format its conversions are those of the English one, in their order. */
__attribute__((format_arg(2))) const char *language_translate(enum language l, const char *english);

/* "de" */
const char *language_tag(enum language l);
/* What the language is called in itself: "Deutsch", UTF-8. */
const char *language_name(enum language l);
/* The language of exactly that tag (in any case); false: none of ours. */
bool language_find(const char *tag, uint8_t *language_r);
/* ERR_BAD_INPUT: not a language range (RFC 4647 2.1). ERR_NOT_FOUND: no language of ours by lookup (RFC 4647 3.4). "*" is not looked up but
 * refused with ERR_AGAIN: it stands for the default where nothing else is found. */
must_check enum status language_lookup(struct str range, enum language *l_r);

#endif
