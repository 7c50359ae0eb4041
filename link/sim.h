// SPDX-License-Identifier: BSD-2-Clause
/*
 * One end of a simulated wire in real time: packets go through a connected
 * AF_UNIX socket to the other end, which may be another process's, and arrive
 * when and as the sender's impairments (impair.h) say.
 */
#ifndef LINK_SIM_H
#define LINK_SIM_H

#include "link/impair.h"

#include <tern/link.h>

struct sim_config {
	int fd; /* SOCK_SEQPACKET, connected; the link's from now on */
	const char *name;
	uint32_t mtu;		     /* 0: 1,500 */
	struct impair_config impair; /* of what this end sends */
	uint64_t seed;
};

/* A pair of connected sockets for two ends. 0 or -errno. */
int sim_sockets(int fds[2]);

/* 0 and *out, or -errno: the descriptor is then closed. */
int sim_open(struct tern_pool *, const struct sim_config *,
	     struct tern_link **out);

/* For the packets sent from now on; what is under way keeps its fate. 0 or
 * -errno. */
int sim_set(struct tern_link *, const struct impair_config *);
const struct impair_config *sim_get(const struct tern_link *);

struct sim_stats {
	uint64_t sent; /* packets offered */
	uint64_t lost[IMPAIR_N_LOSSES];
};
const struct sim_stats *sim_stats(const struct tern_link *);

#endif
