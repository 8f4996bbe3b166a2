/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_list: lists of messages: runs in the order of the answer, which need not be ascending as a whole; so struct runs serves as a
 * plain list here. Freed with runs_free(). Pure.
 */
#ifndef IMAP_CORE_RUN_LIST_H
#define IMAP_CORE_RUN_LIST_H

#include "base/runs.h"
#include "imap/core/partial.h"

/* Adds n at the end. */
void run_list_add(struct runs *list, uint32_t n);
/* Those of list that p asks for, in the same order. */
void run_list_slice(const struct runs *list, const struct partial *p, struct runs *slice_r);

#endif
