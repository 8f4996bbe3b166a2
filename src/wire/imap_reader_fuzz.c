/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the command reader: the first byte chooses limits and cuts, the second how literals are
 * answered. What comes out must be the same for any cuts, and nothing may grow past the limits.
 */
#include <stdlib.h>
#include "base/arena.h"
#include "base/assert.h"
#include "wire/imap_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct imap_limits limits[] = {
    {.line = 200, .literal = 50, .literals = 100, .count = 5, .drop = 500},
    {.line = 200, .literal = 50, .literals = 100, .count = 5, .drop = 500, .before_login = true},
    {.line = 5000,
	.literal = 5000,
	.literals = 9000,
	.count = 50,
	.drop = 9000,
	.literal_minus = true},
};

/* A digest of all events; chunks count byte by byte. */
static uint64_t
mix(uint64_t h, uint64_t v)
{
	return (h ^ v) * 1099511628211u + (h >> 29);
}

static uint64_t
mix_str(uint64_t h, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		h = mix(h, (unsigned char)s.p[i]);
	return h;
}

struct run {
	struct imap_reader r;
	uint64_t hash, before_chunks;
	unsigned answer; /* two bits a literal */
	bool ended, streaming;
};

static void
answer_literal(struct run *t)
{
	unsigned how = t->answer & 3;

	t->answer = t->answer >> 2 | t->answer << 6;
	ensure(t->r.command.n >= 2);
	if (how < 2 && imap_reader_collect(&t->r) == OK)
		return;
	if (how == 2) {
		t->before_chunks = t->hash;
		t->streaming = true;
		imap_reader_stream(&t->r);
	} else {
		imap_reader_refuse(&t->r);
	}
}

static bool
event(struct run *t, struct str *in)
{
	enum imap_read next = imap_reader_read(&t->r, in);
	const struct imap_limits *l = t->r.limits;

	ensure(t->r.buf.n <= l->line + l->literals + 2 * l->count);
	if (next == IMAP_READ_MORE) {
		ensure(in->n == 0);
		return false;
	}
	if (next == IMAP_READ_CHUNK) {
		t->hash = mix_str(t->hash, t->r.chunk);
		return true;
	}
	/* How much of a stream came before it broke depends on the cuts. */
	if (next == IMAP_READ_BAD && t->streaming)
		t->hash = t->before_chunks;
	t->streaming = false;
	t->hash = mix(t->hash, 1000 + (uint64_t)next);
	t->hash = mix_str(t->hash, imap_reader_tag(&t->r));
	if (next == IMAP_READ_LITERAL)
		answer_literal(t);
	if (next == IMAP_READ_COMMAND)
		t->hash = mix_str(t->hash, t->r.command);
	if (next == IMAP_READ_FATAL || next == IMAP_READ_NOT_IMAP)
		t->ended = true;
	return !t->ended;
}

static uint64_t
run(const struct imap_limits *l, unsigned answer, struct str all, unsigned cuts)
{
	struct run t = {.answer = answer, .hash = 1};

	imap_reader_init(&t.r, l);
	for (size_t n; all.n > 0 && !t.ended; all = str_from(all, n)) {
		char *copy;
		struct str in;

		n = cuts == 0 ? all.n : 1 + (cuts + all.n * 7) % (cuts + 1);
		n = n > all.n ? all.n : n;
		copy = x_malloc(n);
		memcpy(copy, all.p, n);
		in = str_of(copy, n);
		while (event(&t, &in))
			;
		free(copy);
	}
	imap_reader_free(&t.r);
	return t.hash;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct imap_limits *l;
	uint64_t whole;
	struct str all;

	if (size < 2)
		return 0;
	l = &limits[data[0] % 3];
	all = str_of(data + 2, size - 2);
	whole = run(l, data[1], all, 0);
	ensure(whole == run(l, data[1], all, 1 + data[0] / 3));
	if (size < 2000)
		ensure(whole == run(l, data[1], all, 1));
	return 0;
}
