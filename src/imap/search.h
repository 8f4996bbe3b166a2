/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search: the search program of SEARCH (RFC 3501 6.4.4) and how it is asked about a message. A program is a tree of AND, OR and keys,
 * kept as an array; nothing here recurses. Keys are looked at in the order of what they cost: the entry of the page first,
 * then the summary, then bodies; and only while the answer is open.
 */
#ifndef IMAP_SEARCH_H
#define IMAP_SEARCH_H

#include "imap/cmd.h"
#include "mime/summary.h"
#include "search/match.h"

enum search_op {
	SEARCH_AND,
	SEARCH_OR,
	SEARCH_ALL,
	SEARCH_FLAG,     /* flags: all of them are set */
	SEARCH_RECENT,
	SEARCH_KEYWORD,  /* name; id is found anew in each step */
	SEARCH_UIDS,     /* uids */
	SEARCH_MODSEQ,   /* size: the least mod-sequence */
	SEARCH_LARGER,
	SEARCH_SMALLER,
	SEARCH_DATE,     /* days from..to of the internal date */
	SEARCH_SENT,     /* the same of the Date field */
	SEARCH_SAVED,    /* the same of the save date (RFC 8514), in UTC */
	SEARCH_EMAILID,  /* id; -1: none of ours (RFC 8474) */
	SEARCH_THREADID, /* id */
	SEARCH_OLDER,    /* seconds: internal date at or before now - size (RFC 5032) */
	SEARCH_YOUNGER,
	SEARCH_TEXTUAL,  /* text_key, name, needle: see search/match.h */
	SEARCH_OPS
};

struct search_node {
	enum search_op op;
	bool not;
	bool fuzzy;            /* FUZZY stands before it, or before what it is in (RFC 6203) */
	uint32_t parent;       /* index; of the root itself: 0 */
	uint32_t children;     /* of AND and OR */
	uint32_t end;          /* index behind all that stands below it */
	uint8_t flags;
	enum search_key text_key;
	struct str name;
	int64_t keyword;       /* id, -1: not in use */
	int64_t id;
	struct search_needle *needle;
	struct arg_set set;    /* SEARCH_UIDS: as parsed */
	bool uid_set;
	struct runs uids;      /* resolved */
	uint64_t size;
	int32_t from, to;      /* days since 1970, both included */
	int64_t first, last;   /* the same in seconds of local time */
};

/* A mailbox that is not selected, while it is searched (RFC 7377). */
struct search_elsewhere {
	struct view view;
	struct arena arena;       /* of keywords */
	struct keywords keywords;
	bool loaded;
};

/* 1: true, 0: false, -1: not known yet. */
typedef signed char truth;

struct search {
	struct arena *arena;   /* the command's */
	struct search_node *nodes; /* nodes[0] is the root, an AND; parents stand before their children */
	uint32_t n, cap;
	uint32_t *order;       /* leaves by what they cost */
	uint32_t n_leaves;
	uint32_t n_quick;      /* how many at the front of order are cheap and must all hold */
	struct str charset;
	enum mime_collation collation; /* the active comparator, set by the caller */
	bool utf8_only;        /* UTF8=ACCEPT is enabled: no other charset may be named, and none where it can be left out */
	bool heavy;            /* opens bodies */
	bool textual, keywords; /* such keys occur */
	bool sent;             /* keys of the email row */
	bool numbers;          /* sequence numbers occur */
	bool fuzzy;            /* FUZZY occurs */
	bool of_filter;        /* the program is a filter's text that is to be stored: no charset, filters in it are not read */
	enum { FILTER_FINE, FILTER_UNDEFINED, FILTER_BROKEN, FILTER_CHARSET } filter_fault;
	struct str filter;     /* whose fault it is */
	size_t filter_bytes;   /* of all filters' texts */
	bool star;             /* "*" occurs among UIDs */
	uint32_t last;         /* what it means: the last UID, or 0 */
	bool modseq;           /* MODSEQ occurs: the answer tells mod-sequences (RFC 7162 3.1.5) */
	int64_t now;           /* seconds since 1970: OLDER and YOUNGER count from here */
	const struct runs *only; /* search_only() */
	struct runs saved;     /* what "$" means, if it occurs */
	bool saved_known;
	bool kw_known;         /* nodes have their keyword ids, of keywords with ids below: */
	uint32_t kw_end;
	uint32_t resolved;     /* nodes that search_resolve() is done with, while it is interrupted */

	/* Of a message. */
	truth *value;
	bool *moot;            /* something above it is decided */
	uint32_t next_key;     /* the next of order that is to be asked */
	uint32_t half;         /* UID of a message that was interrupted; 0: none */
	bool half_hit;         /* it fits, its relevancy is not known yet */
	uint32_t *open;        /* children of each AND or OR whose value is not known */
	uint32_t *sum;         /* for search_relevancy(), which uses open as well */
	int16_t *score;        /* how well each fuzzy key matched: 0 to 100; SEARCH_UNSCORED. NULL: there are none */

	struct search_elsewhere *elsewhere; /* the mailbox that is searched; NULL: the selected one */

	/* Of a step. */
	struct session *session;
	struct db_txn *txn;
	struct search_matcher *matcher;
	struct email_cursor *cursor;
};

#define SEARCH_UNSCORED (-1)
#define SEARCH_KEYS_MAX 10000
#define SEARCH_DEPTH_MAX 1000

/* [CHARSET x] keys up to the end of the command; with charset_due: charset keys. ERR_BAD_INPUT, ERR_LIMIT; ERR_NOT_FOUND: unknown
 * charset; ERR_CONFLICT: one that may not be named (utf8_only). Whatever it returns, filter_fault goes first. s->session: for filters. */
must_check enum status search_parse(struct search *s, struct args *a, bool charset_due);
void search_free(struct search *s);
/* Bytes that its sets and the texts of filters take. */
size_t search_size(const struct search *s);

/* The UIDs of a SEARCH_UIDS node. */
static inline const struct runs *
search_uids(const struct search *s, const struct search_node *n)
{
	return n->set.saved ? &s->saved : &n->uids;
}

/* Resolves the sets among the keys; before the first step, and again for each other mailbox. ERR_AGAIN: call it again in another step. Sequence numbers past the last message are
 * no error (RFC 7377 2: "as with any SEARCH"). */
must_check enum status search_resolve(struct search *s, struct cmd *cmd, struct db_txn *txn);
/* "*" among UIDs means this one now. For searches that are kept (imap/context.h). */
void search_star(struct search *s, uint32_t last);
/* The view that is searched. */
struct view *search_view(const struct search *s);
/* If only messages of a set can be found (a set stands among the keys that must all hold): the set; else NULL. */
const struct runs *search_only(const struct search *s);

/* The UIDs that all sets among the keys that must hold have in common. */
void search_scope(const struct search *s, struct runs *scope_r);

/* A step begins and ends. */
must_check enum status search_begin(struct search *s, struct db_txn *txn);
void search_end(struct search *s);
/* Between steps that may lie far apart: gives back what is only needed to read. */
void search_rest(struct search *s);
/* Does the message fit? ERR_AGAIN: the step has lasted long enough; the same message has to be asked for again, in the next one. */
must_check enum status search_message(struct search *s, const struct entry *e, bool *hit_r);
/* After a hit, where there are fuzzy keys: how relevant is the message, 1 to 100 (RFC 6203 4)? Errors as above. */
must_check enum status search_relevancy(struct search *s, const struct entry *e, uint8_t *relevancy_r);

#endif
