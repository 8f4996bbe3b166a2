/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections per client address that have not logged in (S13). Those that have are their accounts' (limits.connections_per_account): an
 * office or a webmail host has many of them behind one address. An IPv6 client is its /64.
 */
#include "base/arena.h"
#include "base/assert.h"
#include "net/net_priv.h"

static struct str
key(const struct conn *c)
{
	return network_str(&c->address);
}

enum status
address_enter(struct conn *c)
{
	struct net *net = c->net;
	uintptr_t n;

	if (c->way != WAY_NETWORK || net->o.max_strangers == 0)
		return OK;
	lock_take(&net->address_lock);
	n = (uintptr_t)map_get(&net->addresses, key(c));
	if (n < net->o.max_strangers) {
		map_put(&net->addresses, key(c), (void *)(n + 1));
		c->stranger = true;
	}
	lock_give(&net->address_lock);
	return c->stranger ? OK : ERR_LIMIT;
}

void
address_known(struct conn *c)
{
	struct net *net = c->net;
	uintptr_t n;

	if (!c->stranger)
		return;
	c->stranger = false;
	lock_take(&net->address_lock);
	n = (uintptr_t)map_get(&net->addresses, key(c));
	ensure(n > 0 && n <= net->o.max_strangers);
	if (n > 1)
		map_put(&net->addresses, key(c), (void *)(n - 1));
	else
		map_del(&net->addresses, key(c));
	lock_give(&net->address_lock);
}

void
address_leave(struct conn *c)
{
	address_known(c);
}
