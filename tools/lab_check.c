// SPDX-License-Identifier: BSD-2-Clause
/*
 * On the kernel a scenario differs if anything does that it gives no reason for
 * ("kernel differs", doc/lab.md); whoever runs all of them does not want to be
 * refused the long ones, so these are cut off where one alone would be refused.
 */
#include "lab_check.h"

#include "lab/lab_builtin.h"
#include "tool.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NAMES_MAX 1024
#define LINES_MAX 12

static struct {
	const struct lab_batch *batch;
	bool at_terminal;
	int n_failed, n_explained, n_skipped, status;
} checked;

static void tell_faults(const struct lab_outcome *o)
{
	if (o->n_tried < o->n_points)
		printf("      %" PRIu64 " of %" PRIu64 " faults", o->n_tried,
		       o->n_points);
	else
		printf("      %" PRIu64 " faults", o->n_points);
	printf(": all held in %" PRIu64 ", a call or a counter told of %" PRIu64
	       ", a packet was lost or late in %" PRIu64
	       ", made a difference to no call in %" PRIu64
	       " (of these %" PRIu64 " sent something again)\n",
	       o->n_held, o->n_told, o->n_unsent, o->n_resent + o->n_same,
	       o->n_resent);
}

static void tell_verdict(const char *name, const struct lab_outcome *o)
{
	const char *wrong = o->wrong.s;

	printf("%s  %s\n", o->holds && !wrong ? "ok  " : "FAIL", name);
	if (checked.batch->fault && o->holds)
		tell_faults(o);
	if (!o->holds)
		fputs(wrong ? wrong : o->report.s ? o->report.s : "", stdout);
}

/* The first lines of what differs; one scenario alone tells all. */
static void tell_report(const char *s)
{
	for (int i = 0; s && *s; i++) {
		const char *end = strchr(s, '\n');

		if (i == LINES_MAX) {
			printf("  ...\n");
			return;
		}
		printf("%.*s\n", (int)(end - s), s);
		s = end + 1;
	}
}

static void tell_compared(const char *name, struct lab_outcome *o)
{
	if (o->wrong.s) {
		printf("FAIL     %s\n%s", name, o->wrong.s);
	} else if (o->skipped.s) {
		printf("skip     %s", o->skipped.s);
		checked.n_skipped++;
		o->holds = true;
	} else {
		printf("%s  %s (%s)\n",
		       !o->holds   ? "DIFFERS" :
		       o->n_differ ? "differs" :
				     "agrees ",
		       name, o->compared.s);
		tell_report(o->report.s);
		checked.n_explained += o->holds && o->n_differ;
	}
}

static void tell_outcome(const char *name, struct lab_outcome *o)
{
	if (checked.at_terminal)
		fputs("\r\033[K", stderr);
	if (checked.batch->options.kernel)
		tell_compared(name, o);
	else
		tell_verdict(name, o);
	fflush(stdout);
	checked.n_failed += !o->holds;
	if (o->wrong.s)
		checked.status = TOOL_USAGE;
	else if (!o->holds && !checked.status)
		checked.status = TOOL_FAILED;
}

static void tell_progress(const char *name, uint64_t done, uint64_t of)
{
	fprintf(stderr, "\r\033[K%s %" PRIu64 "/%" PRIu64, name, done, of);
}

static void sum_up(int n)
{
	int n_differ = checked.n_failed + checked.n_explained;

	if (!checked.batch->options.kernel) {
		printf("%d passed, %d failed\n", n - checked.n_failed,
		       checked.n_failed);
		return;
	}
	printf("%d agree, %d differ (%d of them for reasons that they give), "
	       "%d skipped\n",
	       n - n_differ - checked.n_skipped, n_differ, checked.n_explained,
	       checked.n_skipped);
}

int lab_check(struct lab_batch *b, char *const *argv, int argc)
{
	const char *names[NAMES_MAX] = { NULL };
	int n = 0;

	if (!argc)
		for (; lab_builtins[n].name && n < NAMES_MAX; n++)
			names[n] = lab_builtins[n].name;
	for (int i = 0; i < argc && n < NAMES_MAX; i++)
		names[n++] = argv[i];
	if (b->options.kernel && !b->real_limit_ns)
		b->real_limit_ns = LAB_REAL_LIMIT_NS;
	checked.batch = b;
	checked.at_terminal = isatty(STDERR_FILENO) &&
			      (b->fault || b->options.kernel);
	b->on_outcome = tell_outcome;
	if (checked.at_terminal)
		b->on_progress = tell_progress;
	lab_batch_check(b, names, n);
	sum_up(n);
	return checked.status;
}
