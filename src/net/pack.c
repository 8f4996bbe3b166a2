/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What COMPRESS sends (RFC 4978): one raw deflate stream a connection, flushed after every run (T94), made by a few compressors that all
 * connections share.
 *
 * A compressor takes 260 kB; a connection keeps only the last 16 kB that it sent. As long as its compressor has not been
 * given to another it goes on with it, 32 kB back. Otherwise another one is reset and told these 16 kB (deflateSetDictionary()): its
 * next block may refer to them, and at the peer, whose window holds the last 32 kB of the stream whoever made it, they are what it finds there. A
 * flush ends on a byte, so that one compressor's block may stand behind another's. The window is never larger than what has been sent in this
 * stream, so nothing refers to what the peer never had.
 */
#include <stdlib.h>
#include <zlib.h>
#include "base/arena.h"
#include "base/assert.h"
#include "base/lock.h"
#include "net/net_priv.h"

#define WINDOW 16384u
#define RAW_DEFLATE (-15)
/* Compressors that are kept; more only while so many threads compress at once. */
#define KEPT 16u

/* A short answer costs what its Huffman tables cost; a long one is worth some more time only where it has to wait for the client anyway. */
#define LEVEL_SHORT 5
#define LEVEL_LONG 4
#define LEVEL_WAITING 5
#define WAITING_MOST (160u << 10) /* what is made to hurt takes 20 ms here; a longer answer is not a step's work at this level */

struct packer {
	z_stream z;
	struct packer *next;
	uint64_t stream; /* whose bytes it saw last, and how many of them; 0: nobody's */
	uint64_t sent;
	int level;
};

static struct lock lock = LOCK_INIT(net_packers);
/* Under the lock. */
static struct packer *kept; /* the one used last comes first */
static unsigned packers, streams;
static uint64_t last_stream;

static void
packer_free(struct packer *p)
{
	if (p == NULL)
		return;
	deflateEnd(&p->z);
	free(p);
}

/* Out of those that are kept: the stream's own, else the one that was used least recently, or a new one. */
static struct packer *
take(const struct pack *s)
{
	struct packer **at, **last = NULL, *p = NULL;

	lock_take(&lock);
	for (at = &kept; *at != NULL && ((*at)->stream != s->stream || (*at)->sent != s->sent); at = &(*at)->next)
		last = at;
	if (*at == NULL && last != NULL && packers >= KEPT)
		at = last;
	if (*at != NULL) {
		p = *at;
		*at = p->next;
	} else {
		packers++;
	}
	lock_give(&lock);
	return p;
}

static void
give(struct packer *p)
{
	bool keep;

	lock_take(&lock);
	keep = p != NULL && packers <= KEPT;
	if (keep) {
		p->next = kept;
		kept = p;
	} else {
		packers--;
	}
	lock_give(&lock);
	if (!keep)
		packer_free(p);
}

static struct packer *
packer_new(void)
{
	struct packer *p = x_new(struct packer);

	p->level = LEVEL_LONG;
	if (deflateInit2(&p->z, p->level, Z_DEFLATED, RAW_DEFLATE, 8, Z_DEFAULT_STRATEGY) == Z_OK)
		return p;
	free(p);
	return NULL;
}

/* A compressor that goes on where the stream stands. NULL: no memory. */
static struct packer *
borrow(const struct pack *s)
{
	struct packer *p = take(s);

	if (p == NULL && (p = packer_new()) == NULL) {
		give(NULL);
		return NULL;
	}
	if (p->stream == s->stream && p->sent == s->sent)
		return p;
	p->stream = 0;
	if (deflateReset(&p->z) == Z_OK && (s->n == 0 || deflateSetDictionary(&p->z, s->window, s->n) == Z_OK))
		return p;
	give(p);
	return NULL;
}

/* Keeps the last bytes that were sent. */
static void
remember(struct pack *s, struct str plain)
{
	size_t add = plain.n < WINDOW ? plain.n : WINDOW, keep = s->n + add > WINDOW ? WINDOW - add : s->n, cap = 512;

	ensure(s->n <= s->cap && s->cap <= WINDOW);
	while (cap < keep + add)
		cap *= 2;
	if (cap > s->cap) {
		s->window = x_realloc(s->window, cap);
		s->cap = (unsigned)cap;
	}
	memmove(s->window, s->window + s->n - keep, keep);
	memcpy(s->window + keep, plain.p + plain.n - add, add);
	s->n = (unsigned)(keep + add);
	s->sent += plain.n;
}

/* Between two blocks. What the change writes, if anything, comes first. */
static bool
set_level(struct packer *p, size_t n, bool waiting, struct buf *wire)
{
	int level = n <= PACK_SHORT ? LEVEL_SHORT : waiting && n <= WAITING_MOST ? LEVEL_WAITING : LEVEL_LONG;
	z_stream *z = &p->z;
	const size_t room = 64;

	if (level == p->level)
		return true;
	if ((z->next_out = (Bytef *)buf_room(wire, room)) == NULL)
		return false;
	z->avail_in = 0;
	z->avail_out = (uInt)room;
	p->level = level;
	if (deflateParams(z, level, Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	buf_wrote(wire, room - z->avail_out);
	return true;
}

/* Each flush ends on a byte, and the client's unpacker reads on as in one stream, whoever makes the next block. The last one closes the
 * stream: its reader need not guess. */
static enum status
run(struct packer *p, struct str plain, struct buf *wire, unsigned how)
{
	z_stream *z = &p->z;
	size_t room;
	char *to;

	if (!set_level(p, plain.n, how & FILTER_WAITING, wire))
		return ERR_UNAVAILABLE;
	z->next_in = (z_const Bytef *)(uintptr_t)plain.p;
	z->avail_in = (uInt)plain.n;
	do {
		room = z->avail_in / 4 + 512;
		if ((to = buf_room(wire, room)) == NULL)
			return ERR_LIMIT;
		z->next_out = (Bytef *)to;
		z->avail_out = (uInt)room;
		if (deflate(z, how & FILTER_LAST ? Z_FINISH : Z_SYNC_FLUSH) == Z_STREAM_ERROR)
			return ERR_UNAVAILABLE;
		buf_wrote(wire, room - z->avail_out);
	} while (z->avail_out == 0);
	ensure(z->avail_in == 0);
	return OK;
}

void
pack_init(struct pack *s)
{
	lock_take(&lock);
	streams++;
	s->stream = ++last_stream;
	lock_give(&lock);
}

enum status
pack_out(struct pack *s, struct str plain, struct buf *wire, unsigned how)
{
	struct packer *p = borrow(s);
	enum status st;

	if (p == NULL)
		return ERR_UNAVAILABLE;
	p->stream = 0;
	if ((st = run(p, plain, wire, how)) == OK && !(how & FILTER_LAST)) {
		remember(s, plain);
		p->stream = s->stream;
		p->sent = s->sent;
	}
	give(p);
	return st;
}

/* Its compressor is the first that others may have; those of nobody go. */
void
pack_fini(struct pack *s)
{
	struct packer **at, *p, *all = NULL;

	free(s->window);
	lock_take(&lock);
	for (at = &kept; (p = *at) != NULL && p->stream != s->stream; at = &p->next)
		;
	if (p != NULL && p->next != NULL) {
		*at = p->next;
		for (at = &p->next; *at != NULL; at = &(*at)->next)
			;
		*at = p;
		p->next = NULL;
	}
	if (--streams == 0) {
		all = kept;
		kept = NULL;
		for (p = all; p != NULL; p = p->next)
			packers--;
	}
	lock_give(&lock);
	while ((p = all) != NULL) {
		all = p->next;
		packer_free(p);
	}
}
