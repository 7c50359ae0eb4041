// SPDX-License-Identifier: BSD-2-Clause
#include "lab_log.h"

#include <stdlib.h>

/* One broken rule tends to break for every segment that follows. */
#define BROKEN_MAX 10

void lab_log_init(struct lab_log *log, struct drill_mem *mem)
{
	*log = (struct lab_log){ .mem = mem };
}

void lab_log_fini(struct lab_log *log)
{
	free(log->events);
	free(log->broken.s);
	lab_flows_fini(&log->flows);
}

void lab_log_quiet(struct lab_log *log, uint16_t port)
{
	log->quiet[port / 8] |= (uint8_t)(1u << port % 8);
}

void lab_log_loud(struct lab_log *log, uint16_t port)
{
	log->quiet[port / 8] &= (uint8_t) ~(1u << port % 8);
}

static bool is_quiet(const struct lab_log *log, uint16_t port)
{
	return log->quiet[port / 8] >> port % 8 & 1;
}

int lab_log_add(struct lab_log *log, const struct lab_event *event)
{
	struct lab_event *e;

	if (log->n == log->cap) {
		log->cap = log->cap ? 2 * log->cap : 256;
		log->events = drill_mem_grow(
			log->events, (size_t)log->cap * sizeof(*log->events));
	}
	e = &log->events[log->n];
	*e = *event;
	e->quiet |= is_quiet(log, e->lport) || is_quiet(log, e->rport) ||
		    is_quiet(log, e->seg.sport) || is_quiet(log, e->seg.dport);
	return log->n++;
}

static const char *vprint(struct drill_mem *mem, const char *fmt, va_list args)
{
	struct drill_text t = { 0 };
	const char *copy;

	drill_text_vadd(&t, fmt, args);
	copy = drill_mem_copy(mem, t.s ? t.s : "", t.len);
	free(t.s);
	return copy;
}

void lab_log_note(struct lab_log *log, int64_t at, int lane, const char *fmt,
		  ...)
{
	struct lab_event e = { .kind = LAB_NOTE, .at = at, .lane = lane };
	va_list args;

	va_start(args, fmt);
	e.text = vprint(log->mem, fmt, args);
	va_end(args);
	lab_log_add(log, &e);
}

void lab_log_broken(struct lab_log *log, int64_t at, const char *fmt, ...)
{
	va_list args;

	if (log->n_broken++ >= BROKEN_MAX)
		return;
	drill_text_add(&log->broken,
		       "invariant broken at %.6f: ", (double)at / 1e9);
	va_start(args, fmt);
	drill_text_vadd(&log->broken, fmt, args);
	va_end(args);
	drill_text_add(&log->broken, "\n");
}
