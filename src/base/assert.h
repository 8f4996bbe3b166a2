/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assertions, always compiled in. ensure() guards an invariant of the process: when it fails, the
 * place in the code and the command that was worked on are logged (the event broken), and the process aborts, to be started again by
 * the service manager. Nothing that a client sends may reach it. An invariant of one session is a returned status, which ends
 * that session alone where no lock, snapshot or statement is held (session_broken() in imap/core/session.h).
 */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

#define ensure(cond) (__builtin_expect(!!(cond), 1) ? (void)0 : ensure_failed(#cond, __FILE__, __LINE__))

_Noreturn void ensure_failed(const char *what, const char *file, int line);
/* For what has no condition: out of memory, a case that cannot be. */
_Noreturn void die(const char *why);

#endif
