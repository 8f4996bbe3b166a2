/* SPDX-License-Identifier: Apache-2.0 */
/*
 * COMPRESS=DEFLATE (RFC 4978): raw deflate both ways.
 *
 * What goes out is made in pack.c, of which a parked connection keeps 16 kB. The client's bytes may refer 32 kB back: while it
 * is idle that is all that is kept of the unpacker, and no more than the client has sent. Input unfolds in steps that the
 * handler must eat before the next: a bomb finds no memory (S13).
 */
#include <stdlib.h>
#include <zlib.h>
#include "base/arena.h"
#include "base/assert.h"
#include "net/net_priv.h"

#define WINDOW 32768u
#define RAW_DEFLATE (-15)

struct deflate {
	struct conn_filter filter;
	struct pack out;
	z_stream *in;        /* NULL while it rests */
	unsigned char *dict; /* then: the client's last bytes */
	unsigned dict_n;
	unsigned char tail[4]; /* the last bytes that were taken from it */
	bool aligned;        /* between two blocks, at a byte's begin: the dictionary says it all */
	bool flushed;        /* that, and it was a flush's: the client may end here (RFC 8437 4.1) */
	bool over;           /* it closed its stream; only plain bytes may follow */
};

/* One unpacker a thread for those that wake. */
static _Thread_local z_stream *spare;

static bool
wake(struct deflate *d)
{
	if (d->in != NULL)
		return true;
	if (spare != NULL) {
		d->in = spare;
		spare = NULL;
		inflateReset(d->in);
	} else {
		d->in = x_new(z_stream);
		if (inflateInit2(d->in, RAW_DEFLATE) != Z_OK) {
			free(d->in);
			d->in = NULL;
			return false;
		}
	}
	/* The window is memory that may not be there; the connection ends then. */
	if (d->dict_n > 0 && inflateSetDictionary(d->in, d->dict, d->dict_n) != Z_OK)
		return false;
	free(d->dict);
	d->dict = NULL;
	d->dict_n = 0;
	return true;
}

static void
end_stream(z_stream *z)
{
	inflateEnd(z);
	free(z);
}

static void
deflate_rest(struct conn_filter *f)
{
	struct deflate *d = (struct deflate *)f;
	unsigned char window[WINDOW];
	uInt n = sizeof(window);

	if (d->in == NULL || !d->aligned || d->over)
		return;
	if (inflateGetDictionary(d->in, window, &n) != Z_OK)
		return;
	if (n > 0) {
		d->dict = x_malloc(n);
		memcpy(d->dict, window, n);
	}
	d->dict_n = n;
	if (spare == NULL)
		spare = d->in;
	else
		end_stream(d->in);
	d->in = NULL;
}

/* Remembers the last four bytes of what was taken. */
static void
note_tail(struct deflate *d, const char *p, size_t n)
{
	for (size_t i = n > 4 ? n - 4 : 0; i < n; i++) {
		memmove(d->tail, d->tail + 1, 3);
		d->tail[3] = (unsigned char)p[i];
	}
}

/* One block, or what there is of it. False: stop here. */
static bool
unfold(struct deflate *d, enum status *st)
{
	z_stream *z = d->in;
	const char *from = (const char *)z->next_in;
	int r = inflate(z, Z_BLOCK);

	note_tail(d, from, (size_t)((const char *)z->next_in - from));
	if (r == Z_BUF_ERROR)
		return false; /* it wants more; nothing has changed */
	d->aligned = d->flushed = false;
	if (r == Z_STREAM_END) {
		d->over = d->flushed = true;
		return false;
	}
	if (r != Z_OK) {
		*st = ERR_BAD_INPUT;
		return false;
	}
	/* 128: at the end of a block; below 64: bits left over in its last byte (zlib.h, data_type). A flush is an
	 * empty stored block, whose last bytes are these. */
	d->aligned = (z->data_type & 128) != 0 && (z->data_type & 63) == 0;
	d->flushed = d->aligned && memcmp(d->tail, "\0\0\xff\xff", 4) == 0;
	return z->avail_in > 0 && z->avail_out > 0;
}

static enum status
inflate_some(struct conn_filter *f, struct str raw, size_t room, struct buf *plain, size_t *used_r)
{
	struct deflate *d = (struct deflate *)f;
	enum status st = OK;
	z_stream *z;
	char *p;

	if (d->over)
		return raw.n > 0 ? ERR_BAD_INPUT : OK;
	if (d->in == NULL && raw.n == 0)
		return OK;
	if (!wake(d) || (p = buf_room(plain, room)) == NULL)
		return ERR_LIMIT;
	z = d->in;
	z->next_in = (z_const Bytef *)(uintptr_t)raw.p;
	z->avail_in = (uInt)raw.n;
	z->next_out = (Bytef *)p;
	z->avail_out = (uInt)room;
	/* What was unfolded up to a flush is the handler's first: it may be the command that ends all this. */
	while (unfold(d, &st) && !d->flushed)
		;
	ensure(z->avail_in <= raw.n && z->avail_out <= room);
	*used_r = raw.n - z->avail_in;
	buf_wrote(plain, room - z->avail_out);
	return st;
}

static bool
deflate_ended(struct conn_filter *f)
{
	return ((struct deflate *)f)->flushed;
}

static enum status
deflate_all(struct conn_filter *f, struct str plain, struct buf *wire, unsigned how)
{
	return pack_out(&((struct deflate *)f)->out, plain, wire, how);
}

static void
deflate_free(struct conn_filter *f)
{
	struct deflate *d = (struct deflate *)f;

	if (d->in != NULL)
		end_stream(d->in);
	free(d->dict);
	pack_fini(&d->out);
	free(d);
}

void
deflate_thread_end(void)
{
	if (spare != NULL)
		end_stream(spare);
	spare = NULL;
}

enum status
conn_compress(struct conn *c)
{
	struct deflate *d;
	enum status st;

	if (conn_compressed(c))
		return ERR_EXISTS;
	d = x_new(struct deflate);
	d->filter = (struct conn_filter){
	    .in = inflate_some, .ended = deflate_ended, .out = deflate_all, .rest = deflate_rest, .free = deflate_free};
	/* The client's first byte begins a block; it may end before it has said anything. */
	d->aligned = d->flushed = true;
	pack_init(&d->out);
	if ((st = conn_set_filter(c, &d->filter)) != OK)
		deflate_free(&d->filter);
	return st;
}
