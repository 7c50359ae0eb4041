// SPDX-License-Identifier: BSD-2-Clause
#include "ladder_trace.h"

#include <string.h>

const char *ladder_state_name(int state)
{
	return state == TERN_TCP_CLOSE ? "CLOSED" : tern_tcp_state_name(state);
}

/* What became of the connection. Some go on without a control block. */
static int state_after(const struct tern_trace *t)
{
	if (t->to != TERN_TCP_CLOSE)
		return t->to;
	if (!strcmp(t->what, "TIME_WAIT begins"))
		return TERN_TCP_TIME_WAIT;
	if (!strcmp(t->what, "orphan in FIN_WAIT_2"))
		return TERN_TCP_FIN_WAIT2;
	return TERN_TCP_CLOSE;
}

int ladder_trace(const struct tern_trace *t, struct ladder_event out[2])
{
	struct ladder_event e = { .at = t->now, .text = t->what };
	int n = 0;

	if (t->kind == TERN_TRACE_STATE) {
		e.kind = LADDER_NOTE;
		if (state_after(t) == TERN_TCP_CLOSE &&
		    t->from != TERN_TCP_LAST_ACK)
			out[n++] = e;
		e.kind = LADDER_STATE;
		e.text = ladder_state_name(state_after(t));
		out[n++] = e;
	} else if (t->kind == TERN_TRACE_TIMER || t->kind == TERN_TRACE_CC) {
		e.kind = t->kind == TERN_TRACE_TIMER ? LADDER_TIMER :
						       LADDER_NOTE;
		out[n++] = e;
	}
	return n;
}
