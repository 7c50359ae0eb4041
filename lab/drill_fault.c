// SPDX-License-Identifier: BSD-2-Clause
#include "drill_fault.h"

#include "drill_run.h"
#include "drill_tern.h"
#include "last_words.h"

#include "base/bytes.h"
#include "base/time.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest that anything may take with a silent peer: an orphan's back-off
 * is over in minutes, a timer that scripts set in hours. */
#define LAST_NS (24 * 3600 * NS_PER_S)
/* More rounds at one instant are a live lock. */
#define ROUNDS_MAX 10000

/* What runs of one file have in common. */
struct drill_faults {
	const char *path;
	const char *text;
	size_t len;
	const struct drill_setup *setup;
	struct lab_fault fault;
	struct drill_result *out;
};

static void forget_output(struct drill_adapter *a)
{
	unsigned char byte;
	int64_t at;

	while (a->ops->netdev_receive(a, &byte, sizeof(byte), &at))
		;
}

static const char *run_out(struct drill_adapter *a)
{
	int64_t end = a->ops->now(a) + LAST_NS, at;
	int n_rounds = 0;

	while ((at = a->ops->deadline(a)) != NEVER) {
		if (at > a->ops->now(a))
			n_rounds = 0;
		else if (++n_rounds > ROUNDS_MAX)
			return "the clock stands still";
		if (at > end)
			return "a timer goes on after a day of silence";
		a->ops->advance(a, at);
		forget_output(a);
	}
	return NULL;
}

const char *drill_fault_settle(struct drill_run *r)
{
	struct drill_tern *t = drill_tern_of(r->a);
	struct tern_sock_info info;
	uint64_t cursor = 0;
	const char *wrong;
	int fd;

	for (fd = 0; fd < DRILL_FDS; fd++) {
		if (t->fds[fd].kind != DRILL_FD_FREE)
			drill_tern_close(r->a, fd);
	}
	forget_output(r->a);
	wrong = run_out(r->a);
	if (!wrong && tern_sock_next(t->st, &cursor, &info))
		wrong = "a socket is left after all were closed";
	return wrong;
}

/* One run; what is wrong, or NULL. *verdict is the script's. */
static const char *run_once(struct drill_faults *f, enum drill_verdict *verdict,
			    bool *told)
{
	struct drill_script script = { .path = f->path };
	const char *wrong = NULL, *error;
	struct drill_config config;
	struct drill_run r;
	int line;

	drill_config_init(&config);
	*verdict = drill_parse(&script, f->text, f->len, &config,
			       f->setup->overrides, f->setup->n_overrides,
			       &line, &error);
	if (*verdict == DRILL_PASSED && config.kernel) {
		*verdict = DRILL_FAILED;
		line = 1;
		error = "the kernel's failures cannot be had by number: "
			"--fault and --kernel do not go together";
	}
	if (*verdict != DRILL_PASSED) {
		drill_result_set(f->out, *verdict, line, error);
		drill_mem_fini(&script.mem);
		return NULL;
	}
	f->out->n_events = script.n_events;
	config.fault = &f->fault;
	if (!drill_run(&r, &script, &config))
		*verdict = r.skipped ? DRILL_SKIPPED : DRILL_FAILED;
	if (!f->fault.n_failed && *verdict != DRILL_PASSED)
		drill_result_set(f->out, *verdict, r.fail_line, r.message.s);
	*told = r.told_no_memory || !r.a;
	if (r.a)
		wrong = drill_fault_settle(&r);
	drill_run_fini(&r);
	drill_mem_fini(&script.mem);
	if (!wrong && !lab_fault_is_balanced(&f->fault))
		wrong = "memory was not given back";
	return wrong;
}

static const char *const kinds[] = {
	[LAB_FAULT_ALLOC] = "alloc",
	[LAB_FAULT_SEND] = "send",
};

static void broken(struct drill_faults *f, uint64_t i, const char *wrong)
{
	struct drill_text t = { 0 };

	drill_text_add(&t, "--fault %s, point %" PRIu64 ": %s",
		       kinds[f->fault.kind], i, wrong);
	drill_result_set(f->out, DRILL_FAILED, 0, t.s);
	drill_text_add(&t, "\n");
	free(f->out->report);
	f->out->report = drill_mem_grow(NULL, strlen(f->path) + t.len + 3);
	sprintf(f->out->report, "%s: %s", f->path, t.s);
	free(t.s);
}

/* The run in which point i fails; false if that broke something. */
static bool run_with(struct drill_faults *f, uint64_t i)
{
	enum lab_fault_kind kind = f->fault.kind;
	enum drill_verdict verdict;
	const char *wrong;
	bool told;

	f->fault = (struct lab_fault){ .kind = kind,
				       .fail_from = i,
				       .fail_to = i + 1 };
	last_words_set("%s: --fault %s, point %" PRIu64 ": died\n", f->path,
		       kinds[kind], i);
	wrong = run_once(f, &verdict, &told);
	if (!wrong && !f->fault.n_failed)
		wrong = "it was not reached again";
	if (wrong) {
		broken(f, i, wrong);
		return false;
	}
	if (told)
		f->out->n_told++;
	else if (verdict == DRILL_PASSED)
		f->out->n_held++;
	else
		f->out->n_other++;
	return true;
}

static void run_all(struct drill_faults *f)
{
	enum drill_verdict verdict;
	const char *wrong;
	uint64_t n, i;
	bool told;

	last_words_set("%s: died without a fault\n", f->path);
	wrong = run_once(f, &verdict, &told);
	n = f->fault.n_points;
	if (verdict != DRILL_PASSED)
		return;
	if (wrong) {
		broken(f, n, wrong);
		return;
	}
	f->out->n_points = n;
	for (i = 0; i < n; i++) {
		if (!run_with(f, i))
			return;
	}
}

void drill_fault_file(const char *path, const struct drill_setup *setup,
		      enum lab_fault_kind kind, struct drill_result *out)
{
	struct drill_faults f = {
		.path = path,
		.setup = setup,
		.fault = { .kind = kind },
		.out = out,
	};
	char *text = drill_read_file(path, &f.len);

	f.text = text;
	*out = (struct drill_result){ .path = path };
	if (text)
		run_all(&f);
	else
		drill_result_set(out, DRILL_FAILED, 0, strerror(errno));
	free(text);
}
