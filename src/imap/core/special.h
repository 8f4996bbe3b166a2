/* SPDX-License-Identifier: Apache-2.0 */
/* special: the attributes of special-use mailboxes (RFC 6154, RFC 8457; T26). */
#ifndef IMAP_CORE_SPECIAL_H
#define IMAP_CORE_SPECIAL_H

#include "store/mailbox.h"
#include "wire/imap_args.h"

/* Reads "\Sent"; *bit_r is a SPECIAL_ bit, or 0 for a use that is not known. */
must_check enum status special_parse(struct args *a, unsigned *bit_r);
/* The name of use i ("\Sent") and its bit; NULL past the end. */
const char *special_name(unsigned i, unsigned *bit_r);

#endif
