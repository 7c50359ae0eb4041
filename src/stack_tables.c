// SPDX-License-Identifier: BSD-2-Clause
/*
 * The names and help texts of counters, drops and states, from the tables
 * that embedders and tools walk.
 *
 * A drop's index is its reason's number, as tern_trace tells it: 0 stands for
 * what was not dropped.
 */
#include "stack_priv.h"
#include "stack_text.h"

static const struct tern_counter counters[] = {
#define COUNTER(id, name, help) { name, help },
#include <tern/counters.def>
};

static const struct {
	const char *name, *help;
} drops[] = {
	{ "NOT_DROPPED", "not dropped" },
#define DROP(id, counter, help) { #id, help },
#include <tern/drops.def>
};

/* As ss prints them. */
static const char *const states[] = {
	[TERN_TCP_ESTABLISHED] = "ESTAB",
	[TERN_TCP_SYN_SENT] = "SYN-SENT",
	[TERN_TCP_SYN_RECV] = "SYN-RECV",
	[TERN_TCP_FIN_WAIT1] = "FIN-WAIT-1",
	[TERN_TCP_FIN_WAIT2] = "FIN-WAIT-2",
	[TERN_TCP_TIME_WAIT] = "TIME-WAIT",
	[TERN_TCP_CLOSE] = "UNCONN",
	[TERN_TCP_CLOSE_WAIT] = "CLOSE-WAIT",
	[TERN_TCP_LAST_ACK] = "LAST-ACK",
	[TERN_TCP_LISTEN] = "LISTEN",
	[TERN_TCP_CLOSING] = "CLOSING",
};

_Static_assert(ARRAY_LEN(counters) == N_COUNTERS, "a name for each counter");
_Static_assert(ARRAY_LEN(drops) == N_DROPS, "a name for each reason");

const struct tern_counter *tern_counter_at(int i)
{
	return i >= 0 && i < N_COUNTERS ? &counters[i] : NULL;
}

int tern_counter_find(const char *name)
{
	int i;

	for (i = 0; i < N_COUNTERS; i++)
		if (str_equal(name, counters[i].name))
			return i;
	return -TERN_ENOENT;
}

uint64_t tern_counter_get(const struct tern_stack *st, int i)
{
	return i >= 0 && i < N_COUNTERS ? st->counter[i] : 0;
}

const char *tern_drop_name(int i)
{
	return i >= 0 && i < N_DROPS ? drops[i].name : NULL;
}

const char *tern_drop_help(int i)
{
	return i >= 0 && i < N_DROPS ? drops[i].help : NULL;
}

uint64_t tern_drop_count(const struct tern_stack *st, int i)
{
	return i > 0 && i < N_DROPS ? st->drops[i] : 0;
}

const char *tern_tcp_state_name(int state)
{
	if (state <= 0 || (size_t)state >= ARRAY_LEN(states))
		return "?";
	return states[state];
}

/* src/meson.build holds this to be the project's. */
const char *tern_version(void)
{
	return "0.1.0";
}
