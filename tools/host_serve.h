// SPDX-License-Identifier: BSD-2-Clause
/* A host that stays: what tern host and each host of tern net are. */
#ifndef TOOLS_HOST_SERVE_H
#define TOOLS_HOST_SERVE_H

#include "tools/run_host.h"

/*
 * Makes the host, takes programs for it (runner_remote.h) and answers its
 * control socket until a signal; then its programs end, their connections
 * finish, and all is taken away. A second signal does not wait. `up`, if not
 * -1, is written to and closed when it is up, and our standard streams are let
 * go of; else that is told on standard error. Returns the exit status.
 */
int host_serve(const struct command *, const struct run_host_config *, int up);

#endif
