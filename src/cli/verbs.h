/* SPDX-License-Identifier: Apache-2.0 */
/* verbs: what the command line is told, as tables, for whoever runs, explains or completes it. */
#ifndef CLI_VERBS_H
#define CLI_VERBS_H

#include "cli/cli.h"

enum {
	VERBS = 0
#define V(words, function, usage, text, example) +1
#include "cli/verbs.tbl"
#undef V
	,
	FORMERS = 0
#define F(words, now) +1
#include "cli/verbs_old.tbl"
#undef F
};

/* In the order of verbs.tbl. */
struct verb {
	const char *words;
	int (*run)(struct cli *);
	const char *usage, *text, *example;
};
extern const struct verb verbs[VERBS];

/* Words that a verb had before: still understood. */
struct former {
	const char *words, *now;
};
extern const struct former formers[FORMERS];

#endif
