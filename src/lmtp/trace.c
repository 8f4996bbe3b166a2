/* SPDX-License-Identifier: Apache-2.0 */
/* The trace fields that a delivery adds (RFC 5321 4.4). */
#include <stdio.h>
#include "base/clock.h"
#include "lmtp/session_priv.h"
#include "wire/date.h"

struct str
lmtp_trace_prefix(struct arena *arena, struct str sender, struct str recipient)
{
	return arena_printf(arena, "Return-Path: <%.*s>\r\nDelivered-To: %.*s\r\n", STR_FMT(sender),
	    STR_FMT(recipient));
}

/* What the client said of itself, without anything that could break out of the field. */
static struct str
client_name(struct lmtp_session *s)
{
	struct str name = str_c(s->client ? s->client : "");

	if (name.n == 0 || name.n > 255)
		return STR("unknown");
	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] <= ' ' || strchr("();<>\\\"\x7f", name.p[i]) != NULL)
			return STR("unknown");
	return name;
}

struct str
lmtp_trace_received(struct lmtp_session *s)
{
	struct transaction *t = s->t;
	struct buf b = {0};
	struct str line;

	t->id = arena_printf(&t->arena, "%llx-%llx", (unsigned long long)conn_id(s->conn), (unsigned long long)clock_now());
	buf_addf(&b, "Received: from %.*s (%s)\r\n\tby %s (Mansio) with %sLMTP%s id %.*s", STR_FMT(client_name(s)),
	    conn_peer(s->conn), s->service->door->hostname, t->utf8 ? "UTF8" : "", conn_tls(s->conn) ? "S" : "",
	    STR_FMT(t->id));
	/* One recipient may be named; several must not learn of each other (RFC 5321 7.2). */
	if (t->rcpts_n == 1)
		buf_addf(&b, "\r\n\tfor <%.*s>", STR_FMT(t->rcpts[0].address));
	buf_adds(&b, ";\r\n\t");
	date_header_print(&b, clock_seconds());
	buf_adds(&b, "\r\n");
	line = arena_str(&t->arena, buf_str(&b));
	buf_free(&b);
	return line;
}
