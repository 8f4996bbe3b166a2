/* SPDX-License-Identifier: Apache-2.0 */
/* Locks by name, and what a thread holds of them. */
#include "base/lock.h"

#include <stdio.h>
#include "base/assert.h"

void
lock_init(struct lock *l, enum lock_name name)
{
	ensure(name < LOCK_COUNT);
	l->name = name;
	ensure(pthread_mutex_init(&l->mutex, NULL) == 0);
}

void
lock_fini(struct lock *l)
{
	ensure(pthread_mutex_destroy(&l->mutex) == 0);
}

#ifdef MANSIO_CHECKS
#define HELD_MAX 16

enum held { MOMENT, WAITS };

static const struct {
	const char *name;
	enum held held;
} locks[] = {
#define L(lock_name, how, words) [LOCK_##lock_name] = {.name = #lock_name, .held = how},
#include "base/lock.tbl"
#undef L
};

/* Of the calling thread, in the order of the table. */
static _Thread_local struct {
	const struct lock *at[HELD_MAX];
	unsigned n;
} held;

static _Noreturn void
fault(const char *what, const struct lock *l, const struct lock *other)
{
	char text[160];

	snprintf(text, sizeof(text), "lock %s %s %s", locks[l->name].name, what, other != NULL ? locks[other->name].name : "by this thread");
	die(text);
}

void
lock_note_take(const struct lock *l)
{
	ensure(held.n < HELD_MAX);
	if (held.n > 0 && held.at[held.n - 1]->name >= l->name)
		fault("is taken out of order, while holding", l, held.at[held.n - 1]);
	held.at[held.n++] = l;
}

/* They may be given in any order. */
void
lock_note_give(const struct lock *l)
{
	unsigned i = held.n;

	while (i > 0 && held.at[i - 1] != l)
		i--;
	if (i == 0)
		fault("is given that is not held", l, NULL);
	for (held.n--; i <= held.n; i++)
		held.at[i - 1] = held.at[i];
}

void
lock_note_wait(const struct lock *l)
{
	if (held.n == 0 || held.at[held.n - 1] != l)
		fault("is waited with that is not the last one taken", l, NULL);
	for (unsigned i = 0; i + 1 < held.n; i++) {
		if (locks[held.at[i]->name].held == MOMENT)
			fault("is waited with, while holding", l, held.at[i]);
	}
}

void
lock_none(void)
{
	for (unsigned i = 0; i < held.n; i++) {
		if (locks[held.at[i]->name].held == MOMENT)
			fault("is still held", held.at[i], NULL);
	}
}
#endif
