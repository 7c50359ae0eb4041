// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern sysctl: lists, reads and sets the tunables of a running host; without
 * one it lists what there is.
 */
#include "tools/ask.h"

#include <tern/stack.h>

#include <stdio.h>
#include <string.h>

enum {
	OPT_DESCRIBE = ASK_OPTIONS,
	OPT_DEFAULTS,
	OPT_ALL,
	OPT_VALUES,
	OPT_WRITE
};

static const struct option_row rows[] = {
	ASK_OPTION_ROWS,
	[OPT_DESCRIBE] = { "describe", NULL,
			   "say what each does, its range and default" },
	[OPT_DEFAULTS] = { "list", NULL,
			   "all names, without a host: what there is" },
	[OPT_ALL] = { "all", NULL, "all of them, as without a name", 'a' },
	[OPT_VALUES] = { "values", NULL, "values without names", 'n' },
	[OPT_WRITE] = { "write", NULL, "set: each is a NAME=VALUE", 'w' },
	{ 0 },
};

struct sysctl {
	struct ask ask;
	bool describe, values, write;
};

static void print_tunable(void *ctx, const json_t *row)
{
	const struct sysctl *s = ctx;

	if (s->values)
		printf("%s\n", row_text(row, "value"));
	else
		printf("%s = %s\n", row_text(row, "name"),
		       row_text(row, "value"));
	if (!s->describe)
		return;
	printf("\t%s%s%s%s\n", row_text(row, "help"),
	       row_text(row, "unit")[0] ? " (" : "", row_text(row, "unit"),
	       row_text(row, "unit")[0] ? ")" : "");
	printf("\t%s%sdefault %s\n", row_text(row, "range"),
	       row_text(row, "range")[0] ? ", " : "", row_text(row, "default"));
}

static int print_list(void)
{
	const struct tern_tunable *t;

	for (int i = 0; (t = tern_tunable_at(i)); i++)
		printf("%-40s %s%s%s%s\n", t->name, t->help,
		       t->unit[0] ? " (" : "", t->unit, t->unit[0] ? ")" : "");
	return TOOL_OK;
}

/* "name" or "name=value". */
static int one_tunable(struct sysctl *s, const char *word)
{
	const char *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : strlen(word);
	const struct tern_tunable *t;
	json_t *args = json_object();
	char name[128];

	if (s->write && !equals) {
		tool_error(s->ask.command,
			   "-w sets: \"%s\" wants a value, as %s=1", word,
			   word);
		json_decref(args);
		return TOOL_USAGE;
	}
	while (len && word[len - 1] == ' ') /* "name = value" */
		len--;
	snprintf(name, sizeof(name), "%.*s", (int)len, word);
	for (char *c = name; *c; c++) /* net/ipv4/..., as sysctl takes it */
		*c = *c == '/' ? '.' : *c;
	t = tern_tunable_find(name);
	if (!t) {
		tool_error(s->ask.command,
			   "there is no tunable \"%s\". Did you mean \"%s\"?",
			   name, tern_tunable_nearest(name)->name);
		json_decref(args);
		return TOOL_FAILED;
	}
	json_object_set_new(args, "name", json_string(t->name));
	if (equals)
		json_object_set_new(args, "value", json_string(equals + 1));
	return ask_host(&s->ask, "tunables", args, print_tunable, s);
}

static int sysctl_main(struct options *o)
{
	struct sysctl s = { .ask.command = o->command };
	int row, status = TOOL_OK;

	while ((row = options_next(o)) >= 0) {
		ask_option(&s.ask, row, o->value);
		s.describe |= row == OPT_DESCRIBE;
		s.values |= row == OPT_VALUES;
		s.write |= row == OPT_WRITE;
		if (row == OPT_DEFAULTS)
			return print_list();
	}
	if (row == OPTIONS_WRONG)
		return TOOL_USAGE;
	if (o->argc == 0)
		return ask_host(&s.ask, "tunables", NULL, print_tunable, &s);
	for (int i = 0; i < o->argc; i++) {
		int one = one_tunable(&s, o->argv[i]);

		status = one ? one : status;
	}
	return status;
}

const struct command cmd_sysctl = {
	.name = "sysctl",
	.summary = "read and set tunables of a running host",
	.usage = "[OPTIONS] [NAME | NAME=VALUE]...",
	.options = rows,
	.more = "  tern sysctl tcp_rmem\n"
		"  tern sysctl -w tcp_fin_timeout=30\n",
	.usage_status = TOOL_USAGE,
	.run = sysctl_main,
};
