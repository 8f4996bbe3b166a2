/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of mailboxes that an export has beside its files, "mansio-mailboxes": which mailbox each file or folder is, so that it comes back under its
 * own name, whatever had to be encoded or cut for a file's name. Lines of FILE TAB MAILBOX TAB USE: a name as it lies in the folder, the mailbox in UTF-8, the
 * word of its special use or nothing. What comes from a file is checked by who uses it. Pure.
 */
#ifndef FORMATS_LISTING_H
#define FORMATS_LISTING_H

#include "base/buf.h"

#define LISTING_FILE "mansio-mailboxes"
#define LISTING_NAME_MAX 240 /* bytes of a file's name that listing_file_name() makes, without an ending */

struct listing_row {
	struct str file, mailbox, use;
};
void listing_add(struct buf *out, const struct listing_row *row);
/* Takes the next good row off *text; lines that are none are passed over. False at the end. Borrowed from the text. */
bool listing_next(struct str *text, struct listing_row *row_r);

/*
 * The name of the file or folder of a mailbox: levels in modified UTF-7 with '.' between them (and before them, where dotted), a '.' or what
 * else would lead elsewhere encoded. A name that would be too long is cut and ended by a hash of the whole; true then.
 */
bool listing_file_name(struct buf *out, struct str mailbox, bool dotted);

#endif
