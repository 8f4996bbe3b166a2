/* SPDX-License-Identifier: Apache-2.0 */
/* The trace fields that a delivery adds (RFC 5321 4.4). */
#include <stdio.h>
#include <time.h>
#include "base/clock.h"
#include "lmtp/session_priv.h"

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
	static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
	    "Sep", "Oct", "Nov", "Dec"};
	struct transaction *t = s->t;
	time_t now = (time_t)clock_seconds();
	struct tm tm;
	struct buf b = {0};
	struct str line;

	gmtime_r(&now, &tm);
	t->id = arena_printf(&t->arena, "%llx-%llx", (unsigned long long)conn_id(s->conn), (unsigned long long)clock_now());
	buf_addf(&b, "Received: from %.*s (%s)\r\n\tby %s (Mansio) with %sLMTP%s id %.*s", STR_FMT(client_name(s)),
	    conn_peer(s->conn), s->service->door->hostname, t->utf8 ? "UTF8" : "", conn_tls(s->conn) ? "S" : "",
	    STR_FMT(t->id));
	/* One recipient may be named; several must not learn of each other (RFC 5321 7.2). */
	if (t->rcpts_n == 1)
		buf_addf(&b, "\r\n\tfor <%.*s>", STR_FMT(t->rcpts[0].address));
	buf_addf(&b, ";\r\n\t%s, %d %s %d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday], tm.tm_mday,
	    months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
	line = arena_str(&t->arena, buf_str(&b));
	buf_free(&b);
	return line;
}
