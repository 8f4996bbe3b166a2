/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of the server share. */
#ifndef SERVER_SETTING_TEST_H
#define SERVER_SETTING_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include "base/config.h"

/* "NAME=VALUE", as --set takes it. */
__attribute__((format(printf, 1, 2))) static inline void
set(const char *fmt, ...)
{
	struct buf why = {0};
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	assert_int_equal(config_set(str_c(text), &why), OK);
	buf_free(&why);
}

#endif
