/* SPDX-License-Identifier: Apache-2.0 */
/* The service as the settings want it. */
#include "base/config.h"
#include "base/metrics.h"
#include "imap/commands.h"
#include "imap/imap.h"
#include "session/language.h"

/* Capabilities that are kept back from clients: of all listeners, and of one, by imap_hide(). */
static void
hidden(const struct config *c, struct config_list *l)
{
	const struct config_listener *from;
	struct buf word = {0};

	for (size_t i = 0; i < c->imap_hide.n; i++)
		config_list_add(l, str_c(c->imap_hide.word[i]));
	for (size_t i = 0; (from = config_listener(c, i)) != NULL; i++)
		for (size_t j = 0; j < from->hide.n; j++) {
			buf_clear(&word);
			buf_addf(&word, "%s@%s", from->hide.word[j], from->name);
			config_list_add(l, buf_str(&word));
		}
	buf_free(&word);
}

static enum status
reload(void *imap, const struct config *fresh, struct buf *why)
{
	struct config_list words = {0};
	enum status st;

	hidden(fresh, &words);
	st = imap_hide(imap, words.word, words.n, why);
	config_list_clear(&words);
	return st;
}

static enum status
service_open(const struct door *door, void **service_r)
{
	const struct config *c = config();
	struct imap_options io = {.door = door, .settings = imap_settings_default};
	struct buf why = {0};
	struct imap *imap;
	enum status st;

	io.settings.message_max = (uint64_t)c->limits_message_bytes;
	io.settings.save_max = (uint64_t)c->limits_save;
	io.settings.work_max = (uint64_t)c->limits_messages;
	io.settings.login_seconds = c->imap_login_timeout;
	io.settings.idle_seconds = c->imap_idle_timeout;
	io.settings.keepalive_seconds = c->imap_keepalive;
	io.settings.progress_ms = (int64_t)c->imap_progress_interval;
	io.settings.search_cache = (size_t)c->search_cache;
	io.settings.literal_minus = c->imap_literal_minus;
	io.settings.line_max = (size_t)c->imap_line;
	io.settings.literals_max = (size_t)c->imap_literals;
	if (!language_find(c->imap_language, &io.settings.language))
		return ERR_BAD_INPUT;
	metrics_tell_of(commands_print);
	imap = imap_new(&io);
	if ((st = reload(imap, c, &why)) == OK)
		*service_r = imap;
	else
		imap_free(imap);
	buf_free(&why);
	return st;
}

static void
service_close(void *imap)
{
	imap_free(imap);
}

extern const struct protocol imap_protocol; /* base/services.tbl names it */
const struct protocol imap_protocol = {.handler = &imap_handler, .open = service_open, .reload = reload, .close = service_close};
