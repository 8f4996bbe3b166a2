/* SPDX-License-Identifier: Apache-2.0 */
/* The service as the settings want it. */
#include <stdlib.h>
#include "base/config.h"
#include "pop3/pop3.h"
#include "session/language.h"

static enum status
service_open(const struct door *door, void **service_r)
{
	const struct config *c = config();
	struct pop3_service *s = x_new(struct pop3_service);

	*s = (struct pop3_service){.door = door, .seen = c->pop3_seen, .login_seconds = c->imap_login_timeout};
	/* The settings were checked. */
	if (!language_find(c->imap_language, &s->language))
		s->language = LANGUAGE_I_DEFAULT;
	*service_r = s;
	return OK;
}

extern const struct protocol pop3_protocol; /* base/services.tbl names it */
const struct protocol pop3_protocol = {.handler = &pop3_handler, .open = service_open, .close = free};
