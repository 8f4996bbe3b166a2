/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a file holds: messages lie one behind the other in it, and what the reader gives is no more than what it holds. */
#include <stdlib.h>
#include <string.h>
#include "base/assert.h"
#include "formats/content.h"
#include "formats/mbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct file {
	const uint8_t *data;
	size_t size;
};

static int64_t
file_read(void *arg, uint64_t at, char *p, size_t n)
{
	struct file *f = arg;

	if (at >= f->size)
		return 0;
	n = n < f->size - at ? n : f->size - (size_t)at;
	/* Short reads too. */
	n = n > 7 && (at & 1) ? n / 2 : n;
	memcpy(p, f->data + at, n);
	return (int64_t)n;
}

struct sum {
	uint64_t n;
	struct content *content;
};

static void
add(void *arg, struct str s)
{
	struct sum *sum = arg;

	sum->n += s.n;
	content_add(sum->content, s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct file f = {data, size};
	struct mbox *m = mbox_new(&(struct mbox_source){file_read, &f, size});
	struct sum sum = {.content = content_new()};
	unsigned char id[CONTENT_ID_SIZE];
	struct mbox_message msg;
	uint64_t at = 0;

	while (mbox_next(m, &msg) == OK) {
		uint64_t before = sum.n;

		ensure(msg.body >= at && msg.end >= msg.body && msg.end <= size);
		at = msg.end;
		ensure(mbox_bytes(m, &msg, add, &sum) == OK);
		ensure(sum.n - before <= msg.header.n + msg.end - msg.body);
		content_id(sum.content, id);
	}
	ensure(sum.n <= size);
	mbox_free(m);
	content_free(sum.content);
	return 0;
}
