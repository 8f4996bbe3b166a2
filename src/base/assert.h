/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assertions, always compiled in. ensure() guards an invariant of the process: when it fails, the
 * place is logged and the process aborts, to be started again by the service manager. Nothing that
 * a client sends may reach it. An invariant of one session is the session's to check: it logs and
 * ends that session alone (imap/session.h).
 */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

#define ensure(cond) (__builtin_expect(!!(cond), 1) ? (void)0 : ensure_failed(#cond, __FILE__, __LINE__))

_Noreturn void ensure_failed(const char *what, const char *file, int line);
/* For what has no condition: out of memory, a case that cannot be. */
_Noreturn void die(const char *why);

#endif
