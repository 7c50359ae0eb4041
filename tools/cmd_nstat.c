// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern nstat: counters of a running host under the names that nstat uses, and
 * why it has dropped packets.
 */
#define _GNU_SOURCE
#include "tools/ask.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>

enum { OPT_ZEROS = ASK_OPTIONS, OPT_DROPS, OPT_HELP_TEXT };

static const struct option_row rows[] = {
	ASK_OPTION_ROWS,
	[OPT_ZEROS] = { "zeros", NULL, "also those that are 0" },
	[OPT_DROPS] = { "drops", NULL, "why packets were dropped, instead" },
	[OPT_HELP_TEXT] = { "describe", NULL, "say what each counts" },
	{ 0 },
};

struct nstat {
	struct ask ask;
	bool zeros, drops, describe;
	int n_patterns;
	char **patterns;
};

static bool is_wanted(const struct nstat *n, const char *name, int64_t value)
{
	bool wanted = n->n_patterns == 0;

	for (int i = 0; i < n->n_patterns; i++)
		wanted |= fnmatch(n->patterns[i], name, FNM_CASEFOLD) == 0;
	return wanted && (value || n->zeros || n->n_patterns);
}

static void print_counter(void *ctx, const json_t *row)
{
	const struct nstat *n = ctx;
	const char *name = row_text(row, "name");
	int64_t value = row_number(row, "value");

	if (!is_wanted(n, name, value))
		return;
	printf("%-32s%-18" PRId64 "%s\n", name, value,
	       n->describe ? row_text(row, "help") : "");
}

static int nstat_main(struct options *o)
{
	struct nstat n = { .ask.command = o->command };
	int row;

	while ((row = options_next(o)) >= 0) {
		ask_option(&n.ask, row, o->value);
		n.zeros |= row == OPT_ZEROS;
		n.drops |= row == OPT_DROPS;
		n.describe |= row == OPT_HELP_TEXT;
	}
	if (row == OPTIONS_WRONG)
		return TOOL_USAGE;
	n.n_patterns = o->argc;
	n.patterns = o->argv;
	return ask_host(&n.ask, n.drops ? "drops" : "counters", NULL,
			print_counter, &n);
}

const struct command cmd_nstat = {
	.name = "nstat",
	.summary = "counters of a running host",
	.usage = "[OPTIONS] [PATTERN]...",
	.options = rows,
	.more = "  tern nstat 'Tcp*Retrans*'\n",
	.usage_status = TOOL_USAGE,
	.run = nstat_main,
};
