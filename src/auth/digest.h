/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest: salted hashes of one round, as LDAP directories and Dovecot's files have them (RFC 2307 and what followed it): a scheme in braces, then the base64 of
 * the digest of password and salt with the salt behind it. They cost an intruder next to nothing a guess, so they are taken for imported accounts, and made
 * better at the first login. Those without a salt are not taken. Any thread; bytes are borrowed.
 *	{SSHA} {SSHA256} {SSHA512}
 */
#ifndef AUTH_DIGEST_H
#define AUTH_DIGEST_H

#include "base/status.h"
#include "base/str.h"

/* Does it begin with one of the schemes? */
bool digest_is(struct str hash);
/* OK when the password is the one; ERR_NO_PERM when not; ERR_CORRUPT: a hash of none of these forms, with a salt of 1 to 64 bytes. Compares in constant
 * time. */
must_check enum status digest_verify(struct str hash, struct str password);

#endif
