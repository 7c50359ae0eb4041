// SPDX-License-Identifier: BSD-2-Clause
/* tern run --host: a program on a host that runs. */
#ifndef TOOLS_RUN_REMOTE_H
#define TOOLS_RUN_REMOTE_H

#include "tools/run_host.h"

/* The exit status that a shell gives a program it could not start (-errno). */
int run_start_status(int error);

/* Runs a program on the host of that name to its end. The exit status. */
int run_remote(const struct command *, const char *name,
	       const struct run_host_config *, char **argv);

#endif
