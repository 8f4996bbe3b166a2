/* SPDX-License-Identifier: Apache-2.0 */
/* Opens, reloads and closes what the table of services names. */
#include "server/services.h"

#include <string.h>
#include "base/assert.h"

#define S(name, proto, mode, port, instead, login, when, text) extern const struct protocol proto##_protocol;
#include "base/services.tbl"
#undef S

#define KIND_PLAIN LISTEN_PLAIN
#define KIND_TLS LISTEN_TLS
#define KIND_LOCAL LISTEN_PLAIN /* where it has another address than its own */
#define IS_LOGIN true
#define IS_OPEN false
#define ON_ALWAYS false
#define ON_ASKED true
#define S(name, proto, mode, port, instead, login, when, text) \
	{#name, &proto##_protocol, KIND_##mode, port, instead, IS_##login, ON_##when, text},
static const struct service rows[] = {
#include "base/services.tbl"
};
#undef S
#define ROWS (sizeof(rows) / sizeof(*rows))

_Static_assert(ROWS <= SERVICES_MAX, "each has a place");

const struct service *
service_row(size_t i)
{
	return i < ROWS ? &rows[i] : NULL;
}

const struct service *
service_find(const char *name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

void
service_names(struct buf *out)
{
	for (size_t i = 0; i < ROWS; i++)
		buf_addf(out, "%s%s", i == 0 ? "" : i + 1 < ROWS ? ", " : " and ", rows[i].name);
}

static bool
is_open(const struct services *s, const struct protocol *p)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->open[i].protocol == p)
			return true;
	return false;
}

enum status
services_open(struct services *s, const struct door *door)
{
	enum status st = OK;

	for (size_t i = 0; i < ROWS && st == OK; i++) {
		const struct protocol *p = rows[i].protocol;

		if (is_open(s, p))
			continue;
		s->open[s->n].protocol = p;
		if ((st = p->open(door, &s->open[s->n].arg)) == OK)
			s->n++;
	}
	return st;
}

void *
services_arg(const struct services *s, const struct service *v)
{
	size_t i = 0;

	while (i < s->n && s->open[i].protocol != v->protocol)
		i++;
	ensure(i < s->n);
	return s->open[i].arg;
}

enum status
services_reload(const struct services *s, const struct config *fresh, struct buf *why)
{
	enum status st = OK;

	for (size_t i = 0; i < s->n && st == OK; i++)
		if (s->open[i].protocol->reload != NULL)
			st = s->open[i].protocol->reload(s->open[i].arg, fresh, why);
	return st;
}

void
services_close(struct services *s)
{
	while (s->n > 0) {
		s->n--;
		s->open[s->n].protocol->close(s->open[s->n].arg);
	}
}
