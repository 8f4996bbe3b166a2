/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hide: capabilities that are kept back, because some client does not get along with them (T12): from all, on a listener, or from an account.
 * What is kept back is not announced, and the step by which a client would enable it does nothing. A set is
 * constant; the one in force may be exchanged at any time (imap_hide()), and sessions heed the new one from then on: what a session has
 * enabled already stays.
 */
#ifndef IMAP_CORE_HIDE_H
#define IMAP_CORE_HIDE_H

#include "imap/core/session.h"

struct hide;

/* words: see imap_hide(). ERR_BAD_INPUT: what is wrong was added to why. */
must_check enum status hide_new(char *const *words, size_t n, struct buf *why, struct hide **hide_r);
void hide_free(struct hide *h);
/* Row `row` of capabilities.tbl is kept back from this session. */
bool hide_from(const struct session *s, unsigned row);

#endif
