/* SPDX-License-Identifier: Apache-2.0 */
/* What bash reads to complete a command line, made from the tables of verbs and settings. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "base/config.h"
#include "cli/cli.h"

static const struct {
	const char *words, *usage;
} verbs[] = {
#define V(words, function, usage, text) {words, usage},
#include "cli/verbs.tbl"
#undef V
};
#define VERBS (sizeof(verbs) / sizeof(*verbs))

static void
first_words(void)
{
	for (size_t i = 0; i < VERBS; i++) {
		size_t n = strcspn(verbs[i].words, " ");

		if (i == 0 || strncmp(verbs[i].words, verbs[i - 1].words, n) != 0)
			printf("%s%.*s", i > 0 ? " " : "", (int)n, verbs[i].words);
	}
}

/* The options that stand in a usage line. */
static void
options(const char *usage)
{
	while ((usage = strstr(usage, "--")) != NULL) {
		size_t n = 2;

		while (islower((unsigned char)usage[n]) || usage[n] == '-')
			n++;
		printf("%.*s ", (int)n, usage);
		usage += n;
	}
}

/* verb) words="the second words, or the options";; */
static void
cases(void)
{
	for (size_t i = 0; i < VERBS;) {
		size_t n = strcspn(verbs[i].words, " "), first = i;

		printf("\t%.*s) words=\"", (int)n, verbs[i].words);
		for (; i < VERBS && strncmp(verbs[i].words, verbs[first].words, n) == 0 && strchr(" ", verbs[i].words[n]) != NULL; i++) {
			if (verbs[i].words[n] == ' ')
				printf("%s ", verbs[i].words + n + 1);
			options(verbs[i].usage);
		}
		puts("\" ;;");
	}
}

void
cli_completion(void)
{
	struct config_row row;

	puts("# bash completion for mansio(1), made from the program's own tables: mansio manual completion\n"
	     "_mansio() {\n"
	     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb= words= i\n"
	     "\tCOMPREPLY=()\n"
	     "\tcase $prev in");
	fputs("\t--set) compopt -o nospace; COMPREPLY=($(compgen -S = -W \"", stdout);
	for (size_t i = 0; config_row(i, &row); i++)
		printf("%s%s%s.%s", i > 0 ? " " : "", row.section, row.named ? ".NAME" : "", row.key);
	puts("\" -- \"$cur\")); return ;;\n"
	     "\t--data) compopt -o dirnames; return ;;\n"
	     "\t--config | --file) compopt -o default; return ;;\n"
	     "\t--format) COMPREPLY=($(compgen -W \"maildir mbox\" -- \"$cur\")); return ;;\n"
	     "\t--scheme) COMPREPLY=($(compgen -W \"argon2id plain hash\" -- \"$cur\")); return ;;\n"
	     "\tesac\n"
	     "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	     "\t\tcase ${COMP_WORDS[i]} in\n"
	     "\t\t--data | --config | --set) ((i++)) ;;\n"
	     "\t\t-*) ;;\n"
	     "\t\t*) verb=${COMP_WORDS[i]}; break ;;\n"
	     "\t\tesac\n"
	     "\tdone\n"
	     "\tcase $verb in");
	fputs("\t\"\") words=\"--data --config --set --help --version ", stdout);
	first_words();
	puts("\" ;;");
	cases();
	puts("\tesac\n"
	     "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	     "\t[[ ${#COMPREPLY[@]} -gt 0 || $cur == -* ]] || compopt -o default\n"
	     "}\n"
	     "complete -F _mansio mansio");
}
