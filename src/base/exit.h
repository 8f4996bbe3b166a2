/* SPDX-License-Identifier: Apache-2.0 */
/* exit: what the process's exit statuses mean, from exit.tbl. */
#ifndef BASE_EXIT_H
#define BASE_EXIT_H

enum exit_status {
#define X(name, number, text) EXIT_##name = number,
#include "base/exit.tbl"
#undef X
};

#endif
