// SPDX-License-Identifier: BSD-2-Clause
/*
 * At each instant: what befalls hosts and links, then nodes, then programs,
 * until nothing more happens; then the expectations of this instant; then the
 * clock goes to the next instant at which something does.
 */
#include "lab_run.h"

#include "lab_build.h"
#include "lab_expect.h"
#include "lab_real.h"

#include <stdlib.h>
#include <string.h>

/* Without "run for" a scenario ends when nothing happens any more; a
 * connection with keep-alive goes on for ever. */
#define LONGEST_NS (24 * 3600 * NS_PER_S)
/* An endless exchange without a delay is a mistake, not patience. */
#define MOST_EVENTS 20000000

void lab_run_fail(struct lab_run *run, int line, const char *fmt, ...)
{
	va_list args;

	run->n_failed++;
	drill_text_add(&run->report, "%s:%d: ", run->script->path, line);
	va_start(args, fmt);
	drill_text_vadd(&run->report, fmt, args);
	va_end(args);
	drill_text_add(&run->report, "\n");
}

struct lab_host *lab_run_host(const struct lab_run *run, const char *name)
{
	struct lab_node_decl *d = lab_script_node(run->script, name);

	return d && d->kind == LAB_HOST ? (struct lab_host *)d->node : NULL;
}

struct tern_addr lab_run_addr(const struct lab_run *run,
			      const struct lab_node_decl *d)
{
	const struct lab_host *h = (const struct lab_host *)d->node;

	if (d->kind == LAB_HOST)
		return h->addr[0][run->script->v6];
	return ((const struct lab_router *)d->node)->addr[run->script->v6];
}

static void kill(struct lab_run *run, const char *who)
{
	for (struct lab_app *a = run->apps; a; a = a->next) {
		if (!strcmp(a->program->name, who) ||
		    !strcmp(a->program->host, who))
			lab_app_kill(run, a);
	}
}

static void power_off(struct lab_run *run, struct lab_host *h)
{
	for (struct lab_app *a = run->apps; a; a = a->next) {
		/* What it still wants to do later, it does after a boot. */
		if (a->host != h)
			continue;
		if (a->started)
			a->step = a->step->next;
		a->started = false;
	}
	lab_desc_forget(run, h);
	for (struct lab_var *v = run->vars; v; v = v->next) {
		if (v->host == h) {
			lab_var_learn(v);
			v->fd = -1;
		}
	}
	lab_host_off(h);
	lab_log_note(&run->log, run->net.now, h->node.lane, "power off");
}

/* A copy of what was recorded; it may have numbers of this connection's. */
static struct lab_frame *copy_of(struct lab_run *run,
				 const struct lab_happening *h,
				 const struct lab_frame *record)
{
	struct lab_frame *f = lab_frame_copy(record);
	struct lab_flows *flows = &run->log.flows;
	struct lab_seg s, back;
	uint32_t seq, ack;

	if ((h->seq < 0 && h->ack < 0) || !lab_seg_parse(&s, f->bytes, f->len))
		return f;
	back = (struct lab_seg){
		.src = s.dst, .dst = s.src, .sport = s.dport, .dport = s.sport
	};
	seq = lab_flows_isn(flows, &s) + (uint32_t)h->seq;
	ack = lab_flows_isn(flows, &back) + (uint32_t)h->ack;
	lab_rewrite_numbers(f, h->seq < 0 ? s.raw_seq : seq,
			    h->ack < 0 ? s.raw_ack : ack);
	return f;
}

static void inject(struct lab_run *run, const struct lab_happening *h)
{
	struct lab_link_decl *on = lab_script_link(run->script, h->who);

	for (struct lab_link_decl *l = run->script->links; l; l = l->next) {
		for (struct lab_rule *u = l->rules; u; u = u->next) {
			if (!u->name || strcmp(u->name, h->name) != 0)
				continue;
			if (!u->record) {
				lab_run_fail(run, h->line,
					     "nothing has been "
					     "recorded as %s",
					     h->name);
				return;
			}
			lab_wire_inject(on->node, !strcmp(h->value, on->b),
					copy_of(run, h, u->record), false);
			return;
		}
	}
}

/* Forged packets; of many alike the first is drawn. */
static void forge(struct lab_run *run, struct lab_happening *x)
{
	const struct lab_forgery *y = x->forgery;
	struct lab_link_decl *on = lab_script_link(run->script, x->who);
	struct lab_node_decl *to = lab_script_node(run->script, y->to);
	struct lab_node_decl *from =
		y->from ? lab_script_node(run->script, y->from) : NULL;
	struct tern_addr src, dst = lab_run_addr(run, to);

	if (from)
		src = lab_run_addr(run, from);
	do {
		struct lab_frame *f = lab_forge(y, from ? &src : NULL, &dst,
						&run->log.flows, &run->net.rng);

		lab_wire_inject(on->node, !strcmp(to->name, on->b), f,
				x->n_done++ > 0);
	} while (--x->times && !x->every_ns);
	x->at += x->every_ns;
	x->done = !x->times;
}

static void set_knob(struct lab_run *run, const struct lab_happening *x)
{
	struct lab_host *h = lab_run_host(run, x->who);
	int r = h->on ? h->sys->sysctl(h, x->name, x->value) : -TERN_ENODEV;

	if (r)
		lab_run_fail(run, x->line, "%s does not take %s = %s: %s",
			     x->who, x->name, x->value, tern_error_name(r));
	else
		lab_log_note(&run->log, run->net.now, h->node.lane,
			     "sysctl %s = %s", x->name, x->value);
}

static void happen(struct lab_run *run, struct lab_happening *x)
{
	struct lab_host *h = lab_run_host(run, x->who);
	struct lab_link_decl *l = lab_script_link(run->script, x->who);

	x->done = true;
	switch (x->kind) {
	case LAB_POWER_OFF:
		power_off(run, h);
		break;
	case LAB_BOOT:
		if (h->on)
			power_off(run, h);
		lab_log_note(&run->log, run->net.now, h->node.lane, "boots");
		lab_build_boot(run, h, x->line);
		break;
	case LAB_KILL:
		kill(run, x->who);
		break;
	case LAB_SET:
		set_knob(run, x);
		break;
	case LAB_LINK_DOWN:
	case LAB_LINK_UP:
		lab_wire_set_up(l->node, x->kind == LAB_LINK_UP);
		lab_log_note(&run->log, run->net.now,
			     lab_script_node(run->script, l->a)->node->lane,
			     "the link %s is %s", l->name,
			     x->kind == LAB_LINK_UP ? "up" : "down");
		break;
	case LAB_INJECT:
		inject(run, x);
		break;
	case LAB_FORGE:
		forge(run, x);
		break;
	case LAB_IMPAIR:
		lab_wire_impair(l->node, x->lanes);
		break;
	}
}

static bool act(struct lab_run *run)
{
	bool any = false;

	for (struct lab_app *a = run->apps; a; a = a->next) {
		while (lab_app_act(run, a))
			any = true;
	}
	return any;
}

static int64_t next_happening(const struct lab_run *run)
{
	int64_t at = NEVER;

	for (struct lab_happening *x = run->script->happenings; x; x = x->next)
		at = x->done ? at : min_i64(at, x->at);
	return at;
}

static int64_t next_check(const struct lab_run *run)
{
	int64_t at = NEVER;

	for (struct lab_expect *e = run->script->expects; e; e = e->next) {
		if (!e->checked && e->at >= 0)
			at = min_i64(at, e->at);
	}
	return at;
}

/* When anything but an expectation is due. */
static int64_t next_act(struct lab_run *run)
{
	int64_t at = min_i64(lab_net_next_at(&run->net), next_happening(run));

	for (struct lab_app *a = run->apps; a; a = a->next)
		at = min_i64(at, lab_app_wake_at(run, a));
	return at;
}

static void check(struct lab_run *run, int64_t at)
{
	for (struct lab_expect *e = run->script->expects; e; e = e->next) {
		if (!e->checked && e->at >= 0 && e->at <= at)
			lab_expect_check(run, e);
	}
}

static void step(struct lab_run *run, int64_t at)
{
	run->net.now = max_i64(run->net.now, at);
	for (struct lab_happening *x = run->script->happenings; x;
	     x = x->next) {
		if (!x->done && x->at <= run->net.now)
			happen(run, x);
	}
	act(run);
	lab_net_run(&run->net, run->net.now);
	act(run);
	if (run->plots)
		lab_plot_look(&run->plot, run);
}

static void play(struct lab_run *run)
{
	int64_t end = run->script->run_for ? run->script->run_for : LONGEST_NS;
	int64_t last = -1;

	for (;;) {
		int64_t due = next_act(run), checks = next_check(run);

		if (min_i64(due, checks) > end)
			break;
		if (checks < due) {
			run->net.now = max_i64(run->net.now, checks);
			check(run, checks);
			continue;
		}
		run->net.n_rounds = due > last ? 0 : run->net.n_rounds;
		last = due;
		step(run, due);
		if (run->net.stuck || run->log.n > MOST_EVENTS) {
			run->endless = true;
			lab_run_fail(run, run->script->n_lines,
				     "too much happens at %.6f: it does not "
				     "end",
				     (double)run->net.now / 1e9);
			break;
		}
	}
	if (run->script->run_for)
		run->net.now = end;
}

/* In real time: nobody can tell when the kernel will do something. */
static void play_real(struct lab_run *run, int64_t until)
{
	int64_t epoch = lab_real_now();

	while (run->net.now < until) {
		lab_real_wait(run, epoch, min_i64(next_act(run), until));
		step(run, run->net.now);
	}
}

static void end(struct lab_run *run)
{
	for (struct lab_expect *e = run->script->expects; e; e = e->next) {
		if (!e->checked)
			lab_expect_check(run, e);
	}
	for (struct lab_app *a = run->apps; a; a = a->next) {
		if (a->step && a->started)
			lab_run_fail(run, a->step->line,
				     "%s still waits in "
				     "%s",
				     a->program->name, a->step->text);
	}
	for (struct lab_link_decl *l = run->script->links; l; l = l->next) {
		for (struct lab_rule *u = l->rules; u; u = u->next) {
			if (!u->n_acted)
				lab_run_fail(run, u->line,
					     "no packet met this "
					     "rule");
		}
	}
	if (run->log.n_broken) {
		run->n_failed += run->log.n_broken;
		drill_text_add(&run->report, "%s", run->log.broken.s);
	}
}

bool lab_run(struct lab_run *run, struct lab_script *script,
	     struct drill_mem *mem, const struct lab_run_options *o)
{
	*run = (struct lab_run){ .script = script,
				 .mem = mem,
				 .plots = o->plots };
	lab_log_init(&run->log, mem);
	lab_net_init(&run->net, o->has_seed ? o->seed : script->seed,
		     &run->log);
	run->net.fault = o->fault;
	if (!lab_build(run, o))
		return false;
	if (o->kernel) {
		play_real(run, o->until);
		return true;
	}
	play(run);
	end(run);
	lab_plot_end(&run->plot);
	return !run->n_failed;
}

void lab_run_fini(struct lab_run *run)
{
	for (struct lab_app *a = run->apps; a; a = a->next)
		free(a->fds);
	lab_plot_fini(&run->plot);
	lab_net_fini(&run->net);
	lab_log_fini(&run->log);
	free(run->report.s);
}
