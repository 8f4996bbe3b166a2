/* SPDX-License-Identifier: Apache-2.0 */
/*
 * COMPRESS=DEFLATE (RFC 4978): raw deflate both ways. Output is flushed after every run (T94) and
 * begins anew each time, so that the compressor's memory (270 kB) is lent by the thread and costs a
 * parked connection nothing; the client's window may refer back 32 kB, so the inflater stays.
 * Input unfolds in steps that the handler must eat before the next: a bomb finds no memory (S13).
 */
#include <stdlib.h>
#include <zlib.h>
#include "base/arena.h"
#include "net/net_priv.h"

/* RFC 4978 section 3 lets the sender choose; speed is worth more than the last percent. */
#define LEVEL 3
struct deflate {
	struct conn_filter filter;
	z_stream in;
};

/* One compressor a thread, reset for each run. */
static _Thread_local z_stream *packer;

static enum status
inflate_some(struct conn_filter *f, struct str raw, size_t room, struct buf *plain, size_t *used_r)
{
	struct deflate *d = (struct deflate *)f;
	char *p;
	int r;

	if ((p = buf_room(plain, room)) == NULL)
		return ERR_LIMIT;
	d->in.next_in = (z_const Bytef *)(uintptr_t)raw.p;
	d->in.avail_in = (uInt)raw.n;
	d->in.next_out = (Bytef *)p;
	d->in.avail_out = (uInt)room;
	r = inflate(&d->in, Z_SYNC_FLUSH);
	*used_r = raw.n - d->in.avail_in;
	buf_wrote(plain, room - d->in.avail_out);
	/* Z_BUF_ERROR: it wants more input; that is no error. A stream never ends (section 3). */
	return r == Z_OK || r == Z_BUF_ERROR ? OK : ERR_BAD_INPUT;
}

static z_stream *
borrow_packer(void)
{
	if (packer != NULL) {
		deflateReset(packer);
		return packer;
	}
	packer = x_new(z_stream);
	/* Raw: no zlib header (section 3). */
	if (deflateInit2(packer, LEVEL, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(packer);
		packer = NULL;
	}
	return packer;
}

static enum status
deflate_all(struct conn_filter *f, struct str plain, struct buf *wire)
{
	z_stream *z = borrow_packer();
	size_t room;
	char *p;

	(void)f;
	if (z == NULL)
		return ERR_UNAVAILABLE;
	z->next_in = (z_const Bytef *)(uintptr_t)plain.p;
	z->avail_in = (uInt)plain.n;
	/* Each flush ends on a byte; a new compressor's blocks refer to nothing before them, so the
	 * client's inflater reads on as in one stream. */
	do {
		room = z->avail_in / 4 + 512;
		if ((p = buf_room(wire, room)) == NULL)
			return ERR_LIMIT;
		z->next_out = (Bytef *)p;
		z->avail_out = (uInt)room;
		if (deflate(z, Z_SYNC_FLUSH) == Z_STREAM_ERROR)
			return ERR_UNAVAILABLE;
		buf_wrote(wire, room - z->avail_out);
	} while (z->avail_out == 0);
	return OK;
}

static void
deflate_free(struct conn_filter *f)
{
	struct deflate *d = (struct deflate *)f;

	inflateEnd(&d->in);
	free(d);
}

void
deflate_thread_end(void)
{
	if (packer == NULL)
		return;
	deflateEnd(packer);
	free(packer);
	packer = NULL;
}

bool
conn_compressed(struct conn *c)
{
	return c->layer != NULL;
}

enum status
conn_compress(struct conn *c)
{
	struct deflate *d;

	if (conn_compressed(c))
		return ERR_EXISTS;
	d = x_new(struct deflate);
	if (inflateInit2(&d->in, -15) != Z_OK) {
		free(d);
		return ERR_UNAVAILABLE;
	}
	d->filter = (struct conn_filter){.in = inflate_some, .out = deflate_all, .free = deflate_free};
	conn_set_filter(c, &d->filter);
	return OK;
}
