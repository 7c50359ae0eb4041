// SPDX-License-Identifier: BSD-2-Clause
/*
 * The last things that a host did (state changes, timers, losses, drops), told
 * on standard error if it crashes. Segments are the flight recorder's: to keep
 * each would cost every one of them.
 */
#ifndef TOOLS_RUN_LAST_H
#define TOOLS_RUN_LAST_H

#include "host/host.h"

struct command;
struct run_last;

/* NULL without memory: then nothing is kept. */
struct run_last *run_last_new(const struct command *, struct host *);
/* Before the host is freed. */
void run_last_free(struct run_last *);

#endif
