// SPDX-License-Identifier: BSD-2-Clause
#include "drill_trail.h"

#include "ladder_trace.h"

#include <stdlib.h>
#include <string.h>

/* Who reads it wants to know what led to the failure. */
#define EVENTS_SHOWN 40

enum { STACK, PEER };

void drill_trail_fini(struct drill_trail *t)
{
	free(t->events);
}

static void insert(struct drill_trail *t, int i, const struct ladder_event *e)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 64;
		t->events =
			drill_mem_grow(t->events, (size_t)t->cap * sizeof(*e));
	}
	memmove(t->events + i + 1, t->events + i,
		(size_t)(t->n - i) * sizeof(*e));
	t->events[i] = *e;
	t->n++;
}

static const char *copy(struct drill_trail *t, const char *text)
{
	return drill_mem_copy(t->mem, text, strlen(text));
}

void drill_trail_add(struct drill_trail *t, enum ladder_kind kind, int64_t at,
		     const char *fmt, ...)
{
	struct ladder_event e = { .kind = kind, .at = at, .lane = STACK };
	struct drill_text text = { 0 };
	va_list args;

	va_start(args, fmt);
	drill_text_vadd(&text, fmt, args);
	va_end(args);
	e.text = copy(t, text.s ? text.s : "");
	free(text.s);
	insert(t, t->n, &e);
}

void drill_trail_packet(struct drill_trail *t, bool in, int64_t at,
			const char *text, const char *note)
{
	struct ladder_event e = {
		.kind = LADDER_PACKET,
		.at = at,
		.lane = in ? PEER : STACK,
		.to = in ? STACK : PEER,
		.text = copy(t, text),
		.arrives_at = at, /* there is no wire between them */
		.note = note,
	};

	insert(t, t->n, &e);
}

void drill_trail_mark(struct drill_trail *t)
{
	t->mark = t->n;
}

void drill_trail_call(struct drill_trail *t, int64_t at, const char *text,
		      const char *result)
{
	struct ladder_event e = {
		.kind = LADDER_CALL,
		.at = at,
		.lane = STACK,
		.text = drill_mem_printf(t->mem, "%s = %s", text, result),
	};

	insert(t, t->mark, &e);
}

void drill_trail_trace(void *trail, const struct tern_trace *trace)
{
	struct drill_trail *t = trail;
	struct ladder_event e[2];
	int n = trace->kind == TERN_TRACE_CC ? 0 : ladder_trace(trace, e);

	for (int i = 0; i < n; i++) {
		e[i].at -= t->start_at;
		insert(t, t->n, &e[i]);
	}
}

void drill_trail_draw(const struct drill_trail *t,
		      const struct ladder_style *style, struct drill_text *out)
{
	static const char *const lanes[] = { "tern", "peer" };
	struct ladder_style s = { .width = 100 };
	struct ladder_event events[EVENTS_SHOWN];
	int n = t->n < EVENTS_SHOWN ? t->n : EVENTS_SHOWN;

	if (!n)
		return;
	if (style)
		s = *style;
	s.lanes = lanes;
	s.n_lanes = 2;
	s.one_clock = true;
	s.time_digits = 6;
	memcpy(events, t->events + t->n - n, (size_t)n * sizeof(*events));
	for (int i = 0; i < n; i++)
		events[i].arrives_before = i + 1;
	if (t->n > n)
		drill_text_add(out, "(%d earlier events are not drawn)\n",
			       t->n - n);
	ladder_draw(out, events, n, &s);
}
