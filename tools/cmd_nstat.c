// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern nstat: counters of a running host as nstat(8) shows the kernel's: what
 * they have grown by since the last call, or absolutely; and why it has dropped
 * packets.
 *
 * What was shown last is kept beside the host's control socket, with the
 * process that it was of: a host that started again is counted from 0.
 */
#define _GNU_SOURCE
#include "control/control_path.h"
#include "tools/ask.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	OPT_ABSOLUTE = ASK_OPTIONS,
	OPT_ZEROS,
	OPT_NO_UPDATE,
	OPT_RESET,
	OPT_NO_OUTPUT,
	OPT_DROPS,
	OPT_HELP_TEXT,
	N_OPTIONS,
};

static const struct option_row rows[] = {
	[ASK_HOST] = { "host", "HOST",
		       "which host (needed if several are running)" },
	[ASK_JSON] = { "json", NULL, "as nstat's JSON", 'j' },
	[OPT_ABSOLUTE] = { "ignore", NULL,
			   "all that was counted, not what came since the last "
			   "call",
			   'a' },
	[OPT_ZEROS] = { "zeros", NULL, "also those that are 0", 'z' },
	[OPT_NO_UPDATE] = { "noupdate", NULL,
			    "the next call counts from the last one, too",
			    's' },
	[OPT_RESET] = { "reset", NULL, "forget the last call", 'r' },
	[OPT_NO_OUTPUT] = { "nooutput", NULL, "show nothing: count from now",
			    'n' },
	[OPT_DROPS] = { "drops", NULL,
			"why packets were dropped, instead; absolute" },
	[OPT_HELP_TEXT] = { "describe", NULL, "say what each counts" },
	{ 0 },
};

struct nstat {
	struct ask ask;
	bool on[N_OPTIONS];
	char host[CONTROL_NAME_MAX + 1];
	int64_t pid;
	json_t *old, *now; /* by name */
	json_t *shown;	   /* for --json */
	int n_patterns;
	char **patterns;
};

static bool is_wanted(const struct nstat *n, const char *name, int64_t value)
{
	bool wanted = n->n_patterns == 0;

	for (int i = 0; i < n->n_patterns; i++)
		wanted |= fnmatch(n->patterns[i], name, FNM_CASEFOLD) == 0;
	return wanted && (value || n->on[OPT_ZEROS]);
}

static void on_counter(void *ctx, const json_t *row)
{
	struct nstat *n = ctx;
	const char *name = row_text(row, "name");
	int64_t value = row_number(row, "value");

	json_object_set_new(n->now, name, json_integer(value));
	value -= row_number(n->old, name);
	if (n->on[OPT_NO_OUTPUT] || !is_wanted(n, name, value))
		return;
	if (n->shown)
		json_object_set_new(n->shown, name, json_integer(value));
	else
		/* The last column is nstat's rate, which its daemon fills. */
		printf("%-32s%-16" PRId64 "%6.1f%s%s\n", name, value, 0.,
		       n->on[OPT_HELP_TEXT] ? "  " : "",
		       n->on[OPT_HELP_TEXT] ? row_text(row, "help") : "");
}

static void on_hello(void *ctx, const json_t *row)
{
	struct nstat *n = ctx;

	snprintf(n->host, sizeof(n->host), "%s", row_text(row, "name"));
	n->pid = row_number(row, "pid");
}

static void read_history(struct nstat *n)
{
	char path[256];
	json_t *file;

	if (control_history_path(n->host, path, sizeof(path)) != 0)
		return;
	file = json_load_file(path, 0, NULL);
	if (row_number(file, "pid") == n->pid)
		n->old = json_incref(json_object_get(file, "counters"));
	json_decref(file);
}

static bool write_history(const struct nstat *n)
{
	json_t *file = json_pack("{s:I, s:O}", "pid", (json_int_t)n->pid,
				 "counters", n->now);
	char path[256], temp[264];
	bool good = false;

	/* In one step: another call may read it meanwhile. */
	if (control_history_path(n->host, path, sizeof(path)) == 0) {
		snprintf(temp, sizeof(temp), "%s.new", path);
		good = json_dump_file(file, temp, JSON_COMPACT) == 0 &&
		       rename(temp, path) == 0;
	}
	json_decref(file);
	if (!good)
		tool_error(n->ask.command, "the history was not written: %s",
			   path);
	return good;
}

static int show(struct nstat *n)
{
	bool drops = n->on[OPT_DROPS];
	const char *key = drops ? "drops" : "kernel"; /* as nstat has it */
	struct ask rows_alone = n->ask;
	int status;

	rows_alone.json = false;
	status = ask_host(&rows_alone, "hello", NULL, on_hello, n);
	if (status != TOOL_OK)
		return status;
	if (!drops && !n->on[OPT_ABSOLUTE] && !n->on[OPT_RESET])
		read_history(n);
	if (n->ask.json)
		n->shown = json_object();
	else if (!n->on[OPT_NO_OUTPUT])
		printf("#%s\n", key);
	n->now = json_object();
	status = ask_host(&rows_alone, drops ? "drops" : "counters", NULL,
			  on_counter, n);
	if (n->shown && status == TOOL_OK && !n->on[OPT_NO_OUTPUT]) {
		json_t *all = json_pack("{s:O}", key, n->shown);

		json_dumpf(all, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(all);
	}
	if (status == TOOL_OK && !drops && !n->on[OPT_NO_UPDATE] &&
	    !write_history(n))
		status = TOOL_FAILED;
	return status;
}

static int nstat_main(struct options *o)
{
	struct nstat n = { .ask.command = o->command };
	int row, status;

	while ((row = options_next(o)) >= 0) {
		ask_option(&n.ask, row, o->value);
		n.on[row] = true;
	}
	if (row == OPTIONS_WRONG)
		return TOOL_USAGE;
	n.n_patterns = o->argc;
	n.patterns = o->argv;
	status = show(&n);
	json_decref(n.old);
	json_decref(n.now);
	json_decref(n.shown);
	return status;
}

const struct command cmd_nstat = {
	.name = "nstat",
	.summary = "counters of a running host",
	.usage = "[OPTIONS] [PATTERN]...",
	.options = rows,
	.more = "  tern nstat -as 'Tcp*Retrans*'\n",
	.usage_status = TOOL_USAGE,
	.run = nstat_main,
};
