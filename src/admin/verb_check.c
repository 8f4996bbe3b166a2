/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check: arguments: "deep" or "quick". TEXT for each fault, PROGRESS, a last TEXT with what was counted. What is found in a snapshot is sent when that
 * is let go of; a peer that has gone, or a server that stops, ends the check.
 */
#include <inttypes.h>
#include <stdio.h>
#include "admin/verb_priv.h"
#include "store/mend/check.h"

#define QUEUE_MAX (1u << 20) /* bytes of texts that wait for a snapshot's end */

struct checking {
	struct call *call;
	uint64_t untold;
};

static void
fault_found(void *arg, const char *text)
{
	struct checking *ck = arg;

	if (ck->call->link.out.n < QUEUE_MAX)
		link_text(&ck->call->link, "%s", text);
	else
		ck->untold++;
}

static void
check_progress(void *arg, uint64_t done, uint64_t total)
{
	struct checking *ck = arg;
	char text[64];

	if (ck->call->link.out.n >= QUEUE_MAX)
		return;
	snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64, done, total);
	link_send(&ck->call->link, FRAME_PROGRESS, str_c(text));
}

static bool
check_stop(void *arg)
{
	struct checking *ck = arg;

	return link_gone(&ck->call->link);
}

static void
pause_check(void *arg)
{
	struct checking *ck = arg;

	(void)!link_flush(&ck->call->link);
}

enum status
verb_check(struct call *c)
{
	struct checking ck = {.call = c};
	struct check_report report = {.found = fault_found, .progress = check_progress, .stop = check_stop, .pause = pause_check, .arg = &ck};
	bool deep = c->args_n == 0 || str_eq(c->args[0], STR("deep"));
	enum status st;

	link_hold(&c->link, true);
	st = store_check(c->store, deep, &report);
	link_hold(&c->link, false);
	if (ck.untold > 0)
		link_text(&c->link, "%" PRIu64 " more faults are not listed", ck.untold);
	if (st != OK)
		return call_fail(c, st, "the check could not end: %s", status_word(st));
	link_text(&c->link, "%" PRIu64 " mailboxes, %" PRIu64 " messages, %" PRIu64 " emails, %" PRIu64 " bodies checked",
	    report.mailboxes, report.messages, report.emails, report.bodies);
	if (report.faults > 0)
		return call_fail(c, ERR_CORRUPT, "%" PRIu64 " faults", report.faults);
	return call_fail(c, OK, "no fault");
}
