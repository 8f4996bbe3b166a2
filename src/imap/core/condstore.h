/* SPDX-License-Identifier: Apache-2.0 */
/* condstore: mod-sequences on the wire (RFC 7162): enabling, HIGHESTMODSEQ, VANISHED. */
#ifndef IMAP_CORE_CONDSTORE_H
#define IMAP_CORE_CONDSTORE_H

#include "imap/core/cmd.h"

/* The command is one that enables CONDSTORE (RFC 7162 3.1): the first in a session with a mailbox selected makes the server tell
 * HIGHESTMODSEQ. Call it between lines. */
void condstore_enable(struct cmd *cmd);
/* The mod-sequence up to which the session has been told everything: any HIGHESTMODSEQ sent to it (RFC 7162 6). */
uint64_t condstore_told(const struct selected *sel);
/* "* OK [HIGHESTMODSEQ n] ..." */
void condstore_print(struct session *s);

/*
 * A VANISHED response in pieces: lines of some hundred runs. *at is the next run, 0 at first. True: all is written; false: the mark is
 * reached, call again.
 */
bool vanished_print(struct session *s, const struct runs *uids, bool earlier, size_t *at);

#endif
