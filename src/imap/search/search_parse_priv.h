/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search_parse_priv: a search program while it is read. search_parse.c reads the program, search_keys.c its keys, each of which becomes
 * a node. It lives on the stack of search_parse().
 */
#ifndef IMAP_SEARCH_SEARCH_PARSE_PRIV_H
#define IMAP_SEARCH_SEARCH_PARSE_PRIV_H

#include "imap/search/search.h"

/*
 * What the parser is inside of: an AND (of parentheses, or the whole command), an OR that still wants keys. NOT and FUZZY are not kept but
 * turned into marks of the next key.
 */
struct search_level {
	uint32_t node;
	unsigned wants; /* keys that an OR still takes; 0: an AND, which takes any number */
	bool paren;     /* ends with ")" */
	bool fuzzy;     /* all inside is */
};

/* A filter whose text is being read in the place of its name. */
struct search_frame {
	struct args args;
	struct args *outer;
	struct str name;
	size_t low;   /* how deep the parser was at least: what is deeper was opened inside */
	size_t floor; /* the last parenthesis that was opened outside */
};

struct search_parser {
	struct search *s;
	struct args *a;
	struct arena *arena; /* the command's */
	struct search_frame *frames;
	size_t frames_n, filters;
	struct search_level *levels;
	size_t depth;
	bool not, fuzzy; /* of the next key */
};

/* A node for what was read, inside what is open; NOT (or negated) and FUZZY before it are turned into its marks. Valid until the next one. */
struct query_node *search_node_add(struct search_parser *p, enum query_op op, bool negated);
/* Opens an AND or OR; what comes next is inside it. ERR_LIMIT: QUERY_DEPTH_MAX. */
must_check enum status search_level_open(struct search_parser *p, enum query_op op, unsigned wants, bool paren);

/* A key that begins with a word, its arguments included. ERR_BAD_INPUT: there is no such key, or not with such arguments. */
must_check enum status search_word_key(struct search_parser *p);
/* A set of UIDs, or of sequence numbers. */
must_check enum status search_set_key(struct search_parser *p, bool uid, bool negated);

#endif
