// SPDX-License-Identifier: BSD-2-Clause
/*
 * First tern, in virtual time, which tells how long it takes; then the kernel,
 * in real time, up to a moment after the last packet or call. What only a
 * timer brings later (the end of a TIME_WAIT) is not waited for.
 */
#include "lab_versus.h"

#include "lab_differ.h"
#include "lab_kernel.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

/* States follow the last packet, and the kernel's timers may be late. */
#define SETTLE_NS (300 * NS_PER_MS)
/* Two ladders beside each other need so many columns. */
#define BESIDE_WIDTH 150
#define GAP 3

struct side {
	struct drill_mem mem;
	struct lab_script script;
	struct lab_run run;
};

static void side_fini(struct side *s)
{
	lab_run_fini(&s->run);
	lab_script_fini(&s->script);
	drill_mem_fini(&s->mem);
}

/* The last that a program or a packet does. */
static int64_t last_at(const struct lab_run *run)
{
	int64_t at = 0;

	for (int i = 0; i < run->log.n; i++) {
		const struct lab_event *e = &run->log.events[i];

		if (e->kind == LAB_SENT || e->kind == LAB_CALL)
			at = max_i64(at, e->at);
		if (e->kind == LAB_SENT && e->arrives_at != NEVER)
			at = max_i64(at, e->arrives_at);
	}
	return at;
}

/* Up to when they are compared; 0: it takes too long. */
static int64_t find_until(const struct lab_batch *b, const struct side *tern,
			  struct lab_outcome *out)
{
	int64_t last = last_at(&tern->run);
	int64_t limit = b->real_limit_ns ? b->real_limit_ns : LAB_REAL_LIMIT_NS;

	if (last > limit && !b->real_limit_ns) {
		drill_text_add(&out->skipped,
			       "%s takes %.1f s, and the kernel knows no other "
			       "time than the real one: --real-limit %.0f runs "
			       "it whole, --real-limit 10 its first 10 s\n",
			       tern->script.path, (double)last / 1e9,
			       (double)last / 1e9 + 1);
		return 0;
	}
	return last > limit ? limit : last + SETTLE_NS;
}

/* What a kernel host has not: knobs of tern's own. */
static bool can_enter(const struct lab_batch *b, const struct lab_script *s,
		      struct lab_outcome *out)
{
	const char *wrong = lab_kernel_enter(), *missing = NULL;

	if (wrong) {
		drill_text_add(&out->wrong, "--on kernel: %s\n", wrong);
		return false;
	}

	for (struct lab_knob_decl *k = s->knobs; k && !missing; k = k->next)
		missing = lab_kernel_has_knob(k->name) ? NULL : k->name;
	for (int i = 0; i < b->options.n_knobs && !missing; i++) {
		const char *name = b->options.knobs[i].name;

		missing = lab_kernel_has_knob(name) ? NULL : name;
	}
	if (missing)
		drill_text_add(&out->skipped,
			       "%s sets %s, which the kernel has not\n",
			       s->path, missing);
	return !missing;
}

/* And what a program there cannot be given. */
static bool can_run(const struct lab_batch *b, const struct lab_script *s,
		    struct lab_outcome *out)
{
	const char *host = b->options.on_host;
	struct lab_node_decl *d = host ? lab_script_node(s, host) : NULL;

	if (host && (!d || d->kind != LAB_HOST)) {
		drill_text_add(&out->wrong, "%s has no host \"%s\"\n", s->path,
			       host);
		return false;
	}
	if (s->not_on_kernel) {
		drill_text_add(&out->skipped, "%s: %s\n", s->path,
			       s->not_on_kernel);
		return false;
	}
	for (d = s->nodes; d; d = d->next) {
		if (!d->descriptors && !d->handle_ns)
			continue;
		drill_text_add(&out->skipped,
			       "%s: line %d sets a host's descriptors or the "
			       "time that it takes: not on the kernel\n",
			       s->path, d->line);
		return false;
	}
	return true;
}

/* The next line of a text, without its end; NULL behind the last. */
static char *next_line(char **p)
{
	char *line = *p, *end;

	if (!line || !*line)
		return NULL;
	end = strchr(line, '\n');
	*p = end ? end + 1 : NULL;
	if (end)
		*end = 0;
	return line;
}

static void draw_beside(struct drill_text *t, char *left, char *right,
			int width)
{
	char *a, *b;

	while (a = next_line(&left), b = next_line(&right), a || b) {
		int n = a ? ladder_columns(a) : 0;

		drill_text_add(t, "%s", a ? a : "");
		if (b)
			drill_text_add(t, "%*s%s", width - n + GAP, "", b);
		drill_text_add(t, "\n");
	}
}

static void draw(struct drill_text *t, struct side *tern, struct side *kernel,
		 const struct lab_view *view, const char *names[2])
{
	bool beside = view->style.width >= BESIDE_WIDTH && !view->style.colour;
	struct drill_text ladders[2] = { 0 };
	struct lab_view half = *view;

	if (beside)
		half.style.width = (view->style.width - GAP) / 2;
	for (int i = 0; i < 2; i++) {
		drill_text_add(&ladders[i], "%s\n\n", names[i]);
		lab_show_ladder(&ladders[i], i ? &kernel->run : &tern->run,
				&half);
	}
	if (beside)
		draw_beside(t, ladders[0].s, ladders[1].s, half.style.width);
	else
		drill_text_add(t, "%s\n%s", ladders[0].s, ladders[1].s);
	drill_text_add(t, "\n");
	for (int i = 0; i < 2; i++)
		free(ladders[i].s);
}

/* Events behind the comparison's end are not shown of tern either. */
static void cut(struct lab_run *run, int64_t until)
{
	while (run->log.n && run->log.events[run->log.n - 1].at > until)
		run->log.n--;
	for (int i = 0; i < run->log.n; i++) {
		struct lab_event *e = &run->log.events[i];

		if (e->arrives_before > run->log.n)
			e->arrives_before = run->log.n;
	}
}

static void verdict(struct drill_text *t, const struct lab_differences *d,
		    int64_t until, enum lab_lang lang)
{
	const struct lab_known_decl *known = d->known;
	double upto = (double)until / 1e9, late = (double)d->latest_ns / 1e6;
	bool zh = lang == LAB_ZH;

	if (!d->n)
		drill_text_add(t,
			       zh ? "到 %.1f 秒为止没有差别：" :
				    "no difference up to %.1f s: ",
			       upto);
	else
		drill_text_add(t,
			       zh ? "到 %.1f 秒为止有 %d 处差别：\n" :
				    "up to %.1f s, %d differ:\n",
			       upto, d->n);
	if (d->text.s)
		drill_text_add(t, "%s", d->text.s);
	for (const struct lab_known_decl *k = known; k; k = k->next) {
		if (k->n)
			drill_text_add(t,
				       zh ? "%d 处含 \"%s\"：%s\n" :
					    "%d with \"%s\": %s\n",
				       k->n, k->text, k->why);
	}
	drill_text_add(t,
		       zh ? "%d 个报文段、%d 个状态、%d 个调用结果相同，时间"
			    "最多相差 %.0f 毫秒\n" :
			    "%d segments, %d states and %d results of calls "
			    "are the same, within %.0f ms\n",
		       d->n_segments, d->n_states, d->n_calls, late);
}

static void show_json(struct side *tern, struct side *kernel,
		      const struct lab_differences *d, int64_t until,
		      struct lab_outcome *out)
{
	json_t *text = json_string(d->text.s ? d->text.s : "");
	char *quoted = json_dumps(text, JSON_ENCODE_ANY);

	drill_text_add(&out->output, "{ \"tern\": ");
	lab_show_json(&out->output, &tern->run);
	drill_text_add(&out->output, ", \"kernel\": ");
	lab_show_json(&out->output, &kernel->run);
	drill_text_add(&out->output,
		       ", \"until\": %.3f, \"n_different\": %d, "
		       "\"differences\": %s }\n",
		       (double)until / 1e9, d->n, quoted);
	free(quoted);
	json_decref(text);
}

static void show(const struct lab_batch *b, struct side *tern,
		 struct side *kernel, const struct lab_differences *d,
		 int64_t until, struct lab_outcome *out)
{
	const char *names[2] = { "tern", NULL };
	struct utsname u = { .release = "" };

	uname(&u);
	names[1] = drill_mem_printf(&kernel->mem, "Linux %s", u.release);
	if (b->json) {
		show_json(tern, kernel, d, until, out);
		return;
	}
	if (b->view.style.width) {
		lab_show_head(&out->output, &tern->run, &b->view);
		draw(&out->output, tern, kernel, &b->view, names);
		if (tern->run.report.s)
			drill_text_add(&out->output, "tern: %s",
				       tern->run.report.s);
		verdict(&out->output, d, until, b->view.lang);
	}
}

/* For who shows nothing else. */
static void sum_up(const struct lab_batch *b, const struct side *tern,
		   const struct lab_differences *d, int64_t until,
		   struct lab_outcome *out)
{
	int64_t last = last_at(&tern->run);

	out->n_differ = d->n;
	out->n_explained = d->n_known;
	for (struct lab_known_decl *k = tern->script.known; k; k = k->next) {
		if (k->n)
			drill_text_add(&out->report, "  %d with \"%s\": %s\n",
				       k->n, k->text, k->why);
	}
	drill_text_add(&out->compared,
		       "%d segments, %d states, %d calls, within %.0f ms",
		       d->n_segments, d->n_states, d->n_calls,
		       (double)d->latest_ns / 1e6);
	if (last > until)
		drill_text_add(&out->compared, "; the first %.0f s of %.0f",
			       (double)until / 1e9, (double)last / 1e9);
	if (d->text.s)
		drill_text_add(&out->report, "%s", d->text.s);
	if (tern->run.report.s && !b->options.n_knobs)
		drill_text_add(&out->report, "tern: %s", tern->run.report.s);
}

static bool play(struct side *s, const char *name, const char *text, size_t len,
		 const struct lab_run_options *o)
{
	return lab_script_parse(&s->script, &s->mem, name, text, len) &&
	       lab_run(&s->run, &s->script, &s->mem, o);
}

static void play_kernel(const struct lab_batch *b, struct side *tern,
			const char *text, size_t len, struct lab_outcome *out)
{
	struct side kernel = { 0 };
	struct lab_run_options o = b->options;
	int64_t until = find_until(b, tern, out);
	struct lab_differences d;

	if (!until)
		return;
	o.until = lab_differ_late(until);
	if (!play(&kernel, tern->script.path, text, len, &o)) {
		drill_text_add(&out->wrong, "%s", kernel.run.report.s);
		goto out;
	}
	lab_differ(&d, &tern->run, &kernel.run, until);
	sum_up(b, tern, &d, until, out);
	cut(&tern->run, until);
	cut(&kernel.run, o.until);
	/* What is expected is of the scenario as it stands. */
	out->holds = d.n == d.n_known && (o.n_knobs || !tern->run.n_failed);
	show(b, tern, &kernel, &d, until, out);
	lab_differences_fini(&d);
out:
	side_fini(&kernel);
}

/* The controller that the kernel has here, for tern too. True if it is not the
 * one that tern begins with. */
static bool take_cc(struct lab_batch *mine, const struct lab_script *s,
		    struct lab_knob *knobs)
{
	static const char name[] = "tcp_congestion_control";
	int n = mine->options.n_knobs;

	for (struct lab_knob_decl *k = s->knobs; k; k = k->next) {
		if (!strcmp(k->name, name))
			return false;
	}
	if (!strcmp(lab_kernel_cc(), LAB_DEFAULT_CC) || n == LAB_KNOBS_MAX)
		return false;
	knobs[0] = (struct lab_knob){ name, lab_kernel_cc() };
	for (int i = 0; i < n; i++)
		knobs[i + 1] = mine->options.knobs[i];
	mine->options.knobs = knobs;
	mine->options.n_knobs = n + 1;
	return true;
}

void lab_versus(const struct lab_batch *b, const char *name, const char *text,
		size_t len, struct lab_outcome *out)
{
	struct lab_knob knobs[LAB_KNOBS_MAX];
	struct lab_batch mine = *b;
	struct side tern = { 0 };

	if (!lab_script_parse(&tern.script, &tern.mem, name, text, len)) {
		drill_text_add(&out->wrong, "%s\n", tern.script.error.s);
		lab_script_fini(&tern.script);
		drill_mem_fini(&tern.mem);
		return;
	}
	if (can_run(b, &tern.script, out) && can_enter(b, &tern.script, out)) {
		struct lab_run_options o;

		if (take_cc(&mine, &tern.script, knobs))
			drill_text_add(&out->compared, "%s, not %s; ",
				       lab_kernel_cc(), LAB_DEFAULT_CC);
		o = mine.options;
		o.kernel = false;
		lab_run(&tern.run, &tern.script, &tern.mem, &o);
		if (!tern.run.log.n)
			drill_text_add(&out->wrong, "%s", tern.run.report.s);
		else
			play_kernel(&mine, &tern, text, len, out);
	}
	side_fini(&tern);
}
