/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Object ids of RFC 8474: a letter for the kind, then the store's id in hexadecimal. Ids of accounts, mailboxes, emails and threads are
 * never used again, so these are not either. Pure, any thread.
 */
#ifndef IMAP_CORE_OBJECTID_H
#define IMAP_CORE_OBJECTID_H

#include "base/buf.h"

enum objectid_kind { OBJECTID_MAILBOX = 'F', OBJECTID_EMAIL = 'M', OBJECTID_THREAD = 'T' };

/* "WORD (M1f)" for WORD MAILBOXID, EMAILID or THREADID. */
void objectid_add(struct buf *out, const char *word, enum objectid_kind kind, int64_t id);
/* The id, or -1 where the text is none of ours: they are case sensitive and have one spelling. */
int64_t objectid_parse(struct str text, enum objectid_kind kind);
/* 1*255(ALPHA / DIGIT / "_" / "-") */
bool objectid_valid(struct str text);

#endif
