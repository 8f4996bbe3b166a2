/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker says that is being ended by a fault of its own: the signal's place in the program (for addr2line), and command and place as the watchdog
 * has them. In a handler of signals: no memory is taken, nothing is locked, and what is said is a message of one size.
 */
#include <signal.h>
#include <string.h>
#include <ucontext.h>
#include "base/watchdog.h"
#include "server/worker_priv.h"

static int channel = -1;

struct words {
	struct message m;
	size_t n;
};

static void
add(struct words *w, const char *text)
{
	while (*text != '\0' && w->n + 1 < sizeof(w->m.text))
		w->m.text[w->n++] = *text++;
}

static void
add_hex(struct words *w, uintptr_t n)
{
	char digits[2 * sizeof(n) + 1], *p = digits + sizeof(digits) - 1;

	*p = '\0';
	do
		*--p = "0123456789abcdef"[n & 15];
	while ((n >>= 4) > 0);
	add(w, "0x");
	add(w, p);
}

static uintptr_t
where(const ucontext_t *u)
{
#if defined(__x86_64__)
	return (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
	return (uintptr_t)u->uc_mcontext.pc;
#else
	(void)u;
	return 0;
#endif
}

/* Where the program lies in memory differs each time; the distance from its begin does not. */
static void
add_place(struct words *w, uintptr_t pc)
{
	extern const char __ehdr_start[], etext[]; /* the linker's */

	if (pc >= (uintptr_t)__ehdr_start && pc < (uintptr_t)etext) {
		add(w, "at mansio+");
		add_hex(w, pc - (uintptr_t)__ehdr_start);
	} else {
		add(w, "in a library");
	}
}

/* Afterwards the signal does what it does without a handler. */
static void
speak(int sig, siginfo_t *info, void *context)
{
	struct words w = {.m = {.type = CHANNEL_LAST_WORDS}};
	const char *command, *place;

	(void)info;
	watchdog_where(&command, &place);
	if (sig != SIGABRT) {
		add_place(&w, where(context));
		add(&w, " ");
	}
	add(&w, "command=");
	add(&w, command);
	add(&w, " place=");
	add(&w, place);
	(void)!channel_send(channel, &w.m);
	raise(sig); /* where another process sent it, too */
}

void
worker_last_words(struct worker *w)
{
#ifndef MANSIO_SANITIZE
	static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
	struct sigaction sa = {.sa_sigaction = speak, .sa_flags = SA_SIGINFO | (int)SA_RESETHAND};

	channel = worker_channel(w);
	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < sizeof(fatal) / sizeof(*fatal); i++)
		(void)sigaction(fatal[i], &sa, NULL);
#else
	(void)w;
	(void)speak;
	channel = -1;
#endif
}
