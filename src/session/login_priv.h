/* SPDX-License-Identifier: Apache-2.0 */
/* What login.c and login_try.c share. */
#ifndef SESSION_LOGIN_PRIV_H
#define SESSION_LOGIN_PRIV_H

#include "session/login.h"

/* The client as auth sees it; lives as long as the connection. */
struct auth_client login_client(const struct login *l);
/* What was given is right: watches the account, looks at it once more, takes it. ERR_LIMIT: it has too many connections (said in the log).
 * ERR_NO_PERM: what was checked is not so any more; r has a delay then. Others: the store cannot be asked. */
must_check enum status login_enter(struct login *l, const struct auth_client *client, struct auth_result *r);

#endif
