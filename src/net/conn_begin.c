/* SPDX-License-Identifier: Apache-2.0 */
/* How a connection begins: the way out, if it goes out, TLS, if that comes first, and the greeting. One function for each stage. */
#include "base/assert.h"
#include "net/dial_priv.h"

enum turn
turn_lookup(struct conn *c)
{
	if (atomic_load(&c->net->stopping)) {
		dial_blame(c, DIAL_STOPPED, "the server stops");
		return conn_drop(c);
	}
	switch (dial_lookup(c)) {
	case DIAL_WAITS: return TURN_PARK;
	case DIAL_FAILED: return conn_drop(c);
	case DIAL_CONNECTED: break;
	}
	c->stage = STAGE_CONNECT;
	return TURN_MORE;
}

enum turn
turn_connect(struct conn *c)
{
	switch (dial_connect(c)) {
	case DIAL_WAITS: return TURN_PARK;
	case DIAL_FAILED: return conn_drop(c);
	case DIAL_CONNECTED: break;
	}
	dial_over(c);
	c->stage = STAGE_NEW;
	if (c->dial->wanted)
		dial_handshake(c, SHAKE_FIRST);
	return TURN_MORE;
}

/* TLS is there, on both sides. */
static enum turn
established(struct conn *c)
{
	c->handshake_at = 0;
	input_is(c, INPUT_MAYBE); /* its first bytes may have come with the handshake's last */
	if (c->shake == SHAKE_UPGRADE)
		c->events |= CONN_EV_TLS;
	c->stage = c->met == MET_NOTHING ? STAGE_NEW : c->next == CONN_CLOSE ? STAGE_CLOSING : STAGE_OPEN;
	return TURN_MORE;
}

enum turn
turn_handshake(struct conn *c)
{
	enum io io;

	if (c->shake == SHAKE_GO_AHEAD) {
		if ((io = io_write(c)) != IO_OK)
			return io == IO_WAIT ? TURN_PARK : conn_drop(c);
		c->shake = SHAKE_UPGRADE;
	}
	if (c->ssl == NULL && tls_begin(c) != OK) {
		dial_blame(c, DIAL_TLS, "TLS cannot begin");
		return conn_drop(c);
	}
	io = c->shake == SHAKE_EARLY ? tls_accept(c) : tls_handshake(c);
	if (io == IO_WAIT)
		return TURN_PARK;
	if (io != IO_OK)
		return conn_drop(c);
	if (c->shake != SHAKE_EARLY)
		return established(c);
	if (tls_may_greet(c))
		c->stage = STAGE_GREETING;
	c->shake = SHAKE_FIRST;
	return TURN_MORE;
}

/* False: the handler does not want it; what it wrote is its last word. */
static bool
begin(struct conn *c)
{
	c->met = MET_OPENED;
	if (c->handler->open(c) != OK)
		return false;
	if (atomic_load(&c->net->stopping))
		c->events |= CONN_EV_STOP;
	return true;
}

/* The greeting holds no secret: whoever asks may have it, as in the clear on another port. What the client says is read after its Finished. */
enum turn
turn_greeting(struct conn *c)
{
	enum io io;

	if (c->met == MET_NOTHING && !begin(c))
		c->next = CONN_CLOSE;
	if ((io = io_write(c)) == IO_OK && (io = tls_handshake(c)) == IO_OK)
		return established(c);
	return io == IO_WAIT ? TURN_PARK : conn_drop(c);
}

enum turn
turn_new(struct conn *c)
{
	enum io io;

	c->stage = STAGE_OPEN;
	if (c->dial != NULL)
		c->hard_at = 0; /* the dial's */
	if (!begin(c)) {
		c->stage = STAGE_CLOSING;
		return TURN_MORE;
	}
	io = io_write(c); /* the greeting */
	return io == IO_OK || io == IO_WAIT ? TURN_MORE : conn_drop(c);
}
