/* SPDX-License-Identifier: Apache-2.0 */
/* login: what LOGIN and AUTHENTICATE say. Who may come in is session/login.h's matter. */
#ifndef IMAP_LOGIN_H
#define IMAP_LOGIN_H

#include "imap/core/cmd.h"

/* The reply for what became of it; after LOGIN_IN the session is in its new state and CAPABILITY is in the reply (T01). */
enum cmd_next login_reply(struct cmd *cmd, enum login_outcome outcome);

#endif
