/* SPDX-License-Identifier: Apache-2.0 */
/* capability: what is offered to this session now, from capabilities.tbl (T01). */
#ifndef IMAP_CORE_CAPABILITY_H
#define IMAP_CORE_CAPABILITY_H

#include "imap/core/session.h"

/* Adds "CAPABILITY IMAP4rev1 ...", without line end. */
void capability_add(struct buf *out, struct session *s);
/* Whether it is offered: not hidden by the settings and its condition holds. */
bool capability_on(struct session *s, const char *name);
/* Whether it is not hidden by the settings (imap/core/hide.h). */
bool capability_shown(struct session *s, const char *name);

/* Row i of the table, or NULL past the end. */
struct capability_row {
	const char *name, *rfc, *doc;
	const char *risky; /* why some client does not get along with it; NULL: all do */
};
const struct capability_row *capability_row(unsigned i);

#endif
