/* SPDX-License-Identifier: Apache-2.0 */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void
ensure_failed(const char *what, const char *file, int line)
{
	fprintf(stderr, "mansio: invariant broken at %s:%d: %s\n", file, line, what);
	abort();
}

void
die(const char *why)
{
	fprintf(stderr, "mansio: %s\n", why);
	abort();
}
