/* SPDX-License-Identifier: Apache-2.0 */
/* What can change while the server runs: the certificate, what is kept back from clients, the log's file. */
#include <string.h>
#include "base/config.h"
#include "base/log.h"
#include "server/server_priv.h"

static void
log_fault(void *arg, enum server_fault fault, const char *text)
{
	if (fault == FAULT_CERTIFICATE)
		log_event(EV_certificate, "%s", text);
}

void
server_look_at_certificate(const struct config *c)
{
	server_check_certificates(&(struct server_check){.config = c, .tell = log_fault});
}

/* The settings that are others now than those in force, but for those that a reload takes. */
static void
add_restarts(const struct config *fresh, struct buf *out)
{
	struct buf names = {0};

	config_differences(fresh, config(), "hide", &names); /* of all, and of listeners */
	if (names.n > 0)
		buf_addf(out, "; need a restart: %.*s", STR_FMT(buf_str(&names)));
	buf_free(&names);
}

static bool
reload_settings(struct server *s, struct buf *taken)
{
	struct config *fresh = NULL;
	struct buf why = {0};
	bool good = false;

	if (config_reread(&why, &fresh) == OK && server_check_hide(fresh, config(), &why) == OK &&
	    services_reload(&s->services, fresh, &why) == OK) {
		buf_addf(taken, ", imap.hide (%zu words)", fresh->imap_hide.n);
		add_restarts(fresh, taken);
		good = true;
	} else {
		log_event(EV_reload_failed, "the settings stay as they were: %.*s", STR_FMT(buf_str(&why)));
	}
	config_free(fresh);
	buf_free(&why);
	return good;
}

/* A worker's was opened by its supervisor. */
static bool
reload_log(struct server *s)
{
	int fresh;

	if (s->worker == NULL)
		return server_open_log(&s->sockets.user, &s->log_fd) == OK;
	if ((fresh = worker_log(s->worker)) >= 0)
		server_take_log(fresh, &s->log_fd);
	return true;
}

void
server_reload(struct server *s)
{
	struct buf taken = {0};
	bool log = reload_log(s), settings;

	if (!log)
		log_event(EV_reload_failed, "the log stays where it was");
	if (!server_certificates_reload(s, &taken))
		log_event(EV_reload_failed, "the former certificate stays in use");
	if (log)
		buf_adds(&taken, *config()->log_file != '\0' ? ", log.file opened anew" : "");
	settings = reload_settings(s, &taken);
	log_event(EV_reloaded, "taken: %.*s", STR_FMT(taken.n > 2 ? str_from(buf_str(&taken), 2) : STR("nothing")));
	if (s->worker != NULL)
		worker_say(s->worker, CHANNEL_RELOADED, 0, settings);
	else
		server_look_at_certificate(config());
	buf_free(&taken);
}
