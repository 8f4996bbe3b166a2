/* SPDX-License-Identifier: Apache-2.0 */
/* session_memory: what a session holds beside its commands (base/budget.h): the selected mailbox, searches that are kept up, what NOTIFY knows. */
#ifndef IMAP_NEWS_SESSION_MEMORY_H
#define IMAP_NEWS_SESSION_MEMORY_H

#include "imap/core/session.h"

/* Bytes of memory that it holds beside its commands. */
size_t session_memory(const struct session *s);
/* Counts them. */
void session_count(struct session *s);
/* It is to hold n bytes more beside its commands. ERR_MEMORY: there is no room for them. */
must_check enum status session_hold(struct session *s, size_t n);

#endif
