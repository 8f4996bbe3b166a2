/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quota_mail: a thread that writes to people whose quota fills up, or is free again: one mail into INBOX for each percentage of quota.warn that is
 * passed, and one when there is room again (store/quota.h says when). Who is due stands in the store, so that a crash neither loses a warning nor
 * sends one twice: the mail and the note that it was written are one commit.
 */
#ifndef SESSION_QUOTA_MAIL_H
#define SESSION_QUOTA_MAIL_H

#include "session/language.h"
#include "store/store.h"

struct quota_mail;

/* Begins with what is due already. hostname: in addresses and ids of the mails; a string that stays. The store outlives it. */
struct quota_mail *quota_mail_start(struct store *store, const char *hostname, enum language language);
/* Ends the thread; nobody is written to any more. Then, when the store is closed, or nothing is written to it any more, the rest goes. NULL: nothing. */
void quota_mail_stop(struct quota_mail *qm);
void quota_mail_free(struct quota_mail *qm);

#endif
