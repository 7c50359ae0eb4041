// SPDX-License-Identifier: BSD-2-Clause
#include "lab_again.h"

#include "last_words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct again {
	const struct lab_batch *batch;
	const char *name, *text;
	size_t len;
	struct lab_fault fault;
	struct lab_outcome *out;
	/* Of the last run. */
	bool holds, told;
	uint64_t n_resent; /* segments sent again, packets dropped */
};

static const char *const kinds[] = {
	[LAB_FAULT_ALLOC] = "alloc",
	[LAB_FAULT_SEND] = "send",
};

static bool tells(const char *text)
{
	return text && (strstr(text, "ENOMEM") || strstr(text, "ENOBUFS") ||
			strstr(text, "no memory"));
}

static uint64_t counted(struct tern_stack *st, const char *name)
{
	int i = tern_counter_find(name);

	return i < 0 ? 0 : tern_counter_get(st, i);
}

static void look(struct again *a, const struct lab_run *run)
{
	a->told = tells(run->report.s);
	a->n_resent = 0;
	for (int i = 0; i < run->log.n; i++) {
		const struct lab_event *e = &run->log.events[i];

		a->told |= e->kind == LAB_CALL && tells(e->text);
		a->n_resent += tells(e->note);
	}
	for (int i = 0; i < run->net.n_nodes; i++) {
		const struct lab_host *h = (struct lab_host *)run->net.nodes[i];

		if (!lab_node_is_host(run->net.nodes[i]))
			continue;
		/* It never came up. */
		a->told |= !h->n_boots;
		if (!h->st)
			continue;
		a->n_resent += counted(h->st, "TcpRetransSegs");
		for (int d = 0; tern_drop_name(d); d++)
			a->n_resent += tern_drop_count(h->st, d);
	}
}

/* What is wrong, or NULL. */
static const char *run_once(struct again *a)
{
	struct lab_run_options options = a->batch->options;
	const char *wrong = NULL;
	struct lab_script script;
	struct drill_mem mem = { 0 };
	struct lab_run run;

	options.fault = &a->fault;
	if (!lab_script_parse(&script, &mem, a->name, a->text, a->len)) {
		drill_text_add(&a->out->wrong, "%s\n", script.error.s);
		lab_script_fini(&script);
		drill_mem_fini(&mem);
		return NULL;
	}
	a->holds = lab_run(&run, &script, &mem, &options);
	look(a, &run);
	if (run.endless)
		wrong = "it does not end";
	else if (run.log.n_broken)
		wrong = "an invariant is broken";
	if (wrong || (!a->holds && !a->fault.n_failed))
		drill_text_add(&a->out->report, "%s",
			       run.report.s ? run.report.s : "");
	lab_run_fini(&run);
	lab_script_fini(&script);
	drill_mem_fini(&mem);
	if (!wrong && !lab_fault_is_balanced(&a->fault))
		wrong = "memory was not given back";
	return wrong;
}

static void broken(struct again *a, uint64_t i, const char *wrong)
{
	drill_text_add(&a->out->report,
		       "%s: --fault %s, point %" PRIu64 ": %s\n", a->name,
		       kinds[a->batch->fault], i, wrong);
	a->out->holds = false;
}

static void run_with(struct again *a, uint64_t i, uint64_t usual)
{
	const char *wrong;

	a->fault = (struct lab_fault){ .kind = a->batch->fault,
				       .fail_from = i,
				       .fail_to = i + 1 };
	last_words_set("%s: --fault %s, point %" PRIu64 ": died\n", a->name,
		       kinds[a->batch->fault], i);
	wrong = run_once(a);
	if (!wrong && !a->fault.n_failed)
		wrong = "it was not reached again";
	if (a->holds)
		a->out->n_held++;
	else if (a->told)
		a->out->n_told++;
	else if (a->n_resent > usual)
		a->out->n_resent++;
	else
		a->out->n_other++;
	if (wrong)
		broken(a, i, wrong);
}

void lab_again(const struct lab_batch *b, const char *name, const char *text,
	       size_t len, struct lab_outcome *out)
{
	struct again a = {
		.batch = b,
		.name = name,
		.text = text,
		.len = len,
		.fault = { .kind = b->fault },
		.out = out,
	};
	const char *wrong;
	uint64_t usual;

	last_words_set("%s: died without a fault\n", name);
	wrong = run_once(&a);
	out->holds = a.holds;
	out->n_points = a.fault.n_points;
	usual = a.n_resent;
	if (wrong)
		broken(&a, out->n_points, wrong);
	for (uint64_t i = 0; out->holds && i < out->n_points; i++)
		run_with(&a, i, usual);
}
