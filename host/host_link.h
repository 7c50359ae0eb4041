// SPDX-License-Identifier: BSD-2-Clause
/* A link as the host's loop drives it. */
#ifndef HOST_HOST_LINK_H
#define HOST_HOST_LINK_H

#include "host/host.h"

#define HOST_BATCH 64

struct host_link {
	struct host *host;
	struct tern_link *link;
	int number; /* in the stack */
	int fd;	    /* -1: none, asked each round */
	bool readable;
	bool broken;
	bool wants_out;			   /* EPOLLOUT is on */
	struct tern_pkt *rest[HOST_BATCH]; /* refused, first in line */
	int n_rest;
};

/* Its number in the stack, or -errno: the link is then still the caller's. */
int host_link_init(struct host_link *, struct host *, struct tern_link *);
void host_link_fini(struct host_link *);

/* The callback of its descriptor, ctx the host_link. */
host_fd_fn host_link_on_event;

/* To be asked for packets this round, unless its descriptor has said so. */
void host_link_check(struct host_link *);

/* A batch in. True: there may be more. */
bool host_link_take(struct host_link *);

/* Packets out, some batches. True: there may be more. */
bool host_link_give(struct host_link *);

/* No more than n packets may wait in front of it, and how many were dropped
 * there. */
void host_link_bound(struct host_link *, uint32_t n);
uint64_t host_link_dropped(const struct host_link *);

/* When it wants attention without its descriptor's saying so. */
int64_t host_link_deadline(const struct host_link *);

#endif
