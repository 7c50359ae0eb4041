// SPDX-License-Identifier: BSD-2-Clause
/* What closed connections still have to say, once a program has ended. */
#ifndef TOOLS_RUN_DRAIN_H
#define TOOLS_RUN_DRAIN_H

#include "tools/run_host.h"

#include <stddef.h>

struct run_drain {
	struct run_host *host;
	/* Bytes that programs wrote and that are not in the stack yet. */
	size_t (*unsaid)(void *ctx);
	void *ctx;
	const bool *hurry; /* true: no more waiting */
};

/* Makes rounds until all is said, nothing is heard of the peers any more, or
 * `hurry`; tells what is lost. */
void run_drain(const struct run_drain *);

#endif
