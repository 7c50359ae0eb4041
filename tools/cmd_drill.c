// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern drill: packetdrill scripts on a tern stack, in virtual time.
 */
#include "tools/view_options.h"

#include "lab/drill.h"
#include "lab/drill_config.h"
#include "lab/drill_coverage.h"
#include "lab/lab_kernel.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	OPT_JUNIT,
	OPT_JSON,
	OPT_JOBS,
	OPT_FAULT,
	OPT_COVERAGE,
	OPT_REQUIRE,
	OPT_ASCII,
	OPT_WIDTH,
	OPT_COLOUR,
	N_OWN
};

#define ROWS_MAX 64 /* own options and those of scripts */
#define OVERRIDES_MAX 256

static const struct option_row own_rows[N_OWN] = {
	[OPT_JUNIT] = { "junit", "FILE", "results as JUnit's XML" },
	[OPT_JSON] = { "json", NULL, "results as JSON, nothing else" },
	[OPT_JOBS] = { "jobs", "N", "scripts at a time (default: one a core)" },
	[OPT_FAULT] = { "fault", "KIND",
			"alloc or send: again with each of them failing" },
	[OPT_COVERAGE] = { "coverage", NULL,
			   "which behaviours files and folders say they cover" },
	[OPT_REQUIRE] = { "require", "ROWS",
			  "with --coverage: fail if one of these (O4,T) is "
			  "not" },
	[OPT_ASCII] = VIEW_ROW_ASCII,
	[OPT_WIDTH] = VIEW_ROW_WIDTH,
	[OPT_COLOUR] = VIEW_ROW_COLOUR,
};

/* Own rows, then those of lab/drill_config.c; filled before the first use. */
static struct option_row rows[ROWS_MAX];

struct drill_command {
	struct drill_override overrides[OVERRIDES_MAX];
	int n_overrides;
	const char *junit;
	const char *required; /* rows */
	bool json, verbose, coverage, records;
	uint64_t n_jobs;
	enum lab_fault_kind fault;
	uint64_t n_points, n_told, n_held, n_other;
	int counts[DRILL_N_VERDICTS];
	struct ladder_style style;
};

__attribute__((constructor)) static void fill_rows(void)
{
	const struct drill_config_row *row;
	int i;

	memcpy(rows, own_rows, sizeof(own_rows));
	for (i = 0; (row = drill_config_row(i)) && N_OWN + i < ROWS_MAX - 1;
	     i++)
		rows[N_OWN + i] =
			(struct option_row){ row->name, row->value, row->help };
}

static void on_result(void *ctx, const struct drill_result *r)
{
	struct drill_command *c = ctx;

	c->counts[r->verdict]++;
	c->n_points += r->n_points;
	c->n_told += r->n_told;
	c->n_held += r->n_held;
	c->n_other += r->n_other;
	if (c->json)
		return;
	if (r->output)
		fputs(r->output, stdout);
	switch (r->verdict) {
	case DRILL_PASSED:
		if (r->report)
			fputs(r->report, stdout);
		if (c->verbose)
			printf("ok    %s\n", r->path);
		break;
	case DRILL_FAILED:
		if (r->report)
			fputs(r->report, stdout);
		else
			printf("%s:%d: %s\n", r->path, r->line, r->message);
		printf("FAIL  %s\n", r->path);
		break;
	case DRILL_SKIPPED:
		printf("skip  %s:%d: %s\n", r->path, r->line, r->message);
		break;
	case DRILL_N_VERDICTS:
		break;
	}
	fflush(stdout);
}

static void tell_faults(const struct drill_command *c)
{
	printf("%" PRIu64 " faults: a call told of %" PRIu64
	       ", the script held in %" PRIu64
	       ", went another way and ended in order in %" PRIu64 "\n",
	       c->n_points, c->n_told, c->n_held, c->n_other);
}

/* NULL or what is wrong with a value; said at once, not once a file. */
static const char *check_override(const char *name, const char *value)
{
	struct drill_mem mem = { 0 };
	struct drill_config config;
	const char *wrong;

	drill_config_init(&config);
	wrong = drill_config_set(&config, name, value, &mem);
	drill_mem_fini(&mem);
	return wrong;
}

static bool take_override(struct options *o, struct drill_command *c, int row)
{
	const char *wrong = check_override(rows[row].name, o->value);

	if (wrong) {
		tool_error(o->command, "--%s=%s: it %s", rows[row].name,
			   o->value ? o->value : "", wrong);
		return false;
	}
	if (c->n_overrides == OVERRIDES_MAX) {
		tool_error(o->command, "more than %d options", OVERRIDES_MAX);
		return false;
	}
	/* A user namespace, if need be: as long as there is one thread. */
	wrong = strcmp(rows[row].name, "kernel") ? NULL : lab_kernel_enter();
	if (wrong) {
		tool_error(o->command, "--kernel: %s", wrong);
		return false;
	}
	c->verbose |= !strcmp(rows[row].name, "verbose");
	c->records |= !strcmp(rows[row].name, "record");
	c->overrides[c->n_overrides++] =
		(struct drill_override){ rows[row].name, o->value };
	return true;
}

static bool take_fault(struct options *o, struct drill_command *c)
{
	if (!strcmp(o->value, "alloc"))
		c->fault = LAB_FAULT_ALLOC;
	else if (!strcmp(o->value, "send"))
		c->fault = LAB_FAULT_SEND;
	else
		tool_error(o->command, "--fault=%s: it is alloc or send",
			   o->value);
	return c->fault != LAB_FAULT_NONE;
}

static int run_files(struct options *o, struct drill_command *c)
{
	struct drill_result *results;
	struct drill_batch batch = {
		.paths = o->argv,
		.n_paths = o->argc,
		.setup = { c->overrides, c->n_overrides, &c->style },
		.n_jobs = (int)c->n_jobs,
		.fault = c->fault,
		.each = on_result,
		.ctx = c,
	};
	int i, error = 0;

	results = calloc((size_t)o->argc, sizeof(*results));
	if (!results)
		return TOOL_FAILED;
	drill_batch_run(&batch, results);
	if (c->fault && !c->json)
		tell_faults(c);
	if (c->json)
		drill_report_json(results, o->argc);
	else
		printf("%d passed, %d failed, %d skipped\n",
		       c->counts[DRILL_PASSED], c->counts[DRILL_FAILED],
		       c->counts[DRILL_SKIPPED]);
	if (c->junit)
		error = drill_report_junit(c->junit, results, o->argc);
	if (error)
		tool_error(o->command, "%s: %s", c->junit, strerror(-error));
	for (i = 0; i < o->argc; i++)
		drill_result_fini(&results[i]);
	free(results);
	return c->counts[DRILL_FAILED] || error ? TOOL_FAILED : TOOL_OK;
}

/* The original's short forms: -D NAME=VALUE, -DNAME=VALUE, -v. */
static void lengthen(struct options *o)
{
	static char text[OVERRIDES_MAX][1024];
	int i, n = 0;

	for (i = 0; i < o->argc && strcmp(o->argv[i], "--") != 0; i++) {
		if (!strcmp(o->argv[i], "-v")) {
			o->argv[i] = "--verbose";
		} else if (!strcmp(o->argv[i], "-D")) {
			o->argv[i++] = "--define";
		} else if (!strncmp(o->argv[i], "-D", 2) && n < OVERRIDES_MAX) {
			snprintf(text[n], sizeof(text[n]), "--define=%s",
				 o->argv[i] + 2);
			o->argv[i] = text[n++];
		}
	}
}

static bool take(struct options *o, struct drill_command *c, int row)
{
	switch (row) {
	case OPT_JUNIT:
		c->junit = o->value;
		return true;
	case OPT_JSON:
		c->json = true;
		return true;
	case OPT_JOBS:
		return parse_number(o->command, "jobs", o->value, 64,
				    &c->n_jobs);
	case OPT_FAULT:
		return take_fault(o, c);
	case OPT_REQUIRE:
		c->required = o->value;
		c->coverage = true;
		return true;
	case OPT_COVERAGE:
		c->coverage = true;
		return true;
	case OPT_ASCII:
	case OPT_WIDTH:
	case OPT_COLOUR:
		return view_take(o->command, &c->style, row, o->value);
	}
	return take_override(o, c, row);
}

static int drill_main(struct options *o)
{
	static struct drill_command c;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int row;

	lengthen(o);
	c.n_jobs = cores > 0 ? (uint64_t)cores : 1;
	view_init(&c.style);
	while ((row = options_next(o)) >= 0) {
		if (!take(o, &c, row))
			return TOOL_USAGE;
	}
	/* A report's ladders are read elsewhere. */
	if (c.junit)
		c.style.colour = false;
	if (row == OPTIONS_WRONG)
		return TOOL_USAGE;
	if (o->argc < 1) {
		tool_error(o->command, "name one script or more. tern drill "
				       "--help has an example");
		return TOOL_USAGE;
	}
	if (c.coverage)
		return drill_coverage(o->argv, o->argc, c.required) ?
			       TOOL_FAILED :
			       TOOL_OK;
	if (c.records && (o->argc > 1 || c.fault)) {
		tool_error(o->command, "--record is for one run of one script");
		return TOOL_USAGE;
	}
	return run_files(o, &c);
}

const struct command cmd_drill = {
	.name = "drill",
	.summary = "packetdrill scripts, in virtual time",
	.usage = "[OPTIONS] FILE.pkt...",
	.options = rows,
	.more = "Scripts' own options come first in a script; these here win.\n"
		"\n"
		"  tern drill test/script/open/*.pkt\n"
		"  tern drill --ip_version=ipv6 --mtu=1520 x.pkt\n"
		"  tern drill --coverage --require O4,C test\n"
		"  tern drill --fault alloc x.pkt\n"
		"  tern drill --kernel --jobs 1 x.pkt\n"
		"\n"
		"--kernel needs root, or user namespaces; each script has a "
		"network namespace of\nits own.\n"
		"With --fault a script may go another way, but nothing may "
		"crash, leak, hang\nor stay open: after each run all is "
		"closed and the peer is silent.\n"
		"\n"
		"Exit status: 0 if none failed, 1 if one did, 2 for a wrong "
		"command line.\n",
	.usage_status = TOOL_USAGE,
	.run = drill_main,
};
