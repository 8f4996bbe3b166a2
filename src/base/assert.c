/* SPDX-License-Identifier: Apache-2.0 */
/* What is logged before the process ends. */
#include "base/assert.h"

#include <stdlib.h>
#include "base/log.h"
#include "base/watchdog.h"

void
ensure_failed(const char *what, const char *file, int line)
{
	const char *command, *place;

	watchdog_where(&command, &place);
	log_event(EV_broken, "invariant at %s:%d: %s command=\"%s\" place=\"%s\"", file, line, what, command, place);
	abort();
}

void
die(const char *why)
{
	const char *command, *place;

	watchdog_where(&command, &place);
	log_event(EV_broken, "%s command=\"%s\" place=\"%s\"", why, command, place);
	abort();
}
