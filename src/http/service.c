/* SPDX-License-Identifier: Apache-2.0 */
/* The service as the settings want it. */
#include <stdlib.h>
#include "base/arena.h"
#include "http/http.h"

static enum status
service_open(const struct door *door, void **service_r)
{
	struct http_service *s = x_new(struct http_service);

	s->door = door;
	*service_r = s;
	return OK;
}

extern const struct protocol http_protocol; /* base/services.tbl names it */
const struct protocol http_protocol = {.handler = &http_handler, .open = service_open, .close = free};
