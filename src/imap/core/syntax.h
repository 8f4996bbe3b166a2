/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syntax: what a syntax error says: "SEARCH: a date such as 1-Feb-2026 after SINCE is expected". What was expected is what the readers of
 * wire/imap_args.h have noted. Sentence and parts are texts of the catalogue, in the session's language. Of what the client
 * wrote only plain words and numbers are repeated, and before login nothing: it may be a password.
 */
#ifndef IMAP_CORE_SYNTAX_H
#define IMAP_CORE_SYNTAX_H

#include "imap/core/cmd.h"

/* In the command's arena; otherwise: where nothing was noted. */
const char *syntax_text(struct cmd *cmd, const char *otherwise);

#endif
