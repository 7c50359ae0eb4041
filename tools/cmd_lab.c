// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern lab: scenarios in virtual time, drawn as ladders.
 */
#include "tools/lab_check.h"
#include "tools/view_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	OPT_LIST,
	OPT_CHECK,
	OPT_LANG,
	OPT_ASCII,
	OPT_WIDTH,
	OPT_JSON,
	OPT_PLOT,
	OPT_CAPTURE,
	OPT_ON,
	OPT_ON_HOST,
	OPT_REAL_LIMIT,
	OPT_SEED,
	OPT_SET,
	OPT_COLOUR,
	OPT_JOBS,
	OPT_FAULT,
	OPT_SAMPLE,
	N_OPTIONS,
};

static const struct option_row rows[] = {
	[OPT_LIST] = { "list", NULL, "the scenarios that are built in" },
	[OPT_CHECK] = { "check", NULL,
			"runs those named, or all, and prints verdicts only" },
	[OPT_LANG] = { "lang", "en|zh",
		       "of titles and explanations "
		       "(default: by LANG)" },
	[OPT_ASCII] = VIEW_ROW_ASCII,
	[OPT_WIDTH] = VIEW_ROW_WIDTH,
	[OPT_JSON] = { "json", NULL, "the events as JSON, nothing else" },
	[OPT_PLOT] = { "plot", "FILE",
		       "cwnd, flight, RTT and goodput: an SVG, and here" },
	[OPT_CAPTURE] = { "capture", "FILE",
			  "a link's packets as pcapng, with virtual times" },
	[OPT_ON] = { "on", "kernel|LINK",
		     "on the kernel, too; or the link to capture" },
	[OPT_ON_HOST] = { "on-host", "NAME",
			  "with --on kernel: this host alone" },
	[OPT_REAL_LIMIT] = { "real-limit", "S",
			     "with --on kernel: only so much of it "
			     "(30)" },
	[OPT_SEED] = { "seed", "N", "another seed than the scenario's" },
	[OPT_SET] = { "set", "KNOB=V",
		      "a sysctl on every host; may be "
		      "repeated" },
	[OPT_COLOUR] = VIEW_ROW_COLOUR,
	[OPT_JOBS] = { "jobs", "N",
		       "with --check: at a time (default: one a "
		       "core)" },
	[OPT_FAULT] = { "fault", "KIND[:N]",
			"alloc or send: again with each failing, or the Nth" },
	[OPT_SAMPLE] = { "sample", "N",
			 "with --fault: so many points (all up to 1000, else 50)" },
	[N_OPTIONS] = { NULL },
};

struct lab_command {
	struct lab_batch batch;
	bool list, check;
	struct lab_knob knobs[LAB_KNOBS_MAX];
};

static enum lab_lang lang_of_env(void)
{
	const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };

	for (int i = 0; i < 3; i++) {
		const char *v = getenv(names[i]);

		if (v && *v)
			return strncmp(v, "zh", 2) ? LAB_EN : LAB_ZH;
	}
	return LAB_EN;
}

static bool take_knob(struct options *o, struct lab_command *c)
{
	char *eq = strchr(o->value, '=');
	int n = c->batch.options.n_knobs;

	if (!eq || eq == o->value) {
		tool_error(o->command,
			   "--set %s: write it as --set "
			   "tcp_syn_retries=2",
			   o->value);
		return false;
	}
	if (n == LAB_KNOBS_MAX) {
		tool_error(o->command, "more than %d knobs", LAB_KNOBS_MAX);
		return false;
	}
	*eq = 0;
	c->knobs[n] = (struct lab_knob){ o->value, eq + 1 };
	c->batch.options.knobs = c->knobs;
	c->batch.options.n_knobs = n + 1;
	return true;
}

static bool take_lang(struct options *o, struct lab_view *view)
{
	if (!strcmp(o->value, "en"))
		view->lang = LAB_EN;
	else if (!strncmp(o->value, "zh", 2))
		view->lang = LAB_ZH;
	else {
		tool_error(o->command, "--lang %s: en or zh", o->value);
		return false;
	}
	return true;
}

/* KIND, or KIND:POINT. */
static bool take_fault(struct options *o, struct lab_command *c)
{
	struct lab_batch *b = &c->batch;
	char *colon = strchr(o->value, ':');

	if (colon)
		*colon = 0;
	if (!strcmp(o->value, "alloc"))
		b->fault = LAB_FAULT_ALLOC;
	else if (!strcmp(o->value, "send"))
		b->fault = LAB_FAULT_SEND;
	else
		tool_error(o->command,
			   "--fault %s: it is alloc or send, and perhaps "
			   ":POINT",
			   o->value);
	b->has_point = colon;
	if (colon &&
	    !parse_number(o->command, "fault", colon + 1, INT64_MAX, &b->point))
		return false;
	c->check |= b->fault && !colon;
	return b->fault != LAB_FAULT_NONE;
}

static bool take(struct options *o, struct lab_command *c, int row)
{
	struct lab_batch *b = &c->batch;
	uint64_t n;

	switch (row) {
	case OPT_LIST:
		c->list = true;
		return true;
	case OPT_CHECK:
		c->check = true;
		return true;
	case OPT_LANG:
		return take_lang(o, &b->view);
	case OPT_ASCII:
	case OPT_WIDTH:
	case OPT_COLOUR:
		return view_take(o->command, &b->view.style, row, o->value);
	case OPT_JSON:
		b->json = true;
		return true;
	case OPT_PLOT:
		b->plot = o->value;
		return true;
	case OPT_CAPTURE:
		b->capture = o->value;
		return true;
	case OPT_ON:
		if (!strcmp(o->value, "kernel"))
			b->options.kernel = true;
		else
			b->options.tap = o->value;
		return true;
	case OPT_ON_HOST:
		b->options.on_host = o->value;
		return true;
	case OPT_REAL_LIMIT:
		if (!parse_number(o->command, "real-limit", o->value, 100000,
				  &n))
			return false;
		b->real_limit_ns = (int64_t)n * NS_PER_S;
		return true;
	case OPT_SEED:
		b->options.has_seed = true;
		return parse_number(o->command, "seed", o->value, INT64_MAX,
				    &b->options.seed);
	case OPT_FAULT:
		return take_fault(o, c);
	case OPT_SAMPLE:
		if (!strcmp(o->value, "all"))
			b->sample = UINT64_MAX;
		else if (!parse_number(o->command, "sample", o->value,
				       INT64_MAX, &b->sample))
			return false;
		return true;
	case OPT_SET:
		return take_knob(o, c);
	case OPT_JOBS:
		if (!parse_number(o->command, "jobs", o->value, 64, &n))
			return false;
		b->n_jobs = (int)n;
		return true;
	}
	return false;
}

static int list(const struct lab_command *c)
{
	struct drill_text t = { 0 };

	lab_batch_list(&t, c->batch.view.lang);
	fputs(t.s ? t.s : "", stdout);
	free(t.s);
	return TOOL_OK;
}

static int run_one(struct options *o, struct lab_command *c, const char *name)
{
	struct lab_outcome out = { 0 };
	const char *wrong;
	int status;

	lab_batch_one(&c->batch, name, &out);
	fputs(out.output.s ? out.output.s : "", stdout);
	wrong = out.wrong.s ? out.wrong.s : out.skipped.s;
	if (wrong)
		fprintf(stderr, "tern lab: %s", wrong);
	status = wrong ? TOOL_USAGE : out.holds ? TOOL_OK : TOOL_FAILED;
	lab_outcome_fini(&out);
	return status;
}

/* Do the options go together? */
static bool fits(struct options *o, const struct lab_command *c)
{
	const struct lab_batch *b = &c->batch;

	if (!b->options.kernel && (b->options.on_host || b->real_limit_ns))
		tool_error(o->command,
			   "--on-host and --real-limit go with --on kernel");
	else if (b->options.kernel && (b->capture || b->plot || b->fault))
		tool_error(o->command,
			   "--capture, --plot and --fault are of a run on "
			   "tern: leave --on kernel out");
	else
		return true;
	return false;
}

static int lab_main(struct options *o)
{
	static struct lab_command c;
	struct lab_view *view = &c.batch.view;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int row, status = TOOL_OK;

	view_init(&view->style);
	view->lang = lang_of_env();
	c.batch.n_jobs = cores > 0 ? (int)cores : 1;
	while ((row = options_next(o)) >= 0) {
		if (!take(o, &c, row))
			return TOOL_USAGE;
	}
	if (row == OPTIONS_WRONG)
		return TOOL_USAGE;
	if (c.list)
		return list(&c);
	if (!fits(o, &c))
		return TOOL_USAGE;
	if (c.check)
		return lab_check(&c.batch, o->argv, o->argc);
	if (o->argc < 1) {
		tool_error(o->command, "name a scenario, or a file. tern lab "
				       "--list has those that are built in");
		return TOOL_USAGE;
	}
	if (o->argc > 1 && (c.batch.capture || c.batch.plot)) {
		tool_error(o->command, "%s takes one scenario",
			   c.batch.plot ? "--plot" : "--capture");
		return TOOL_USAGE;
	}
	for (int i = 0; i < o->argc; i++) {
		int one = run_one(o, &c, o->argv[i]);

		status = one > status ? one : status;
	}
	return status;
}

const struct command cmd_lab = {
	.name = "lab",
	.summary = "scenarios in virtual time, drawn as ladders",
	.usage = "[OPTIONS] NAME|FILE.lab...",
	.options = rows,
	.more = "  tern lab third-ack-lost\n"
		"  tern lab --set tcp_syn_retries=2 first-syn-lost\n"
		"  tern lab --capture x.pcapng my.lab\n"
		"  tern lab --on kernel four-way-close\n"
		"  tern lab --check\n"
		"  tern lab --check --on kernel --real-limit 10\n"
		"\n"
		"A name with a dot or a slash is a file; doc/lab.md describes "
		"its language.\n"
		"--on kernel needs root, or user namespaces.\n"
		"Exit status: 0 if all that is expected holds (with --on "
		"kernel: if nothing\ndiffers), 1 if not, 2 for a wrong "
		"command line or scenario.\n",
	.usage_status = TOOL_USAGE,
	.run = lab_main,
};
