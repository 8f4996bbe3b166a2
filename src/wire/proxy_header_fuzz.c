/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the PROXY protocol's header: what is read of it does not depend on how much came with it, and never reaches past what came. */
#include "base/assert.h"
#include "wire/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_of(data, size);
	struct proxy_header h, again;
	size_t used = 0, used_again = 0;
	enum proxy_read what = proxy_header(in, &h, &used);

	if (what == PROXY_READ_HEADER) {
		ensure(used > 0 && used <= size && used <= PROXY_HEADER_MAX);
		ensure(proxy_header(str_head(in, used), &again, &used_again) == what && used == used_again && memcmp(&h, &again, sizeof(h)) == 0);
		for (size_t n = 0; n < used; n++)
			ensure(proxy_header(str_head(in, n), &again, &used_again) == PROXY_READ_MORE);
	}
	if (what == PROXY_READ_MORE)
		ensure(size < PROXY_HEADER_MAX);
	return 0;
}
