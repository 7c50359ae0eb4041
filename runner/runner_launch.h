// SPDX-License-Identifier: BSD-2-Clause
/* A program that is started, for whoever is to answer its calls. */
#ifndef RUNNER_RUNNER_LAUNCH_H
#define RUNNER_RUNNER_LAUNCH_H

#include "runner.h"

#include <sys/types.h>

struct runner_launch {
	pid_t keeper, program;
	int listener;	/* of its notifications */
	int files;	/* of its /proc/net, or -1 */
	int keeper_in;	/* closed: the keeper kills all */
	int keeper_out; /* readable when the last process has ended */
	int report, go; /* until the exec */
};

#define RUNNER_LAUNCH_NONE                                                \
	{                                                                 \
		.keeper = -1, .program = -1, .listener = -1, .files = -1, \
		.keeper_in = -1, .keeper_out = -1, .report = -1, .go = -1 \
	}

/* Up to the filter. 0, or -errno with a line on standard error that says what
 * to do; runner_launch_stop() is owed either way. */
int runner_launch_begin(struct runner_launch *, const struct runner_config *);
/* Its descriptors are another process's now. */
void runner_launch_handed(struct runner_launch *);
/* Up to the exec, likewise. */
int runner_launch_go(struct runner_launch *, const struct runner_config *);
/* The status that a shell would report, once keeper_out is readable. */
int runner_launch_status(struct runner_launch *);
/* Kills what still runs; twice is fine. */
void runner_launch_stop(struct runner_launch *);

#endif
