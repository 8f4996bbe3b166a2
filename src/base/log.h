/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log: one line an event, to standard error or a file: time, level, event name, key=value text.
 * Events are rows of log.tbl. Any thread. What clients sent is logged through LOG_STR only: control
 * and 8-bit characters leave as \xNN, so that nobody writes lines of their own (S13).
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/str.h"

/*
 * What came from outside (a name, an address, a text of a client), for a "%s": in double quotes, in which quotes, backslashes and all that is
 * not printable ASCII stand as \xNN, so that it can be taken neither for another field nor for another line. Cut after some hundred bytes.
 * Lives to the end of the block.
 */
#define LOG_STR_MAX 400
#define LOG_STR(s) log_str((char[LOG_STR_MAX]){0}, (s))
const char *log_str(char out[LOG_STR_MAX], struct str s);

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

#define L(name, level, text) EV_##name,
enum log_event {
#include "base/log.tbl"
	EV_COUNT
};
#undef L

/* log_event(EV_started, "imap=%s", where). Control characters in the result are escaped; overlong
 * lines are cut at 4 KiB. */
void log_event(enum log_event ev, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Events above this level are dropped; LOG_LEVEL_INFO until told. */
void log_set_level(enum log_level level);
/* Where lines go; standard error (2) until told. The descriptor stays the caller's. */
void log_set_fd(int fd);
/* The table, for the manual page. */
const char *log_event_name(enum log_event ev);
const char *log_event_text(enum log_event ev);
enum log_level log_event_level(enum log_event ev);
/* How often it came up in this process, written or not. */
uint64_t log_event_count(enum log_event ev);

#endif
