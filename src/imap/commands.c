/* SPDX-License-Identifier: Apache-2.0 */
/* Finding a command by its name, and how long each took. */
#include "imap/commands.h"

#include <stdio.h>
#include "base/metrics.h"

#define C(name, handler, states, flags, usage, doc) {name, cmd_##handler, states, flags, usage, doc},
static const struct command rows[] = {
#include "imap/commands.tbl"
};
#undef C
#define ROWS (sizeof(rows) / sizeof(rows[0]))

const struct command *
command_find(struct str name)
{
	size_t low = 0, high = ROWS;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int c = str_cmp(name, str_c(rows[mid].name));

		if (c == 0)
			return &rows[mid];
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

const struct command *
command_row(unsigned i)
{
	return i < ROWS ? &rows[i] : NULL;
}

/* ---- how long they took ---- */

static struct {
	struct histogram took;
	_Atomic uint64_t no, bad;
} measured[ROWS];

void
command_took(const struct command *row, char cond, int64_t us)
{
	size_t i = (size_t)(row - rows);

	histogram_add(&measured[i].took, us);
	if (cond == 'N')
		atomic_fetch_add_explicit(&measured[i].no, 1, memory_order_relaxed);
	if (cond == 'B')
		atomic_fetch_add_explicit(&measured[i].bad, 1, memory_order_relaxed);
}

static void
print_refused(struct buf *out, size_t i, const char *result, const _Atomic uint64_t *n)
{
	char labels[80];

	(void)snprintf(labels, sizeof(labels), "command=\"%s\",result=\"%s\"", rows[i].name, result);
	metric_value(out, "mansio_imap_commands_refused_total", labels, atomic_load_explicit(n, memory_order_relaxed));
}

void
commands_print(struct buf *out)
{
	metric_family(out, "mansio_imap_command_seconds", "histogram",
	    "from the first line of a command to its tagged answer, with what was waited for: literals, the disk, others; without IDLE");
	for (size_t i = 0; i < ROWS; i++) {
		char labels[80];

		(void)snprintf(labels, sizeof(labels), "command=\"%s\"", rows[i].name);
		if (histogram_count(&measured[i].took) > 0)
			metric_histogram(out, "mansio_imap_command_seconds", labels, &measured[i].took);
	}
	metric_family(out, "mansio_imap_commands_refused_total", "counter", "commands that were answered NO or BAD");
	for (size_t i = 0; i < ROWS; i++)
		if (histogram_count(&measured[i].took) > 0) {
			print_refused(out, i, "NO", &measured[i].no);
			print_refused(out, i, "BAD", &measured[i].bad);
		}
}
