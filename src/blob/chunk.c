/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks: compression, checksums, and what each thread keeps for them. */
#include "blob/blob_priv.h"

#include <lz4.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <zstd.h>
#include "base/arena.h"
#include "base/assert.h"
#include "base/codec.h"

enum method { METHOD_PLAIN, METHOD_ZSTD, METHOD_LZ4 };

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
	free(t->lz4);
	hash_free(t->hasher);
	buf_free(&t->plain);
	free(t);
}

static void
key_init(void)
{
	ensure(pthread_key_create(&thread_key, thread_free) == 0);
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	ensure(sha256 != NULL);
}

struct blob_thread *
blob_thread(void)
{
	if (self == NULL) {
		pthread_once(&once, key_init);
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
	pthread_once(&once, key_init);
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
 * LZ4 unpacks a mail of 5 kB in a third of the time that zstd takes, and packs it in half; a twelfth of the size is what it costs. It has no entropy coding, so it
 * finds little in base64: what is longer than some kilobytes then gets zstd. Above LZ4_MOST, attachments nearly all, size counts more than time.
 * Measured on 5,000 mails: docs/why/reading.md.
 */
enum { LZ4_MOST = 65536, LZ4_ALONE = 16384 };

/* An eighth must be saved, or each reading pays for nothing; a quarter where zstd may do better. */
static size_t
worth(size_t n, bool last)
{
	return n - n / (last ? 8 : 4);
}

/* The payload at p, which has room for n bytes. 0: it does not pay. */
static size_t
encode_lz4(struct str plain, char *p)
{
	struct blob_thread *t = blob_thread();
	int done;

	if (t->lz4 == NULL)
		t->lz4 = x_malloc((size_t)LZ4_sizeofState());
	done = LZ4_compress_fast_extState(t->lz4, plain.p, p, (int)plain.n, (int)worth(plain.n, plain.n <= LZ4_ALONE), 1);
	return done > 0 ? (size_t)done : 0;
}

static size_t
encode_zstd(struct blob_store *bs, struct str plain, char *p)
{
	struct blob_thread *t = blob_thread();
	size_t done;

	if (t->cctx == NULL) {
		t->cctx = ZSTD_createCCtx();
		ensure(t->cctx != NULL);
	}
	ZSTD_CCtx_setParameter(t->cctx, ZSTD_c_compressionLevel, bs->level);
	/* Our own checksum covers more. */
	ZSTD_CCtx_setParameter(t->cctx, ZSTD_c_checksumFlag, 0);
	done = ZSTD_compress2(t->cctx, p, worth(plain.n, true), plain.p, plain.n);
	return ZSTD_isError(done) ? 0 : done;
}

void
chunk_encode(struct blob_store *bs, int64_t body, unsigned n, struct str plain, struct buf *out)
{
	size_t room = CHUNK_HEAD + plain.n, start = out->n, done = 0;
	char *p = buf_room(out, room);
	uint32_t sum;

	ensure(p != NULL);
	p[0] = METHOD_LZ4;
	if (plain.n >= 64 && plain.n <= LZ4_MOST)
		done = encode_lz4(plain, p + CHUNK_HEAD);
	if (done == 0 && plain.n > LZ4_ALONE) {
		p[0] = METHOD_ZSTD;
		done = encode_zstd(bs, plain, p + CHUNK_HEAD);
	}
	if (done == 0) {
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

static bool
decode_zstd(struct str payload, size_t size, char *p)
{
	struct blob_thread *t = blob_thread();
	size_t done;

	if (t->dctx == NULL) {
		t->dctx = ZSTD_createDCtx();
		ensure(t->dctx != NULL);
	}
	done = ZSTD_decompressDCtx(t->dctx, p, size, payload.p, payload.n);
	return !ZSTD_isError(done) && done == size;
}

static bool
decode_lz4(struct str payload, size_t size, char *p)
{
	return payload.n <= LZ4_MAX_INPUT_SIZE && LZ4_decompress_safe(payload.p, p, (int)payload.n, (int)size) == (int)size;
}

static bool
decode_plain(struct str payload, size_t size, char *p)
{
	if (payload.n != size)
		return false;
	if (size > 0)
		memcpy(p, payload.p, size);
	return true;
}

static bool
decode(enum method method, struct str payload, size_t size, char *p)
{
	switch (method) {
	case METHOD_ZSTD: return decode_zstd(payload, size, p);
	case METHOD_LZ4: return decode_lz4(payload, size, p);
	case METHOD_PLAIN: return decode_plain(payload, size, p);
	}
	return false;
}

/* A zeroed or foreign length cannot make us allocate: size is what the body's row says, at most a chunk. */
enum status
chunk_decode(int64_t body, unsigned n, struct str encoded, size_t size, struct buf *out)
{
	struct str payload = str_from(encoded, CHUNK_HEAD);
	struct unpack u = {.rest = str_from(encoded, 1)};
	char *p;

	if (encoded.n < CHUNK_HEAD || unpack_u32(&u) != checksum(body, n, str_head(encoded, 1), payload))
		return ERR_CORRUPT;
	if ((p = buf_room(out, size)) == NULL)
		return ERR_LIMIT;
	if (!decode((enum method)encoded.p[0], payload, size, p))
		return ERR_CORRUPT;
	buf_wrote(out, size);
	return OK;
}
