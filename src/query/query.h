/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query: a search program (RFC 3501 6.4.4) and how it is asked about messages. A program is a tree of AND, OR and keys, kept as an
 * array; nothing here recurses. Who reads one (imap/search/search.h) adds its nodes in the order of reading and says when it is whole;
 * who asks gives it an environment, a mailbox, and messages one after the other:
 *
 *	n = query_add(&q, parent, QUERY_FLAG); n->flags = FLAG_SEEN; ...   parent before child, nodes[0] is an AND
 *	query_whole(&q);
 *	q.env = ...; q.now = clock_seconds();
 *	st = query_resolve(&q, txn);               once a mailbox, ERR_AGAIN: in several steps
 *	st = query_begin(&q, txn);                 for each step
 *	st = query_message(&q, entry, &hit);       for each message
 *	query_end(&q);                             before db_read_end()
 *	query_free(&q);
 *
 * Keys are looked at in the order of what they cost: the entry of the page first, then the summary, then bodies; and only while the
 * answer is open. One thread at a time.
 */
#ifndef QUERY_QUERY_H
#define QUERY_QUERY_H

#include "base/arena.h"
#include "mime/summary.h"
#include "search/match.h"
#include "store/view.h"
#include "wire/imap_args.h"

enum query_op {
	QUERY_AND,
	QUERY_OR,
	QUERY_ALL,
	QUERY_FLAG,     /* flags: all of them are set */
	QUERY_RECENT,
	QUERY_KEYWORD,  /* name; keyword: its id in the mailbox, found when the program is asked there first, and anew where some were added */
	QUERY_UIDS,     /* uids */
	QUERY_MODSEQ,   /* size: the least mod-sequence */
	QUERY_LARGER,
	QUERY_SMALLER,
	QUERY_DATE,     /* days from..to of the internal date */
	QUERY_SENT,     /* the same of the Date field */
	QUERY_SAVED,    /* the same of the save date (RFC 8514), in UTC */
	QUERY_EMAILID,  /* id; -1: none of ours (RFC 8474) */
	QUERY_THREADID, /* id */
	QUERY_OLDER,    /* seconds: internal date at or before now - size (RFC 5032) */
	QUERY_YOUNGER,
	QUERY_TEXTUAL,  /* text_key, name, needle: see search/match.h */
	QUERY_OPS
};

struct query_node {
	enum query_op op;
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
	struct arg_set set;    /* QUERY_UIDS: as parsed */
	bool uid_set;
	struct runs uids;      /* resolved */
	uint64_t size;
	int32_t from, to;      /* days since 1970, both included */
	int64_t first, last;   /* the same in seconds of local time */
};

/*
 * Where a program is asked; by whom is in the view's grant. What it points to is the asker's and must live as long as the program is asked.
 */
struct query_env {
	struct search_cache *cache;  /* NULL: none */
	struct view *view;           /* the mailbox */
	/* The keywords of the mailbox, as they are in this snapshot or were in an earlier one, if since then at most some were added. */
	enum status (*keywords)(void *mailbox, struct db_txn *txn, const struct keywords **kw_r);
	void *mailbox;               /* for keywords() */
	const struct runs *saved;    /* what "$" means: UIDs; NULL: nothing */
	/* Has the step lasted long enough? Asked between keys and within large messages; what was interrupted returns ERR_AGAIN. NULL: never. */
	bool (*spent)(void *arg);
	void *arg;                   /* for spent() */
};

/* 1: true, 0: false, -1: not known yet. */
typedef signed char truth;

/* Zeroes and an arena are an empty program. */
struct query {
	struct arena *arena;   /* the program lies in it */
	struct query_node *nodes; /* nodes[0] is the root, an AND; parents stand before their children */
	uint32_t n, cap;
	size_t texts;          /* bytes of texts that the program was read from, beside the command's: counted by query_size() */
	struct query_env env;

	/* Of a whole program. */
	uint32_t *order;       /* leaves by what they cost */
	uint32_t n_leaves;
	uint32_t n_quick;      /* how many at the front of order are cheap and must all hold */
	bool heavy;            /* opens bodies */
	bool textual, keywords; /* such keys occur */
	bool sent;             /* keys of the email row */
	bool numbers;          /* sequence numbers occur */
	bool fuzzy;            /* FUZZY occurs */
	bool star;             /* "*" occurs among UIDs */
	bool modseq;           /* MODSEQ occurs: the answer tells mod-sequences (RFC 7162 3.1.5) */

	uint32_t last;         /* what "*" means: the last UID, or 0 */
	int64_t now;           /* seconds since 1970: OLDER and YOUNGER count from here; set by the caller */
	struct runs saved;     /* what "$" means, if it occurs */
	bool saved_known;
	bool kw_known;         /* nodes have their keyword ids, of keywords with ids below: */
	uint32_t kw_end;
	uint32_t resolved;     /* nodes that query_resolve() is done with, while it is interrupted */

	/* Of a message. */
	truth *value;
	bool *moot;            /* something above it is decided */
	uint32_t next_key;     /* the next of order that is to be asked */
	uint32_t half;         /* UID of a message that was interrupted; 0: none */
	bool half_hit;         /* it fits, its relevancy is not known yet */
	uint32_t *open;        /* children of each AND or OR whose value is not known */
	uint32_t *sum;         /* for query_relevancy(), which uses open as well */
	int16_t *score;        /* how well each fuzzy key matched: 0 to 100; QUERY_UNSCORED. NULL: there are none */

	/* Of a step. */
	struct search_matcher *matcher;
	struct email_cursor *cursor;
};

#define QUERY_UNSCORED (-1)
#define QUERY_KEYS_MAX 10000
#define QUERY_DEPTH_MAX 1000

/* ---- the program (program.c) ---- */

/* A node below the AND or OR that is nodes[parent], the last of those that stand there; of an empty program the root. Valid until the
 * next one. The caller keeps QUERY_KEYS_MAX and QUERY_DEPTH_MAX. */
struct query_node *query_add(struct query *q, uint32_t parent, enum query_op op);
/* All nodes are there; each AND and OR but the root has children. */
void query_whole(struct query *q);
/* Also of a program that is not whole. The arena stays. */
void query_free(struct query *q);
/* Bytes that its sets and texts take, beside the arena. */
size_t query_size(const struct query *q);

static inline bool
query_is_leaf(const struct query_node *n)
{
	return n->op != QUERY_AND && n->op != QUERY_OR;
}

/* The UIDs of a QUERY_UIDS node. */
static inline const struct runs *
query_uids(const struct query *q, const struct query_node *n)
{
	return n->set.saved ? &q->saved : &n->uids;
}

/* ---- asking (eval.c) ---- */

/* Resolves the sets among the keys; when env is set, before the first step, and again for each other mailbox. ERR_AGAIN: call it again in
 * another step. Sequence numbers past the last message are no error (RFC 7377 2: "as with any SEARCH"). */
must_check enum status query_resolve(struct query *q, struct db_txn *txn);
/* "*" among UIDs means this one now. For searches that are kept (imap/news/context.h). */
void query_star(struct query *q, uint32_t last);
/* If only messages of a set can be found (a set stands among the keys that must all hold): the set; else NULL. */
const struct runs *query_only(const struct query *q);

/* The UIDs that all sets among the keys that must hold have in common. */
void query_scope(const struct query *q, struct runs *scope_r);

/* A step begins and ends. */
must_check enum status query_begin(struct query *q, struct db_txn *txn);
void query_end(struct query *q);
/* Between steps that may lie far apart: gives back what is only needed to read. */
void query_rest(struct query *q);
/* Does the message fit? ERR_AGAIN: the step has lasted long enough; the same message has to be asked for again, in the next one. */
must_check enum status query_message(struct query *q, const struct entry *e, bool *hit_r);
/* After a hit, where there are fuzzy keys: how relevant is the message, 1 to 100 (RFC 6203 4)? Errors as above. */
must_check enum status query_relevancy(struct query *q, const struct entry *e, uint8_t *relevancy_r);

#endif
