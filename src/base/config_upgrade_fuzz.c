/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the upgrade of configuration files: what comes out is a configuration file again, and there is nothing left to change in it. */
#include "base/assert.h"
#include "base/config_upgrade.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once = {0}, twice = {0}, told = {0}, why = {0};

	if (size < 300000 && config_upgrade(str_of(data, size), &once, &told, &why) == OK) {
		if (told.n == 0)
			ensure(str_ends(str_of(data, size), buf_str(&once)));
		buf_clear(&told);
		ensure(config_upgrade(buf_str(&once), &twice, &told, &why) == OK);
		ensure(told.n == 0 && str_eq(buf_str(&once), buf_str(&twice)));
	}
	buf_free(&once);
	buf_free(&twice);
	buf_free(&told);
	buf_free(&why);
	return 0;
}
