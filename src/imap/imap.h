/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap: the IMAP service of the process: what all its sessions share. The server makes one and
 * hands it to its listeners as their arg, with imap_handler as their handler. Any thread.
 *
 *	imap = imap_new(&options);
 *	net_listen(net, &(struct listener_options){.name = "imap", .handler = &imap_handler, .arg = imap, ...})
 *
 * The server also subscribes door_changed() to the store.
 */
#ifndef IMAP_IMAP_H
#define IMAP_IMAP_H

#include "imap/core/settings.h"
#include "session/door.h"

extern const struct imap_settings imap_settings_default;

struct imap_options {
	const struct door *door;
	struct imap_settings settings;
	/* For tests, which change the world there; else NULL. Called before each step of a command and before its answer, with nothing held. */
	void (*at_step)(void *arg);
	void *at_step_arg;
};

struct imap;
/* What the options point to must outlive it. */
struct imap *imap_new(const struct imap_options *o);
/*
 * Which capabilities are kept back: NAME (from all), NAME@LISTENER (a listener's name, or its address as the settings have it) or
 * NAME/ACCOUNT. Takes the place of what was kept back before; any time, one thread. ERR_BAD_INPUT: nothing was changed, and what is wrong was
 * added to why.
 */
must_check enum status imap_hide(struct imap *imap, char *const *words, size_t n, struct buf *why);
/* Whether imap_hide() would take these words. */
must_check enum status imap_hide_check(char *const *words, size_t n, struct buf *why);
/* All its connections must be gone. */
void imap_free(struct imap *imap);

extern const struct conn_handler imap_handler;

#endif
