/* SPDX-License-Identifier: Apache-2.0 */
/*
 * set: sequence sets and UID sets of commands as UIDs of the view (RFC 9051 9 sequence-set; T10, T45). Numbers are sequence
 * numbers unless the command is a UID form.
 */
#ifndef IMAP_SET_H
#define IMAP_SET_H

#include "imap/cmd.h"

/* Reads a set off the args. What it returns is for reply_syntax(). The set is freed by set_resolve() or arg_set_free(). */
/*
 * The messages meant by set, as UIDs that the view holds (UIDs that do not exist drop out; runs may span gaps where
 * no message is). ERR_BAD_INPUT: a sequence number past the last message: answer BAD. Frees the set in any case.
 */
must_check enum status set_resolve(struct cmd *cmd, struct db_txn *txn, struct arg_set *set, struct runs *uids_r);

#endif
