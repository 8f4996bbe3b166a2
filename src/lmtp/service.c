/* SPDX-License-Identifier: Apache-2.0 */
/* The service as the settings want it. */
#include <stdlib.h>
#include <string.h>
#include "base/config.h"
#include "lmtp/lmtp.h"

static enum status
service_open(const struct door *door, void **service_r)
{
	const struct config *c = config();
	struct lmtp_service *s = x_new(struct lmtp_service);

	*s = (struct lmtp_service){.door = door, .max_message = (uint64_t)c->limits_message_bytes, .max_recipients = (size_t)c->lmtp_recipients,
	    .quota_permanent = strcmp(c->quota_refuse, "permanent") == 0};
	*service_r = s;
	return OK;
}

extern const struct protocol lmtp_protocol; /* base/services.tbl names it */
const struct protocol lmtp_protocol = {.handler = &lmtp_handler, .open = service_open, .close = free};
