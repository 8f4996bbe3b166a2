/* SPDX-License-Identifier: Apache-2.0 */
/*
 * faultvfs: a file layer over another that fails calls on purpose, and records what was written and synced so that what
 * a power cut would have left can be built afterwards. For tests: sq_options.vfs = FAULTVFS_NAME, or, in builds with
 * MANSIO_FAULTS (meson -Dfault_injection; never in a release), the environment of a real program: MANSIO_FAULTVFS=sync:5:eio
 * fails that call, MANSIO_RECORD=FILE adds all that is done to the record in that file. In a real program both hold for the
 * files of base/file.h, too. MANSIO_CLOCK=FILE: the time of day is off by the microseconds that stand in the file (8 bytes). One plan and one record a process; any thread.
 */
#ifndef DB_FAULTVFS_H
#define DB_FAULTVFS_H

#include "base/str.h"

#define FAULTVFS_NAME "mansio-fault"

enum fault_op { FAULT_OPEN, FAULT_READ, FAULT_WRITE, FAULT_TRUNCATE, FAULT_SYNC, FAULT_DELETE, FAULT_NAME, FAULT_OPS };
/* FAULT_SHORT: half of the bytes are written, then there is no space. */
enum fault_how { FAULT_EIO, FAULT_ENOSPC, FAULT_SHORT, FAULT_HOWS };

struct fault {
	enum fault_op op;
	unsigned nth; /* which call of that kind fails, from 1 */
	enum fault_how how;
	bool lasting; /* and all after it */
};

/* Puts the layer over base (NULL: the system's), before its first use; over one base a process. */
void faultvfs_register(const char *base);
/* Counts from 1 anew; NULL: nothing fails. */
void faultvfs_plan(const struct fault *fault);
/* Whether a call failed since the plan was made. */
bool faultvfs_hit(void);
/* Calls of a kind since the plan was made. */
unsigned faultvfs_calls(enum fault_op op);
/* "OP:NTH:HOW" or "OP:NTH:HOW:lasting", with the words open read write truncate sync delete name; eio enospc short. */
bool faultvfs_parse(struct str text, struct fault *fault_r);
const char *fault_op_word(enum fault_op op);

#ifdef MANSIO_FAULTS
/* What the environment asks for, from the program's start on. */
void faultvfs_environment(void);
/* Whether it asked for anything: the layer is to be used. */
bool faultvfs_wanted(void);
#else
static inline void
faultvfs_environment(void)
{
}

static inline bool
faultvfs_wanted(void)
{
	return false;
}
#endif

/* ---- power cuts ---- */

/* Begins a new record, or ends recording. */
void faultvfs_record(bool on);
/* Events recorded so far: writes, truncations, syncs, creations, deletions. */
size_t faultvfs_events(void);
bool faultvfs_is_sync(size_t event);

enum cut {
	CUT_LOSE,    /* nothing that was not synced is on the disk */
	CUT_KEEP,    /* all of it is */
	CUT_WRITES,  /* some writes are */
	CUT_SECTORS, /* some sectors of some writes are */
	CUT_MODES
};
/* Calls put for each file that the disk holds if the power is cut after the first events events. The same seed gives the
 * same image. */
void faultvfs_image(size_t events, enum cut mode, unsigned seed,
    void (*put)(void *arg, const char *path, struct str bytes), void *arg);

#endif
