/* SPDX-License-Identifier: Apache-2.0 */
/* Histograms, and the text that tells of all numbers. */
#include "base/metrics.h"

#include <stdio.h>
#include "base/assert.h"
#include "base/log.h"

#define PARTS 16

/* Bounds in microseconds: from what a command costs without waiting to what a person notices. */
static const uint64_t bounds[HISTOGRAM_BUCKETS] = {100, 250, 1000, 2500, 10000, 50000, 250000, 1000000, 5000000, 30000000};
static const char *const bound_words[HISTOGRAM_BUCKETS] = {"0.0001", "0.00025", "0.001", "0.0025", "0.01", "0.05", "0.25", "1", "5", "30"};

static void (*parts[PARTS])(struct buf *out);
static size_t n_parts;

void
histogram_add(struct histogram *h, int64_t us)
{
	uint64_t t = us > 0 ? (uint64_t)us : 0;
	size_t i = 0;

	while (i < HISTOGRAM_BUCKETS && t > bounds[i])
		i++;
	atomic_fetch_add_explicit(&h->n[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&h->us, t, memory_order_relaxed);
}

uint64_t
histogram_count(const struct histogram *h)
{
	uint64_t n = 0;

	for (size_t i = 0; i <= HISTOGRAM_BUCKETS; i++)
		n += atomic_load_explicit(&h->n[i], memory_order_relaxed);
	return n;
}

void
metrics_tell_of(void (*print)(struct buf *out))
{
	for (size_t i = 0; i < n_parts; i++)
		if (parts[i] == print)
			return;
	ensure(n_parts < PARTS);
	parts[n_parts++] = print;
}

void
metric_family(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void
metric_value(struct buf *out, const char *name, const char *labels, uint64_t value)
{
	buf_addf(out, *labels != '\0' ? "%s{%s} %llu\n" : "%s%s %llu\n", name, labels, (unsigned long long)value);
}

void
metric_seconds(struct buf *out, const char *name, const char *labels, uint64_t us)
{
	buf_addf(out, *labels != '\0' ? "%s{%s} %llu.%06llu\n" : "%s%s %llu.%06llu\n", name, labels, (unsigned long long)(us / 1000000),
	    (unsigned long long)(us % 1000000));
}

void
metric_histogram(struct buf *out, const char *name, const char *labels, const struct histogram *h)
{
	const char *comma = *labels != '\0' ? "," : "";
	uint64_t n = 0;

	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		n += atomic_load_explicit(&h->n[i], memory_order_relaxed);
		buf_addf(out, "%s_bucket{%s%sle=\"%s\"} %llu\n", name, labels, comma, bound_words[i], (unsigned long long)n);
	}
	n += atomic_load_explicit(&h->n[HISTOGRAM_BUCKETS], memory_order_relaxed);
	buf_addf(out, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", name, labels, comma, (unsigned long long)n);
	buf_addf(out, *labels != '\0' ? "%s_sum{%s} " : "%s_sum%s ", name, labels);
	buf_addf(out, "%.6f\n", (double)atomic_load_explicit(&h->us, memory_order_relaxed) / 1e6);
	buf_addf(out, *labels != '\0' ? "%s_count{%s} %llu\n" : "%s_count%s %llu\n", name, labels, (unsigned long long)n);
}

/* Logins, refusals, deliveries, damage: whatever has a line in the log has a counter, whether the line was written or not. */
static void
print_events(struct buf *out)
{
	static const char *const levels[] = {"error", "warning", "info", "debug"};

	metric_family(out, "mansio_log_events_total", "counter", "How often each event of the log came up (mansio-log(7) says what each means)");
	for (int ev = 0; ev < EV_COUNT; ev++) {
		char labels[160];

		(void)snprintf(labels, sizeof(labels), "event=\"%s\",level=\"%s\"", log_event_name((enum log_event)ev),
		    levels[log_event_level((enum log_event)ev)]);
		metric_value(out, "mansio_log_events_total", labels, log_event_count((enum log_event)ev));
	}
}

void
metrics_print(struct buf *out)
{
	for (size_t i = 0; i < n_parts; i++)
		parts[i](out);
	print_events(out);
}
