/* SPDX-License-Identifier: Apache-2.0 */
/* An index of a header's fields by a hash of their names. */
#include "mime/fields.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS 4096
/* Past this part of the fields going through all of them is the shorter way. */
#define FEW(n) ((n) / 4)

static uint32_t
bucket_of(struct str name)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)ascii_lower(name.p[i])) * 16777619u;
	return (h ^ h >> 16) % BUCKETS;
}

void
mime_fields_make(struct mime_fields *x, struct str header)
{
	struct mime_field f;
	struct str rest = header;

	mime_fields_free(x);
	x->header = header;
	/* How many there are stands two further on, so that at last each begins where its number says. */
	x->bucket = x_malloc((BUCKETS + 2) * sizeof(*x->bucket));
	memset(x->bucket, 0, (BUCKETS + 2) * sizeof(*x->bucket));
	for (; mime_field_next(&rest, &f); x->n++)
		x->bucket[bucket_of(f.name) + 2]++;
	for (size_t i = 2; i < BUCKETS + 2; i++)
		x->bucket[i] += x->bucket[i - 1];
	x->start = x_malloc((x->n + 1) * sizeof(*x->start));
	for (rest = header; mime_field_next(&rest, &f);)
		x->start[x->bucket[bucket_of(f.name) + 1]++] = (uint32_t)(f.full.p - header.p);
}

void
mime_fields_free(struct mime_fields *x)
{
	free(x->start);
	free(x->bucket);
	*x = (struct mime_fields){0};
}

/* How many fields would be looked at. */
static uint64_t
cost(const struct mime_fields *x, const struct mime_names *set)
{
	uint64_t n = 0;

	for (size_t i = 0; i < set->n; i++) {
		uint32_t h = bucket_of(set->names[i]);

		n += x->bucket[h + 1] - x->bucket[h];
	}
	return n;
}

static int
by_place(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* The places of those with the names, in order; a name that is given twice is there twice. */
static size_t
gather(const struct mime_fields *x, const struct mime_names *set, uint32_t *place)
{
	size_t n = 0;

	for (size_t i = 0; i < set->n; i++) {
		uint32_t h = bucket_of(set->names[i]);

		for (uint32_t k = x->bucket[h]; k < x->bucket[h + 1]; k++) {
			struct str rest = str_from(x->header, x->start[k]);
			struct mime_field f;

			if (set->names[i].n > 0 && mime_field_next(&rest, &f) && str_caseeq(f.name, set->names[i]))
				place[n++] = x->start[k];
		}
	}
	if (n > 1)
		qsort(place, n, sizeof(*place), by_place);
	return n;
}

void
mime_fields_select(const struct mime_fields *x, struct buf *out, const struct mime_names *set, bool not)
{
	uint64_t most = cost(x, set);
	struct mime_field f = {0};
	uint32_t *place;
	size_t n;

	if (not || most > FEW(x->n)) {
		mime_header_select(out, x->header, set, not);
		return;
	}
	place = x_malloc((most + 1) * sizeof(*place));
	n = gather(x, set, place);
	for (size_t i = 0; i < n; i++) {
		struct str rest = str_from(x->header, place[i]);

		if ((i == 0 || place[i] != place[i - 1]) && mime_field_next(&rest, &f))
			buf_add(out, f.full);
	}
	if (n > 0 && f.full.p[f.full.n - 1] != '\n')
		buf_add(out, STR("\r\n"));
	buf_add(out, STR("\r\n"));
	free(place);
}
