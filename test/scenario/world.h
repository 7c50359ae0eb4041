// SPDX-License-Identifier: BSD-2-Clause
/*
 * Two stacks, the links between them, and a clock that is set by hand.
 *
 *	host 0 [stack]--[fault]--[pair]--[fault]--[stack] host 1
 *
 * world_step() lets both act until nothing more happens at this instant, then
 * moves the clock to the next instant at which something does. So a run takes
 * as long as its packets, whatever its delays, and is the same each time: the
 * digest of all packets tells.
 *
 * Each host's clock differs from the world's by its skew: this is how an
 * initial sequence number is chosen that is about to wrap, from outside.
 */
#ifndef SCENARIO_WORLD_H
#define SCENARIO_WORLD_H

#include "../../lab/lab_fault.h"
#include "../unit/check.h"

#include "base/rng.h"
#include "base/time.h"

#include <tern/stack.h>

#define WORLD_BATCH 64
#define WORLD_PORT 7

struct host {
	struct lab_fault alloc;
	struct tern_config cfg;
	struct tern_stack *st;
	struct tern_pool *pool; /* of its end of the pair */
	struct tern_link *link;
	int link_no;
	int64_t skew;
	struct tern_pkt *held[WORLD_BATCH]; /* the link refused them */
	int n_held;
	uint32_t isn; /* of the SYN it sent last */
};

struct world_config {
	uint64_t seed;
	bool plain_alloc;
	bool share_pool; /* packets pass by reference, else they are copied */
	bool offload;	 /* large packets, unfinished checksums: no faults */
	uint32_t mtu;	 /* 0: 1,500 */
	int64_t skew[2];
	const struct tern_fault_lane *lane; /* of either way; NULL: none yet */
};

/* The start of a packet that left a host. */
struct ladder_entry {
	int host;
	int64_t at;
	uint32_t len;
	uint32_t n; /* of bytes */
	uint8_t bytes[1600];
};

#define LADDER_LEN 40

struct world {
	uint64_t seed;
	struct rng rng; /* for who builds the scenario */
	int64_t now;
	struct host host[2];
	bool share_pool;
	uint64_t digest; /* of all packets, their instants and senders */
	uint64_t n_packets;
	uint32_t n_rounds; /* at this instant */
	/* The programs. An event at a socket; let all act, true: one did; the
	 * next instant at which one wants to. */
	void (*on_event)(struct world *, int host, const struct tern_event *);
	bool (*act)(struct world *);
	int64_t (*wake)(struct world *);
	void (*tell)(const struct world *); /* how they are, on failure */
	void *programs;
	bool show; /* all packets, not only the last */
	struct ladder_entry ladder[LADDER_LEN];
};

/* False if memory for it failed, as told to; world_close() in either case. */
bool world_open(struct world *, const struct world_config *);
/* Fails the test if memory has leaked. */
void world_close(struct world *);

/* From now on the links are bad. */
void world_spoil(struct world *, const struct tern_fault_lane *);

/* False: nothing will ever happen again. */
bool world_step(struct world *);
/* Steps until the instant. */
void world_run_until(struct world *, int64_t at);

int64_t world_local(const struct world *, int host);
struct tern_sockaddr world_addr(int host, bool v6, uint16_t port);
int world_count_sockets(struct world *, int host);

/* Keeps it for world_fail() to print. */
void ladder_add(struct world *, int host, const struct tern_pkt *);

/* Packets in a million for each fault, by the die: mild or bad. */
struct tern_fault_lane world_lane(struct rng *);

/* The skews with which a connection from host 0's `port` to host 1 begins
 * room[0] and room[1] bytes before the wrap, if its SYNs are not lost. */
void world_skew_to_wrap(const struct world_config *, bool v6, uint16_t port,
			const uint32_t room[2], int64_t skew[2]);

#define WANT(w, x) \
	((x) ? (void)0 : world_fail(w, #x " is false", __FILE__, __LINE__))
_Noreturn void world_fail(const struct world *, const char *what,
			  const char *file, int line);

/*
 * Runs a scenario for n seeds; TERN_SEEDS=m in the environment: for m seeds;
 * TERN_SEED=k: for this one; TERN_EFFORT=p: p per cent of n. A seed that kills
 * the program is named too.
 */
void each_seed(uint64_t n, void (*scenario)(uint64_t seed));

#endif
