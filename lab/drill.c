// SPDX-License-Identifier: BSD-2-Clause
/* One file: read, parse, run, tell. */
#include "drill.h"

#include "drill_run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define FILE_MAX (4 << 20) /* the largest public script has 30 KB */

static double real_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

void drill_result_set(struct drill_result *out, enum drill_verdict verdict,
		      int line, const char *message)
{
	out->verdict = verdict;
	out->line = line;
	out->message = strdup(message ? message : "");
}

/* r NULL: it did not run. */
static void report(struct drill_result *out, const struct drill_run *r,
		   const struct ladder_style *style)
{
	struct drill_text t = { 0 };

	if (r && r->warnings.len)
		drill_text_add(&t, "%s", r->warnings.s);
	if (out->verdict == DRILL_FAILED)
		drill_text_add(&t, "%s:%d: %s\n", out->path, out->line,
			       out->message);
	if (r && (out->verdict == DRILL_FAILED || r->config->verbose))
		drill_trail_draw(&r->trail, style, &t);
	out->report = t.s;
}

static void run_script(struct drill_script *script,
		       const struct drill_config *config,
		       const struct ladder_style *style,
		       struct drill_result *out)
{
	struct drill_run r;
	bool passed = drill_run(&r, script, config);

	out->virtual_s = r.a ? (double)drill_run_now(&r) / 1e9 : 0;
	if (!passed)
		drill_result_set(out, r.skipped ? DRILL_SKIPPED : DRILL_FAILED,
				 r.fail_line, r.message.s);
	report(out, &r, style);
	if (r.output.len)
		out->output = strdup(r.output.s);
	drill_run_fini(&r);
}

void drill_text(const char *path, const char *text, size_t len,
		const struct drill_setup *setup, struct drill_result *out)
{
	struct drill_script script = { .path = path };
	double start = real_clock();
	struct drill_config config;
	enum drill_verdict verdict;
	const char *error;
	int line;

	*out = (struct drill_result){ .path = path };
	drill_config_init(&config);
	verdict = drill_parse(&script, text, len, &config, setup->overrides,
			      setup->n_overrides, &line, &error);
	out->n_events = script.n_events;
	if (verdict != DRILL_PASSED) {
		drill_result_set(out, verdict, line, error);
		report(out, NULL, NULL);
	} else if (!config.dry_run) {
		run_script(&script, &config, setup->style, out);
	}
	drill_mem_fini(&script.mem);
	out->real_s = real_clock() - start;
}

char *drill_read_file(const char *path, size_t *len)
{
	FILE *file = fopen(path, "r");
	struct stat st;
	char *text;

	if (!file)
		return NULL;
	if (fstat(fileno(file), &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size > FILE_MAX) {
		fclose(file);
		errno = EINVAL;
		return NULL;
	}
	text = drill_mem_grow(NULL, (size_t)st.st_size + 1);
	*len = fread(text, 1, (size_t)st.st_size, file);
	fclose(file);
	text[*len] = 0;
	return text;
}

void drill_file(const char *path, const struct drill_setup *setup,
		struct drill_result *out)
{
	size_t len;
	char *text = drill_read_file(path, &len);

	if (!text) {
		*out = (struct drill_result){ .path = path };
		drill_result_set(out, DRILL_FAILED, 0,
				 errno == EINVAL ? "this is no script" :
						   strerror(errno));
		report(out, NULL, NULL);
		return;
	}
	drill_text(path, text, len, setup, out);
	free(text);
}

void drill_result_fini(struct drill_result *r)
{
	free(r->message);
	free(r->report);
	free(r->output);
}
