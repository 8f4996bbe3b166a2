/* SPDX-License-Identifier: Apache-2.0 */
/*
 * near: of some known words the one that a mistyped word probably meant: one letter wrong, missing, too many or changed places with its
 * neighbour in every three, or the beginning of the word. Pure, any thread.
 *
 *	struct near near = {.word = typed};
 *	near_try(&near, "import"); near_try(&near, "export"); ...
 *	if (near.best != NULL) ...
 */
#ifndef BASE_NEAR_H
#define BASE_NEAR_H

#include "base/str.h"

struct near {
	struct str word;
	const char *best;  /* as it was given to near_try(); NULL: nothing is near */
	unsigned distance; /* of best */
};

void near_try(struct near *n, const char *candidate);

#endif
