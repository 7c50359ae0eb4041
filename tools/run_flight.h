// SPDX-License-Identifier: BSD-2-Clause
/*
 * What tern run --flight-recorder leaves: a record for each connection that
 * ended abnormally, in FILE, FILE.2, FILE.3, ... at most FLIGHT_FILES_MAX of a
 * run; and one for those that a crash was about.
 */
#ifndef TOOLS_RUN_FLIGHT_H
#define TOOLS_RUN_FLIGHT_H

#include "tools/run_host.h"

struct run_flight;

/* NULL after telling why not. */
struct run_flight *run_flight_new(const struct command *,
				  const struct run_host_config *);
void run_flight_free(struct run_flight *);
size_t run_flight_size(const struct run_host_config *);

/* tern_config.flight. */
void run_flight_write(void *run_flight, const struct tern_flight *);

/* From now on a crash writes what this stack was about; NULL: no more. */
void run_flight_watch(struct run_flight *, struct tern_stack *);

#endif
