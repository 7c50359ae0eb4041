// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern bench: the benchmarks, as a table or as JSON.
 */
#include "tools/bench.h"
#include "tools/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct bench *const benches[] = {
	&bench_pair,	 &bench_idle,	  &bench_path,	  &bench_ports,
	&bench_timewait, &bench_synflood, &bench_goodput, &bench_fairness,
	&bench_share,	 &bench_observe
};

#define N_BENCHES (sizeof(benches) / sizeof(benches[0]))

enum {
	OPT_JSON,
	OPT_SECONDS,
	OPT_CONNECTIONS,
	OPT_RECORDS,
	OPT_SOCKETS,
	OPT_SYNS,
	OPT_ROUNDS,
	OPT_RATE,
	OPT_CC,
	OPT_CHECK,
	OPT_SEED,
	OPT_FLIGHT,
	OPT_CELLS
};

static const struct option_row rows[] = {
	[OPT_JSON] = { "json", NULL, "as JSON" },
	[OPT_SECONDS] = { "seconds", "N",
			  "of each measurement of speed "
			  "(default: 5)" },
	[OPT_CONNECTIONS] = { "connections", "N", NULL },
	[OPT_RECORDS] = { "records", "N", NULL },
	[OPT_SOCKETS] = { "sockets", "N", NULL },
	[OPT_SYNS] = { "syns", "N", NULL },
	[OPT_ROUNDS] = { "rounds", "N", "for path (default: 5)" },
	[OPT_RATE] = { "rate", "MBIT", "for path (default: 50)" },
	[OPT_CC] = { "cc", "NAME", "for path: cubic or bbr alone" },
	[OPT_CHECK] = { "check", "FILE",
			"for goodput: a sample of that table" },
	[OPT_SEED] = { "seed", "N", "of the sample (default: 1)" },
	[OPT_FLIGHT] = { "flight", NULL, "for pair: with the flight recorder" },
	[OPT_CELLS] = { "cells", "PATTERN",
			"for goodput, path: as 'grid cubic 10 20 *'" },
	{ 0 },
};

double bench_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

void bench_add(json_t *results, const char *what, double value,
	       const char *unit)
{
	json_array_append_new(results,
			      json_pack("{s:s, s:f, s:s}", "what", what,
					"value", value, "unit", unit));
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_median(double *values, unsigned n)
{
	qsort(values, n, sizeof(*values), compare);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static void print_table(const char *name, const json_t *results)
{
	json_t *row;
	size_t i;

	json_array_foreach(results, i, row)
	{
		double value = json_real_value(json_object_get(row, "value"));

		printf("%-8s %-32s %12.*f %s\n", name,
		       json_string_value(json_object_get(row, "what")),
		       value >= 1000 || value == (double)(int)value ? 0 : 2,
		       value, json_string_value(json_object_get(row, "unit")));
	}
}

static int run_one(const struct bench *bench, const struct bench_options *o,
		   json_t *all)
{
	json_t *results = json_array();
	int status = bench->run(o, results);

	if (all)
		json_object_set_new(all, bench->name,
				    json_pack("{s:b, s:O}", "ok", !status,
					      "results", results));
	else if (bench->print)
		bench->print(results);
	else
		print_table(bench->name, results);
	json_decref(results);
	fflush(stdout);
	return status;
}

/* All, or those named. */
static int run_named(struct options *o, const struct bench_options *options,
		     json_t *all)
{
	int status = 0, n_run = 0;

	for (size_t i = 0; i < N_BENCHES; i++) {
		bool named = o->argc == 0 && !benches[i]->by_name_only;

		for (int j = 0; j < o->argc; j++)
			named |= !strcmp(o->argv[j], benches[i]->name);
		if (!named)
			continue;
		n_run++;
		status |= run_one(benches[i], options, all);
	}
	if (n_run < o->argc || !n_run) {
		tool_error(o->command, "the benchmarks are:");
		for (size_t i = 0; i < N_BENCHES; i++)
			fprintf(stderr, "  %-8s %s\n", benches[i]->name,
				benches[i]->help);
		return TOOL_USAGE;
	}
	return status;
}

static bool take_number(const char *name, const char *text, uint64_t max,
			uint64_t *out)
{
	if (!parse_number(&cmd_bench, name, text, max, out))
		return false;
	if (!*out)
		tool_error(&cmd_bench, "--%s 0: at least 1", name);
	return *out;
}

static bool take_option(struct bench_options *b, int row, const char *value)
{
	uint64_t n;

	switch (row) {
	case OPT_SECONDS:
		if (!take_number("seconds", value, 3600, &n))
			return false;
		b->seconds = (double)n;
		break;
	case OPT_CONNECTIONS:
		return take_number("connections", value, 1000000,
				   &b->connections);
	case OPT_SOCKETS:
		return take_number("sockets", value, 1000000, &b->sockets);
	case OPT_RECORDS:
		return take_number("records", value, 1000000, &b->records);
	case OPT_SYNS:
		return take_number("syns", value, 100000000, &b->syns);
	case OPT_ROUNDS:
		if (!take_number("rounds", value, BENCH_ROUNDS_MAX, &n))
			return false;
		b->rounds = (unsigned)n;
		break;
	case OPT_RATE:
		if (!take_number("rate", value, 1000, &n))
			return false;
		b->rate = n * 1000000;
		break;
	case OPT_CHECK:
		b->check = value;
		break;
	case OPT_SEED:
		return parse_number(&cmd_bench, "seed", value, UINT64_MAX,
				    &b->seed);
	case OPT_FLIGHT:
		b->flight = true;
		return true;
	case OPT_CELLS:
		b->cells = value;
		break;
	case OPT_CC:
		b->only = value;
		if (strcmp(value, "cubic") && strcmp(value, "bbr")) {
			tool_error(&cmd_bench, "--cc %s: cubic or bbr", value);
			return false;
		}
		break;
	}
	return true;
}

static int bench_main(struct options *o)
{
	struct bench_options options = {
		.seconds = 5,
		.connections = 100000,
		.records = 1000000,
		.sockets = 1000000,
		.syns = 1000000,
		.rounds = 5,
		.rate = 50000000,
		.seed = 1,
	};
	json_t *all = NULL;
	int row, status = TOOL_OK;

	while (status == TOOL_OK && (row = options_next(o)) >= 0) {
		if (row == OPT_JSON)
			all = all ? all : json_object();
		else if (!take_option(&options, row, o->value))
			status = TOOL_USAGE;
	}
	if (status == TOOL_OK)
		status = row == OPTIONS_WRONG ? TOOL_USAGE :
						run_named(o, &options, all);
	if (all && status != TOOL_USAGE) {
		json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(all);
	return status;
}

const struct command cmd_bench = {
	.name = "bench",
	.summary = "the benchmarks",
	.usage = "[OPTIONS] [NAME]...",
	.options = rows,
	.more = "  pair      Gbit/s of one connection in memory, one thread\n"
		"  idle      bytes of an idle connection (--connections N): at most 416\n"
		"  ports     ns a connect() until EADDRNOTAVAIL\n"
		"  timewait  bytes of a TIME_WAIT record (--records N): at most 83.9, IPv6 117.4\n"
		"  synflood  ns a forged SYN (--syns N); 990 of 1,000 clients get through\n"
		"  goodput *  doc/goodput.md, the golden table, in half an hour\n"
		"  path *    goodput under loss against this kernel; needs unshare -Urn\n"
		"  observe * what tern ss costs a busy host (--sockets N)\n"
		"  fairness *, share *  how two flows share a link; share: one is this kernel's\n"
		"*: by name only. Exit status: 1 if a bound is broken or a check "
		"fails, else 0.\n",
	.usage_status = TOOL_USAGE,
	.run = bench_main,
};
