/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oldname: in sessions with IMAP4rev2, the LIST response that tells the true name of a mailbox whose name a client wrote in another
 * form (RFC 9051 6.3.9.7).
 */
#ifndef IMAP_CORE_OLDNAME_H
#define IMAP_CORE_OLDNAME_H

#include "imap/core/cmd.h"

/* The mailbox name that stands next in the args, as the client wrote it, in the arena, without a trailing '/'; empty outside IMAP4rev2. */
struct str oldname_peek(const struct args *a, struct cmd *cmd);
/* "* LIST (attributes) "/" name ("OLDNAME" ("written"))"; OLDNAME only where written differs from name. In IMAP4rev2 only. */
void oldname_print(struct cmd *cmd, const char *attributes, struct str name, struct str written);
/* The same, but nothing where it does not differ. */
void oldname_print_if(struct cmd *cmd, const char *attributes, struct str name, struct str written);

#endif
