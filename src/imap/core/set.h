/* SPDX-License-Identifier: Apache-2.0 */
/*
 * set: sequence sets and UID sets of commands as UIDs of the view (RFC 9051 9 sequence-set; T10, T45, T107). Numbers are sequence
 * numbers unless the command is a UID form. What arg_set() returns is for reply_syntax(); the set is freed by set_resolve() or
 * arg_set_free().
 */
#ifndef IMAP_CORE_SET_H
#define IMAP_CORE_SET_H

#include "imap/core/cmd.h"

/*
 * The messages meant by set, as UIDs that the view holds (UIDs that do not exist drop out; runs may span gaps where
 * no message is); what *uids_r held before is forgotten. ERR_BAD_INPUT: a sequence number past the last message, which includes "*" in an empty mailbox: answer BAD (RFC 3501 9).
 * ERR_AGAIN, where cmd_ahead(): what it means may depend on commands that are not answered yet: CMD_NOT_YET.
 * Frees the set in any case.
 */
must_check enum status set_resolve(struct cmd *cmd, struct db_txn *txn, struct arg_set *set, struct runs *uids_r);
/*
 * The UIDs that a UID set names, expunged ones included: "*" stands for the highest UID that the session knows of, whether it still
 * exists or not (RFC 7162 3.2.6). For VANISHED. Leaves the set as it is.
 */
void set_known(const struct cmd *cmd, const struct arg_set *set, struct runs *uids);

#endif
