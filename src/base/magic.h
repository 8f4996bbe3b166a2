/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Structs that go from thread to thread say in their first or second word what they are: set at birth, looked at by ensure() where one
 * thread hands them to another, MAGIC_DEAD at death. A pointer that was kept too long, or to something else, ends the process where it shows
 * and not in somebody's mail.
 */
#ifndef BASE_MAGIC_H
#define BASE_MAGIC_H

enum magic {
	MAGIC_DEAD = 0x0dead0de,
	MAGIC_CONN = 0x4d43f001,
	MAGIC_TASK_IDLE = 0x4d43f002,   /* in no queue */
	MAGIC_TASK_QUEUED = 0x4d43f003, /* in the pool's */
	MAGIC_WRITE = 0x4d43f004,       /* submitted, its outcome is not told yet */
	MAGIC_WATCHER = 0x4d43f005,     /* watches */
	MAGIC_LIVE = 0x4d43f006,
	MAGIC_STAGE = 0x4d43f007,
	MAGIC_BUDGET = 0x4d43f008,
	MAGIC_BRIEF = 0x4d43f00a,
	MAGIC_SERVED = 0x4d43f00b,
	MAGIC_COMMITTER = 0x4d43f00c,
	MAGIC_DB_CONN = 0x4d43f00d,
};

#endif
