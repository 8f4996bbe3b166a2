/* SPDX-License-Identifier: Apache-2.0 */
/* Images of all files, to go back to. */
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"
#include "base/assert.h"
#include "db/vfs/memvfs.h"
#include "db/vfs/memvfs_priv.h"

#define REGION 32768u /* bytes of one, as the engine asks for them */
#define IMAGE_FILES 16
#define IMAGE_REGIONS 4

struct memimage {
	struct kept {
		struct memfile *f;
		char *p;
		size_t n;
		char *regions[IMAGE_REGIONS];
	} files[IMAGE_FILES];
	int n;
};

static void
unchanged(struct memfile *f)
{
	f->changed_from = SIZE_MAX;
	f->changed_to = 0;
}

static void
keep(struct memfile *f, void *arg)
{
	struct memimage *image = arg;
	struct kept *k = &image->files[image->n++];

	ensure(image->n <= IMAGE_FILES);
	unchanged(f);
	k->f = f;
	k->n = f->n;
	k->p = x_malloc(f->n ? f->n : 1);
	if (f->n > 0)
		memcpy(k->p, f->p, f->n);
	for (int i = 0; i < SHM_REGIONS; i++) {
		if (f->regions[i] == NULL)
			continue;
		ensure(i < IMAGE_REGIONS);
		k->regions[i] = x_malloc(REGION);
		memcpy(k->regions[i], f->regions[i], REGION);
	}
}

struct memimage *
memvfs_image(void)
{
	struct memimage *image = x_new(struct memimage);

	memvfs_each(keep, image);
	return image;
}

static void
put_back(struct memfile *f, void *arg)
{
	const struct memimage *image = arg;
	const struct kept *k = image->files;

	while (k < image->files + image->n && k->f != f)
		k++;
	if (k == image->files + image->n)
		return; /* made since */
	ensure(memfile_resize(f, k->n));
	if (f->changed_to > k->n)
		f->changed_to = k->n;
	if (f->changed_from < f->changed_to)
		memcpy(f->p + f->changed_from, k->p + f->changed_from, f->changed_to - f->changed_from);
	unchanged(f);
	for (int i = 0; i < SHM_REGIONS; i++) {
		if (f->regions[i] == NULL)
			continue;
		if (i < IMAGE_REGIONS && k->regions[i] != NULL)
			memcpy(f->regions[i], k->regions[i], REGION);
		else
			memset(f->regions[i], 0, REGION);
	}
}

void
memvfs_image_back(const struct memimage *image)
{
	memvfs_each(put_back, (void *)(uintptr_t)image);
}

void
memvfs_image_free(struct memimage *image)
{
	if (image == NULL)
		return;
	for (int i = 0; i < image->n; i++) {
		free(image->files[i].p);
		for (int r = 0; r < IMAGE_REGIONS; r++)
			free(image->files[i].regions[r]);
	}
	free(image);
}
