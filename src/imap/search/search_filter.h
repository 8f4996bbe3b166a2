/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search_filter: searches by name (RFC 5466): entries /private/filters/values/NAME of the server, set with SETMETADATA. FILTER NAME in a
 * program stands for the entry's text, word for word. Shared filters would be entries of the server that nobody can
 * set here, so there are none.
 */
#ifndef IMAP_SEARCH_SEARCH_FILTER_H
#define IMAP_SEARCH_SEARCH_FILTER_H

#include "imap/search/search.h"
#include "store/metadata.h"

#define FILTER_NEST_MAX 8  /* filters inside of filters; 3 are asked for (3.1) */
#define FILTER_USES_MAX 100 /* in one program */

/* The text, in the arena. ERR_NOT_FOUND. */
must_check enum status search_filter_text(struct session *s, struct arena *arena, struct str name, struct str *text_r);
/* Of an entry that is to be set: ERR_BAD_INPUT: a filter's name that cannot be (4); ERR_CONFLICT: not a search. */
must_check enum status search_filter_check(const struct metadata *entry);
/* The answer where search_parse() found fault with a filter. */
enum cmd_next search_filter_refuse(struct cmd *cmd, const struct search *s);

#endif
