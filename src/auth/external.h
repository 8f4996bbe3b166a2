/* SPDX-License-Identifier: Apache-2.0 */
/*
 * external: SASL EXTERNAL (RFC 4422 appendix A): the client showed a certificate when TLS began. Which accounts it leads to, and whether it may be
 * the one that was asked for. Any thread; blocks on the store.
 *
 * A certificate leads to the account that it was given to (store/certificate.h), whoever issued it; and, where one of those vouches for it whom the
 * listener's settings name, to the accounts whose names are its mail addresses (subjectAltName, rfc822Name), spelt out whole: an address
 * in another domain never leads to an account that has none.
 */
#ifndef AUTH_EXTERNAL_H
#define AUTH_EXTERNAL_H

#include "auth/auth_priv.h"

/* authzid: as it came; empty: whoever the certificate leads to. OK, with known_r->account 0 and why_r where nobody is let in; others: the store
 * failed. known_r->exists as auth_look_up() has it. Strings in the arena. */
must_check enum status external_decide(struct auth *a, struct arena *arena, const struct auth_certificate *c, struct str authzid, struct known *known_r,
    const char **why_r);

#endif
