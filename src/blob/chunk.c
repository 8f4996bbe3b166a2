/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks: compression, checksums, and what each thread keeps for them. */
#include "blob/blob_priv.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <zstd.h>
#include "base/arena.h"
#include "base/assert.h"
#include "base/codec.h"

enum method { METHOD_PLAIN, METHOD_ZSTD };

static pthread_key_t thread_key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256;
static _Thread_local struct blob_thread *self;

static void
thread_free(void *value)
{
	struct blob_thread *t = value;

	ZSTD_freeCCtx(t->cctx);
	ZSTD_freeDCtx(t->dctx);
	hash_free(t->hasher);
	buf_free(&t->plain);
	free(t);
}

static void
init(void)
{
	ensure(pthread_key_create(&thread_key, thread_free) == 0);
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	ensure(sha256 != NULL);
}

struct blob_thread *
blob_thread(void)
{
	if (self == NULL) {
		pthread_once(&once, init);
		self = x_new(struct blob_thread);
		self->hasher = hash_new();
		pthread_setspecific(thread_key, self);
	}
	return self;
}

/* ---- SHA-256 ---- */

void *
hash_new(void)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	ensure(ctx != NULL);
	return ctx;
}

void
hash_free(void *hasher)
{
	EVP_MD_CTX_free(hasher);
}

void
hash_begin(void *hasher)
{
	pthread_once(&once, init);
	ensure(EVP_DigestInit_ex2(hasher, sha256, NULL) == 1);
}

void
hash_add(void *hasher, struct str s)
{
	ensure(EVP_DigestUpdate(hasher, s.p, s.n) == 1);
}

void
hash_end(void *hasher, unsigned char *hash_r)
{
	ensure(EVP_DigestFinal_ex(hasher, hash_r, NULL) == 1);
}

/* ---- chunks ---- */

size_t
chunk_size(uint64_t size, unsigned n)
{
	uint64_t from = (uint64_t)n * BLOB_CHUNK;

	if (from >= size)
		return 0;
	return size - from < BLOB_CHUNK ? (size_t)(size - from) : BLOB_CHUNK;
}

static uint32_t
checksum(int64_t body, unsigned n, struct str method, struct str payload)
{
	uint64_t place = (uint64_t)body << 16 | n;

	return crc32c(crc32c(crc32c(0, str_of(&place, sizeof(place))), method), payload);
}

/*
 * Small chunks are packed without entropy coding of their text (zstd's negative levels): building its tables is half of what it costs to read
 * a mail of 5 kB, and a tenth of the size is what it saves. Long ones, attachments above all, want it.
 */
enum { SMALL_CHUNK = 16384, SMALL_LEVEL = -1 };

static ZSTD_CCtx *
compressor(struct blob_store *bs, size_t n)
{
	struct blob_thread *t = blob_thread();

	if (t->cctx == NULL) {
		t->cctx = ZSTD_createCCtx();
		ensure(t->cctx != NULL);
	}
	ZSTD_CCtx_setParameter(t->cctx, ZSTD_c_compressionLevel, n <= SMALL_CHUNK && bs->level > 0 ? SMALL_LEVEL : bs->level);
	/* Our own checksum covers more. */
	ZSTD_CCtx_setParameter(t->cctx, ZSTD_c_checksumFlag, 0);
	return t->cctx;
}

/* An eighth must be saved, or each reading pays for nothing. */
static size_t
worth(size_t n)
{
	return n - n / 8;
}

void
chunk_encode(struct blob_store *bs, int64_t body, unsigned n, struct str plain, struct buf *out)
{
	size_t room = CHUNK_HEAD + plain.n, start = out->n, done = 0;
	char *p = buf_room(out, room);
	uint32_t sum;

	ensure(p != NULL);
	p[0] = METHOD_ZSTD;
	if (plain.n >= 64)
		done = ZSTD_compress2(compressor(bs, plain.n), p + CHUNK_HEAD, worth(plain.n), plain.p, plain.n);
	if (done == 0 || ZSTD_isError(done)) {
		p[0] = METHOD_PLAIN;
		done = plain.n;
		if (plain.n > 0)
			memcpy(p + CHUNK_HEAD, plain.p, plain.n);
	}
	sum = checksum(body, n, str_of(p, 1), str_of(p + CHUNK_HEAD, done));
	for (int i = 0; i < 4; i++)
		p[1 + i] = (char)(sum >> (8 * i));
	buf_wrote(out, CHUNK_HEAD + done);
	ensure(out->n == start + CHUNK_HEAD + done);
}

/* A zeroed or foreign length cannot make us allocate: size is what the body's row says, at most a chunk. */
static enum status
decode_zstd(struct str payload, size_t size, struct buf *out)
{
	struct blob_thread *t = blob_thread();
	char *p = buf_room(out, size);
	size_t done;

	if (p == NULL)
		return ERR_LIMIT;
	if (t->dctx == NULL) {
		t->dctx = ZSTD_createDCtx();
		ensure(t->dctx != NULL);
	}
	done = ZSTD_decompressDCtx(t->dctx, p, size, payload.p, payload.n);
	if (ZSTD_isError(done) || done != size)
		return ERR_CORRUPT;
	buf_wrote(out, size);
	return OK;
}

enum status
chunk_decode(int64_t body, unsigned n, struct str encoded, size_t size, struct buf *out)
{
	struct str payload = str_from(encoded, CHUNK_HEAD);
	struct unpack u = {.rest = str_from(encoded, 1)};
	uint32_t sum;

	if (encoded.n < CHUNK_HEAD)
		return ERR_CORRUPT;
	sum = unpack_u32(&u);
	if (sum != checksum(body, n, str_head(encoded, 1), payload))
		return ERR_CORRUPT;
	switch (encoded.p[0]) {
	case METHOD_ZSTD: return decode_zstd(payload, size, out);
	case METHOD_PLAIN:
		if (payload.n != size)
			return ERR_CORRUPT;
		buf_add(out, payload);
		return out->failed ? ERR_LIMIT : OK;
	}
	return ERR_CORRUPT;
}
