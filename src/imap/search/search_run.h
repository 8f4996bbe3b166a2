/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search_run: the searching part of SEARCH, SORT and THREAD: the mailbox is walked in steps, each message asked for by the program goes to
 * hit(), and over() is called when all were looked at. A search that looks at texts, and every SORT and THREAD, waits for its turn
 * (session/pool.h) and ends when its client has gone. A long one tells how far it is (RFC 9585).
 */
#ifndef IMAP_SEARCH_SEARCH_RUN_H
#define IMAP_SEARCH_SEARCH_RUN_H

#include "imap/search/search.h"
#include "imap/search/search_return.h"
#include "query/sort.h"

/* A mailbox that is not selected, while it is searched (RFC 7377). */
struct search_elsewhere {
	struct view view;
	struct arena arena;       /* of keywords */
	struct keywords keywords;
	bool loaded;
};

struct searching {
	struct search search;
	struct search_elsewhere *elsewhere; /* the mailbox that is searched; NULL: the selected one */
	struct search_return ret;
	struct search_tell tell;
	struct runs scope;         /* where a limit makes them fewer: the messages that are looked at */
	struct context *context;   /* UPDATE: will be told of changes of the results; NULL: will not */
	struct runs uids;          /* found */
	struct runs seqs;          /* the same as sequence numbers; empty in UID commands */
	const struct runs *order;  /* UIDs in the order of the answer, for "$"; NULL: uids */
	bool relevancy;            /* scores are wanted: set by the command for SORT (RELEVANCY), by RETURN (RELEVANCY) */
	struct buf scores;         /* of what was found, a byte each */
	uint64_t modseq_first, modseq_last, modseq_max; /* of what was found: when the program asks for MODSEQ */

	/* Of the command. hit (or NULL) is called for each message found; with summaries its row has the summary, if that can be read, and
	 * the header where keys have to be made of it. */
	enum status (*hit)(struct searching *x, const struct sort_row *row);
	cmd_fn *over;
	cmd_fn *open;              /* ESEARCH in other mailboxes: called in place of search_in() when the program is read */
	bool summaries;
	const struct sorting *sorting; /* criteria of SORT */
	bool heavy_always;         /* SORT, THREAD */
	const char *ok;            /* text of the tagged line */

	const struct runs *only;   /* no other messages are looked at; NULL: all */
	struct view_iter it;
	struct email_cursor *cursor; /* of summaries, within a step */
	struct buf header;         /* of a message whose summary has none */
	bool heavy;                /* its steps take turns */
	uint32_t looked;           /* messages so far */
	int64_t told_at;           /* clock_mono() of the last sign of life */
};

/* The state (cmd_state_set_with()) begins with a struct searching, whose functions are set; args stand before [CHARSET x] keys, or, with charset_due,
 * before a charset that must be there (RFC 5256). Parses and runs it. */
enum cmd_next search_run(struct cmd *cmd, bool charset_due);
/* Searches a mailbox, x->elsewhere or the selected one, and calls over. */
enum cmd_next search_in(struct cmd *cmd);
/* Before search_in() is called for another mailbox. */
void search_forget(struct searching *x);
/* What MODSEQ of the answer tells, 0: nothing. */
uint64_t search_modseq(const struct searching *x);
/* Why the results cannot be kept up (RETURN (UPDATE), RFC 5267 4.3.1), or NULL. */
const char *search_cannot_keep(const struct cmd *cmd);
/* An error of parsing that came before: st as from an arg_ function. */
enum cmd_next search_refuse(struct cmd *cmd, enum status st);
/* For cmd->cleanup. */
void search_run_free(struct searching *x);

/* For steps of other work: a turn among the heavy, where the search takes such; cmd_turn_over() ends it. False: return CMD_WAIT_WAKE. */
bool search_turn(struct cmd *cmd);

/* Ends SEARCH and SORT: saves "$" from x->uids, tells found (uids, seqs or a list in another order; x->scores in the same), says OK. */
enum cmd_next search_answer(struct cmd *cmd, const struct runs *found, const char *word, const char *ok);

#endif
