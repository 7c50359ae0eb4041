// SPDX-License-Identifier: BSD-2-Clause
/*
 * Manual pages and shell completion. The build asks the program itself for
 * them, so they have the options that it has.
 *
 * Options without a help text are shown in neither, as in --help.
 */
#include "tools/help_pages.h"

#include <tern/stack.h>

#include <stdio.h>
#include <string.h>

/* Text for roff: no line begins with a control character, - is a minus. */
static void put_roff(const char *text)
{
	bool first = true;

	for (; *text; text++) {
		if (first && (*text == '.' || *text == '\''))
			fputs("\\&", stdout);
		if (*text == '\\')
			fputs("\\e", stdout);
		else if (*text == '-')
			fputs("\\-", stdout);
		else
			putchar(*text);
		first = *text == '\n';
	}
}

static void put_option(const struct option_row *row)
{
	puts(".TP");
	fputs(".B ", stdout);
	if (row->letter)
		printf("\\-%c, ", row->letter);
	fputs("\\-\\-", stdout);
	put_roff(row->name);
	if (row->value)
		printf("%s\\fI%s\\fR", row->value[0] == '[' ? "" : " ",
		       row->value);
	putchar('\n');
	put_roff(row->help);
	putchar('\n');
}

void help_man(const struct command *c)
{
	printf(".TH TERN\\-%s 1 \"\" \"tern %s\"\n.SH NAME\ntern\\-%s \\- ",
	       c->name, tern_version(), c->name);
	put_roff(c->summary);
	printf("\n.SH SYNOPSIS\n.B tern %s\n", c->name);
	put_roff(c->usage);
	putchar('\n');
	if (c->options)
		puts(".SH OPTIONS");
	for (const struct option_row *r = c->options; r && r->name; r++)
		if (r->help)
			put_option(r);
	if (c->more) {
		puts(".SH NOTES\n.nf");
		put_roff(c->more);
		puts(".fi");
	}
}

/* "--all --tcp -a -t" */
static void put_words(const struct command *c)
{
	for (const struct option_row *r = c->options; r && r->name; r++) {
		if (!r->help)
			continue;
		printf("--%s ", r->name);
		if (r->letter)
			printf("-%c ", r->letter);
	}
	fputs("--help", stdout);
}

static void put_bash(const struct command *const *commands, size_t n)
{
	puts("# bash completion of tern, made by tern help --completion bash\n"
	     "_tern() {\n"
	     "\tlocal words cur=${COMP_WORDS[COMP_CWORD]}\n"
	     "\tCOMPREPLY=()\n"
	     "\tif [ \"$COMP_CWORD\" -eq 1 ]; then");
	fputs("\t\twords=\"", stdout);
	for (size_t i = 0; i < n; i++)
		printf("%s ", commands[i]->name);
	puts("--help --version\"\n\telse\n\t\tcase ${COMP_WORDS[1]} in");
	for (size_t i = 0; i < n; i++) {
		printf("\t\t%s) words=\"", commands[i]->name);
		put_words(commands[i]);
		puts("\" ;;");
	}
	puts("\t\tesac\n"
	     "\tfi\n"
	     "\tcase $cur in\n"
	     "\t-*) ;;\n"
	     "\t*) [ \"$COMP_CWORD\" -eq 1 ] || return 0 ;;\n"
	     "\tesac\n"
	     "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	     "}\n"
	     "complete -o default -F _tern tern");
}

static void put_zsh(const struct command *const *commands, size_t n)
{
	puts("#compdef tern\n"
	     "# made by tern help --completion zsh\n"
	     "if (( CURRENT == 2 )); then");
	fputs("\tcompadd", stdout);
	for (size_t i = 0; i < n; i++)
		printf(" %s", commands[i]->name);
	puts("\n\treturn\nfi\ncase $words[2] in");
	for (size_t i = 0; i < n; i++) {
		printf("%s) compadd -- ", commands[i]->name);
		put_words(commands[i]);
		puts(" ;;");
	}
	puts("esac\n_files");
}

bool help_completion(const char *shell, const struct command *const *commands,
		     size_t n)
{
	if (!strcmp(shell, "bash"))
		put_bash(commands, n);
	else if (!strcmp(shell, "zsh"))
		put_zsh(commands, n);
	else
		return false;
	return true;
}
