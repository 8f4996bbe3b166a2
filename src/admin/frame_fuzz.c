/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever comes over the control socket, frames and their fields stay inside the input. */
#include <stdlib.h>
#include "admin/frame.h"
#include "base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_of(data, size), *fields;
	struct frame f;
	size_t n;

	while (frame_take(&in, &f) == OK) {
		struct arena a = {0};

		ensure(f.payload.n <= size);
		if (frame_fields(&a, f.payload, &fields, &n) == OK) {
			for (size_t i = 0; i < n; i++)
				ensure(fields[i].n == 0 || (fields[i].p >= f.payload.p &&
				    fields[i].p + fields[i].n <= f.payload.p + f.payload.n));
		}
		arena_free(&a);
	}
	return 0;
}
