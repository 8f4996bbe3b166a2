/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a matcher: match.c looks at summaries and headers, match_body.c at bodies. */
#ifndef SEARCH_MATCH_PRIV_H
#define SEARCH_MATCH_PRIV_H

#include "mime/structure.h"
#include "search/brief.h"
#include "search/needle.h"

#define MATCH_STEP (64 * 1024)        /* bytes of a body that are read at a time */
#define MATCH_WHOLE (256 * 1024)      /* messages up to this size are read at once */
#define MATCH_HEADER_MAX (1024 * 1024) /* bytes of a header that are looked at */
#define MATCH_FIELD_MAX (256 * 1024)  /* of one field, where it has to be decoded: as many as the parser keeps, and the clock is looked at behind it */

/* Which emails of a brief have a key: found for all of them once. */
struct match_memo {
	const struct brief *brief;
	const struct search_needle *needle;
	uint64_t bits[BRIEF_EMAILS / 64];
};
#define MATCH_MEMOS 16

/* One way of decoding for text, another where octets are compared. */
struct match_decoding {
	struct mime_text_stream *text;
	struct mime_decoder cte;
	struct buf *source; /* where text with its markup goes; NULL: there is none */
};

/* Where a match stands: it may be interrupted and go on later. */
struct match_walk {
	bool active;
	int64_t id;                /* of what it is: the same call again goes on */
	enum search_key key;
	struct str name;
	const struct search_needle *needle;
	bool in_body;              /* TEXT: the header was looked through */
	size_t header_at;          /* of the header at hand */
	bool found;                /* there is a field of that name */
	bool parts_begun;
	uint32_t part;
	enum { PART_HEADER, PART_TEXT, PART_OCTETS } stage;
	bool scanning;             /* in the part's body: */
	uint64_t at;
	bool begun;                /* decoding is open */
	struct match_decoding decoding;
};

struct search_matcher {
	struct search_cache *cache;
	struct match_brief {
		struct brief *brief; /* where the last email's values are, or NULL */
		bool own;            /* it is being made, and not in the cache yet */
	} briefs[BRIEF_FIELDS];
	struct match_memo memo[MATCH_MEMOS];
	bool (*spent)(void *arg);
	void *arg;
	struct match_walk walk;
	const struct grant *grant; /* of the step */
	struct db_txn *txn;
	struct email_cursor *cursor;
	bool stepped; /* a step was made already */
	struct needle_scan scan;
	bool fuzzy;          /* words are looked for, by fuzz instead of scan; scan.hit stays false */
	struct fuzzy_scan fuzz;
	struct needle_scan marked; /* the same in text with its markup */
	struct buf text, source; /* decoded text of a piece or field; with its markup */
	struct mime_find find; /* of a field */
	struct buf field;    /* a line feed and a field's name in upper case */
	uint64_t read;

	/* The message. */
	int64_t id;
	bool have_email;     /* email is filled; its summary is valid until the cursor moves */
	bool have_structure, have_whole;
	bool stale;          /* the structure is of another step: the email has to be read again */
	struct email email;
	struct buf prefix;   /* the email's, kept */
	struct arena arena;  /* the structure's */
	struct buf packed;
	struct mime_structure structure;
	struct buf whole;    /* all of a small message */
	struct buf piece;    /* a part of a large one */
};

/* Reads the email's row, if that was not done. ERR_NOT_FOUND, ERR_CORRUPT. */
must_check enum status match_load(struct search_matcher *m);
must_check enum status match_load_structure(struct search_matcher *m);
/* Is the match to be interrupted? */
bool match_spent(const struct search_matcher *m);
/* A range of the message, cut to n bytes at most; lives until the next call. */
must_check enum status match_bytes(struct search_matcher *m, uint64_t at, uint64_t n, struct str *bytes_r);
/* Looks through a text in pieces, for what is asked. weight: of its place (search/fuzzy.h); octets: it could not be decoded. */
void match_text_begin(struct search_matcher *m, unsigned weight, bool octets);
void match_text_add(struct search_matcher *m, struct str text);
void match_text_end(struct search_matcher *m);
/* What places are worth, in percent. */
enum match_weight { WEIGHT_ASKED = 100, WEIGHT_ADDRESS = 90, WEIGHT_BODY = 75, WEIGHT_FIELD = 60 };
/* Scans header fields (all of them, names and values), from walk.header_at on. ERR_AGAIN: interrupted. */
must_check enum status match_header_text(struct search_matcher *m, struct str header);
must_check enum status match_body(struct search_matcher *m);
/* Forgets an interrupted match. */
void match_walk_end(struct match_walk *w);

/* match_brief.c: the key in a field of the message, if a brief can tell; ERR_NOT_FOUND: it cannot, the row has to be asked. */
must_check enum status match_by_brief(struct search_matcher *m, enum brief_field field, bool *hit_r);
/* Lets go of all briefs; what was made goes to the cache. */
void match_briefs_end(struct search_matcher *m);

#endif
