// SPDX-License-Identifier: BSD-2-Clause
/*
 * Bulk transfers over one path, in virtual time: each flow sends all it can
 * from stack 0 to stack 1, and all share the path.
 *
 *	stack 0 -> queue, rate, loss, delay, reordering -> stack 1
 *	        <-               delay                  <-
 *
 * Equal builds and equal arguments give equal outcomes on every machine.
 */
#ifndef TOOLS_FLOWS_H
#define TOOLS_FLOWS_H

#include "tools/bench.h"
#include "tools/path_way.h"

#define FLOWS_MAX 4

struct flows_config {
	struct impair_config there; /* the way of the data */
	uint32_t loss;		    /* of data packets, in a million */
	int64_t back_ns;	    /* the delay of the other */
	int64_t back_jitter_ns;
	const char *cc; /* of the first flow */
	int rcvbuf;	/* of the receivers, as SO_RCVBUF; 0: limits nothing */
	bool no_stamps; /* tcp_timestamps 0 */
	bool idle;	/* who opens them calls flows_offer() */
	uint64_t seed;	/* of the path's chances */
};

struct flow {
	int sock[2], listener;
	uint64_t left; /* to offer */
	uint64_t got;  /* bytes that the receiver has read */
};

struct flows {
	struct flows_config config;
	struct bench_net net;
	struct path_way ways[2];
	struct flow flow[FLOWS_MAX];
	int n;
};

/* The path, and the first flow begins to connect. False after telling what
 * failed. */
bool flows_open(struct flows *, const struct flows_config *);
/* So does another; FLOWS_MAX at most. */
bool flows_add(struct flows *, const char *cc);
/* Also after a failed open. */
void flows_close(struct flows *);
/* Lets time pass until then. */
void flows_run(struct flows *, int64_t until);
/* The first flow sends that much more (if opened idle), and at once. */
void flows_offer(struct flows *, uint64_t bytes);

struct tern_tcp_info flows_info(struct flows *, int flow);
uint64_t flows_counter(const struct flows *, int end, const char *name);

#endif
