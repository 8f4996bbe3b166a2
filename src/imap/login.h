/* SPDX-License-Identifier: Apache-2.0 */
/* login: what LOGIN and AUTHENTICATE have in common once auth has spoken. */
#ifndef IMAP_LOGIN_H
#define IMAP_LOGIN_H

#include "imap/cmd.h"

/* The turn of a login that hashes a password (session/pool.h): makes client ask for it, cmd_turn_over() when auth has spoken. */
void login_turn_init(struct cmd *cmd, struct auth_client *client);

/* The reply for what auth said; after OK the session is logged in and CAPABILITY is in the reply (T01). arrived: clock_mono() when the
 * client's last bytes came. */
enum cmd_next login_reply(struct cmd *cmd, enum status st, struct auth_result *result, int64_t arrived);

#endif
