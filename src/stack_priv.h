// SPDX-License-Identifier: BSD-2-Clause
/*
 * The stack itself, for those who are part of it.
 * Included by: src/stack* and the .c files of ip, udp, tcp, sock, test.
 */
#ifndef STACK_PRIV_H
#define STACK_PRIV_H

#include "base/rng.h"
#include "base/slots.h"
#include "ip/ip.h"
#include "tcp/tcp.h"
#include "udp/udp.h"

enum counter {
#define COUNTER(id, name, help) COUNTER_##id,
#include <tern/counters.def>
	N_COUNTERS,
	COUNTER_NONE = N_COUNTERS,
};

enum drop {
	DROP_NOT, /* go on */
#define DROP(id, counter, help) DROP_##id,
#include <tern/drops.def>
	N_DROPS,
};

struct tunables {
#define TUNABLE(field, name, def, min, max, unit, help) int64_t field;
#define TUNABLE2(field, name, def0, def1, min, max, unit, help) \
	int64_t field[2];
#define TUNABLE3(field, name, def0, def1, def2, min, max, unit, help) \
	int64_t field[3];
#define TUNABLE_TEXT(field, name, size, def, help) char field[size];
#include <tern/tunables.def>
};

struct tern_stack {
	struct tern_config cfg;
	struct mem mem;
	struct tern_pool *pool;
	bool own_pool;
	int64_t now;	      /* of the current call; never goes back */
	unsigned trace_kinds; /* that cfg.trace is told */
	struct rng rng;
	struct sipkey key_hash; /* tables */
	struct sipkey key_isn;
	struct sipkey key_ts;	/* timestamp offsets */
	struct sipkey key_port; /* RFC 6056 */
	struct sipkey key_cookie;
	struct tunables tun;
	uint64_t counter[N_COUNTERS + 1]; /* the last one takes NONE */
	uint64_t drops[N_DROPS];
	uint64_t next_cookie;
	struct slots slots;
	struct ip_state ip;
	struct udp_state udp;
	struct tcp_state tcp;
	struct {
		uint32_t sum; /* of the record so far */
		int64_t at;   /* of its last call */
	} rec;
	struct flight *flight; /* or NULL */
	bool gone; /* freed, but packets of its own pool are still out */
};

/* Is somebody told of this kind? */
static inline bool stack_traces(const struct tern_stack *st,
				enum tern_trace_kind kind)
{
	return unlikely(st->trace_kinds >> kind & 1);
}

#define COUNT(st, id) ((st)->counter[COUNTER_##id]++)
#define COUNT_N(st, id, k) ((st)->counter[COUNTER_##id] += (k))

#endif
