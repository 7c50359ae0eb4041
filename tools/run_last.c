// SPDX-License-Identifier: BSD-2-Clause
#include "tools/run_last.h"

#include "tools/run_crash.h"
#include "tools/tool.h"
#include "tools/trace_text.h"

#include "control/control_event.h"

#include <stdlib.h>

#define EVENTS 64

struct run_last {
	const struct command *command;
	struct host *host;
	struct host_tracer tracer;
	struct run_crash crash;
	int64_t begun_at;
	uint64_t n;
	struct control_event events[EVENTS];
};

static void on_trace(void *ctx, const struct tern_trace *t)
{
	struct run_last *l = ctx;

	control_event_trace(&l->events[l->n++ % EVENTS], t);
}

static void tell(void *ctx)
{
	const struct run_last *l = ctx;
	uint64_t i = l->n > EVENTS ? l->n - EVENTS : 0;

	tool_error(l->command,
		   "crashed; of what it did, the last %d:", (int)(l->n - i));
	for (; i < l->n; i++) {
		json_t *row = control_event_row(&l->events[i % EVENTS]);

		if (row)
			trace_text(stderr, row, l->begun_at);
		json_decref(row);
	}
}

struct run_last *run_last_new(const struct command *command, struct host *host)
{
	struct run_last *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->command = command;
	l->host = host;
	l->begun_at = host_now(host);
	l->tracer = (struct host_tracer){ .fn = on_trace,
					  .ctx = l,
					  .kinds = HOST_TRACE_EVENTS };
	host_trace_add(host, &l->tracer);
	l->crash = (struct run_crash){ .write = tell, .ctx = l };
	run_crash_add(&l->crash);
	return l;
}

void run_last_free(struct run_last *l)
{
	if (!l)
		return;
	run_crash_remove(&l->crash);
	host_trace_remove(l->host, &l->tracer);
	free(l);
}
