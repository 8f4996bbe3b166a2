/* SPDX-License-Identifier: Apache-2.0 */
/* GET /metrics: what the process counts, in the text format of Prometheus. */
#include <stdio.h>
#include <sys/resource.h>
#include "base/config.h"
#include "base/metrics.h"
#include "http/session_priv.h"
#include "net/net.h"

/* Listeners that are told apart; connections of others count together. */
#define LISTENERS 32

struct crowd {
	struct {
		const char *name;
		uint64_t connections, logged_in, tls;
	} of[LISTENERS];
	size_t n;
};

static void
count_one(void *arg, struct conn *c)
{
	struct crowd *crowd = arg;
	const char *name = conn_local(c);
	size_t i = 0;

	while (i < crowd->n && strcmp(crowd->of[i].name, name) != 0)
		i++;
	if (i == LISTENERS)
		i--;
	else if (i == crowd->n)
		crowd->of[crowd->n++].name = name;
	crowd->of[i].connections++;
	crowd->of[i].logged_in += conn_account(c) != 0;
}

static void
print_connections(struct conn *mine, struct buf *out)
{
	struct crowd crowd = {0};
	char labels[160];

	net_each(conn_net(mine), count_one, &crowd);
	metric_family(out, "mansio_connections", "gauge", "Open connections by listener");
	for (size_t i = 0; i < crowd.n; i++) {
		(void)snprintf(labels, sizeof(labels), "listener=\"%.100s\"", crowd.of[i].name);
		metric_value(out, "mansio_connections", labels, crowd.of[i].connections);
	}
	metric_family(out, "mansio_sessions", "gauge", "Connections with a login, by listener");
	for (size_t i = 0; i < crowd.n; i++) {
		(void)snprintf(labels, sizeof(labels), "listener=\"%.100s\"", crowd.of[i].name);
		metric_value(out, "mansio_sessions", labels, crowd.of[i].logged_in);
	}
}

static void
one(struct buf *out, const char *name, const char *type, const char *help, uint64_t value)
{
	metric_family(out, name, type, help);
	metric_value(out, name, "", value);
}

static void
print_store(const struct door *door, struct buf *out)
{
	struct db *db = store_db(door->store);
	struct db_stats st;

	db_stats(db, &st);
	one(out, "mansio_store_commits_total", "counter", "Commits, each of which may hold the changes of many commands", st.commits);
	one(out, "mansio_store_changes_total", "counter", "Changes that commands and deliveries asked for", st.writes);
	one(out, "mansio_store_failed_changes_total", "counter", "Of these, how many came to nothing", st.failed);
	metric_family(out, "mansio_store_sync_seconds", "histogram", "How long commits took until the disk had them");
	metric_histogram(out, "mansio_store_sync_seconds", "", st.sync_times);
	one(out, "mansio_store_log_bytes", "gauge", "Committed, and not yet copied to where it belongs", st.wal_bytes);
	one(out, "mansio_store_full", "gauge", "1 since a change found no space on the disk, until one does", db_was_full(db, false));
	one(out, "mansio_memory_held_bytes", "gauge", "What clients make the server hold: messages on their way in, results, pictures (limits.memory)",
	    door->budgets != NULL ? budgets_used(door->budgets) : 0);
	one(out, "mansio_memory_limit_bytes", "gauge", "The most of that", door->budgets != NULL ? budgets_limit(door->budgets, false) : 0);
}

static uint64_t
us_of(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

static void
print_process(struct buf *out)
{
	struct rusage ru;

	if (getrusage(RUSAGE_SELF, &ru) != 0)
		return;
	metric_family(out, "process_cpu_seconds_total", "counter", "CPU that the process which serves has used");
	metric_seconds(out, "process_cpu_seconds_total", "", us_of(ru.ru_utime) + us_of(ru.ru_stime));
	one(out, "process_max_resident_memory_bytes", "gauge", "The most memory that it had at once", (uint64_t)ru.ru_maxrss * 1024);
	metric_family(out, "mansio_build_info", "gauge", "Always 1; which version this is");
	metric_value(out, "mansio_build_info", "version=\"" MANSIO_VERSION "\"", 1);
}

/* Whoever may not know is told what he would be told of a page that is not there. */
void
http_metrics(struct http_session *s, struct http_page *page)
{
	const struct config *c = config();

	if (!http_peer_in(s->conn, (const char *const *)c->http_metrics_from.word, c->http_metrics_from.n)) {
		http_page_text(page, 404, "There is no such page");
		return;
	}
	page->status = 200;
	page->type = "text/plain; version=0.0.4; charset=utf-8";
	print_process(&page->text);
	print_connections(s->conn, &page->text);
	print_store(s->service->door, &page->text);
	metrics_print(&page->text);
}
