/* SPDX-License-Identifier: Apache-2.0 */
/* What bash reads to complete a command line, made from the tables of verbs and settings. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "base/config.h"
#include "cli/verbs.h"

/* Former words are completed too. */
static const char *
words_of(size_t i)
{
	return i < VERBS ? verbs[i].words : i < VERBS + FORMERS ? formers[i - VERBS].words : NULL;
}

static const char *
usage_of(size_t i)
{
	for (size_t k = 0; k < VERBS; k++)
		if (k == i || (i >= VERBS && strcmp(verbs[k].words, formers[i - VERBS].now) == 0))
			return verbs[k].usage;
	return "";
}

/* Whether row i is there, and begins with the first n bytes of words as a whole word. */
static bool
begins(size_t i, const char *words, size_t n)
{
	const char *w = words_of(i);

	return w != NULL && strncmp(w, words, n) == 0 && strchr(" ", w[n]) != NULL;
}

static void
first_words(void)
{
	for (size_t i = 0; words_of(i) != NULL; i++) {
		size_t n = strcspn(words_of(i), " ");

		if (i == 0 || !begins(i - 1, words_of(i), n))
			printf("%s%.*s", i > 0 ? " " : "", (int)n, words_of(i));
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
	for (size_t i = 0; words_of(i) != NULL;) {
		const char *first = words_of(i);
		size_t n = strcspn(first, " ");

		printf("\t%.*s) words=\"", (int)n, first);
		for (; begins(i, first, n); i++) {
			if (words_of(i)[n] == ' ')
				printf("%s ", words_of(i) + n + 1);
			options(usage_of(i));
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
