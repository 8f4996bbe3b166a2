/* SPDX-License-Identifier: Apache-2.0 */
/* check: arguments: "deep" or "quick". TEXT for each fault, PROGRESS, a last TEXT with what was counted. */
#include <inttypes.h>
#include <stdio.h>
#include "admin/verb_priv.h"
#include "store/check.h"

static void
found(void *arg, const char *text)
{
	struct call *c = arg;

	link_text(&c->link, "%s", text);
}

static void
progress(void *arg, uint64_t done, uint64_t total)
{
	struct call *c = arg;
	char text[64];

	snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64, done, total);
	link_send(&c->link, FRAME_PROGRESS, str_c(text));
	(void)!link_flush(&c->link);
}

enum status
verb_check(struct call *c)
{
	struct check_report report = {.found = found, .progress = progress, .arg = c};
	bool deep = c->args_n == 0 || str_eq(c->args[0], STR("deep"));
	enum status st = store_check(c->store, deep, &report);

	if (st != OK)
		return call_fail(c, st, "the check could not end: %s", status_word(st));
	link_text(&c->link, "%" PRIu64 " mailboxes, %" PRIu64 " messages, %" PRIu64 " emails, %" PRIu64 " bodies checked",
	    report.mailboxes, report.messages, report.emails, report.bodies);
	if (report.faults > 0)
		return call_fail(c, ERR_CORRUPT, "%" PRIu64 " faults", report.faults);
	return call_fail(c, OK, "no fault");
}
