// SPDX-License-Identifier: BSD-2-Clause
/* Running a network: a process a host, programs on them. */
#ifndef TOOLS_NET_RUN_H
#define TOOLS_NET_RUN_H

#include "tools/net_file.h"

/* Runs it to its end; the exit status: of the first program that failed, or
 * 0. */
int net_run(const struct command *, struct net *, bool verbose);

#endif
