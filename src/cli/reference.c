/* SPDX-License-Identifier: Apache-2.0 */
/* reference: the tables of settings, verbs, exit statuses and log events as pages of docs/reference. */
#include <stdio.h>
#include <string.h>
#include "base/config.h"
#include "base/log.h"
#include "cli/verbs.h"

#define COLUMNS 100

static void
head(const char *title, const char *what)
{
	printf("# %s\n\n", title);
	cli_wrap(what, "", COLUMNS);
	puts("\nThis page is made from the program's own tables, by `tools/reference --write`; tests/reference has\na test of each entry.\n");
}

/* ---- settings ---- */

static void
setting(const struct config_row *row)
{
	struct config_old old;
	char name[128], line[400];

	snprintf(name, sizeof(name), "%s%s.%s", row->section, row->named ? " NAME" : "", row->key);
	printf("### `%s`\n\n", name);
	snprintf(line, sizeof(line), "%s; default `\"%s\"`%s%s%s.", cli_kind(row->type), row->preset, row->range != NULL ? "; " : "", row->range != NULL ? row->range : "",
	    row->advanced ? "; advanced" : "");
	cli_wrap(line, "", COLUMNS);
	putchar('\n');
	cli_wrap(row->text, "", COLUMNS);
	putchar('\n');
	for (size_t i = 0; config_old(i, &old); i++) {
		const char *key = strrchr(old.now, '.') + 1;

		if (strncmp(old.now, row->section, strlen(row->section)) == 0 && strchr(" .", old.now[strlen(row->section)]) != NULL && strcmp(key, row->key) == 0)
			printf("Formerly `%s`%s%.*s%s.\n\n", old.name, row->named ? ", which is that of `" : "", row->named ? (int)(key - 1 - old.now) : 0, old.now,
			    row->named ? "`" : "");
	}
}

void
cli_reference_settings(void)
{
	struct config_row row;
	const char *section = "";
	unsigned basic = 0, n = 0;

	for (size_t i = 0; config_row(i, &row); i++, n++)
		basic += !row.advanced;
	head("Settings", "What mansio.conf(5) tells of, too: the file begins with version = 1, and holds sections. None is needed. Sections listener, certificate, domain and directory "
			 "have a name and may stand more than once; listener http, https, imap, imaps, lmtp, pop3 and pop3s, certificate default and directory store are there without being named.");
	printf("%u settings, %u of them basic.\n\n", n, basic);
	for (size_t i = 0; config_row(i, &row); i++) {
		if (strcmp(section, row.section) != 0)
			printf("## %s%s\n\n", section = row.section, row.named ? " NAME" : "");
		setting(&row);
	}
}

/* ---- verbs ---- */

void
cli_reference_verbs(void)
{
	head("Verbs", "What mansio(1) tells of, too. What a verb acts on comes first; an account is the first argument behind the verb.");
	for (size_t i = 0; i < VERBS; i++) {
		printf("## `mansio %s`\n\n    mansio %s%s%s\n\n", verbs[i].words, verbs[i].words, *verbs[i].usage != '\0' ? " " : "", verbs[i].usage);
		cli_wrap(verbs[i].text, "", COLUMNS);
		printf("\nFor example:\n\n    %s\n\n", verbs[i].example);
		for (size_t k = 0; k < FORMERS; k++)
			if (strcmp(formers[k].now, verbs[i].words) == 0)
				printf("Formerly `%s`.\n\n", formers[k].words);
	}
}

/* ---- exit statuses, log events ---- */

void
cli_reference_statuses(void)
{
	head("Exit statuses", "Of every verb. A number has one meaning.");
#define X(name, number, text)                  \
	printf("## %d\n\n", number);               \
	cli_wrap(text, "", COLUMNS);               \
	putchar('\n');
#include "base/exit.tbl"
#undef X
}

void
cli_reference_events(void)
{
	static const char *const levels[] = {"error", "warning", "info", "debug"};

	head("Log events", "Each line of the log is a time, a level, the name of an event and its particulars, as mansio-log(7) says. Names of events stay.");
	for (int i = 0; i < EV_COUNT; i++) {
		enum log_event ev = (enum log_event)i;

		printf("## `%s`\n\nLevel %s.\n\n", log_event_name(ev), levels[log_event_level(ev)]);
		cli_wrap(log_event_text(ev), "", COLUMNS);
		putchar('\n');
	}
}
