/* SPDX-License-Identifier: Apache-2.0 */
/* Connections per client address, strangers apart (S13). An IPv6 client is its /64. */
#include <stdlib.h>
#include "base/arena.h"
#include "net/net_priv.h"

struct address {
	unsigned all, strangers;
};

static struct str
key(const struct conn *c)
{
	return str_of(c->address, sizeof(c->address));
}

enum status
address_enter(struct conn *c)
{
	struct net *net = c->net;
	struct address *a;
	enum status st = OK;

	c->stranger = true;
	if (c->loopback || c->local_socket || (net->o.max_per_address | net->o.max_strangers) == 0)
		return OK;
	pthread_mutex_lock(&net->address_lock);
	if ((a = map_get(&net->addresses, key(c))) == NULL) {
		a = x_new(struct address);
		map_put(&net->addresses, key(c), a);
	}
	if ((net->o.max_per_address != 0 && a->all >= net->o.max_per_address)
	    || (net->o.max_strangers != 0 && a->strangers >= net->o.max_strangers)) {
		st = ERR_LIMIT;
	} else {
		a->all++;
		a->strangers++;
		c->counted = true;
	}
	pthread_mutex_unlock(&net->address_lock);
	return st;
}

void
address_known(struct conn *c)
{
	struct net *net = c->net;

	if (!c->stranger)
		return;
	c->stranger = false;
	if (!c->counted)
		return;
	pthread_mutex_lock(&net->address_lock);
	((struct address *)map_get(&net->addresses, key(c)))->strangers--;
	pthread_mutex_unlock(&net->address_lock);
}

void
address_leave(struct conn *c)
{
	struct net *net = c->net;
	struct address *a;

	if (!c->counted)
		return;
	address_known(c);
	pthread_mutex_lock(&net->address_lock);
	a = map_get(&net->addresses, key(c));
	if (--a->all == 0) {
		map_del(&net->addresses, key(c));
		free(a);
	}
	pthread_mutex_unlock(&net->address_lock);
	c->counted = false;
}
