/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the end of a worker means. One that crashed, or could not start though one before it could, is started again: at once, then after a time that doubles up to
 * half a minute, and is short again when one has served for some minutes. What it says by its exit status before it was ever ready, or of the store
 * (EXIT_STORE), is this program's exit status.
 */
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/exit.h"
#include "base/log.h"
#include "server/supervisor_priv.h"

#define FIRST_MS 100
#define MOST_MS 30000
#define GOOD_WHILE (300 * INT64_C(1000000))

/* Its own word, which is passed on. */
static bool
is_word(const struct supervisor *s, int status)
{
	if (!WIFEXITED(status))
		return false;
#ifdef MANSIO_SANITIZE
	if (WEXITSTATUS(status) != EXIT_DONE)
		return true; /* a report must not go under */
#endif
	return !s->served || WEXITSTATUS(status) == EXIT_STORE;
}

static int64_t
pause_ms(unsigned ends)
{
	int64_t ms = FIRST_MS;

	if (ends == 0)
		return 0;
	while (--ends > 0 && ms < MOST_MS)
		ms *= 2;
	return ms < MOST_MS ? ms : MOST_MS;
}

static void
describe(const struct supervisor *s, int status, struct buf *out)
{
	if (WIFSIGNALED(status))
		buf_addf(out, "pid=%d ended by signal %d (%s)", (int)s->pid, WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		buf_addf(out, "pid=%d ended with status %d", (int)s->pid, WEXITSTATUS(status));
	if (s->words[0] != '\0')
		buf_addf(out, " where=%s", LOG_STR(str_c(s->words)));
	if (s->ready)
		buf_addf(out, " after=%" PRId64 "s", (clock_mono() - s->began) / 1000000);
}

static void
start_later(struct supervisor *s)
{
	int64_t now = clock_mono(), ms;

	if (s->ready && now - s->began >= GOOD_WHILE)
		s->ends = 0;
	ms = pause_ms(s->ends++);
	s->again = now + ms * 1000;
	if (s->again == 0)
		s->again = 1;
}

void
supervisor_ended(struct supervisor *s, int status)
{
	bool good = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_DONE;
	struct buf text = {0};

	describe(s, status, &text);
	if (s->stopping) {
		s->code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_NOT_DONE;
		if (!good)
			log_event(EV_worker, "%.*s, while it stopped", STR_FMT(buf_str(&text)));
	} else if (is_word(s, status)) {
		s->code = good ? EXIT_NOT_DONE : WEXITSTATUS(status);
	} else if (!s->served) {
		s->code = EXIT_NOT_DONE;
		(void)server_refuse(ERR_UNAVAILABLE, "the worker %.*s before it was ready", STR_FMT(buf_str(&text)));
	} else {
		start_later(s);
		log_event(EV_worker, "%.*s, the next in %" PRId64 " ms", STR_FMT(buf_str(&text)), (s->again - clock_mono() + 999) / 1000);
	}
	if (s->reloading)
		log_event(EV_reload_failed, "the worker ended before it had taken all; the next gets what was in force");
	buf_free(&text);
	close(s->ch);
	s->ch = -1;
	s->pid = 0;
	s->ready = false;
}
