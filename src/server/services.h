/* SPDX-License-Identifier: Apache-2.0 */
/* services: the rows of base/services.tbl with their protocols, and what the server has made of them. */
#ifndef SERVER_SERVICES_H
#define SERVER_SERVICES_H

#include "net/net.h"
#include "session/door.h"

struct service {
	const char *name;
	const struct protocol *protocol;
	enum listener_kind kind; /* where an address is not the path of a socket */
	unsigned port, instead;  /* while there is no address; 0: the Unix socket NAME.sock in the data folder */
	bool login;
	bool asked;              /* it listens only where its listener has an address, or was given a socket */
	const char *text;
};

/* Row i, NULL past the end; the row of that name, or NULL. */
const struct service *service_row(size_t i);
const struct service *service_find(const char *name);
/* "http, https, imap, imaps, lmtp, pop3 and pop3s" */
void service_names(struct buf *out);

/* The protocols that are open: what conn_arg() of their connections is. In the order of their first rows. */
#define SERVICES_MAX 16
struct services {
	struct {
		const struct protocol *protocol;
		void *arg;
	} open[SERVICES_MAX];
	size_t n;
};
/* Opens each protocol once, with the settings in force. On an error those that are open stay so, for services_close(). */
must_check enum status services_open(struct services *s, const struct door *door);
/* conn_arg() for a service's connections. */
void *services_arg(const struct services *s, const struct service *v);
/* Each takes of fresh what may change while it runs. ERR_BAD_INPUT: one could not, and why was added to. */
must_check enum status services_reload(const struct services *s, const struct config *fresh, struct buf *why);
/* All their connections are gone. */
void services_close(struct services *s);

#endif
