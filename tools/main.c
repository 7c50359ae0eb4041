// SPDX-License-Identifier: BSD-2-Clause
/*
 * The tern command: a table of subcommands, each in its own cmd_*.c.
 */
#include "tools/help_pages.h"

#include <tern/stack.h>

#include <stdio.h>
#include <string.h>

static const struct command *const commands[] = {
	&cmd_run,   &cmd_host,	&cmd_net,     &cmd_ss,	   &cmd_sysctl,
	&cmd_nstat, &cmd_trace, &cmd_capture, &cmd_replay, &cmd_bench,
	&cmd_drill, &cmd_lab,	&cmd_ladder,
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_help(void)
{
	puts("tern: TCP/IP in user space.\n"
	     "\n"
	     "usage: tern COMMAND [OPTIONS]\n"
	     "       tern COMMAND --help\n"
	     "       tern --version\n");
	for (size_t i = 0; i < N_COMMANDS; i++)
		printf("  %-8s %s\n", commands[i]->name, commands[i]->summary);
}

/* How far a typed name is from a command's: bytes that differ at the same
 * place, and the difference in length. */
static size_t distance(const char *a, const char *b)
{
	size_t n = 0;

	for (; *a && *b; a++, b++)
		n += *a != *b;
	return n + strlen(a) + strlen(b);
}

static int unknown_command(const char *name)
{
	const char *nearest = commands[0]->name;

	for (size_t i = 1; i < N_COMMANDS; i++) {
		if (distance(name, commands[i]->name) < distance(name, nearest))
			nearest = commands[i]->name;
	}
	fprintf(stderr,
		"tern: there is no command \"%s\". Did you mean \"%s\"? "
		"tern --help lists all.\n",
		name, nearest);
	return TOOL_USAGE;
}

/* tern help --man COMMAND, tern help --completion SHELL: for the build. */
static int print_page(const char *what, const char *name)
{
	for (size_t i = 0; !strcmp(what, "--man") && i < N_COMMANDS; i++) {
		if (strcmp(name, commands[i]->name) != 0)
			continue;
		help_man(commands[i]);
		return TOOL_OK;
	}
	if (!strcmp(what, "--completion") &&
	    help_completion(name, commands, N_COMMANDS))
		return TOOL_OK;
	fprintf(stderr, "tern: help wants --man COMMAND or --completion "
			"bash|zsh\n");
	return TOOL_USAGE;
}

int main(int argc, char **argv)
{
	struct options options = { .argc = argc - 2, .argv = argv + 2 };
	const char *name = argc > 1 ? argv[1] : "--help";

	if (!strcmp(name, "help") && argc == 4)
		return print_page(argv[2], argv[3]);
	if (!strcmp(name, "--help") || !strcmp(name, "-h") ||
	    !strcmp(name, "help")) {
		print_help();
		return argc > 1 ? TOOL_OK : TOOL_USAGE;
	}
	if (!strcmp(name, "--version")) {
		printf("tern %s\n", tern_version());
		return TOOL_OK;
	}
	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(name, commands[i]->name) != 0)
			continue;
		if (argc > 2 &&
		    (!strcmp(argv[2], "--help") || !strcmp(argv[2], "-h"))) {
			tool_help(commands[i]);
			return TOOL_OK;
		}
		options.command = commands[i];
		return commands[i]->run(&options);
	}
	return unknown_command(name);
}
