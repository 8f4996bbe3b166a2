/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics: what the process counts of itself, and how it is told: the text format of Prometheus (version 0.0.4). Counting is one relaxed
 * addition in whichever thread; numbers of the same moment need not agree with each other. Any thread.
 *
 * A floor that has something to tell keeps its numbers itself and says metrics_tell_of() once. Names begin with mansio_, times are in seconds,
 * counters end in _total. Labels are few and known before: no account, address or text of a client ever is one.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stdatomic.h>
#include "base/buf.h"

#define HISTOGRAM_BUCKETS 10

/* Times. Zeroes are an empty one. */
struct histogram {
	_Atomic uint64_t n[HISTOGRAM_BUCKETS + 1]; /* the last: longer than all bounds */
	_Atomic uint64_t us;
};
/* One more, of so many microseconds; less than 0 counts as 0. */
void histogram_add(struct histogram *h, int64_t us);
uint64_t histogram_count(const struct histogram *h);

/* ---- telling ---- */

/* print is called for each report from now on, in the order of calls here. The same one twice is told once. While no report is made; at most
 * sixteen. */
void metrics_tell_of(void (*print)(struct buf *out));
/* All of them, and how often each log event came up. */
void metrics_print(struct buf *out);

/* "# HELP" and "# TYPE" of a family, before its values. type: "counter", "gauge" or "histogram". help: one line without a backslash. */
void metric_family(struct buf *out, const char *name, const char *type, const char *help);
/* labels: "" or "command=\"FETCH\"". */
void metric_value(struct buf *out, const char *name, const char *labels, uint64_t value);
/* The same of a time: so many microseconds, told in seconds. */
void metric_seconds(struct buf *out, const char *name, const char *labels, uint64_t us);
void metric_histogram(struct buf *out, const char *name, const char *labels, const struct histogram *h);

#endif
