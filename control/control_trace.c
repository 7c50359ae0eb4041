// SPDX-License-Identifier: BSD-2-Clause
/*
 * The answer that does not end: what the stack does, as it does it.
 *
 * Each reader has a ring of EVENTS. The stack's callback writes into it and
 * never waits; if the ring is full the event is lost, and counted: the reader
 * is told in its place how many. JSON is made when the reader takes a row, not
 * when things happen.
 *
 * Segments cost nothing while nobody reads them (host_trace_add()).
 */
#include "control/control_event.h"
#include "control/control_messages.h"

#include <stdlib.h>
#include <string.h>

/* A burst of segments of some hundred connections, in less than a MiB. */
#define EVENTS 2048

struct trace {
	struct host_tracer tracer;
	struct host_tap tap;
	struct control_question *q;
	bool packets; /* also each segment */
	bool ladder;  /* also the headers of each packet on the links */
	bool begun;
	uint64_t n_put, n_taken, lost;
	struct control_event events[EVENTS];
};

/* The next free event, or NULL: it is lost to the reader. */
static struct control_event *next(struct trace *tr)
{
	if (tr->n_put - tr->n_taken == EVENTS) {
		tr->lost++;
		return NULL;
	}
	return &tr->events[tr->n_put % EVENTS];
}

static void added(struct trace *tr)
{
	tr->lost = 0;
	tr->n_put++;
	tr->q->wake(tr->q->wake_ctx);
}

static void on_packets(void *ctx, const struct host_batch *batch)
{
	struct trace *tr = ctx;
	bool out = batch->when == HOST_TAP_OUT;

	if (batch->when == HOST_TAP_DONE)
		return;
	for (int i = 0; i < batch->n; i++) {
		const struct tern_pkt *pkt = batch->pkts[i];
		struct control_event *e = next(tr);

		if (!e)
			continue;
		e->lost = tr->lost;
		control_event_packet(e, pkt, out, host_now(tr->q->host));
		added(tr);
	}
}

static void on_trace(void *ctx, const struct tern_trace *t)
{
	struct trace *tr = ctx;
	struct control_event *e = next(tr);

	if (!e)
		return;
	e->lost = tr->lost;
	if (t->kind == TERN_TRACE_LOOP)
		control_event_packet(e, t->pkt, false, t->now);
	else
		control_event_trace(e, t);
	added(tr);
}

static struct trace *begin(struct control_question *q)
{
	struct trace *tr = calloc(1, sizeof(*tr));

	if (!tr) {
		q->error = -TERN_ENOMEM;
		return NULL;
	}
	tr->q = q;
	tr->packets = json_is_true(json_object_get(q->args, "packets"));
	tr->ladder = json_is_true(json_object_get(q->args, "ladder"));
	tr->tap = (struct host_tap){ .fn = on_packets, .ctx = tr };
	if (tr->ladder)
		host_tap_add(q->host, &tr->tap);
	tr->tracer = (struct host_tracer){ .fn = on_trace,
					   .ctx = tr,
					   .kinds = HOST_TRACE_EVENTS };
	if (tr->packets)
		tr->tracer.kinds |= HOST_TRACE_SEGMENTS;
	if (tr->ladder)
		tr->tracer.kinds |= 1u << TERN_TRACE_LOOP;
	host_trace_add(q->host, &tr->tracer);
	q->state = tr;
	return tr;
}

json_t *control_next_trace(struct control_question *q)
{
	struct trace *tr = q->state ? q->state : begin(q);
	const struct control_event *e;

	if (!tr)
		return NULL;
	if (!tr->begun) {
		tr->begun = true;
		return json_pack("{s:s, s:I}", "event", "begin", "at_ns",
				 (json_int_t)host_now(q->host));
	}
	if (tr->n_taken == tr->n_put)
		return NULL;
	e = &tr->events[tr->n_taken++ % EVENTS];
	return control_event_row(e);
}

void control_close_trace(struct control_question *q)
{
	struct trace *tr = q->state;

	if (tr && tr->ladder)
		host_tap_remove(q->host, &tr->tap);
	if (tr)
		host_trace_remove(q->host, &tr->tracer);
}
