/* SPDX-License-Identifier: Apache-2.0 */
/* manual: what the tables say, for man(1) and for bash. */
#include <stdio.h>
#include <string.h>
#include "base/config.h"
#include "base/log.h"
#include "cli/verbs.h"

static const struct {
	int number;
	const char *text;
} statuses[] = {
#define X(name, number, text) {number, text},
#include "base/exit.tbl"
#undef X
};

/* Text for troff: backslashes, and dots and quotes at the start of a line, mean something there. */
static void
text(const char *s)
{
	if (*s == '.' || *s == '\'')
		fputs("\\&", stdout);
	for (; *s != '\0'; s++) {
		if (*s == '\\')
			fputs("\\e", stdout);
		else if (*s == '-')
			fputs("\\-", stdout);
		else
			putchar(*s);
	}
	putchar('\n');
}

static void
page(const char *name, const char *section, const char *what)
{
	printf(".TH %s %s \"\" \"Mansio " MANSIO_VERSION "\"\n.SH NAME\n%s \\- %s\n", name, section, name, what);
}

static void
page_mansio(void)
{
	page("mansio", "1", "an IMAP server, and the tools around it");
	puts(".SH SYNOPSIS\n.B mansio\n[\\-\\-data DIR] [\\-\\-config FILE] [\\-\\-set section.key=value]... VERB ...\n.SH DESCRIPTION");
	puts("Mansio keeps mail and serves it over IMAP. All verbs work beside a running server, over its socket in the data folder, and "
	     "without one; store repair needs the server stopped, session list and session close one that runs.\n.SH VERBS");
	for (size_t i = 0; i < VERBS; i++) {
		printf(".TP\n.B ");
		fputs(verbs[i].words, stdout);
		putchar(' ');
		text(verbs[i].usage);
		text(verbs[i].text);
		fputs(".PP\n.RS\nExample: ", stdout);
		text(verbs[i].example);
		puts(".RE");
	}
	puts(".SH FORMER WORDS\nThese are understood as they were:");
	for (size_t i = 0; i < FORMERS; i++)
		printf(".TP\n.B %s\nis %s now.\n", formers[i].words, formers[i].now);
	puts(".PP\nThe account of export and import stood behind \\-\\-user, and may stand there still.");
	puts(".SH OPTIONS\n.TP\n.B \\-\\-data DIR\nThe data folder (setting server.data). check, export and the lists also take a folder that cannot be written, a snapshot, or a database file as it lies.\n.TP\n.B \\-\\-config FILE\nThe configuration file, "
	     "else /etc/mansio/mansio.conf where it exists. See mansio.conf(5).\n.TP\n.B \\-\\-set section.key=value\nA setting; comes before the file's. A list may be written as in the file.\n"
	     ".TP\n.B \\-h, \\-\\-help; \\-V, \\-\\-version\nThe verbs, or what one of them does; the version.");
	puts(".SH FILES\nIn the data folder:\n.TP\n.B mansio.db, mansio.db\\-wal\nThe store, and what was changed last; after a clean stop mansio.db alone.\n"
	     ".TP\n.B mansio.db\\-reserve\nSpace kept for a full disk, 16 MB.\n"
	     ".TP\n.B tls\\-cert.pem, tls\\-key.pem\nThe self\\-made certificate, where the certificate default has no file.\n"
	     ".TP\n.B admin.sock, lmtp.sock\nWhere a running server listens for the verbs and for LMTP.");
	puts(".SH JSON\nWith \\-\\-json a verb prints an array of flat objects, one a row; each says its version, 1. Fields may be added to a version; none is taken away or gets another meaning.");
	puts(".SH EXAMPLES\n.nf\nmansio account add alice@example.org bob@example.org\nmansio account import alice@example.org ~/Maildir\nmansio serve\n"
	     "mansio store backup /backup/monday/mansio.db\nmansio \\-\\-data /backup/monday store check\n.fi");
	puts(".SH EXIT STATUS");
	for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++) {
		printf(".TP\n.B %d\n", statuses[i].number);
		text(statuses[i].text);
	}
	puts(".SH SEE ALSO\nmansio.conf(5), mansio\\-log(7)");
}

const char *
cli_kind(const char *type)
{
	static const char *const kinds[][2] = {{"STR", "text"}, {"LIST", "list"}, {"NUMBER", "number"}, {"SIZE", "size"},
	    {"SECONDS", "time"}, {"MILLIS", "time"}, {"BOOL", "yes or no"}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(kinds[i][0], type) == 0)
			return kinds[i][1];
	return type;
}

/* The settings that are advanced, or those that are not; of sections with a name, or of the others. */
static void
settings(bool advanced)
{
	struct config_row row;
	const char *section = "";

	for (size_t i = 0; config_row(i, &row); i++) {
		if (row.advanced != advanced)
			continue;
		if (strcmp(section, row.section) != 0)
			printf(".SS %s%s\n", section = row.section, row.named ? " NAME" : "");
		printf(".TP\n.B %s\n(%s, default \"%s\"%s%s)\n", row.key, cli_kind(row.type), row.preset, row.range ? ", " : "",
		    row.range ? row.range : "");
		text(row.text);
	}
}

static void
former_settings(void)
{
	struct config_old old;

	for (size_t i = 0; config_old(i, &old); i++)
		printf(".TP\n.B %s.%s\nis %s now.\n", old.section, old.key, old.now);
}

static void
page_conf(void)
{
	page("mansio.conf", "5", "settings of mansio(1)");
	puts(".SH DESCRIPTION\nNo setting is needed. The file says its version, and holds sections of the form\n.PP\n.nf\nversion = 1\n\n"
	     "listener imap {\n    address = {\"*:143\", \"[::1]:1143\"}\n}\nlistener webmail {\n    service = imap\n    address = \"127.0.0.1:2143\"\n    hide = UIDONLY\n}\n"
	     "certificate default {\n    file = /etc/mansio/fullchain.pem\n    key = /etc/mansio/privkey.pem\n}\n"
	     "imap {\n    hide = {\"COMPRESS=DEFLATE@imaps\", \"QRESYNC/alice\"}\n}\nlimits {\n    message_bytes = 100M\n}\n.fi\n.PP\nComments "
	     "begin with #. Sections listener, certificate, domain and directory have a name, and may stand more than once; the listeners http, https, imap, imaps, lmtp, pop3 and pop3s, the certificate default and "
	     "the directory store are there without being named. On the command line a setting is "
	     "\\-\\-set section.key=value or \\-\\-set section.name.key=value. Sizes are bytes, or 100K, 20M, 1G; times are 500ms, 30s, 10m, 2h, 7d: with their unit. SIGHUP reads imap.hide, the certificates and their keys again and opens log.file anew; everything else wants a restart.\n.PP\n"
	     "A value is a bare word, or stands in quotes; within double quotes \\e\" and \\e\\e are these characters. Each setting stands once. A file that cannot be "
	     "read, or in which anything is wrong, keeps every verb from running; the message names the line. \\fBmansio config\\fR checks it, and what its settings name.\n.PP\n"
	     "A file that says no version is one of before: it is read as it was then, times without a unit are seconds, and \\fBmansio config upgrade\\fR writes it anew. "
	     "Former names of settings are understood in every file, and told of by \\fBmansio config\\fR.\n.SH SETTINGS");
	settings(false);
	puts(".SH ADVANCED SETTINGS\nNobody should need these to run a server.");
	settings(true);
	puts(".SH FORMER NAMES");
	former_settings();
}

static void
page_log(void)
{
	static const char *const levels[] = {"error", "warning", "info", "debug"};

	page("mansio-log", "7", "what the log of mansio(1) says");
	puts(".SH DESCRIPTION\nA line is a time, a level, an event and its particulars. Bytes that are not printable ASCII are written "
	     "\\ex and two digits. What came from outside, such as the name of a user or a mailbox, stands in double quotes, and a double quote or a backslash in it is "
	     "written so too: it cannot be taken for another field.\n.SH EVENTS");
	for (int i = 0; i < EV_COUNT; i++) {
		printf(".TP\n.B %s\n(%s) ", log_event_name((enum log_event)i), levels[log_event_level((enum log_event)i)]);
		text(log_event_text((enum log_event)i));
	}
}

/* A default as it would be written: the words of a list between braces, text in quotes. */
static void
preset(const struct config_row *row)
{
	if (strcmp(row->type, "LIST") == 0)
		printf("    #%s = {}\n", row->key);
	else
		printf("    #%s = \"%s\"\n", row->key, row->preset);
}

/* The sections of which one is always there, by the name that a sample gives them. */
static const char *
sample_name(const char *section)
{
	static const char *const names[][2] = {{"certificate", "default"}, {"directory", "store"}, {"domain", "example.org"}, {"listener", "imap"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(names[i][0], section) == 0)
			return names[i][1];
	return "";
}

/* A configuration file in which nothing is set. */
static void
sample(void)
{
	struct config_row row;
	const char *section = "";

	puts("# Settings of mansio(1), see mansio.conf(5). None is needed; each stands here with its default. Copy this to /etc/mansio/mansio.conf,\n"
	     "# take the # from what is to be set, and have it checked: mansio config --changed\nversion = 1\n");
	for (size_t i = 0; config_row(i, &row); i++) {
		if (strcmp(section, row.section) != 0)
			printf("%s\n%s%s%s {\n", *section != '\0' ? "}\n" : "", row.section, row.named ? " " : "", sample_name(row.section));
		section = row.section;
		cli_wrap(row.text, "    # ", 100);
		preset(&row);
	}
	puts("}");
}

int
cli_manual(struct cli *cli)
{
	if (!cli_options(cli, (struct cli_option[]){{0}}) || cli->argc != 1)
		return cli_usage("manual");
	if (strcmp(cli->argv[0], "mansio") == 0)
		page_mansio();
	else if (strcmp(cli->argv[0], "mansio.conf") == 0)
		page_conf();
	else if (strcmp(cli->argv[0], "mansio-log") == 0)
		page_log();
	else if (strcmp(cli->argv[0], "sample") == 0)
		sample();
	else if (strcmp(cli->argv[0], "completion") == 0)
		cli_completion();
	else if (strcmp(cli->argv[0], "settings") == 0)
		cli_reference_settings();
	else if (strcmp(cli->argv[0], "verbs") == 0)
		cli_reference_verbs();
	else if (strcmp(cli->argv[0], "exit-statuses") == 0)
		cli_reference_statuses();
	else if (strcmp(cli->argv[0], "log-events") == 0)
		cli_reference_events();
	else
		return cli_usage("manual");
	return 0;
}
