/* SPDX-License-Identifier: Apache-2.0 */
/* main: finds the verb and runs it. */
#include <stdio.h>

int
main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("mansio " MANSIO_VERSION);
	return 0;
}
