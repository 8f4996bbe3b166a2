/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the parser and all that is made of its result: any bytes, in three ways, under large and small limits. */
#include "mime/whole_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct mime_limits small = {
		.depth = 3, .parts = 5, .params = 3, .total_params = 20, .header_bytes = 300, .field_bytes = 120, .total_header = 700};
	struct str s = str_of(data, size);

	if (size == 0)
		return 0;
	check_message(str_from(s, 1), data[0] & 1 ? &small : NULL, data[0]);
	return 0;
}
