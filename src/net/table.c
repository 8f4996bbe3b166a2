/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of connections: slots in chunks that are never given back, because the poller and
 * wake_post() may look at a slot whose connection went a moment ago. The generation in the wake
 * word tells them.
 */
#include <stdlib.h>
#include "base/arena.h"
#include "base/assert.h"
#include "net/net_priv.h"

struct conn *
table_at(struct net *net, uint32_t slot)
{
	struct conn *chunk;

	if (slot >= CHUNK * CHUNKS)
		return NULL;
	chunk = atomic_load_explicit(&net->chunks[slot / CHUNK], memory_order_acquire);
	return chunk == NULL ? NULL : chunk + slot % CHUNK;
}

static struct conn *
fresh(struct net *net)
{
	uint32_t slot = net->slots;
	struct conn *chunk;

	if (slot == CHUNK * CHUNKS)
		return NULL;
	if (slot % CHUNK == 0) {
		chunk = x_calloc(CHUNK, sizeof(*chunk));
		net->free = x_realloc(net->free, (slot + CHUNK) * sizeof(*net->free));
		for (uint32_t i = 0; i < CHUNK; i++) {
			chunk[i].slot = slot + i;
			chunk[i].net = net;
			chunk[i].fd = -1;
		}
		atomic_store_explicit(&net->chunks[slot / CHUNK], chunk, memory_order_release);
	}
	net->slots++;
	return table_at(net, slot);
}

struct conn *
table_new(struct net *net)
{
	struct conn *c = NULL;

	lock_take(&net->table_lock);
	if (net->o.max_connections == 0
	    || atomic_load(&net->connections) < net->o.max_connections)
		c = net->n_free > 0 ? table_at(net, net->free[--net->n_free]) : fresh(net);
	if (c != NULL)
		atomic_fetch_add(&net->connections, 1);
	lock_give(&net->table_lock);
	return c;
}

void
table_publish(struct conn *c)
{
	lock_take(&c->net->table_lock);
	ensure(!c->live);
	c->live = true;
	lock_give(&c->net->table_lock);
}

bool
table_bury(struct conn *c)
{
	struct net *net = c->net;
	bool buried;

	lock_take(&net->table_lock);
	if ((buried = atomic_load(&c->holds) == 0))
		c->live = false;
	lock_give(&net->table_lock);
	return buried;
}

void
table_free(struct conn *c)
{
	struct net *net = c->net;

	ensure(c->magic == MAGIC_CONN && c->fd < 0 && c->layer == NULL);
	ensure(atomic_load(&c->timer_when) == 0 && atomic_load(&c->holds) == 0);
	c->magic = MAGIC_DEAD;
	wake_close(&c->word);
	lock_take(&net->table_lock);
	ensure(net->n_free < net->slots);
	net->free[net->n_free++] = c->slot;
	atomic_fetch_sub(&net->connections, 1);
	lock_give(&net->table_lock);
}

unsigned
net_connections(struct net *net)
{
	return atomic_load(&net->connections);
}

void
net_each(struct net *net, void (*fn)(void *arg, struct conn *c), void *arg)
{
	for (uint32_t slot = 0;; slot++) {
		struct conn *c;

		lock_take(&net->table_lock);
		if (slot >= net->slots) {
			lock_give(&net->table_lock);
			return;
		}
		c = table_at(net, slot);
		if (c->live)
			conn_hold(c);
		else
			c = NULL;
		lock_give(&net->table_lock);
		if (c != NULL) {
			fn(arg, c);
			conn_release(c);
		}
	}
}
