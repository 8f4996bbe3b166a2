/* SPDX-License-Identifier: Apache-2.0 */
/* selected_close: the end of a selected mailbox, with its untagged updates and the searches that were kept up. */
#ifndef IMAP_NEWS_SELECTED_CLOSE_H
#define IMAP_NEWS_SELECTED_CLOSE_H

#include "imap/core/session.h"

/* Frees it, if there is one; state becomes STATE_AUTH. Says nothing. For commands that close (SELECT, CLOSE, LOGOUT ...) and between
 * commands: no other command loses its mailbox while it runs. */
void selected_close(struct session *s);
/* It may not be read any more (view.lost): what is kept of it goes; it stays until it is closed. */
void selected_lost(struct session *s);
/* It is gone, and all that can be said of it is CLOSED: says so. It stays, empty, until the running command is over. */
void selected_gone(struct session *s);

#endif
