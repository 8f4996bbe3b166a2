/* SPDX-License-Identifier: Apache-2.0 */
/* Passes over what programs change, and hashes the rest. */
#include "formats/content.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include "base/arena.h"
#include "base/assert.h"

#define NAME_MAX_BYTES 24 /* longer than every name in the list */

struct content {
	EVP_MD_CTX *md;
	bool body;          /* behind the empty line */
	bool line_start;
	bool skip;          /* this header line and its continuations count for nothing */
	bool naming;        /* in the name of a field: held back until it is known */
	char name[NAME_MAX_BYTES];
	size_t name_n;
	uint64_t crs;       /* waiting for what follows */
	uint64_t lfs;       /* line ends not counted yet: those at the end count for nothing */
	struct buf out;
};

static const char *const bookkeeping[] = {"Status", "X-Status", "X-Keywords", "X-UID", "X-IMAP", "X-IMAPbase", "X-Mozilla-Status",
    "X-Mozilla-Status2", "X-Mozilla-Keys", "Content-Length", "Lines", "X-Mansio-Export"};

bool
content_is_bookkeeping(struct str name)
{
	for (size_t i = 0; i < sizeof(bookkeeping) / sizeof(*bookkeeping); i++)
		if (str_caseeq(name, str_c(bookkeeping[i])))
			return true;
	return false;
}

static void
begin(struct content *c)
{
	ensure(EVP_DigestInit_ex(c->md, EVP_sha256(), NULL) == 1);
	c->body = c->skip = c->naming = false;
	c->line_start = true;
	c->name_n = 0;
	c->crs = c->lfs = 0;
}

struct content *
content_new(void)
{
	struct content *c = x_new(struct content);

	c->md = EVP_MD_CTX_new();
	ensure(c->md != NULL);
	begin(c);
	return c;
}

void
content_free(struct content *c)
{
	if (c == NULL)
		return;
	EVP_MD_CTX_free(c->md);
	buf_free(&c->out);
	free(c);
}

static void
flush(struct content *c)
{
	ensure(EVP_DigestUpdate(c->md, c->out.p, c->out.n) == 1);
	buf_clear(&c->out);
}

/* A byte that counts. */
static void
emit(struct content *c, char byte)
{
	for (; c->lfs > 0; c->lfs--) {
		buf_addc(&c->out, '\n');
		if (c->out.n >= 32768)
			flush(c);
	}
	buf_addc(&c->out, byte);
	if (c->out.n >= 32768)
		flush(c);
}

/* The name's bytes so far, which were held back. */
static void
emit_name(struct content *c)
{
	for (size_t i = 0; i < c->name_n; i++)
		emit(c, c->name[i]);
	c->name_n = 0;
	c->naming = false;
}

static void
line_end(struct content *c)
{
	if (c->naming)
		emit_name(c);
	if (c->line_start && !c->body) {
		c->body = true;
		c->skip = false;
		c->lfs++;
	} else if (!c->skip) {
		c->lfs++;
	}
	c->line_start = true;
}

/* A byte of a header line. */
static void
header_byte(struct content *c, char byte)
{
	if (c->line_start) {
		bool folded = byte == ' ' || byte == '\t';

		c->line_start = false;
		if (!folded) {
			c->skip = false;
			c->naming = true;
		}
	}
	if (!c->naming) {
		if (!c->skip)
			emit(c, byte);
		return;
	}
	if (byte == ':' && content_is_bookkeeping(str_of(c->name, c->name_n))) {
		c->skip = true;
		c->naming = false;
		c->name_n = 0;
		return;
	}
	if (byte == ':' || c->name_n == sizeof(c->name)) {
		emit_name(c);
		emit(c, byte);
		return;
	}
	c->name[c->name_n++] = byte;
}

static void
take(struct content *c, char byte)
{
	if (!c->body) {
		header_byte(c, byte);
	} else {
		c->line_start = false;
		emit(c, byte);
	}
}

void
content_add(struct content *c, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char byte = s.p[i];

		if (byte == '\r') {
			c->crs++;
			continue;
		}
		if (byte == '\n') {
			c->crs = 0;
			line_end(c);
			continue;
		}
		for (; c->crs > 0; c->crs--)
			take(c, '\r');
		take(c, byte);
	}
}

void
content_id(struct content *c, unsigned char id[CONTENT_ID_SIZE])
{
	unsigned n = 0;

	for (; c->crs > 0; c->crs--)
		take(c, '\r');
	if (c->naming)
		emit_name(c);
	flush(c);
	ensure(EVP_DigestFinal_ex(c->md, id, &n) == 1 && n == CONTENT_ID_SIZE);
	begin(c);
}
