// SPDX-License-Identifier: BSD-2-Clause
/*
 * Programs: each does its steps in their order. A call that would wait is
 * asked again whenever something has happened, and keeps its program from
 * going on: blocking without real time.
 */
#include "lab_run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int64_t lab_app_wake_at(const struct lab_run *run, const struct lab_app *app)
{
	int64_t at;

	if (!app->step || app->started || !app->host->on)
		return NEVER;
	at = app->ready_at + app->step->after;
	return max_i64(max_i64(at, app->step->at), run->net.now);
}

/* "close(c)", without the comment and the expectation. */
static int call_len(const struct lab_step *s)
{
	const char *p = strchr(s->text, '('), *end = p;
	bool quoted = false;

	for (; end && *end && (quoted || *end != ')'); end++)
		quoted ^= *end == '"';
	return end && *end ? (int)(end - s->text) + 1 : (int)strlen(s->text);
}

static void print_value(struct drill_text *t, const struct lab_app *app,
			int64_t r)
{
	const struct lab_step *s = app->step;

	if (r < 0)
		drill_text_add(t, "%s", tern_error_name((int)r));
	else if (!strncmp(s->text, "poll", 4) || !strncmp(s->text, "wait", 4))
		lab_poll_print(t, r);
	else
		drill_text_add(t, "%" PRId64, r);
	if (r >= 0 && app->stopped_by)
		drill_text_add(t, ", then %s",
			       tern_error_name(app->stopped_by));
}

static void log_call(struct lab_run *run, struct lab_app *app, bool begins,
		     int64_t result)
{
	const struct lab_step *s = app->step;
	struct drill_text t = { 0 };
	struct lab_event e = {
		.kind = LAB_CALL,
		.at = run->net.now,
		.lane = app->host->node.lane,
		.line = s->line,
		.quiet = app->quiet,
	};

	if (begins)
		drill_text_add(&t, "%.*s ...", call_len(s), s->text);
	else
		drill_text_add(&t, app->started ? "... %.*s" : "%.*s",
			       call_len(s), s->text);
	/* The number of a new socket has a name. */
	if (!begins && (!s->var || result < 0)) {
		drill_text_add(&t, " = ");
		print_value(&t, app, result);
	}
	e.text = drill_mem_copy(run->mem, t.s, t.len);
	free(t.s);
	lab_log_add(&run->log, &e);
}

static bool is_as_expected(const struct lab_app *app,
			   const struct lab_result *want, int64_t r)
{
	switch (want->kind) {
	case LAB_RESULT_NONE:
		return r >= 0;
	case LAB_RESULT_ANY:
		return true;
	case LAB_RESULT_NUMBER:
		return r >= 0 && lab_op_holds(want->op, r, want->number);
	case LAB_RESULT_ERROR:
		return lab_op_holds(want->op, r, -want->number);
	case LAB_RESULT_TEXT:
		return r == (int64_t)want->len &&
		       !memcmp(app->got, want->text,
			       min_size(want->len, app->n_got));
	}
	return false;
}

static void check_result(struct lab_run *run, struct lab_app *app, int64_t r)
{
	const struct lab_step *s = app->step;
	const struct lab_result *want = &s->result;
	struct drill_text t = { 0 };

	if (is_as_expected(app, want, r)) {
		run->n_held += want->kind != LAB_RESULT_NONE;
		return;
	}
	print_value(&t, app, r);
	if (want->kind == LAB_RESULT_NONE)
		lab_run_fail(run, s->line, "%.*s failed: %s", call_len(s),
			     s->text, t.s);
	else if (want->kind == LAB_RESULT_TEXT)
		lab_run_fail(run, s->line,
			     "%.*s gave %s bytes \"%.*s\", not "
			     "\"%s\"",
			     call_len(s), s->text, t.s, (int)app->n_got,
			     app->got, want->text);
	else
		lab_run_fail(run, s->line, "%.*s gave %s, not %s%s",
			     call_len(s), s->text, t.s,
			     want->op == LAB_EQ ? "" : lab_op_text(want->op),
			     want->text);
	free(t.s);
}

static void finish(struct lab_run *run, struct lab_app *app)
{
	app->step = app->step->next;
	app->ready_at = run->net.now;
	app->started = false;
	app->phase = 0;
	app->done = 0;
	app->stopped_by = 0;
	app->n_got = 0;
}

/* What its connections do is drawn in the first round of each loop alone. */
static void draw_or_not(struct lab_run *run, struct lab_app *app)
{
	bool quiet = false;

	for (int i = 0; i < app->n_loops; i++)
		quiet |= app->loops[i].again;
	if (quiet == app->quiet)
		return;
	app->quiet = quiet;
	for (struct lab_var *v = run->vars; v; v = v->next) {
		if (v->host != app->host || v->fd < 0 || !v->connects ||
		    !lab_desc_has(app, v->fd))
			continue;
		if (quiet)
			lab_log_quiet(&run->log, v->lport);
		else
			lab_log_loud(&run->log, v->lport);
	}
}

/* A repeat's head, or its end. */
static void go_round(struct lab_run *run, struct lab_app *app)
{
	const struct lab_step *s = app->step;

	if (s->times) {
		if (app->n_loops == LAB_LOOPS_MAX) {
			lab_run_fail(run, s->line,
				     "more than %d loops in "
				     "each other",
				     LAB_LOOPS_MAX);
			app->step = NULL;
			return;
		}
		app->loops[app->n_loops].head = s;
		app->loops[app->n_loops].again = false;
		app->loops[app->n_loops++].left = s->times - 1;
	} else if (app->loops[app->n_loops - 1].left) {
		app->loops[app->n_loops - 1].left--;
		app->loops[app->n_loops - 1].again = true;
		draw_or_not(run, app);
		finish(run, app);
		app->step = app->loops[app->n_loops - 1].head->next;
		return;
	} else {
		app->n_loops--;
		draw_or_not(run, app);
	}
	finish(run, app);
}

bool lab_app_act(struct lab_run *run, struct lab_app *app)
{
	int64_t r;

	if (!app->step || !app->host->on ||
	    (!app->started && lab_app_wake_at(run, app) > run->net.now))
		return false;
	if (!app->step->call) {
		go_round(run, app);
		return true;
	}
	r = lab_call_do(run, app, app->step);
	if (r == -TERN_EAGAIN && !app->step->nowait) {
		bool first = !app->started;

		if (first) {
			log_call(run, app, true, 0);
			app->started_at = run->net.now;
		}
		app->started = true;
		/* Something may have left, or its state have changed. */
		if (first)
			lab_host_follow(app->host);
		return false;
	}
	log_call(run, app, false, r);
	check_result(run, app, r);
	lab_host_follow(app->host);
	if (app->step)
		finish(run, app);
	return true;
}

void lab_app_kill(struct lab_run *run, struct lab_app *app)
{
	for (struct lab_var *v = run->vars; v; v = v->next) {
		if (v->host == app->host)
			lab_var_learn(v);
	}
	lab_desc_close_all(run, app);
	app->step = NULL;
	app->started = false;
	lab_host_follow(app->host);
}
