/* SPDX-License-Identifier: Apache-2.0 */
/* Formats a line, escapes what does not belong in it, and writes it with one call. */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"

static const struct {
	const char *name, *text;
	enum log_level level;
} events[] = {
#define L(ev, lev, words) [EV_##ev] = {.name = #ev, .text = words, .level = lev},
#include "base/log.tbl"
#undef L
};

static const char *const level_words[] = {"error", "warning", "info", "debug"};
static _Atomic int log_fd = 2;
static _Atomic int max_level = LOG_LEVEL_INFO;
static _Atomic uint64_t counts[EV_COUNT];

void
log_set_level(enum log_level level)
{
	atomic_store(&max_level, (int)level);
}

void
log_set_fd(int fd)
{
	atomic_store(&log_fd, fd);
}

const char *
log_event_name(enum log_event ev)
{
	return events[ev].name;
}

const char *
log_event_text(enum log_event ev)
{
	return events[ev].text;
}

enum log_level
log_event_level(enum log_event ev)
{
	return events[ev].level;
}

uint64_t
log_event_count(enum log_event ev)
{
	return atomic_load_explicit(&counts[ev], memory_order_relaxed);
}

static size_t
escape_byte(char *out, char c)
{
	static const char digits[] = "0123456789abcdef";

	out[0] = '\\';
	out[1] = 'x';
	out[2] = digits[(unsigned char)c >> 4];
	out[3] = digits[c & 15];
	return 4;
}

static bool
printable(char c)
{
	return c >= 0x20 && c < 0x7f;
}

const char *
log_str(char out[LOG_STR_MAX], struct str s)
{
	size_t n = 0;

	out[n++] = '"';
	for (size_t i = 0; i < s.n; i++) {
		if (n + 9 > LOG_STR_MAX) {
			n += (size_t)sprintf(out + n, "...");
			break;
		}
		if (printable(s.p[i]) && s.p[i] != '"' && s.p[i] != '\\')
			out[n++] = s.p[i];
		else
			n += escape_byte(out + n, s.p[i]);
	}
	out[n++] = '"';
	out[n] = '\0';
	return out;
}

/* Copies text to out with everything but printable ASCII as \xNN; returns the length. */
static size_t
escape(char *out, size_t room, const char *text)
{
	size_t n = 0;

	for (; *text != '\0' && n + 5 < room; text++) {
		if (printable(*text))
			out[n++] = *text;
		else
			n += escape_byte(out + n, *text);
	}
	return n;
}

void
log_event(enum log_event ev, const char *fmt, ...)
{
	char text[2048], line[4096];
	struct tm tm;
	time_t now;
	va_list ap;
	size_t n;
	ssize_t done;

	atomic_fetch_add_explicit(&counts[ev], 1, memory_order_relaxed);
	if ((int)events[ev].level > atomic_load_explicit(&max_level, memory_order_relaxed))
		return;
	now = (time_t)clock_seconds();
	gmtime_r(&now, &tm);
	n = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%SZ ", &tm);
	n += (size_t)snprintf(line + n, sizeof(line) - n, "%s %s ", level_words[events[ev].level],
	    events[ev].name);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n += escape(line + n, sizeof(line) - n - 1, text);
	line[n++] = '\n';
	/* One write a line: lines of several threads do not mix. A log that cannot be written is
	 * not a reason to stop serving. */
	done = write(atomic_load_explicit(&log_fd, memory_order_relaxed), line, n);
	(void)done;
}
