/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search: reads the search program of SEARCH (RFC 3501 6.4.4) and its extensions. What a program is and how it is asked stands in
 * query/query.h; here is its syntax: CHARSET, the words of search_keys.tbl, the filters whose texts stand for their names.
 */
#ifndef IMAP_SEARCH_SEARCH_H
#define IMAP_SEARCH_SEARCH_H

#include "imap/core/cmd.h"
#include "query/query.h"

/* A program and how it was read. */
struct search {
	struct query query;    /* its arena is set by the caller */
	struct str charset;
	enum mime_collation collation; /* the active comparator, set by the caller */
	bool utf8_only;        /* UTF8=ACCEPT is enabled: no other charset may be named, and none where it can be left out */
	bool of_filter;        /* the program is a filter's text that is to be stored: no charset, filters in it are not read */
	enum { FILTER_FINE, FILTER_UNDEFINED, FILTER_BROKEN, FILTER_CHARSET } filter_fault;
	struct str filter;     /* whose fault it is */
	struct session *session; /* whose filters are read; not used with of_filter */
};

/* [CHARSET x] keys up to the end of the command; with charset_due: charset keys. ERR_BAD_INPUT, ERR_LIMIT; ERR_NOT_FOUND: unknown
 * charset; ERR_CONFLICT: one that may not be named (utf8_only). Whatever it returns, filter_fault goes first, and query_free(&s->query) is due. */
must_check enum status search_parse(struct search *s, struct args *a, bool charset_due);

#endif
