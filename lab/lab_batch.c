// SPDX-License-Identifier: BSD-2-Clause
#include "lab_batch.h"

#include "lab_again.h"
#include "lab_builtin.h"
#include "lab_capture.h"
#include "lab_versus.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A scenario is a page or two; more is another kind of file. */
#define FILE_MAX (1u << 20)

void lab_outcome_fini(struct lab_outcome *o)
{
	free(o->output.s);
	free(o->report.s);
	free(o->wrong.s);
	free(o->skipped.s);
	free(o->compared.s);
}

/* The picture of a run, into a file. */
static void write_plot(const struct lab_batch *b, const struct lab_run *run,
		       struct lab_outcome *out)
{
	const char *title = lab_show_text(run->script->title, b->view.lang);
	struct drill_text t = { 0 };
	FILE *f = fopen(b->plot, "we");
	bool ok = f;

	lab_plot_svg(&t, &run->plot, title ? title : run->script->path);
	ok = ok && fwrite(t.s, 1, t.len, f) == t.len;
	ok = f && !fclose(f) && ok;
	if (!ok)
		drill_text_add(&out->wrong, "%s: %s\n", b->plot,
			       strerror(errno));
	else if (!run->plot.n)
		drill_text_add(&out->wrong,
			       "%s: no connection of %s sends enough for a "
			       "picture\n",
			       b->plot, run->script->path);
	free(t.s);
}

static void play(const struct lab_batch *b, struct lab_script *script,
		 struct drill_mem *mem, struct lab_outcome *out)
{
	struct lab_run_options options = b->options;
	struct lab_capture *capture = NULL;
	struct lab_fault fault = { .kind = b->fault,
				   .fail_from = b->point,
				   .fail_to = b->point + 1 };
	struct lab_run run;

	if (b->has_point)
		options.fault = &fault;
	if (b->capture) {
		int error;

		if (!options.tap)
			options.tap = script->links->name;
		if (!lab_script_link(script, options.tap)) {
			drill_text_add(&out->wrong,
				       "%s has no link \"%s\": its first is "
				       "%s\n",
				       script->path, options.tap,
				       script->links->name);
			return;
		}
		error = lab_capture_open(b->capture, &capture);
		if (error) {
			drill_text_add(&out->wrong, "%s: %s\n", b->capture,
				       strerror(-error));
			return;
		}
		options.on_tap = lab_capture_see;
		options.tap_ctx = capture;
	}
	options.plots = b->plot ||
			(script->show_plot && b->view.style.width && !b->json);
	out->holds = lab_run(&run, script, mem, &options);
	out->digest = run.net.digest;
	if (b->has_point && !fault.n_failed)
		drill_text_add(&out->wrong,
			       "%s: there is no point %" PRIu64
			       " that could fail, but %" PRIu64 "\n",
			       script->path, b->point, fault.n_points);
	if (run.report.s)
		drill_text_add(&out->report, "%s", run.report.s);
	if (b->json)
		lab_show_json(&out->output, &run);
	else if (b->view.style.width)
		lab_show(&out->output, &run, &b->view);
	if (b->plot)
		write_plot(b, &run, out);
	lab_run_fini(&run);
	if (capture)
		lab_capture_close(capture);
}

void lab_batch_text(const struct lab_batch *b, const char *name,
		    const char *text, size_t len, struct lab_outcome *out)
{
	struct lab_script script;
	struct drill_mem mem = { 0 };

	if (b->fault && !b->has_point) {
		lab_again(b, name, text, len, out);
		return;
	}
	if (b->options.kernel) {
		lab_versus(b, name, text, len, out);
		return;
	}
	if (lab_script_parse(&script, &mem, name, text, len))
		play(b, &script, &mem, out);
	else
		drill_text_add(&out->wrong, "%s\n", script.error.s);
	lab_script_fini(&script);
	drill_mem_fini(&mem);
}

static const struct lab_builtin *find(const char *name)
{
	for (int i = 0; lab_builtins[i].name; i++) {
		if (!strcmp(lab_builtins[i].name, name))
			return &lab_builtins[i];
	}
	return NULL;
}

static void run_file(const struct lab_batch *b, const char *path,
		     struct lab_outcome *out)
{
	FILE *f = fopen(path, "r");
	char *text;
	size_t n;

	if (!f) {
		drill_text_add(&out->wrong, "%s: %s\n", path, strerror(errno));
		return;
	}
	text = drill_mem_grow(NULL, FILE_MAX + 1);
	n = fread(text, 1, FILE_MAX + 1, f);
	if (ferror(f))
		drill_text_add(&out->wrong, "%s: %s\n", path, strerror(errno));
	else if (n > FILE_MAX)
		drill_text_add(&out->wrong, "%s: larger than %u bytes\n", path,
			       FILE_MAX);
	else
		lab_batch_text(b, path, text, n, out);
	free(text);
	fclose(f);
}

void lab_batch_one(const struct lab_batch *b, const char *name,
		   struct lab_outcome *out)
{
	const struct lab_builtin *builtin = find(name);

	if (strchr(name, '/') || strchr(name, '.'))
		run_file(b, name, out);
	else if (builtin)
		lab_batch_text(b, name, builtin->text, builtin->len, out);
	else
		drill_text_add(&out->wrong,
			       "there is no scenario \"%s\": tern "
			       "lab --list has all\n",
			       name);
}

struct many {
	const struct lab_batch *batch;
	const char *const *names;
	int n, next, n_told;
	struct lab_outcome *out;
	bool *done;
	pthread_mutex_t lock;
};

static int take_next(struct many *m)
{
	int i;

	pthread_mutex_lock(&m->lock);
	i = m->next++;
	pthread_mutex_unlock(&m->lock);
	return i;
}

static void tell(struct many *m, int i)
{
	pthread_mutex_lock(&m->lock);
	m->done[i] = true;
	while (m->n_told < m->n && m->done[m->n_told]) {
		i = m->n_told++;
		m->batch->on_outcome(m->names[i], &m->out[i]);
		lab_outcome_fini(&m->out[i]);
	}
	pthread_mutex_unlock(&m->lock);
}

/* On the kernel a machine that was busy may make a difference, but not each
 * time. */
static void run_one(const struct lab_batch *b, const char *name,
		    struct lab_outcome *out)
{
	for (int tries = b->options.kernel ? LAB_REAL_TRIES : 1; tries;
	     tries--) {
		lab_outcome_fini(out);
		memset(out, 0, sizeof(*out));
		lab_batch_one(b, name, out);
		if (out->holds || out->wrong.s || out->skipped.s)
			break;
	}
}

static void *work(void *arg)
{
	struct many *m = arg;
	int i;

	while ((i = take_next(m)) < m->n) {
		if (m->batch->options.kernel && m->batch->on_progress)
			m->batch->on_progress(m->names[i], (uint64_t)i,
					      (uint64_t)m->n);
		run_one(m->batch, m->names[i], &m->out[i]);
		tell(m, i);
	}
	return NULL;
}

void lab_batch_check(const struct lab_batch *b, const char *const *names, int n)
{
	struct lab_batch quiet = *b;
	struct many m = {
		.batch = &quiet,
		.names = names,
		.n = n,
		.out = drill_mem_grow(NULL, (size_t)n * sizeof(*m.out)),
		.done = drill_mem_grow(NULL, (size_t)n * sizeof(*m.done)),
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	pthread_t threads[LAB_THREADS_MAX];
	/* With faults the points of one are shared out instead; and on the
	 * kernel one would make another late. */
	int n_jobs = b->fault || b->options.kernel ? 1 : b->n_jobs;
	int n_threads = 0;

	memset(m.out, 0, (size_t)n * sizeof(*m.out));
	memset(m.done, 0, (size_t)n * sizeof(*m.done));
	quiet.view.style.width = 0;
	quiet.json = false;
	quiet.capture = quiet.plot = NULL;
	while (n_threads < n_jobs - 1 && n_threads < LAB_THREADS_MAX &&
	       !pthread_create(&threads[n_threads], NULL, work, &m))
		n_threads++;
	work(&m);
	while (n_threads)
		pthread_join(threads[--n_threads], NULL);
	free(m.out);
	free(m.done);
}

void lab_batch_list(struct drill_text *t, enum lab_lang lang)
{
	for (int i = 0; lab_builtins[i].name; i++) {
		struct lab_script s;
		struct drill_mem mem = { 0 };
		const char *title;

		lab_script_parse(&s, &mem, lab_builtins[i].name,
				 lab_builtins[i].text, lab_builtins[i].len);
		title = lab_show_text(s.title, lang);
		drill_text_add(t, "%-24s %s\n", lab_builtins[i].name,
			       title ? title : "");
		lab_script_fini(&s);
		drill_mem_fini(&mem);
	}
}
