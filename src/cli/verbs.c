/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of verbs, of today and of before. */
#include "cli/verbs.h"

const struct verb verbs[VERBS] = {
#define V(words, function, usage, text, example) {words, function, usage, text, example},
#include "cli/verbs.tbl"
#undef V
};

const struct former formers[FORMERS] = {
#define F(words, now) {words, now},
#include "cli/verbs_old.tbl"
#undef F
};
