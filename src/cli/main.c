/* SPDX-License-Identifier: Apache-2.0 */
/* main: takes the common options, finds the verb, runs it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/config.h"
#include "base/near.h"
#include "cli/verbs.h"
#include "db/vfs/faultvfs.h"
#include "server/server.h"

#define COLUMNS 79

static const struct verb *
verb_named(const char *words)
{
	for (size_t i = 0; i < FORMERS; i++)
		if (strcmp(formers[i].words, words) == 0)
			words = formers[i].now;
	for (size_t i = 0; i < VERBS; i++)
		if (strcmp(verbs[i].words, words) == 0)
			return &verbs[i];
	return NULL;
}

/* The words of today and of before; NULL behind the last. */
static const char *
known_words(size_t i)
{
	return i < VERBS ? verbs[i].words : i - VERBS < FORMERS ? formers[i - VERBS].words : NULL;
}

int
cli_usage(const char *words)
{
	const struct verb *v = verb_named(words);

	fprintf(stderr, "usage: mansio [options] %s %s\n", words, v ? v->usage : "");
	return EXIT_USAGE;
}

const char *
cli_account(struct cli *cli, const char *given)
{
	if (given != NULL || cli->argc == 0)
		return given;
	cli->argc--;
	return *cli->argv++;
}

/* How much of a text stands before its first full stop or colon. */
static size_t
first_sentence(const char *text)
{
	size_t n = 0;

	while (text[n] != '\0' && !((text[n] == '.' || text[n] == ':') && (text[n + 1] == ' ' || text[n + 1] == '\0')))
		n++;
	return n;
}

static void
print_verb(const struct verb *v)
{
	printf("usage: mansio [options] %s %s\n\n", v->words, v->usage);
	cli_wrap(v->text, "", COLUMNS);
	printf("\nfor example: %s\n", v->example);
	for (size_t i = 0; i < FORMERS; i++)
		if (strcmp(formers[i].now, v->words) == 0)
			printf("formerly: %s\n", formers[i].words);
}

static void
print_overview(FILE *to)
{
	fputs("Mansio " MANSIO_VERSION ", an IMAP server.\n\n"
	      "usage: mansio [--data DIR] [--config FILE] [--set section.key=value]... VERB ...\n"
	      "       mansio -h | --help | -V | --version\n\n",
	    to);
	for (size_t i = 0; i < VERBS; i++)
		fprintf(to, "  %-25s %.*s\n", verbs[i].words, (int)first_sentence(verbs[i].text), verbs[i].text);
	fputs("\n'mansio help VERB' tells more of a verb, 'mansio config' what can be set.\n", to);
}

/* Usage and text of a verb, or of all verbs that begin with the word. False: there are none. */
static bool
print_verbs(const char *words)
{
	const struct verb *v = verb_named(words);
	size_t n = strlen(words);
	bool any = v != NULL;

	if (v != NULL)
		print_verb(v);
	for (size_t i = 0; known_words(i) != NULL && v == NULL; i++) {
		if (strncmp(known_words(i), words, n) != 0 || known_words(i)[n] != ' ')
			continue;
		if (any)
			putchar('\n');
		print_verb(verb_named(known_words(i)));
		any = true;
	}
	return any;
}

/* A verb that does not exist, or only the first of its two words, or one that is not known behind it. */
static int
no_such_verb(const char *first, const char *second)
{
	struct buf known = {0};
	char both[128];
	struct near near = {0};
	size_t n = strlen(first);

	snprintf(both, sizeof(both), "%s%s%s", first, second != NULL ? " " : "", second != NULL ? second : "");
	near.word = str_c(both);
	for (size_t i = 0; known_words(i) != NULL; i++) {
		near_try(&near, known_words(i));
		if (strncmp(known_words(i), first, n) == 0 && known_words(i)[n] == ' ')
			buf_addf(&known, "%s%s", known.n > 0 ? ", " : "", known_words(i));
	}
	for (size_t i = 0; known_words(i) != NULL && near.best == NULL && known.n == 0; i++) {
		near.word = str_c(first);
		near_try(&near, known_words(i));
	}
	if (near.best != NULL)
		(void)cli_fail("there is no verb %s; did you mean %s?", known.n > 0 || strchr(near.best, ' ') != NULL ? both : first, near.best);
	else if (known.n > 0)
		(void)cli_fail("there is no verb %s; there are: %.*s", both, STR_FMT(buf_str(&known)));
	else
		(void)cli_fail("there is no verb %s; 'mansio help' lists them", first);
	buf_free(&known);
	return EXIT_USAGE;
}

int
cli_help(struct cli *cli)
{
	char words[64] = "";

	if (cli->argc == 0) {
		print_overview(stdout);
		return 0;
	}
	snprintf(words, sizeof(words), "%s%s%s", cli->argv[0], cli->argc > 1 ? " " : "",
	    cli->argc > 1 ? cli->argv[1] : "");
	return print_verbs(words) ? 0 : no_such_verb(cli->argv[0], cli->argc > 1 ? cli->argv[1] : NULL);
}

int
cli_version(struct cli *cli)
{
	puts("mansio " MANSIO_VERSION);
	return 0;
}

/* An option at argv[*i]: its value in the same word after '=', or in the next. */
static bool
option(struct cli *cli, int i, const struct cli_option *o, int *used_r)
{
	const char *word = cli->argv[i] + 2;
	size_t n = strlen(o->name);

	if (o->letter != '\0' && strcmp(cli->argv[i] + 1, (char[]){o->letter, '\0'}) == 0) {
		*o->flag = true;
		*used_r = 1;
		return true;
	}
	if (cli->argv[i][1] != '-' || strncmp(word, o->name, n) != 0)
		return false;
	if (o->flag != NULL && word[n] == '\0') {
		*o->flag = true;
		*used_r = 1;
		return true;
	}
	if (o->value != NULL && word[n] == '=') {
		*o->value = word + n + 1;
		*used_r = 1;
		return true;
	}
	if (o->value != NULL && word[n] == '\0' && i + 1 < cli->argc) {
		*o->value = cli->argv[i + 1];
		*used_r = 2;
		return true;
	}
	return false;
}

/* Whether a word that is no option with its value is one without. */
static bool
lacks_value(const char *word, const struct cli_option *options)
{
	for (const struct cli_option *o = options; o->name != NULL; o++)
		if (o->value != NULL && word[1] == '-' && strcmp(word + 2, o->name) == 0)
			return true;
	return false;
}

static void
no_such_option(const char *word, const struct cli_option *options)
{
	struct str name = str_head(str_c(word), str_chr(str_c(word), '='));
	struct near near = {.word = str_from(name, strspn(word, "-"))};

	for (const struct cli_option *o = options; o->name != NULL; o++)
		near_try(&near, o->name);
	for (const char *const *o = (const char *const[]){"data", "config", "set", "help", "version", NULL}; *o != NULL; o++)
		near_try(&near, *o);
	if (near.best != NULL)
		(void)cli_fail("there is no option %.*s; did you mean --%s?", STR_FMT(name), near.best);
	else
		(void)cli_fail("there is no option %.*s", STR_FMT(name));
}

static void
drop(struct cli *cli, int i, int n)
{
	memmove(cli->argv + i, cli->argv + i + n, (size_t)(cli->argc - i - n) * sizeof(*cli->argv));
	cli->argc -= n;
}

/* Takes the known options; all: an unknown one is an error. */
static bool
take_options(struct cli *cli, const struct cli_option *options, bool all, void (*took)(const char *value))
{
	for (int i = 0; i < cli->argc;) {
		const struct cli_option *o = options;
		int used = 0;

		if (strcmp(cli->argv[i], "--") == 0) {
			if (all)
				drop(cli, i, 1);
			return true;
		}
		/* "-" alone is standard input. */
		if (cli->argv[i][0] != '-' || cli->argv[i][1] == '\0') {
			i++;
			continue;
		}
		while (o->name != NULL && !option(cli, i, o, &used))
			o++;
		if (o->name != NULL) {
			drop(cli, i, used);
			if (took != NULL && strcmp(o->name, "set") == 0)
				took(*o->value);
		} else if (lacks_value(cli->argv[i], options)) {
			(void)cli_fail("%s wants a value", cli->argv[i]);
			return false;
		} else if (all) {
			no_such_option(cli->argv[i], options);
			return false;
		} else {
			i++;
		}
	}
	return true;
}

bool
cli_options(struct cli *cli, const struct cli_option *options)
{
	return take_options(cli, options, true, NULL);
}

/* --set comes after the file, whatever their order on the command line. */
static const char **sets;
static size_t sets_n;

static void
keep_set(const char *value)
{
	sets = x_realloc(sets, (sets_n + 1) * sizeof(*sets));
	sets[sets_n++] = value;
}

static bool
configure(struct cli *cli)
{
	struct buf why = {0};
	enum status st = OK;

	if (cli->config != NULL || config_there(CONFIG_DEFAULT_PATH))
		st = config_read(cli->config ? cli->config : CONFIG_DEFAULT_PATH, &why);
	for (size_t i = 0; st == OK && i < sets_n; i++)
		st = config_set(str_c(sets[i]), &why);
	if (st == OK && cli->data != NULL) {
		struct buf set = {0};

		buf_addf(&set, "server.data=%s", cli->data);
		st = config_set(buf_str(&set), &why);
		buf_free(&set);
	}
	if (st == OK)
		st = config_check(&why);
	if (st != OK)
		(void)cli_fail("%.*s", STR_FMT(buf_str(&why)));
	buf_free(&why);
	return st == OK;
}

/* The verb of one or two words at the front of the arguments, which are taken off. */
static const struct verb *
take_verb(struct cli *cli)
{
	char two[64];
	const struct verb *v;

	if (cli->argc == 0)
		return NULL;
	snprintf(two, sizeof(two), "%s %s", cli->argv[0], cli->argc > 1 ? cli->argv[1] : "");
	if ((v = verb_named(two)) != NULL)
		drop(cli, 0, 2);
	else if ((v = verb_named(cli->argv[0])) != NULL)
		drop(cli, 0, 1);
	return v;
}

/* These say only what the program knows by itself: they work whatever the settings. */
static bool
needs_settings(const struct verb *v)
{
	return v->run != cli_help && v->run != cli_version && v->run != cli_manual;
}

/* Options are taken out of argv. */
static char **
copy_words(int argc, char **argv)
{
	static char **words; /* as long as the process */

	words = x_malloc(((size_t)argc + 1) * sizeof(*words));
	memcpy(words, argv, (size_t)argc * sizeof(*words));
	words[argc] = NULL;
	return words;
}

static int
run(int argc, char **argv)
{
	struct cli cli = {.argc = argc - 1, .argv = argv + 1, .words = copy_words(argc, argv)};
	const char *set = NULL;
	bool help = false, version = false;
	const struct cli_option common[] = {{"data", &cli.data, NULL}, {"config", &cli.config, NULL},
	    {"set", &set, NULL}, {"help", NULL, &help, 'h'}, {"version", NULL, &version, 'V'}, {0}};
	const struct verb *v;

	signal(SIGPIPE, SIG_IGN);
	faultvfs_environment();
	if (!take_options(&cli, common, false, keep_set))
		return EXIT_USAGE;
	if (version)
		return cli_version(&cli);
	v = take_verb(&cli);
	if (help && v != NULL) {
		print_verb(v);
		return 0;
	}
	if (help)
		return cli_help(&cli);
	if (v == NULL && cli.argc > 0 && cli.argv[0][0] == '-') {
		no_such_option(cli.argv[0], common);
		return EXIT_USAGE;
	}
	if (v == NULL && cli.argc > 0)
		return no_such_verb(cli.argv[0], cli.argc > 1 ? cli.argv[1] : NULL);
	if (v == NULL) {
		print_overview(stderr);
		return EXIT_USAGE;
	}
	if (v->run == cli_serve && !server_worker_begin())
		return EXIT_NOT_DONE;
	if (needs_settings(v) && !configure(&cli))
		return EXIT_USAGE;
	return v->run(&cli);
}

/* What could not be written was not said: that is a failure, whatever the verb did. */
int
cli_written(int code)
{
	int e = fflush(stdout) == 0 ? 0 : errno;

	if (e == 0 && !ferror(stdout))
		return code;
	(void)cli_fail("cannot write to standard output: %s", e != 0 ? strerror(e) : "some of it is lost");
	return code != EXIT_DONE ? code : EXIT_NOT_DONE;
}

int
main(int argc, char **argv)
{
	return cli_written(run(argc, argv));
}
