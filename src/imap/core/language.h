/* SPDX-License-Identifier: Apache-2.0 */
/* language: texts in the language that an IMAP session has chosen (RFC 5255 3); session/language.h has them. */
#ifndef IMAP_CORE_LANGUAGE_H
#define IMAP_CORE_LANGUAGE_H

#include "imap/core/session.h"
#include "session/language.h"

/* The text in the language of the session: see language_translate(). */
static inline const char *
language_text(const struct session *s, const char *english)
{
	return s->language <= LANGUAGE_EN || english == NULL ? english : language_translate(s->language, english);
}

#endif
