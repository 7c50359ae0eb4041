// SPDX-License-Identifier: BSD-2-Clause
/* The network that benchmarks measure on, and the flood's test. */
#ifndef TOOLS_BENCH_NET_H
#define TOOLS_BENCH_NET_H

#include "base/pkt.h"

#include <tern/stack.h>

/*
 * Two stacks on one thread, joined by the pair link, in virtual time: end 0 is
 * 10.0.0.1 and fd00::1, end 1 is .2 and ::2. The link has no abilities: all
 * packets are of at most 1,500 bytes, and every checksum is computed and
 * verified.
 */
struct bench_net {
	struct tern_stack *stack[2];
	struct tern_link *link[2];
	int number[2]; /* of the link in its stack */
	struct tern_pool *pool;
	int64_t now;
	uint64_t n_packets;
	/* (optional) Sees each packet under way and may replace it; false: it
	 * is lost. */
	bool (*filter)(void *ctx, int from, struct tern_pkt **pkt);
	void *filter_ctx;
	size_t flight_size; /* of each stack's flight recorder */
};

/* All zero but flight_size; sets it up with that many sockets at most. False after telling. */
bool bench_net_open(struct bench_net *, uint32_t max_sockets);
void bench_net_close(struct bench_net *);

/* Carries one batch each way, as far as there is; returns packets moved. */
int bench_net_carry(struct bench_net *);

/* Carries until nothing moves, going on in time by at most max_ns whenever
 * both stacks only wait. */
void bench_net_settle(struct bench_net *, int64_t max_ns);

struct tern_sockaddr bench_net_addr(int end, bool v6, uint16_t port);

/* A connection from end 0 to a new listener at end 1, which is closed again.
 * False after telling. */
bool bench_net_connect(struct bench_net *, bool v6, int s[2]);

#endif
