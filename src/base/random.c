/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of the kernel's. */
#include "base/random.h"

#include <errno.h>
#include <sys/random.h>
#include "base/assert.h"

void
random_bytes(void *p, size_t n)
{
	char *at = p;

	while (n > 0) {
		ssize_t got = getrandom(at, n, 0);

		if (got < 0) {
			if (errno == EINTR)
				continue;
			die("the kernel gives no random bytes");
		}
		at += got;
		n -= (size_t)got;
	}
}

uint64_t
random_u64(void)
{
	uint64_t v;

	random_bytes(&v, sizeof(v));
	return v;
}
