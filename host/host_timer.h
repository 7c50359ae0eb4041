// SPDX-License-Identifier: BSD-2-Clause
/* The host's own timers: a heap of instants, cancelled by number. */
#ifndef HOST_HOST_TIMER_H
#define HOST_HOST_TIMER_H

#include "host/host.h"

struct host_timer {
	int64_t at;
	uint64_t order; /* equal instants fire in the order of arming */
	host_timer_fn *fn;
	void *ctx;
	int id;
};

struct host_timers {
	struct host_timer *heap;
	int n, cap;
	int *place; /* of each id in the heap; of a free id: -2 - next free */
	int n_ids;
	int free_id; /* -1: none */
	uint64_t order;
};

void host_timers_init(struct host_timers *);
void host_timers_fini(struct host_timers *);

/* An id, or -TERN_ENOMEM. */
int host_timers_arm(struct host_timers *, int64_t at, host_timer_fn *,
		    void *ctx);
/* An id that has fired is none any more, until it is given again. */
void host_timers_cancel(struct host_timers *, int id);

int64_t host_timers_next(const struct host_timers *);
/* Calls what is due; what a callback arms for now waits for the next round. */
void host_timers_run(struct host_timers *, int64_t now);

#endif
