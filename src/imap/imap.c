/* SPDX-License-Identifier: Apache-2.0 */
#include "imap/imap.h"

#include <stdlib.h>
#include "base/arena.h"
#include "imap/session.h"
#include "search/match.h"

const struct imap_settings imap_settings_default = {
	.message_max = 64u << 20,
	.login_seconds = 60,
	.idle_seconds = 1800,
	.keepalive_seconds = 120,
	.progress_ms = 10000,
	.search_cache = 64u << 20,
	.bad_max = 10,
	.account_max = 200,
	.trust_loopback = true,
};

struct imap *
imap_new(const struct imap_options *o)
{
	struct imap *imap = x_new(struct imap);

	imap->store = o->store;
	imap->db = store_db(o->store);
	imap->hub = o->hub;
	imap->pool = o->pool;
	imap->auth = o->auth;
	imap->settings = o->settings;
	imap->hidden = x_strdup(o->settings.hidden ? o->settings.hidden : "");
	imap->settings.hidden = imap->hidden;
	imap->search_cache = search_cache_new(o->settings.search_cache);
	imap->limits = imap_limits_after_login;
	imap->limits_before = imap_limits_before_login;
	imap->limits.literal_minus = imap->limits_before.literal_minus = o->settings.literal_minus;
	if (o->settings.line_max)
		imap->limits.line = o->settings.line_max;
	if (o->settings.literals_max)
		imap->limits.literals = imap->limits.literal = o->settings.literals_max;
	return imap;
}

void
imap_free(struct imap *imap)
{
	if (imap == NULL)
		return;
	search_cache_free(imap->search_cache);
	free(imap->hidden);
	free(imap);
}
