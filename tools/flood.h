// SPDX-License-Identifier: BSD-2-Clause
/*
 * A flood of forged segments into a listener, in memory and in virtual time,
 * and real clients who want in at the same time. For `tern bench synflood`, and
 * the flood's test.
 */
#ifndef TOOLS_FLOOD_H
#define TOOLS_FLOOD_H

#include "tools/bench_net.h"

struct flood_config {
	bool v6;
	const char *syncookies; /* the tunable */
	uint32_t n_syns, n_clients, n_acks;
	uint32_t backlog;
	int64_t every_ns;      /* a forged one each */
	double (*clock)(void); /* (optional) s: for *_ns */
};

struct flood_counters {
	uint64_t sent, received, failed; /* cookies */
	uint64_t do_cookies, full_drop, listen_drops, listen_overflows;
	uint64_t passive_opens;
};

struct flood_result {
	/* Bytes of the listener's stack, at most, beyond what it had before: of
	 * half-open entries, and in all, with packets while no client was there
	 * yet; and in the end. */
	uint64_t half_open, total, left;
	uint32_t n_entries;   /* half-open, at most */
	uint32_t n_connected; /* clients that were accepted */
	uint32_t n_whole;     /* of these with timestamps, SACK and scaling */
	/* What each part moved: the SYNs alone, the second half with clients
	 * among it, the ACKs. */
	struct flood_counters alone, among, acks;
	double syn_ns, ack_ns; /* a forged one; its answer included */
};

/*
 * Half of n_syns come from random addresses and ports, alone; then the other
 * half, with the clients spread over it. SYN-ACKs to the forged addresses are
 * lost. Then n_acks that acknowledge random numbers. False
 * if it could not be run.
 */
bool flood_run(const struct flood_config *, struct flood_result *);

#endif
