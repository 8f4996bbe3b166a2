/* SPDX-License-Identifier: Apache-2.0 */
/* punycode: the letters of an internationalized domain label that is written in ASCII (RFC 3492). Pure, any thread. */
#ifndef BASE_PUNYCODE_H
#define BASE_PUNYCODE_H

#include "base/buf.h"
#include "base/status.h"

#define PUNYCODE_CHARS 63 /* of one label, at most */

/* Adds the UTF-8 of a label without its "xn--". There is one spelling (but for case) of each. ERR_BAD_INPUT, and nothing is added: it is no Punycode. */
must_check enum status punycode_decode(struct buf *out, struct str label);

#endif
