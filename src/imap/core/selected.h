/* SPDX-License-Identifier: Apache-2.0 */
/* selected: the selected mailbox of a session: opening, its keywords, its flags in FETCH lines. It is closed by selected_close.h. */
#ifndef IMAP_CORE_SELECTED_H
#define IMAP_CORE_SELECTED_H

#include "imap/core/cmd.h"

/* Makes it the session's selected mailbox, in place of none (close the old one first), and begins to watch. */
must_check enum status selected_open(struct session *s, struct db_txn *txn, const struct mailbox *mb, bool read_only);
/* The session has told the flags of its own change itself; keywords: with it the mailbox may have got new ones. */
void selected_told(struct selected *sel, uint64_t modseq, bool keywords);
/* Its name now, which another session may have changed; in the arena, or as it was when it is gone. */
struct str selected_name(struct session *s, struct db_txn *txn, struct arena *arena);
/* Looks whether the mailbox is still there; view.deleted tells it from then on, for good. */
must_check enum status selected_look(struct cmd *cmd, bool *gone_r);
/* Of the messages that a command was for its commit did not find some, there being those that it found. *issued_r becomes true where the client does not
 * know yet why: one is gone and its expunge has not been told. (By now it may have been, by the answer of a command before.) */
void selected_missed(struct cmd *cmd, const struct runs *wanted, const struct runs *there, bool *issued_r);
/* The connection rests: gives back what can be read again. */
void selected_rest(struct selected *sel);

/* The keywords of the mailbox, loaded when they are not; they stay until rest or selected_keywords_forget. Sends FLAGS when there
 * are some that the last FLAGS line did not name: call it between lines only. */
must_check enum status selected_keywords(struct session *s, struct db_txn *txn);
void selected_keywords_forget(struct selected *sel);
/* The rights to its flags are others than PERMANENTFLAGS told last. */
bool selected_rights_due(const struct selected *sel);
/* "* FLAGS (...)" and "* OK [PERMANENTFLAGS (...)] ..." as they are now (T41). Keywords must be loaded. */
void selected_print_flags(struct session *s, struct buf *out);

/* "(\Seen kw)" of an entry, \Recent included. Keywords must be loaded and known (selected_keywords_cover). */
void selected_entry_flags(struct session *s, struct buf *out, const struct entry *e);
/* "* n FETCH (", or with UIDONLY "* u UIDFETCH ("; uid: "UID u" too. True: no item stands there yet (out_sep()). */
bool selected_fetch_begin(struct session *s, struct buf *out, uint32_t seq, const struct entry *e, bool uid);
/* A line that nobody asked for: "* n FETCH (UID u FLAGS (...) MODSEQ (m))": UID and FLAGS where they are wanted, MODSEQ where the session wants it (RFC 7162 3.2.4). */
void selected_fetch_line(struct session *s, struct buf *out, uint32_t seq, const struct entry *e, bool uid, bool flags);
/* "MODSEQ (n)" */
void selected_modseq(struct session *s, struct buf *out, const struct entry *e);
/* False when an entry has a keyword that the loaded table does not: forget and load anew. */
bool selected_keywords_cover(const struct selected *sel, const struct entry *e);

#endif
