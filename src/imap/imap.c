/* SPDX-License-Identifier: Apache-2.0 */
/* What all sessions share: made, and given back. */
#include "imap/imap.h"

#include <stdlib.h>
#include "base/arena.h"
#include "imap/core/hide.h"
#include "imap/core/session.h"
#include "imap/news/notify_pictures.h"
#include "search/match.h"

const struct imap_settings imap_settings_default = {
	.message_max = 64u << 20,
	.login_seconds = 60,
	.idle_seconds = 1800,
	.keepalive_seconds = 120,
	.step_us = 4000, /* a little less than a connection's turn */
	.progress_ms = 10000,
	.search_cache = 64u << 20,
	.bad_max = 10,
};

struct imap *
imap_new(const struct imap_options *o)
{
	struct imap *imap = x_new(struct imap);

	imap->door = o->door;
	imap->store = o->door->store;
	imap->db = store_db(imap->store);
	imap->hub = o->door->hub;
	imap->settings = o->settings;
	imap->at_step = o->at_step;
	imap->at_step_arg = o->at_step_arg;
	imap->search_cache = search_cache_new(o->settings.search_cache);
	imap->pictures = pictures_new();
	imap->limits = imap_limits_after_login;
	imap->limits_before = imap_limits_before_login;
	imap->limits.literal_minus = imap->limits_before.literal_minus = o->settings.literal_minus;
	if (o->settings.line_max)
		imap->limits.line = o->settings.line_max;
	if (o->settings.literals_max)
		imap->limits.literals = imap->limits.literal = o->settings.literals_max;
	return imap;
}

enum status
imap_hide(struct imap *imap, char *const *words, size_t n, struct buf *why)
{
	struct hide *h, *before;
	enum status st;

	if ((st = hide_new(words, n, why, &h)) != OK)
		return st;
	if ((before = atomic_exchange_explicit(&imap->hide, h, memory_order_acq_rel)) == NULL)
		return OK;
	imap->retired = x_realloc(imap->retired, (imap->retired_n + 1) * sizeof(struct hide *));
	imap->retired[imap->retired_n++] = before;
	return OK;
}

enum status
imap_hide_check(char *const *words, size_t n, struct buf *why)
{
	struct hide *h = NULL;
	enum status st = hide_new(words, n, why, &h);

	hide_free(h);
	return st;
}

void
imap_free(struct imap *imap)
{
	if (imap == NULL)
		return;
	search_cache_free(imap->search_cache);
	pictures_free(imap->pictures);
	hide_free(imap->hide);
	for (size_t i = 0; i < imap->retired_n; i++)
		hide_free(imap->retired[i]);
	free(imap->retired);
	free(imap);
}
