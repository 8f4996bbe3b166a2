/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd: one command of a client while it runs, and what its handler needs.
 *
 * A handler is a function in cmd_<name>.c, named by a row of commands.tbl. It is called with the whole
 * command read (args stands behind the name), in a state in which the row allows it. It writes
 * untagged responses to cmd_out() and ends with `return reply_...(cmd, ...)` (imap/core/reply.h): the
 * session then sends the untagged updates that are due and the tagged line.
 *
 * What takes longer goes in steps. The handler keeps its state with cmd_state_set() (in the command's
 * arena), sets cmd->step to the function that goes on, and returns:
 *
 *	CMD_WAIT_OUTPUT  after conn_out_full(): called again when the client has taken output
 *	CMD_AGAIN        after some milliseconds of work: called again after others had their turn
 *	cmd_write(...)   a change is on its way to disk; `done` is called with its outcome
 *	CMD_NOT_YET      with nothing done or written yet, where cmd_ahead(): begun anew, alone
 *	CMD_WAIT_WAKE    after cmd_turn(): called again when it may be its turn
 *	CMD_WAIT_INPUT   after cmd_read_line(), or in a streaming command: called again with cmd->at set
 *
 * No snapshot is held across a return (cmd_read_begin/cmd_read_end within one call). cmd->cleanup, if
 * set, is called once when the command is over, however that happens.
 */
#ifndef IMAP_CORE_CMD_H
#define IMAP_CORE_CMD_H

#include "base/arena.h"
#include "imap/core/session.h"
#include "session/change.h"
#include "session/pool.h"
#include "wire/imap_args.h"
#include "wire/imap_out.h"

enum cmd_next {
	CMD_DONE,        /* a reply was given */
	CMD_WAIT_INPUT,
	CMD_WAIT_OUTPUT,
	CMD_WAIT_WAKE,   /* for a commit, a turn, or the moment of an answer: CONN_EV_WAKE */
	CMD_AGAIN,
	CMD_NOT_YET,     /* what it would look at may still change: it is begun anew when those before it are answered (imap/ahead.h) */
	CMD_CLOSE,       /* send what is written, without a tagged line, and close */
	CMD_ABORT,       /* close at once */
};

/* Flags of a command's row. */
enum {
	/* Its numbers, and what may be told of messages. */
	CMDF_UID = 1 << 0,         /* the UID form: numbers are UIDs */
	CMDF_NUMBERS = 1 << 1,     /* takes sequence numbers; those with NO_EXPUNGE do anyway */
	CMDF_NO_EXPUNGE = 1 << 2,  /* no EXPUNGE while it runs, for its numbers are the client's (RFC 9051 7.5.1, T80) */
	CMDF_QUIET = 1 << 3,       /* no untagged updates before the tagged line: SELECT, LOGOUT, STARTTLS */
	CMDF_ALL_NEWS = 1 << 4,    /* its answer tells all that happened to the selected mailbox, whatever NOTIFY keeps back (RFC 5465 3.1) */
	CMDF_NEWS = 1 << 5,        /* while it waits for input the session tells what NOTIFY asked for: IDLE */
	CMDF_GONE = 1 << 6,        /* makes sense when the selected mailbox was deleted */
	/* How it is read and run. */
	CMDF_STREAM = 1 << 7,      /* wants its literals as they come (cmd->at) */
	CMDF_OVERLAP = 1 << 8,     /* may begin while those before it commit (imap/ahead.h) */
	CMDF_HEAVY = 1 << 9,       /* searches: takes turns, tells updates before it by itself, not begun where no memory is left */
	CMDF_LARGE = 1 << 10,      /* may hold something of every mailbox: not begun where no memory is left (base/budget.h) */
	/* Which of the commands that share a handler. */
	CMDF_EXAMINE = 1 << 11,    /* EXAMINE: SELECT that only reads */
	CMDF_LSUB = 1 << 12,       /* LSUB: LIST as it was once asked for subscriptions */
	CMDF_MOVE = 1 << 13,       /* MOVE: COPY that removes what it copied */
	CMDF_REPLACE = 1 << 14,    /* REPLACE: APPEND that removes a message of the selected mailbox */
	CMDF_UNSELECT = 1 << 15,   /* UNSELECT: CLOSE that does not expunge */
	CMDF_UNSUBSCRIBE = 1 << 16, /* UNSUBSCRIBE: SUBSCRIBE that takes away */
	CMDF_DELETEACL = 1 << 17,  /* DELETEACL: SETACL that leaves nothing */
	/* What commands that overlap are to each other. */
	CMDF_FINDS = 1 << 18,      /* looks a mailbox up by its name before its change */
	CMDF_NAMES = 1 << 19,      /* changes which names there are */
	CMDF_EXPUNGES = 1 << 20,   /* takes messages out of the selected mailbox, or may take that away: its answer moves their numbers */
	CMDF_ELSEWHERE = 1 << 21,  /* what it has committed lies in another mailbox: that the selected one is gone meanwhile makes its OK no less true */
};

/* All of them: the sum is right only where no two are the same bit and none was forgotten. */
_Static_assert(CMDF_UID + CMDF_NUMBERS + CMDF_NO_EXPUNGE + CMDF_QUIET + CMDF_ALL_NEWS + CMDF_NEWS + CMDF_GONE + CMDF_STREAM + CMDF_OVERLAP + CMDF_HEAVY +
    CMDF_LARGE + CMDF_EXAMINE + CMDF_LSUB + CMDF_MOVE + CMDF_REPLACE + CMDF_UNSELECT + CMDF_UNSUBSCRIBE + CMDF_DELETEACL + CMDF_FINDS + CMDF_NAMES + CMDF_EXPUNGES + CMDF_ELSEWHERE ==
        (1 << 22) - 1,
    "each flag of a command is a bit of its own");

/* Where the input stands when a streaming or line-reading handler is called. */
enum cmd_at {
	CMD_AT_END,     /* the whole command is read */
	CMD_AT_LITERAL, /* at a literal's announcer; see session->reader.literal */
	CMD_AT_CHUNK,   /* cmd->chunk: bytes of a streamed literal */
	CMD_AT_LINE,    /* cmd->line: the line asked for with cmd_read_line() */
	CMD_AT_EVENT,   /* no input: cmd->events tells (CHANGE, TIMEOUT, OUTPUT, WAKE) */
	CMD_AT_BAD_LINE, /* the line asked for was too long or held NUL; it is dropped */
};

/*
 * Where a command stands between two calls. It begins in BEFORE or RUNS and ends in ANSWERS, or with its session; ARCHITECTURE.md draws the
 * ways between them, cmd_enter() knows them.
 */
enum cmd_phase {
	CMD_RUNS,    /* its handler, or step, is called: now, or when output was taken, a turn has come, others had theirs */
	CMD_BEFORE,  /* updates go out before a UID command begins, so that it sees what is new (T45) */
	CMD_LISTENS, /* for more of itself, or for the line that it asked for */
	CMD_WRITES,  /* its change is on its way to disk; then done() is called */
	CMD_COMMITS, /* the same for its last change: others may begin meanwhile, and done() is called when those before it are answered */
	CMD_ANSWERS, /* its reply is kept: updates, then the tagged line */
};

typedef enum cmd_next cmd_fn(struct cmd *cmd);
typedef enum cmd_next cmd_done_fn(struct cmd *cmd, enum status st);

struct command {
	const char *name; /* in upper case; "UID FETCH" */
	cmd_fn *run;
	uint8_t states;   /* enum session_state */
	uint32_t flags;   /* CMDF_ */
	const char *usage; /* "COPY takes a set and a mailbox" */
	const char *doc;
};

/* How much of a command was read. */
enum cmd_text {
	CMD_WHOLE,  /* all of it */
	CMD_COMING, /* up to a literal: its handler gets the rest as it comes, or the session drops it when the answer is given (T86) */
};

/* Where in the history of the selected mailbox a command's change stands (imap/ahead.h). */
struct cmd_place {
	db_write_fn fn;     /* the command's own, and its argument */
	void *arg;
	int64_t mailbox;     /* the selected one; 0: nobody asks */
	uint64_t modseq;     /* that it had right behind the change; 0: not known. Of the commit until that is over */
	bool behind;         /* others of the session were not answered yet when the command began */
};

/* What a handler keeps from one call to the next, and what that is: asked for as something else it is not given (ensure()). */
struct cmd_state {
	void *p;
	const char *type, *base; /* "struct searching", for a state that begins with one; else the same */
};

struct cmd {
	struct session *session;
	const struct command *row;     /* NULL: no command of ours */
	struct str tag;
	struct args args;
	struct arena arena;
	cmd_fn *step;                  /* called instead of row->run when set */
	struct cmd_state state;        /* the handler's: cmd_state() */
	void (*cleanup)(struct cmd *);
	enum cmd_phase phase;          /* changed by cmd_enter() alone */
	bool secret;                   /* it came before a login: it may hold a password, wherever that stands */
	bool uid;                      /* row->flags & CMDF_UID */

	enum cmd_at at;
	struct str chunk, line;
	unsigned events;               /* enum conn_event of this run, for CMD_AT_EVENT */
	size_t line_limit;             /* of cmd_read_line; 0: commands are read */

	/* Memory (base/budget.h): what it holds. */
	struct charge charge;
	size_t counted;                /* of it: the arena, and what cmd_hold() was told */
	size_t holding;                /* what cmd_hold() was told */

	/* The reply, kept until the updates are sent. */
	const char *cond;              /* "OK", "NO", "BAD"; NULL while there is none */
	struct str code;               /* without brackets */
	const char *text;
	/* Called once the tagged line is written, if that is an OK: a change of layer, which comes right behind it. NULL: nothing. An error
	 * takes the line back, and the session ends with a BYE. ERR_BAD_INPUT: the client's fault. */
	enum status (*sent)(struct session *);
	bool may_expunge;              /* updates may hold EXPUNGE */
	enum cmd_text text_read;
	bool interruptible;            /* nothing is lost when it ends with a BYE: IDLE, AUTHENTICATE */

	struct change change;          /* of cmd_write() */
	cmd_done_fn *done;             /* NULL: it has written nothing */
	struct cmd_place place;        /* of its last write, as others of the session may stand behind it */
	int64_t owners[3];             /* whose rows its writes change, ascending, its own account among them; cmd_writes_to() */
	uint8_t owners_n;              /* 0: its own account's alone */
	bool written;                  /* a write of this command is durable */
	size_t held;                   /* bytes that it holds besides its arena until its commit is over */
	struct cmd *behind;            /* in the session's list of those that wait for their commits */
	int64_t began;                 /* clock_mono() when it was read */
	uint64_t number;               /* of the session's commands: those with smaller ones are answered before; 0: none of the client's */
	bool reserve;                  /* the next writes may use the disk's last space: they free it (db/db.h) */

	struct heavy turn;             /* among the heavy, see cmd_turn() */
	int64_t step_start;            /* clock_mono() of this step */
	bool modseq_due;               /* HIGHESTMODSEQ belongs into the tagged OK, where it is enabled */
	uint32_t limit_uid;            /* the set was too large (imap/core/limit.h): the lowest UID worked on; 0: it was not */
	bool expunge_issued;           /* a message was gone: [EXPUNGEISSUED] at the end, with NO if nothing was worked_on (T56, T106) */
	bool worked_on;                /* one of the messages was there and was done what the command says: by its commit, where it has one */
	char tag_bytes[24];
};

static inline struct buf *
cmd_out(struct cmd *cmd)
{
	return conn_out(cmd->session->conn);
}

void cmd_state_keep(struct cmd *cmd, void *p, const char *type, const char *base);
/* It is a type, or begins with one. */
void *cmd_state_of(const struct cmd *cmd, const char *type);

/* x is the command's state from now on: a T, usually in its arena. */
#define cmd_state_set(cmd, T, x) cmd_state_keep((cmd), 1 ? (x) : (T *)0, #T, #T)
/* The same; it begins with a member of type B and is given as that, too. */
#define cmd_state_set_with(cmd, T, x, B, member) \
	cmd_state_keep((cmd), sizeof(char[offsetof(T, member) == 0 ? 1 : -1]) && (1 ? &(x)->member : (B *)0) ? (x) : (T *)0, #T, #B)
/* The state, which is a T. */
#define cmd_state(cmd, T) ((T *)cmd_state_of((cmd), #T))

/* Bits of enum session_enabled. */
static inline bool
cmd_enabled(const struct cmd *cmd, unsigned bits)
{
	return cmd->session->enabled & bits;
}

/* A snapshot for this step. */
must_check enum status cmd_read_begin(struct cmd *cmd, struct db_txn **txn_r);
void cmd_read_end(struct cmd *cmd, struct db_txn *txn);

/* Besides its arena the command now holds n bytes: results, rows, sets. ERR_MEMORY: its account, or the process, has no room for them; end with
 * reply_status(). What has a charge of its own (&cmd->charge) is not among them. All of it ends with the command. */
must_check enum status cmd_hold(struct cmd *cmd, size_t n);
/* The arena has grown: counts it, whatever the limits say. */
void cmd_count(struct cmd *cmd);

/*
 * A turn among the heavy (session/pool.h), for a step that reads much. False: return CMD_WAIT_WAKE and ask again when called. cmd_turn_over()
 * lets go of it, at the end of each step. The session lets go of what is forgotten, and of what was granted and not come for, whenever it waits
 * for its client (S20).
 */
bool cmd_turn(struct cmd *cmd);
void cmd_turn_over(struct cmd *cmd);

/* True when this step has lasted long enough: let go of the snapshot and return CMD_AGAIN. One look at the clock, without a system call: ask for each
 * message, name, pattern, mailbox, field or part. cmd_pause() is the whole decision: CMD_DONE (go on), CMD_WAIT_OUTPUT or CMD_AGAIN. */
bool cmd_spent(struct cmd *cmd);
enum cmd_next cmd_pause(struct cmd *cmd);

/* The writes of this command change rows of that account, too: before cmd_write(), for whatever is not the user's own (struct db_write). */
void cmd_writes_to(struct cmd *cmd, int64_t owner);
/* The same for the mailbox that a name means, if it is somebody else's. */
must_check enum status cmd_writes_name(struct cmd *cmd, struct str name);

/*
 * Hands a write function to the committer in the account's lane, whoever's rows it changes, so that nobody waits in another's lane, and parks. done(cmd, status) runs on a pool
 * thread when the outcome is known; it returns what a handler returns. fn is pure and may run twice (db/db.h); arg must
 * live until done. ERR_UNKNOWN never reaches done: the connection is closed without an answer.
 */
enum cmd_next cmd_write(struct cmd *cmd, db_write_fn fn, void *arg, cmd_done_fn *done);
/* The same for a command that will write nothing more: with CMDF_OVERLAP the next commands may begin and write meanwhile. What done() and fn use of
 * the command's text lies in the arena. */
enum cmd_next cmd_write_last(struct cmd *cmd, db_write_fn fn, void *arg, cmd_done_fn *done);

/* Changes of commands before it are not answered yet: what it looks at now may be as it was before them, or as it is after some of them. Its write
 * function runs behind theirs. */
static inline bool
cmd_ahead(const struct cmd *cmd)
{
	return cmd->session->committing != NULL && cmd->done == NULL;
}
/* It is its turn to be answered: no change of a command before it is outstanding. */
static inline bool
cmd_oldest(const struct cmd *cmd)
{
	return cmd->session->committing == NULL || cmd->number < cmd->session->committing->number;
}
/* Others may begin before this command is answered: the client has sent more already, or sends ahead and has perhaps. */
static inline bool
cmd_followed(const struct cmd *cmd)
{
	return cmd->session->committing != NULL || conn_in(cmd->session->conn).n > 0;
}

/* How many messages one COPY or APPEND may store, and one other command may work on (RFC 9738); 0: as many as there are. */
static inline uint64_t
cmd_message_max(const struct cmd *cmd)
{
	return cmd->session->imap->settings.work_max;
}
static inline uint64_t
cmd_save_max(const struct cmd *cmd)
{
	uint64_t save = cmd->session->imap->settings.save_max, all = cmd_message_max(cmd);

	return save == 0 || (all > 0 && all < save) ? all : save;
}

/* Reads one bare line next (RFC 9051 authenticate, DONE): return CMD_WAIT_INPUT then. */
void cmd_read_line(struct cmd *cmd, size_t limit);
/* A "+ text" continuation; flushed with the step. */
void cmd_continue(struct cmd *cmd, struct str text);

/* It goes on in another phase, or stays in its own. */
void cmd_enter(struct cmd *cmd, enum cmd_phase phase);

/* For session.c: the life of a command. */
struct cmd *cmd_new(struct session *s, struct str command);
void cmd_set_tag(struct cmd *cmd, struct str tag);
void cmd_free(struct cmd *cmd);

#endif
